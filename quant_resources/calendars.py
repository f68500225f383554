"""The calendars of the stored symbols, from the catalogue."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from quant_lib.calendars import CalendarBook

if TYPE_CHECKING:
    from quant_resources.lakehouse import Lake


def calendar_book(lake: Lake, on: dt.date, *, version: int | None = None) -> CalendarBook:
    """Read the calendar of every symbol the catalogue ever listed up to a date.

    Parameters
    ----------
    lake : Lake
        Where the catalogue is.
    on : datetime.date
        Date; a symbol that left the catalogue before keeps the calendar it had.
    version : int, optional
        Pinned version of the catalogue.
    """
    return CalendarBook.of(lake.read("instruments", version=version, columns=["date", "symbol", "calendar"], until=on))
