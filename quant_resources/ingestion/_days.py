"""Only days that are over on the market have bars, a catalogue and a partition."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from quant_lib.errors import QuantError


@dataclass(eq=False)
class DayNotOverError(QuantError):
    """A date that has not closed on the market: this machine's clock is ahead, or the market's was set back.

    Attributes
    ----------
    date : datetime.date
        What was asked for.
    clock : datetime.datetime
        The market's clock, UTC.
    """

    date: dt.date
    clock: dt.datetime

    def __str__(self) -> str:
        return (
            f"{self.date} is not over on the market, whose clock says {self.clock:%Y-%m-%d %H:%M:%S} UTC; nothing was "
            f"stored of it; {self.fix}"
        )

    @property
    def fix(self) -> str:
        """What to look at."""
        return "set this machine's clock, or run the date again once it has closed"


def require_days_over(dates: Iterable[dt.date], clock: dt.datetime) -> None:
    """Refuse dates that have not closed at the market's clock.

    Raises
    ------
    DayNotOverError
        For the first of them.
    """
    for date in sorted(dates):
        if date >= clock.astimezone(dt.UTC).date():
            raise DayNotOverError(date, clock)
