"""The calendar of markets that never close."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from quant_lib.calendars._protocol import BoolArray, Calendar, DateArray, IntArray, label_of


@dataclass(frozen=True, slots=True)
class EveryDay:
    """Markets that never close: each UTC day is a session, opening and closing at midnight."""

    name: str = "24x7"
    ann: float = 365.0
    _day: np.timedelta64 = field(default_factory=lambda: np.timedelta64(1, "D"), repr=False)

    def covers(self, dates: DateArray) -> BoolArray:
        return np.ones(len(dates), dtype=np.bool_)

    def session_number(self, dates: DateArray) -> IntArray:
        return _days(dates).astype(np.int64)

    def session_date(self, numbers: IntArray) -> DateArray:
        return np.asarray(numbers, dtype=np.int64).astype("datetime64[D]").astype("datetime64[us]")

    def is_session(self, dates: DateArray) -> BoolArray:
        values = np.asarray(dates, dtype="datetime64[us]")
        return np.asarray(values == _days(values).astype("datetime64[us]"), dtype=np.bool_)

    def label(self, opened: DateArray) -> DateArray:
        return _days(opened).astype("datetime64[us]")

    def is_opening(self, opened: DateArray) -> BoolArray:
        return self.is_session(opened)

    def close_time(self, dates: DateArray) -> DateArray:
        return (_days(dates) + self._day).astype("datetime64[us]")

    def sessions(self, start: dt.date, end: dt.date) -> pd.DatetimeIndex:
        numbers = np.arange(self._number(start), self._number(end) + 1, dtype=np.int64)
        return pd.DatetimeIndex(self.session_date(numbers))

    def count(self, start: dt.date, end: dt.date) -> int:
        return max(0, self._number(end) - self._number(start) + 1)

    def _number(self, date: dt.date) -> int:
        return int(self.session_number(np.array([label_of(date)]))[0])


def _days(dates: DateArray) -> DateArray:
    return np.asarray(dates).astype("datetime64[D]")


CRYPTO: Final[Calendar] = EveryDay()
"""The calendar of markets that never close, ``24x7``."""
