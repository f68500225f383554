"""Reading column names: base, bars back, timeframe; and which names exist at all."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Final

from quant_resources.market.screener._catalogue import AMERICA, FOREX, FUTURES, SHARED

DAILY: Final = "1D"
TIMEFRAMES: Final = ("1", "5", "15", "30", "60", "120", "240", "1W", "1M")
SERVED_TIMEFRAMES: Final = (DAILY, "1W", "1M")
"""Timeframes a daily source can compute."""

_EMPTY_MARKETS: Final = ("bond", "economics2", "options", "australia", "canada", "germany", "india", "uk")
MARKETS: Final = {
    **dict.fromkeys(_EMPTY_MARKETS, SHARED),
    "crypto": SHARED,
    "coin": SHARED,
    "america": SHARED + AMERICA,
    "forex": SHARED + FOREX,
    "cfd": SHARED + FOREX,
    "futures": SHARED + FUTURES,
    "global": SHARED + AMERICA + FOREX + FUTURES,
}
"""Markets that have a path, and the columns each lists; no source has instruments of every one."""
_ABSENT: Final = {"futures": frozenset({"bid", "ask"})}

_SHAPE: Final = re.compile(r"(?P<base>[^|\[\]]+?)(?:\[(?P<back>[12])\])?(?:\|(?P<frame>[0-9A-Z]+))?")


@dataclass(frozen=True, slots=True)
class ColumnName:
    """A column name taken apart.

    Attributes
    ----------
    base : str
        Name without the rest, ``.tr`` removed.
    back : int
        How many bars back: 0, 1 or 2.
    timeframe : str
        ``1D``, ``1W``, ``1M`` or minutes.
    """

    base: str
    back: int = 0
    timeframe: str = DAILY

    def previous(self) -> ColumnName:
        """Return the same column one bar earlier."""
        return ColumnName(self.base, self.back + 1, self.timeframe)


@functools.cache
def _listed(market: str) -> dict[str, tuple[str, ...]]:
    """Return the base names a market lists and the suffixes each may carry."""
    known: dict[str, tuple[str, ...]] = {}
    for word in MARKETS[market].split():
        name, bar, frame = word.partition("|")
        known[name] = (frame,) if frame else TIMEFRAMES if bar else ()
    for name in _ABSENT.get(market, ()):
        known.pop(name, None)
    return known


@functools.cache
def _accepted(market: str) -> dict[str, tuple[str, ...]]:
    """Return what a market accepts: any market's names (null where they mean nothing), less its own gaps."""
    known = {**_listed("global"), **_listed(market)}
    for name in _ABSENT.get(market, ()):
        known.pop(name, None)
    return known


def known_bases(market: str) -> tuple[str, ...]:
    """Return the names the market's metainfo lists, ascending."""
    return tuple(sorted(_listed(market)))


@functools.lru_cache(maxsize=8192)
def parse_column(text: str, market: str) -> ColumnName | None:
    """Read a column name.

    Parameters
    ----------
    text : str
        Such as ``RSI[1]|1W`` or ``exchange.tr``.
    market : str
        A key of `MARKETS`.

    Returns
    -------
    ColumnName or None
        None when the market has no such column. A bar-based column may be asked
        for one or two bars back even where the vendor's list does not say so.
    """
    match = _SHAPE.fullmatch(text)
    if match is None:
        return None
    known = _accepted(market)
    base, back, frame = match["base"], int(match["back"] or 0), match["frame"]
    listed = text.partition("|")[0]
    if listed.endswith(".tr") and listed not in known:
        listed = base = listed.removesuffix(".tr")
    name = listed if listed in known else base
    if name not in known or (back and listed not in known and not known[base]):
        return None
    if frame is None:
        return ColumnName(base, back)
    return ColumnName(base, back, frame) if frame in known[name] else None
