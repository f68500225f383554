"""Small sources, and a way to talk to a server."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest

from quant_resources.market import Bars, Instrument, SyntheticSource
from quant_resources.market.clock import DAY

DAY_ZERO = int(dt.datetime(2024, 1, 1, tzinfo=dt.UTC).timestamp())  # a Monday


def make_bars(closes: list[float], first: int = DAY_ZERO, volumes: list[float] | None = None) -> Bars:
    """Daily bars whose open is the close before and whose range is one unit either way."""
    close = np.array(closes, dtype=np.float64)
    opened = np.r_[close[:1], close[:-1]]
    high, low = np.maximum(opened, close) + 1.0, np.minimum(opened, close) - 0.5
    volume = np.array(volumes, dtype=np.float64) if volumes is not None else np.arange(1.0, len(close) + 1)
    time = first + DAY * np.arange(len(close), dtype=np.int64)
    return Bars(time, np.column_stack([opened, high, low, close, volume]))


def make_instrument(symbol: str, **changes: object) -> Instrument:
    facts: dict[str, object] = {
        "market": "crypto",
        "type": "spot",
        "typespecs": ("crypto",),
        "base": symbol.partition(":")[2].removesuffix("USDT"),
        "quote": "USDT",
        "description": f"{symbol} for tests",
        "pricescale": 100,
    }
    return Instrument(symbol=symbol, **{**facts, **changes})


@dataclass
class ListSource:
    """A source of given bars."""

    series: dict[str, Bars]
    changes: dict[str, dict[str, object]] = field(default_factory=dict)
    name: str = "list"
    notes: tuple[str, ...] = ()

    def instruments(self) -> Mapping[str, Instrument]:
        return {symbol: make_instrument(symbol, **self.changes.get(symbol, {})) for symbol in sorted(self.series)}

    def bars(self, symbol: str, before: float) -> Bars:
        bars = self.series[symbol]
        return bars.slice(0, bars.position(before))


class Truncated:
    """A source whose files end before an instant: what is later does not exist at all."""

    def __init__(self, source: object, end: float) -> None:
        self._source, self._end = source, end
        self.name, self.notes = source.name, source.notes

    def instruments(self) -> Mapping[str, Instrument]:
        return self._source.instruments()

    def bars(self, symbol: str, before: float) -> Bars:
        return self._source.bars(symbol, min(before, self._end))


@pytest.fixture(scope="session")
def synthetic() -> SyntheticSource:
    """The default synthetic market, grown to the end of 2026."""
    source = SyntheticSource()
    source.bars("BINANCE:BTCUSDT", dt.datetime(2026, 12, 31, tzinfo=dt.UTC).timestamp())
    return source


class Lab:
    """The helpers above, for test modules (which cannot import one another)."""

    ListSource = ListSource
    Truncated = Truncated
    DAY_ZERO = DAY_ZERO
    make_bars = staticmethod(make_bars)
    make_instrument = staticmethod(make_instrument)

    @staticmethod
    def at(text: str) -> float:
        """Unix seconds of an ISO date or time, UTC."""
        return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()


@pytest.fixture(scope="session")
def lab() -> type[Lab]:
    return Lab
