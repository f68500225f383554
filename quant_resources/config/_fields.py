"""Fields that a scanner may filter and sort by.

A scanner works twice: on the vendor's screener for the day that just closed, and
on stored features for any past day. A field is admitted only where both can
evaluate it, so that a past decision obeys the same rules as today's.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScreenField:
    """A screener column that stored features can answer too.

    Parameters
    ----------
    unit : str
        Unit of the values.
    low, high : float, optional
        Values the field can take.
    rating : bool
        Whether it is a rating, whose sign says which side it argues for.
    text : bool
        Whether it is text, which can be searched but not compared.
    """

    unit: str
    low: float = float("-inf")
    high: float = float("inf")
    rating: bool = False
    text: bool = False


SCREEN_FIELDS: dict[str, ScreenField] = {
    "ADX": ScreenField("index", 0.0, 100.0),
    "ADX+DI": ScreenField("index", 0.0, 100.0),
    "ADX-DI": ScreenField("index", 0.0, 100.0),
    "ATR": ScreenField("quote currency", 0.0),
    "Perf.1M": ScreenField("percent", -100.0),
    "Perf.3M": ScreenField("percent", -100.0),
    "Perf.W": ScreenField("percent", -100.0),
    "RSI": ScreenField("index", 0.0, 100.0),
    "Recommend.All": ScreenField("rating", -1.0, 1.0, rating=True),
    "Recommend.MA": ScreenField("rating", -1.0, 1.0, rating=True),
    "Recommend.Other": ScreenField("rating", -1.0, 1.0, rating=True),
    "SMA200": ScreenField("quote currency", 0.0),
    "SMA50": ScreenField("quote currency", 0.0),
    "VWMA": ScreenField("quote currency", 0.0),
    "Value.Traded": ScreenField("quote currency", 0.0),
    "Volatility.D": ScreenField("percent", 0.0),
    "change": ScreenField("percent", -100.0),
    "close": ScreenField("quote currency", 0.0),
    "name": ScreenField("ticker", text=True),
    "volume": ScreenField("base units", 0.0),
}

NUMERIC_FIELDS: tuple[str, ...] = tuple(sorted(name for name, field in SCREEN_FIELDS.items() if not field.text))
"""Fields that can be sorted by and compared with numbers."""

COMPARISONS: tuple[str, ...] = ("greater", "egreater", "less", "eless")
RANGES: tuple[str, ...] = ("in_range", "not_in_range")
EQUALITIES: tuple[str, ...] = ("equal", "nequal")
TEXT_SEARCHES: tuple[str, ...] = ("match", "nmatch")
OPERATIONS: tuple[str, ...] = (*COMPARISONS, *EQUALITIES, *RANGES, *TEXT_SEARCHES)
"""Operations a filter may use (a subset of the screener's that stored features can answer too)."""
