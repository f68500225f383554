"""Fixtures and settings every test shares."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings

from quant_resources.kernel_cache import keep_apart

if TYPE_CHECKING:
    from quant_resources.lakehouse import Lake

FREE_SECONDS = 0.0046
"""Processor time of `_seconds_of_known_work` on one core, nothing beside it."""

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


FIRST = (
    "quant_lib/features/test_compute.py",
    "quant_lib/indicators/test_oracle.py",
    "quant_lib/regime/test_detect.py",
    "faults/test_lake_fault_points.py",
    "integration/test_one_day.py",
)
"""Files to begin with: a fresh clone compiles its kernels here, each once.

Two workers take these in turns: one compiles the pass over all features, the other the single indicators and the
hidden Markov model, then waits at faults of the lake, which need none; whoever comes later finds them. In the order of
names both came to the pass at the same time, and each compiled all of it. The longest run starts early enough for the
other files to fill the time beside it.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of `FIRST` first; all others stay in order."""
    here = Path(__file__).parent
    rank = {here / name: number for number, name in enumerate(FIRST)}
    items.sort(key=lambda item: rank.get(item.path, len(FIRST)))


def _seconds_of_known_work() -> float:
    started = time.process_time()
    total = 0
    for number in range(100_000):
        total += number % 7
    assert total == 299_995
    return time.process_time() - started


@pytest.fixture(scope="session")
def slowness() -> Callable[[], float]:
    """How many times longer than on a free machine a known work takes at this moment; at least 1.

    A limit on time is one on a free machine: where other processes share cores and caches, every second of a
    processor does less.
    """
    return lambda: max(1.0, _seconds_of_known_work() / FREE_SECONDS)


@pytest.fixture
def lake(tmp_path: Path) -> "Lake":
    """An empty lakehouse of every declared table."""
    from quant_resources.lakehouse import Lake

    return Lake(tmp_path / "lakehouse")
