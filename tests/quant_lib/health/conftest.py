"""Bars made by hand, and a calendar with closed days."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

START = dt.date(2021, 1, 1)


@dataclass(frozen=True)
class Weekdays:
    """Monday to Friday: what an exchange calendar must answer, without holidays."""

    name: str = "weekdays"
    ann: float = 252.0

    def covers(self, dates):
        return np.ones(len(dates), dtype=bool)

    def session_number(self, dates):
        days = np.asarray(dates).astype("datetime64[D]")
        return np.busday_count(np.datetime64("1970-01-01"), np.busday_offset(days, 0, roll="backward")).astype(np.int64)

    def session_date(self, numbers):
        return np.busday_offset(np.datetime64("1970-01-01"), np.asarray(numbers)).astype("datetime64[us]")

    def is_session(self, dates):
        us = np.asarray(dates).astype("datetime64[us]")
        days = us.astype("datetime64[D]")
        return np.is_busday(days) & (days.astype("datetime64[us]") == us)

    def label(self, opened):
        return np.asarray(opened).astype("datetime64[D]").astype("datetime64[us]")

    def is_opening(self, opened):
        us = np.asarray(opened).astype("datetime64[us]")
        return (us - self.label(us)) == np.timedelta64(14 * 60 + 30, "m")

    def close_time(self, dates):
        return np.asarray(dates).astype("datetime64[us]") + np.timedelta64(21, "h")

    def sessions(self, start, end):
        return pd.bdate_range(start, end).as_unit("us")

    def count(self, start, end):
        return len(self.sessions(start, end))


def _bars(closes, *, symbol="BINANCE:AUSDT", start=START, gaps=None, volume=1000.0) -> pd.DataFrame:
    """Daily bars of `closes`; ``gaps[i]`` sessions are missing before bar i."""
    closes = np.asarray(closes, dtype=float)
    missing = np.zeros(len(closes), dtype=int)
    for at, n in (gaps or {}).items():
        missing[at] = n
    days = np.arange(len(closes)) + np.cumsum(missing)
    opens = np.concatenate([closes[:1], closes[:-1]])
    frame = pd.DataFrame(
        {
            "symbol": symbol,
            "date": (np.datetime64(start) + days.astype("timedelta64[D]")).astype("datetime64[us]"),
            "open": opens,
            "high": np.maximum(opens, closes) * 1.01,
            "low": np.minimum(opens, closes) * 0.99,
            "close": closes,
            # Volumes vary a little, else every bar's spread is zero.
            "volume": volume * (1.0 + 0.1 * np.sin(np.arange(len(closes)))),
        }
    )
    return frame.astype({"symbol": "str"})


@pytest.fixture
def make_bars() -> Callable[..., pd.DataFrame]:
    return _bars


@pytest.fixture
def wobble() -> Callable[..., np.ndarray]:
    """Prices that move by at most 1 % a day and never stall."""

    def make(n: int, level: float = 100.0) -> np.ndarray:
        return level * (1.0 + 0.005 * np.sin(np.arange(n) * 1.7) + 0.0001 * np.arange(n))

    return make


@pytest.fixture
def weekdays() -> Weekdays:
    return Weekdays()
