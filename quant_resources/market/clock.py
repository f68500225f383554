"""The market's clock: fixed at an instant, or the wall's."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from quant_resources.market.errors import ClockSyntaxError

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Clock:
    """What time it is in the market. Nothing that opens at or after it is served.

    Parameters
    ----------
    instant : datetime, optional
        The fixed instant, UTC. Without it the clock is the wall's.
    """

    instant: dt.datetime | None = None

    def __post_init__(self) -> None:
        if self.instant is not None and self.instant.utcoffset() != dt.timedelta(0):
            raise ClockSyntaxError(str(self.instant), "an instant needs the UTC time zone")

    @classmethod
    def wall(cls) -> Clock:
        """Return the clock that follows the machine's."""
        return cls()

    @classmethod
    def at(cls, instant: dt.datetime) -> Clock:
        """Return a clock that stands still at `instant`; a time zone is required."""
        if instant.tzinfo is None:
            raise ClockSyntaxError(str(instant), "the time zone is missing")
        return cls(instant.astimezone(dt.UTC))

    @classmethod
    def as_of(cls, date: dt.date) -> Clock:
        """Return the clock of decision date `date`: the midnight (UTC) at which that day has just closed."""
        return cls(dt.datetime.combine(date, dt.time(), dt.UTC) + dt.timedelta(days=1))

    def now(self) -> dt.datetime:
        """Return the market's present instant, UTC."""
        return self.instant if self.instant is not None else dt.datetime.now(dt.UTC)

    def timestamp(self) -> float:
        """Return the market's present instant in Unix seconds."""
        return self.now().timestamp()

    def __str__(self) -> str:
        return "wall clock" if self.instant is None else self.instant.isoformat()


def parse_clock(text: str | None) -> Clock:
    """Read a clock from text.

    Parameters
    ----------
    text : str or None
        None or ``wall`` for the wall clock; a date ``YYYY-MM-DD`` for the instant
        at which that day closes (the next midnight UTC); an ISO 8601 date and time
        for exactly that instant, UTC unless it names an offset.

    Returns
    -------
    Clock

    Raises
    ------
    ClockSyntaxError
        When the text is none of these.
    """
    if text is None or text == "wall":
        return Clock.wall()
    try:
        if len(text) == len("YYYY-MM-DD"):
            return Clock.as_of(dt.date.fromisoformat(text))
        instant = dt.datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise ClockSyntaxError(text, str(error)) from error
    return Clock.at(instant if instant.tzinfo is not None else instant.replace(tzinfo=dt.UTC))
