"""The package page: everything it promises, and cheap to import."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import quant_resources.tradingview as package
from quant_lib.errors import QuantError
from quant_resources.tradingview import errors

HEAVY = ("aiohttp", "websockets", "dagster", "pandas", "numpy", "pydantic")


def test_every_name_is_there():
    for name in package.__all__:
        assert getattr(package, name).__name__ == name
    assert package.__all__ == sorted(package.__all__)


def test_unknown_names_are_refused():
    assert not hasattr(package, "Nothing")


def test_importing_it_loads_nothing_heavy():
    code = (
        "import sys, quant_resources.tradingview, quant_resources.tradingview.protocol;"
        "from quant_resources.tradingview import BarRequest, Endpoints, FetchStatus, Limits, ScanRequest;"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "[]"


def test_every_error_is_exported_and_says_what_to_do_next():
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.TradingViewError)
    ]
    assert len(kinds) > 15
    for kind in kinds:
        assert kind.__name__ in package.__all__
        assert issubclass(kind, QuantError)
        assert isinstance(kind.status, errors.FetchStatus)
        if kind is errors.TradingViewError:
            continue
        fields = {
            name: 1.0 if name in {"seconds", "retry_after"} else "x"
            for name in (field.name for field in dataclasses.fields(kind))
        }
        text = str(kind(**fields))
        assert any(step in text for step in (";", ":"))
        assert len(text) > 25


def test_status_values():
    assert [status.value for status in package.FetchStatus] == [
        "fetched",
        "already_current",
        "no_data",
        "timeout",
        "rate_limited",
        "invalid_symbol",
        "permission_denied",
        "error",
    ]
