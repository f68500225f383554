"""Calendars given by a table of sessions: exchanges with hours, and currencies."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd

from quant_lib.calendars._protocol import (
    BoolArray,
    Calendar,
    CalendarRangeError,
    DateArray,
    IntArray,
    label_of,
)

FIRST_DATE: Final = dt.date(1970, 1, 1)
LAST_DATE: Final = dt.date(2035, 12, 31)
"""What tables cover where the exchange is known that far. Fixed, so that no result depends on when it is computed."""

_EARLY: Final = np.timedelta64(10, "h")
"""A vendor's daily bar may open this long before the exchange does: pre-market, or a night session."""
_LATE: Final = np.timedelta64(1, "h")
"""And this long after it."""


@dataclass(frozen=True)
class SessionTable:
    """Every session of a calendar.

    Parameters
    ----------
    labels : array of shape (n_sessions,)
        Session labels, ``datetime64[us]``, strictly increasing.
    opens, closes : array of shape (n_sessions,)
        When each opens and closes, ``datetime64[us]`` in UTC.
    first, last : datetime.date
        The days for which the table is complete.
    """

    labels: DateArray
    opens: DateArray
    closes: DateArray
    first: dt.date
    last: dt.date


@dataclass(eq=False)
class SessionCalendar:
    """A calendar whose sessions are looked up in a table, read when first needed.

    Parameters
    ----------
    name : str
        Name by which instruments refer to it.
    ann : float
        Sessions a year.
    load : callable
        Gives the table.
    """

    name: str
    ann: float
    load: Callable[[], SessionTable] = field(repr=False)

    @cached_property
    def table(self) -> SessionTable:
        """Sessions, loaded once."""
        return self.load()

    def covers(self, dates: DateArray) -> BoolArray:
        days = np.asarray(dates).astype("datetime64[D]")
        return np.asarray((days >= np.datetime64(self.table.first)) & (days <= np.datetime64(self.table.last)))

    def session_number(self, dates: DateArray) -> IntArray:
        values = np.asarray(dates, dtype="datetime64[us]")
        numbers = np.searchsorted(self.table.labels, values, side="right").astype(np.int64) - 1
        outside = ~self.covers(values) | (numbers < 0)
        if bool(outside.any()):
            raise self._range_error(values[outside][0])
        return numbers

    def session_date(self, numbers: IntArray) -> DateArray:
        wanted = np.asarray(numbers, dtype=np.int64)
        outside = (wanted < 0) | (wanted >= len(self.table.labels))
        if bool(outside.any()):
            edge = self.table.first if bool((wanted < 0).any()) else self.table.last
            off = dt.timedelta(days=-1 if bool((wanted < 0).any()) else 1)
            raise self._range_error(np.datetime64(edge + off, "us"))
        return self.table.labels[wanted]

    def is_session(self, dates: DateArray) -> BoolArray:
        values = np.asarray(dates, dtype="datetime64[us]")
        at = np.minimum(np.searchsorted(self.table.labels, values), len(self.table.labels) - 1)
        return np.asarray(self.table.labels[at] == values, dtype=np.bool_)

    def label(self, opened: DateArray) -> DateArray:
        """Give the session of each opening instant; its UTC day where it opens no session.

        Vendors stamp a daily bar either with midnight of the session's date or with
        the instant it opens, which for night sessions lies on the day before
        (semantics 0.3). A bar that is neither keeps its own day: it is then seen to
        be off session, instead of being moved onto one.
        """
        values = np.asarray(opened, dtype="datetime64[us]")
        day = values.astype("datetime64[D]").astype("datetime64[us]")
        at = np.searchsorted(self.table.closes, values, side="right")
        near = np.minimum(at, len(self.table.labels) - 1)
        inside = (at < len(self.table.labels)) & (values >= self.table.opens[near] - _EARLY)
        return np.where(inside & (values != day), self.table.labels[near], day)

    def is_opening(self, opened: DateArray) -> BoolArray:
        values = np.asarray(opened, dtype="datetime64[us]")
        labels = self.label(values)
        at = np.minimum(np.searchsorted(self.table.labels, labels), len(self.table.labels) - 1)
        opens = self.table.opens[at]
        near = (values >= opens - _EARLY) & (values <= opens + _LATE)
        return np.asarray((self.table.labels[at] == labels) & (near | (values == labels)), dtype=np.bool_)

    def close_time(self, dates: DateArray) -> DateArray:
        """Give when each session closes; the end of the UTC day for a date that is no session."""
        values = np.asarray(dates, dtype="datetime64[us]")
        at = np.minimum(np.searchsorted(self.table.labels, values), len(self.table.labels) - 1)
        day_end = values.astype("datetime64[D]").astype("datetime64[us]") + np.timedelta64(1, "D")
        return np.where(self.is_session(values), self.table.closes[at], day_end)

    def sessions(self, start: dt.date, end: dt.date) -> pd.DatetimeIndex:
        first, stop = np.searchsorted(self.table.labels, [label_of(start), label_of(end + dt.timedelta(days=1))])
        return pd.DatetimeIndex(self.table.labels[int(first) : int(stop)])

    def count(self, start: dt.date, end: dt.date) -> int:
        return len(self.sessions(start, end))

    def _range_error(self, date: np.datetime64) -> CalendarRangeError:
        return CalendarRangeError(self.name, date.astype("datetime64[D]").item(), self.table.first, self.table.last)


def intersect(calendars: list[Calendar]) -> Calendar:
    """Give the calendar of the sessions all of several calendars have (semantics 4.3).

    Parameters
    ----------
    calendars : list of Calendar
        At least one. Markets that never close take nothing away.

    Returns
    -------
    Calendar
        ``24x7`` where all are; else named by its members, ``XFRA+XNYS``, and closed once the
        last of them has closed. Sessions a year are those of its smallest member.
    """
    closing = sorted({c.name: c for c in calendars if isinstance(c, SessionCalendar)}.items())
    if not closing:
        return calendars[0]
    if len(closing) == 1:
        return closing[0][1]
    members = [calendar for _, calendar in closing]
    return SessionCalendar("+".join(name for name, _ in closing), min(c.ann for c in members), lambda: _common(members))


def _common(members: list[SessionCalendar]) -> SessionTable:
    labels = members[0].table.labels
    for member in members[1:]:
        labels = np.intersect1d(labels, member.table.labels)
    at = [np.searchsorted(member.table.labels, labels) for member in members]
    opens = np.maximum.reduce([m.table.opens[i] for m, i in zip(members, at, strict=True)])
    closes = np.maximum.reduce([m.table.closes[i] for m, i in zip(members, at, strict=True)])
    first, last = max(m.table.first for m in members), min(m.table.last for m in members)
    return SessionTable(labels, opens, closes, first, last)
