"""Trading calendars: which sessions an asset is expected to have, and how many make a year.

A session is identified by its label, a calendar day without a time zone, and by
its number, which counts the sessions of one calendar one by one. Gaps, staleness
and coverage are differences of numbers, so nothing here depends on local time or
on the day of the week.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.errors import QuantError

__all__ = [
    "CRYPTO",
    "BoolArray",
    "Calendar",
    "DateArray",
    "IntArray",
    "UnknownCalendarError",
    "get_calendar",
    "known_calendars",
    "label_of",
]

DateArray: TypeAlias = npt.NDArray[np.datetime64]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]


@dataclass(eq=False)
class UnknownCalendarError(QuantError):
    """A calendar name that is not built in. No other calendar takes its place."""

    name: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        return f"no trading calendar is called {self.name!r}; the known ones are {', '.join(self.known)}"

    @property
    def fix(self) -> str:
        """Which name to write instead."""
        return f"set the instrument's calendar to one of {', '.join(self.known)}"


@runtime_checkable
class Calendar(Protocol):
    """What every trading calendar answers.

    All methods work on whole arrays. Dates are session labels, ``datetime64`` at
    naive midnight; instants are ``datetime64[us]`` in UTC.
    """

    @property
    def name(self) -> str:
        """Name by which instruments refer to it."""

    @property
    def ann(self) -> float:
        """Sessions in a year, the annualisation factor of daily figures (semantics 0.4)."""

    def session_number(self, dates: DateArray) -> IntArray:
        """Give the number of the newest session at or before each date, shape (n,)."""

    def session_date(self, numbers: IntArray) -> DateArray:
        """Give the label of each session number, ``datetime64[us]``, shape (n,)."""

    def is_session(self, dates: DateArray) -> BoolArray:
        """Tell which dates are sessions, shape (n,)."""

    def label(self, opened: DateArray) -> DateArray:
        """Give the label of the session each opening instant (UTC) belongs to, shape (n,)."""

    def is_opening(self, opened: DateArray) -> BoolArray:
        """Tell which instants (UTC) are where a daily bar of this calendar opens, shape (n,)."""

    def close_time(self, dates: DateArray) -> DateArray:
        """Give the instant (UTC) at which each session's bar closes, shape (n,)."""

    def sessions(self, start: dt.date, end: dt.date) -> pd.DatetimeIndex:
        """Give the labels of all sessions from `start` to `end`, both included."""

    def count(self, start: dt.date, end: dt.date) -> int:
        """Count the sessions from `start` to `end`, both included; 0 where `end` is before `start`."""


@dataclass(frozen=True, slots=True)
class _EveryDay:
    """Markets that never close: each UTC day is a session, opening and closing at midnight."""

    name: str = "24x7"
    ann: float = 365.0
    _day: np.timedelta64 = field(default_factory=lambda: np.timedelta64(1, "D"), repr=False)

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


def label_of(date: dt.date) -> np.datetime64:
    """Turn a date into a session label.

    Parameters
    ----------
    date : datetime.date
        A day; the time of day of a ``datetime`` is dropped, its zone is not converted.

    Returns
    -------
    numpy.datetime64
        Naive midnight of that day, in microseconds.
    """
    return np.datetime64(dt.date(date.year, date.month, date.day), "us")


CRYPTO: Final[Calendar] = _EveryDay()
"""The calendar of markets that never close, ``24x7``."""

_CALENDARS: Final[dict[str, Calendar]] = {CRYPTO.name: CRYPTO}


def known_calendars() -> tuple[str, ...]:
    """Name the built-in calendars, in alphabetical order."""
    return tuple(sorted(_CALENDARS))


def get_calendar(name: str) -> Calendar:
    """Look a calendar up by name.

    Parameters
    ----------
    name : str
        As instruments refer to it, for example ``"24x7"``.

    Returns
    -------
    Calendar
        The calendar of that name.

    Raises
    ------
    UnknownCalendarError
        No such calendar. A silent substitute would turn closed days into gaps, or
        gaps into closed days (semantics 2.10).
    """
    found = _CALENDARS.get(name)
    if found is None:
        raise UnknownCalendarError(name, known_calendars())
    return found
