"""Trading calendars: which sessions an asset is expected to have, and how many make a year.

A session is identified by its label, a calendar day without a time zone, and by
its number, which counts the sessions of one calendar one by one. Gaps, staleness
and coverage are differences of numbers, so nothing here depends on local time or
on the day of the week. Decision record 0011.
"""

from __future__ import annotations

from quant_lib.calendars._always import CRYPTO
from quant_lib.calendars._book import CalendarBook, Calendars, each_calendar
from quant_lib.calendars._known import FX, get_calendar, known_calendars
from quant_lib.calendars._protocol import (
    BoolArray,
    Calendar,
    CalendarRangeError,
    DateArray,
    IntArray,
    NotASessionError,
    UnknownCalendarError,
    label_of,
    require_session,
    session_number_of,
)
from quant_lib.calendars._sessions import intersect
from quant_lib.calendars._venues import Hours, UnknownVenueError, venue_hours

__all__ = [
    "CRYPTO",
    "FX",
    "BoolArray",
    "Calendar",
    "CalendarBook",
    "CalendarRangeError",
    "Calendars",
    "DateArray",
    "Hours",
    "IntArray",
    "NotASessionError",
    "UnknownCalendarError",
    "UnknownVenueError",
    "each_calendar",
    "get_calendar",
    "intersect",
    "known_calendars",
    "label_of",
    "require_session",
    "session_number_of",
    "venue_hours",
]
