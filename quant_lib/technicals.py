"""The vendor's technicals: which fields, on which timeframes, under which names (semantics 3.1)."""

from __future__ import annotations

from typing import Final

FIELDS: Final[tuple[str, ...]] = (
    "Recommend.All",
    "Recommend.MA",
    "Recommend.Other",
    "RSI",
    "ADX",
    "AO",
    "CCI20",
    "Stoch.K",
    "Stoch.D",
    "MACD.macd",
    "MACD.signal",
    "change",
    "change_abs",
    "close",
    "volume",
    "gap",
    "high",
    "low",
    "open",
)
"""Fields asked for on every timeframe."""

TIMEFRAMES: Final[dict[str, str]] = {
    "1m": "1",
    "3m": "3",
    "5m": "5",
    "15m": "15",
    "30m": "30",
    "1h": "60",
    "2h": "120",
    "4h": "240",
    "1d": "",
    "1w": "1W",
    "1mo": "1M",
}
"""Our name of a timeframe and the vendor's suffix; a day has none.

A month is ``1mo``: column names are not case-sensitive in SQL, where ``1M`` would be the minute. The vendor's
published tables list no three-minute columns, so those are null unless that changes.
"""

BASE_FIELDS: Final[tuple[str, ...]] = (
    "Volatility.D",
    "Perf.W",
    "Perf.1M",
    "Perf.3M",
    "Perf.6M",
    "Perf.Y",
    "Perf.3Y",
    "Perf.5Y",
    "Perf.All",
    "Perf.YTD",
)
"""Fields that exist once, whatever the timeframe."""


def vendor_column(field: str, timeframe: str) -> str:
    """Name the vendor knows a field of a timeframe by, such as ``RSI|240``."""
    suffix = TIMEFRAMES[timeframe]
    return f"{field}|{suffix}" if suffix else field


def stored_name(field: str, timeframe: str = "") -> str:
    """Column the value is stored in, such as ``recommend_all_4h`` or ``perf_1m``."""
    name = field.lower().replace(".", "_")
    return f"{name}_{timeframe}" if timeframe else name


def columns() -> dict[str, str]:
    """Map the stored name of every value to the vendor's, in storage order.

    Returns
    -------
    dict of str to str
        19 fields x 11 timeframes and the base fields.
    """
    timed = {stored_name(field, frame): vendor_column(field, frame) for frame in TIMEFRAMES for field in FIELDS}
    return {**timed, **{stored_name(field): field for field in BASE_FIELDS}}
