"""Where sessions come from: rules of our own for markets without an exchange, `exchange_calendars` for the rest."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Final

import numpy as np
import pandas as pd

from quant_lib.calendars._always import CRYPTO
from quant_lib.calendars._protocol import Calendar, DateArray, UnknownCalendarError
from quant_lib.calendars._sessions import FIRST_DATE, LAST_DATE, SessionCalendar, SessionTable, intersect
from quant_lib.calendars._venues import VENUE_CALENDARS

EXCHANGE_ANN: Final = 252.0
FX_ANN: Final = 260.0

_FX_CLOSE: Final = pd.Timedelta(hours=17)
_FX_ZONE: Final = "America/New_York"
_FX_HOLIDAYS: Final = ((1, 1), (12, 25))


def _fx_table() -> SessionTable:
    """Monday to Friday, from 17:00 New York of the evening before; closed on New Year's Day and Christmas Day."""
    days = pd.bdate_range(FIRST_DATE, LAST_DATE)
    holiday = np.zeros(len(days), dtype=np.bool_)
    for month, day in _FX_HOLIDAYS:
        holiday |= np.asarray((days.month == month) & (days.day == day))
    days = days[~holiday]
    ends = (days + _FX_CLOSE).tz_localize(_FX_ZONE).tz_convert("UTC").tz_localize(None)
    begins = (days - pd.Timedelta(days=1) + _FX_CLOSE).tz_localize(_FX_ZONE).tz_convert("UTC").tz_localize(None)
    labels, opens, closes = (index.to_numpy().astype("datetime64[us]") for index in (days, begins, ends))
    return SessionTable(labels, opens, closes, FIRST_DATE, LAST_DATE)


FX: Final[Calendar] = SessionCalendar("24x5", FX_ANN, _fx_table)
"""Currencies: Monday to Friday, each session from the evening before, New York time."""

_OWN: Final[dict[str, Calendar]] = {CRYPTO.name: CRYPTO, FX.name: FX}
_REPLACED: Final = {"24/7": CRYPTO.name, "24/5": FX.name}
"""The library's own round-the-clock calendars, which know no zone and no holiday."""


def _exchange_table(name: str) -> SessionTable:
    from exchange_calendars import get_calendar as load

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own use of pandas
        probe = load(name, start="2015-01-02", end="2015-03-31")
        low, high = type(probe).bound_min(), type(probe).bound_max()
        first = FIRST_DATE if low is None else max(FIRST_DATE, low.date())
        last = LAST_DATE if high is None else min(LAST_DATE, high.date())
        whole = load(name, start=pd.Timestamp(first), end=pd.Timestamp(last))

    def utc(column: pd.Series) -> DateArray:
        instants: DateArray = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype("datetime64[us]")
        return instants

    labels = whole.sessions.to_numpy().astype("datetime64[us]")
    return SessionTable(labels, utc(whole.opens), utc(whole.closes), first, last)


def _is_exchange(name: str) -> bool:
    """Whether `exchange_calendars` has it; a venue of ours is not looked up, so that naming one costs no import."""
    if name in _REPLACED:
        return False
    if name in VENUE_CALENDARS:
        return True
    from exchange_calendars import get_calendar_names

    return name in get_calendar_names(include_aliases=True)


def known_calendars() -> tuple[str, ...]:
    """Name the calendars our venues trade on, in alphabetical order. Every other one of the library is known too."""
    return tuple(sorted({*_OWN, *VENUE_CALENDARS}))


@lru_cache(maxsize=256)
def get_calendar(name: str) -> Calendar:
    """Look a calendar up by name.

    Parameters
    ----------
    name : str
        As instruments refer to it: ``24x7``, ``24x5``, a name of `exchange_calendars` such as
        ``XNYS``, ``CMES`` or ``XFRA``, or several joined by ``+`` for the sessions they share.

    Returns
    -------
    Calendar
        The calendar of that name. An exchange's sessions are read when first needed.

    Raises
    ------
    UnknownCalendarError
        No such calendar. A silent substitute would turn closed days into gaps, or
        gaps into closed days (semantics 2.10).
    """
    if name in _OWN:
        return _OWN[name]
    if "+" in name:
        return intersect([get_calendar(part) for part in name.split("+")])
    if not _is_exchange(name):
        raise UnknownCalendarError(name, known_calendars())
    return SessionCalendar(name, EXCHANGE_ANN, lambda: _exchange_table(name))
