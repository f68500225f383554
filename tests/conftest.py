"""Fixtures and settings every test shares."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings

from quant_resources.kernel_cache import keep_apart

if TYPE_CHECKING:
    from quant_resources.lakehouse import Lake

keep_apart()  # the same machine code as the platform's, before anything imports numba

_CALM = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "derandomize": True}
settings.register_profile("default", **_CALM)
settings.register_profile("thorough", **_CALM, max_examples=400)  # `make test-all`
settings.register_profile(
    "mutants", **_CALM, max_examples=40, phases=[Phase.explicit, Phase.generate]
)  # tools.mutation
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of recorded market data; the test is skipped, visibly, where it is absent."""
    root = Path(__file__).resolve().parent.parent
    folder = Path(os.environ.get("QUANT_SHARED_DATA") or root / ".." / "shared" / "data").resolve()
    if not folder.is_dir():
        pytest.skip(f"no recorded market data at {folder}; set QUANT_SHARED_DATA")
    return folder


@pytest.fixture
def lake(tmp_path: Path) -> "Lake":
    """An empty lakehouse of every declared table."""
    from quant_resources.lakehouse import Lake

    return Lake(tmp_path / "lakehouse")
