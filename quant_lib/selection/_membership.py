"""Who belongs to a universe on a day, as it was known on that day (semantics 1.6; users N6)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from quant_lib.selection._errors import NotPointInTimeError

Survivorship = Literal["point_in_time", "unknown"]
"""``unknown``: its members were chosen on a day nobody stated or later than some day they are used on."""


@dataclass(frozen=True)
class SymbolList:
    """Members of something from a day on.

    Parameters
    ----------
    name : str
        File it comes from.
    as_of : datetime.date
        First day it is known for.
    members : tuple of str
        Symbols.
    """

    name: str
    as_of: dt.date
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MembershipRow:
    """One stay of a symbol in a universe. Who leaves and comes back has two.

    Parameters
    ----------
    symbol : str
        Symbol under which it traded.
    start : datetime.date
        First day it belongs.
    end : datetime.date, optional
        First day it belongs no more; None while nobody has said it leaves.
    known_at : datetime.date
        First day this was known. A later row of the same symbol and start replaces it from then on.
    """

    symbol: str
    start: dt.date
    end: dt.date | None
    known_at: dt.date


@dataclass(frozen=True)
class Membership:
    """Stays of every symbol that ever belonged to a universe.

    Parameters
    ----------
    name : str
        File they come from.
    rows : tuple of MembershipRow
        In any order.
    """

    name: str
    rows: tuple[MembershipRow, ...]

    def on(self, date: dt.date | None) -> tuple[str, ...]:
        """Members of a day by what was known on it; None: of whom nobody has said that they leave.

        Raises
        ------
        NotPointInTimeError
            The day is before the first stay.
        """
        first = min(row.start for row in self.rows)
        if date is not None and date < first:
            raise NotPointInTimeError(
                f"membership of {date}", f"{self.name} begins on {first}", "add the rows of that time"
            )
        known: dict[tuple[str, dt.date], MembershipRow] = {}
        for row in sorted(self.rows, key=lambda one: one.known_at):
            if date is None or row.known_at <= date:
                known[row.symbol, row.start] = row
        return tuple(
            sorted(
                {
                    row.symbol
                    for row in known.values()
                    if (row.end is None if date is None else row.start <= date and (row.end is None or date < row.end))
                }
            )
        )


def members_on(
    lists: tuple[SymbolList, ...], date: dt.date | None, *, first_holds_before: bool = False
) -> tuple[str, ...]:
    """Members of a day: of the newest list that was known by then, or of the newest of all for a live scan.

    Parameters
    ----------
    lists : tuple of SymbolList
        One or more.
    date : datetime.date, optional
        The day; None: live.
    first_holds_before : bool
        Days before the oldest list use it all the same; what is made of them has an unknown survivorship.

    Raises
    ------
    NotPointInTimeError
        Every list is younger than the day.
    """
    known = [one for one in lists if date is None or one.as_of <= date]
    first = min(lists, key=lambda one: one.as_of)
    if known:
        return max(known, key=lambda one: one.as_of).members
    if first_holds_before:
        return first.members
    raise NotPointInTimeError(
        f"membership of {date}", f"the oldest list, {first.name}, is of {first.as_of}", "add a list of that time"
    )
