"""Fields that a scanner may filter and sort by.

A scanner works twice: on the vendor's screener for the day that just closed, and
on stored features for any past day. A sleeve may rest only on fields that both can
evaluate, so that a past decision obeys the same rules as today's; the others say so.
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
    live_only : bool
        Whether only a live scan knows it: no stored feature stands behind it, so no past day can be judged by it and
        no sleeve may rest on it.
    codes : bool
        Whether its numbers name things: they can be listed, not compared.
    """

    unit: str
    low: float = float("-inf")
    high: float = float("inf")
    rating: bool = False
    text: bool = False
    live_only: bool = False
    codes: bool = False


SCREEN_FIELDS: dict[str, ScreenField] = {
    "ADX": ScreenField("index", 0.0, 100.0),
    "ADX+DI": ScreenField("index", 0.0, 100.0),
    "ADX-DI": ScreenField("index", 0.0, 100.0),
    "ATR": ScreenField("quote currency", 0.0),
    "Perf.1M": ScreenField("percent", -100.0),
    "Perf.3M": ScreenField("percent", -100.0),
    "Perf.6M": ScreenField("percent", -100.0),
    "Perf.W": ScreenField("percent", -100.0),
    "Perf.Y": ScreenField("percent", -100.0),
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
    "volume_change": ScreenField("percent", -100.0),
    # Known to a live scan alone.
    "ADX|1M": ScreenField("index", 0.0, 100.0, live_only=True),
    "ADX|1W": ScreenField("index", 0.0, 100.0, live_only=True),
    "Recommend.All|1M": ScreenField("rating", -1.0, 1.0, rating=True, live_only=True),
    "Recommend.All|1W": ScreenField("rating", -1.0, 1.0, rating=True, live_only=True),
    "Recommend.All|240": ScreenField("rating", -1.0, 1.0, rating=True, live_only=True),
    "Recommend.Other|1M": ScreenField("rating", -1.0, 1.0, rating=True, live_only=True),
    "Recommend.Other|1W": ScreenField("rating", -1.0, 1.0, rating=True, live_only=True),
    "Volatility.M": ScreenField("percent", 0.0, live_only=True),
    "Volatility.W": ScreenField("percent", 0.0, live_only=True),
    "category": ScreenField("code of a kind of fund", live_only=True, codes=True),
    "market_cap_basic": ScreenField("USD", 0.0, live_only=True),
    "market_cap_calc": ScreenField("USD", 0.0, live_only=True),
}

NUMERIC_FIELDS: tuple[str, ...] = tuple(
    sorted(name for name, field in SCREEN_FIELDS.items() if not field.text and not field.codes)
)
"""Fields that can be sorted by and compared with numbers."""

PRICE_CHANGES: tuple[str, ...] = ("Perf.W", "Perf.1M", "Perf.3M", "Perf.6M", "Perf.Y", "change")
"""Fields whose sign says which way the price went, so that above and below them mean a side."""

COMPARISONS: tuple[str, ...] = ("greater", "egreater", "less", "eless")
RANGES: tuple[str, ...] = ("in_range", "not_in_range")
EQUALITIES: tuple[str, ...] = ("equal", "nequal")
TEXT_SEARCHES: tuple[str, ...] = ("match", "nmatch")
OPERATIONS: tuple[str, ...] = (*COMPARISONS, *EQUALITIES, *RANGES, *TEXT_SEARCHES)
"""Operations a filter may use (a subset of the screener's that stored features can answer too)."""
COMPOSITE = "momentum_composite"
"""Sort field: mean z-score of the fields that ``momentum_composite_fields`` names."""
UNSTABLE_FIELDS: tuple[str, ...] = ("index", "indexes")
"""Fields whose content the vendor changes without notice: membership comes from a dated list instead."""
