"""The calendar of each symbol, and doing something calendar by calendar."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import pandas as pd

from quant_lib.calendars._known import get_calendar
from quant_lib.calendars._protocol import Calendar
from quant_lib.calendars._sessions import intersect
from quant_lib.errors import MissingDataError


@dataclass(frozen=True)
class CalendarBook:
    """The calendar of each symbol.

    Parameters
    ----------
    names : mapping of str to str
        Calendar name by symbol, as in the catalogue.
    """

    names: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, instruments: pd.DataFrame) -> CalendarBook:
        """Read it from catalogue rows: columns symbol, calendar, and date where there are several days.

        Of a symbol with several rows the newest counts.
        """
        rows = instruments.sort_values("date", kind="stable") if "date" in instruments.columns else instruments
        return cls(dict(zip(rows["symbol"].astype("str"), rows["calendar"].astype("str"), strict=True)))

    def calendar(self, symbol: str) -> Calendar:
        """Give one symbol's calendar; `MissingDataError` where the catalogue has none."""
        name = self.names.get(symbol)
        if name is None:
            raise MissingDataError(
                f"the calendar of {symbol}",
                "the instruments table",
                "materialise instruments again, or take the symbol out of the universe",
            )
        return get_calendar(name)

    def groups(self, symbols: Iterable[str]) -> list[tuple[Calendar, list[str]]]:
        """Group symbols by calendar, both in ascending order of their names."""
        grouped: dict[str, list[str]] = {}
        for symbol in sorted(set(symbols)):
            grouped.setdefault(self.calendar(symbol).name, []).append(symbol)
        return [(get_calendar(name), grouped[name]) for name in sorted(grouped)]

    def common(self, symbols: Iterable[str]) -> Calendar:
        """Give the calendar of the sessions all symbols share; ``24x7`` where there is no symbol."""
        calendars = [calendar for calendar, _ in self.groups(symbols)]
        return intersect(calendars) if calendars else get_calendar("24x7")

    def ann(self, symbols: Iterable[str]) -> dict[str, float]:
        """Give the sessions a year of each symbol's own calendar."""
        return {symbol: self.calendar(symbol).ann for symbol in symbols}


Calendars: TypeAlias = Calendar | CalendarBook
"""One calendar for every symbol of a frame, or a book that knows each."""


def each_calendar(frame: pd.DataFrame, calendars: Calendars) -> Iterator[tuple[Calendar, pd.DataFrame]]:
    """Cut a frame with a column symbol into the parts that share a calendar; index and order are kept."""
    if not isinstance(calendars, CalendarBook):
        yield calendars, frame
        return
    groups = calendars.groups(map(str, frame["symbol"].unique()))
    if len(groups) <= 1:
        yield (groups[0][0] if groups else get_calendar("24x7")), frame
        return
    for calendar, symbols in groups:
        yield calendar, frame.loc[frame["symbol"].isin(symbols)]
