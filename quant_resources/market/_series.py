"""One chart series: which of the known bars a client has been sent, and which it asks for next."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any, Final

from quant_resources.market.bars import Bars
from quant_resources.market.clock import DAY
from quant_resources.market.instruments import Instrument

_RANGE: Final = re.compile(r"r,(-?[0-9]{1,12})(?:\.[0-9]+)?:(-?[0-9]{1,12})(?:\.[0-9]+)?")
_FAR: Final = 1e12
_MOST_BARS: Final = 1_000_000_000
_NAMED_DAYS: Final = {"LASTSESSION": 1, "1D": 1, "5D": 5, "1M": 30, "3M": 91, "6M": 182, "12M": 365, "60M": 1826}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which bars a request asks for.

    Attributes
    ----------
    count : int or None
        The newest so many bars.
    until : float or None
        With `count`: of those that open at or before this time (Unix seconds).
    start, end : float or None
        Bars that open between these times, both included.
    text : str
        The range as the client wrote it; empty for a count.
    """

    count: int | None = None
    until: float | None = None
    start: float | None = None
    end: float | None = None
    text: str = ""

    def positions(self, bars: Bars) -> tuple[int, int]:
        """Return the half-open span of positions in `bars`."""
        if self.start is not None and self.end is not None:
            first = bars.position(self.start)
            return first, max(first, bars.position(self.end + 1))
        stop = len(bars) if self.until is None else bars.position(self.until + 1)
        return max(0, stop - (self.count or 0)), stop


def parse_wanted(count: Any, span: Any, now: float) -> Wanted | None:
    """Read the count and the range of `create_series` or `modify_series`.

    Parameters
    ----------
    count : object
        A whole number, or ``["bar_count", to_time, n]``.
    span : object
        ``""``, ``r,FROM:TO`` or a name such as ``12M``.
    now : float
        The market's clock, for named ranges.

    Returns
    -------
    Wanted or None
        None when either is malformed.
    """
    if span not in ("", None):
        return parse_range(span, now)
    if isinstance(count, list):
        if len(count) == 3 and count[0] == "bar_count" and _is_number(count[1]) and is_count(count[2]):
            return Wanted(count=int(count[2]), until=float(count[1]))
        return None
    return Wanted(count=int(count)) if is_count(count) else None


def parse_range(text: Any, now: float) -> Wanted | None:
    """Read a range; None when it is none."""
    if not isinstance(text, str):
        return None
    match = _RANGE.fullmatch(text)
    if match is not None:
        return Wanted(start=float(match[1]), end=float(match[2]), text=text)
    name = text.upper()
    if name == "ALL":
        return Wanted(start=0.0, end=now, text=text)
    if name == "YTD":
        year = dt.datetime.fromtimestamp(now, dt.UTC).year
        return Wanted(start=dt.datetime(year, 1, 1, tzinfo=dt.UTC).timestamp(), end=now, text=text)
    if name in _NAMED_DAYS:
        return Wanted(start=now - _NAMED_DAYS[name] * DAY, end=now, text=text)
    return None


def _is_number(value: Any) -> bool:
    """Tell whether a value is a number that can be a time; NaN and infinities are not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _FAR


def is_count(value: Any) -> bool:
    """Tell whether a value is a whole number of bars."""
    return _is_number(value) and 0 <= value < _MOST_BARS and value == int(value)


@dataclass(slots=True)
class Series:
    """What a client knows of one series.

    Attributes
    ----------
    label : str
        Turnaround label of the newest create or modify.
    handle : str
        The client's name for the symbol.
    instrument : Instrument
        The symbol.
    asked : str
        Resolution as the client wrote it.
    resolution : str
        Its normal form.
    bars : Bars
        Everything reachable: known at the clock and within the plan's window.
    cut : bool
        Whether the window hides older bars.
    node : str
        Series node of the blocks.
    wanted : Wanted
        The request in force.
    origin : int
        Position in `bars` of the bar with index 0.
    first, stop : int
        Span of positions sent so far.
    """

    label: str
    handle: str
    instrument: Instrument
    asked: str
    resolution: str
    bars: Bars
    cut: bool
    node: str
    wanted: Wanted
    origin: int = 0
    first: int = 0
    stop: int = 0

    def start(self) -> tuple[int, int]:
        """Begin with what is wanted; return the span to send."""
        self.first, self.stop = self.wanted.positions(self.bars)
        self.origin = self.first
        return self.first, self.stop

    def older(self, count: int) -> tuple[int, int]:
        """Go back `count` bars; return the span to send."""
        stop = self.first
        self.first = max(0, self.first - count)
        return self.first, stop

    def extend(self, wanted: Wanted) -> list[tuple[int, int]]:
        """Widen to what is wanted; return the spans not sent before, older first."""
        self.wanted = wanted
        first, stop = wanted.positions(self.bars)
        if self.first == self.stop:
            self.origin = self.first = self.stop = first
        spans = []
        if first < self.first:
            spans.append((first, self.first))
            self.first = first
        if stop > self.stop:
            spans.append((self.stop, stop))
            self.stop = stop
        return spans

    @property
    def exhausted(self) -> str | None:
        """Why nothing older can be loaded: ``end`` or ``limit``; None while more can."""
        if self.first > 0:
            return None
        return "limit" if self.cut else "end"
