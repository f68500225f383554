"""What every trading calendar answers, and what goes wrong with one."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.errors import QuantError

DateArray: TypeAlias = npt.NDArray[np.datetime64]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]


@dataclass(eq=False)
class UnknownCalendarError(QuantError):
    """A calendar name that nobody knows. No other calendar takes its place."""

    name: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        return f"no trading calendar is called {self.name!r}; our venues use {', '.join(self.known)}"

    @property
    def fix(self) -> str:
        """Which name to write instead."""
        return f"set the instrument's calendar to one of {', '.join(self.known)}, or another of exchange_calendars"


@dataclass(eq=False)
class CalendarRangeError(QuantError):
    """A date for which a calendar does not know its sessions."""

    name: str
    date: dt.date
    first: dt.date
    last: dt.date

    def __str__(self) -> str:
        return f"calendar {self.name} knows its sessions from {self.first} to {self.last}, not on {self.date}"

    @property
    def fix(self) -> str:
        """What can be asked."""
        return f"leave out bars before {self.first} or after {self.last}"


@dataclass(eq=False)
class NotASessionError(QuantError):
    """A decision asked for on a day the market is closed."""

    date: dt.date
    calendar: str
    before: dt.date
    after: dt.date
    what: str = "a decision"

    def __str__(self) -> str:
        return (
            f"{self.date} ({self.date:%A}) is no session of calendar {self.calendar}, so {self.what} cannot be dated "
            f"on it; the sessions around it are {self.before} and {self.after}"
        )

    @property
    def fix(self) -> str:
        """Which date to ask for."""
        return f"ask for {self.before} or {self.after}"


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

    def covers(self, dates: DateArray) -> BoolArray:
        """Tell for which dates the calendar knows its sessions, shape (n,)."""

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


def session_number_of(calendar: Calendar, date: dt.date) -> int:
    """Give the number of the newest session at or before one date."""
    return int(calendar.session_number(np.array([label_of(date)]))[0])


def require_session(calendar: Calendar, date: dt.date, what: str = "a decision") -> None:
    """Refuse a date on which a market is closed.

    Parameters
    ----------
    calendar : Calendar
        Calendar of what is decided.
    date : datetime.date
        Date asked for.
    what : str
        What was asked for, for the message.

    Raises
    ------
    NotASessionError
        The date is no session; the message names the sessions around it.
    """
    if bool(calendar.is_session(np.array([label_of(date)]))[0]):
        return
    number = session_number_of(calendar, date)
    around = calendar.session_date(np.array([number, number + 1], dtype=np.int64)).astype("datetime64[D]")
    before, after = (day.item() for day in around)
    raise NotASessionError(date, calendar.name, before, after, what)
