"""Columns that need nothing but the closed bars: turnover, performance, extremes, averages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Final

import numpy as np

from quant_resources.market.bars import FloatArray, Int64Array
from quant_resources.market.clock import DAY
from quant_resources.market.screener._panel import Panel

_MONTHS: Final = {"1M": 1, "3M": 3, "6M": 6, "Y": 12, "3Y": 36, "5Y": 60, "10Y": 120, "52W": 12}
_DAYS: Final = {"W": 7, "5D": 5, "1W": 7}
_PERFORMANCE_DAYS: Final = {"1M": 30, "3M": 90, "6M": 180, "Y": 365, "3Y": 1095, "5Y": 1826, "10Y": 3652}
"""The vendor publishes its performance script: fixed counts of days, not months of the calendar."""


def rows_of_bar(base: str, panel: Panel) -> FloatArray | None:
    """Return a column that is a function of each bar and the one before, one value per bar; None if it is none."""
    maker = _BAR.get(base)
    return None if maker is None else maker(panel)


def value_of_history(base: str, panel: Panel) -> FloatArray | None:
    """Return a column that looks at a stretch of calendar time, one value per series; None if it is none."""
    for prefix, maker in _HISTORY.items():
        if base.startswith(prefix):
            return maker(panel, base.removeprefix(prefix))
    return None


def _previous(panel: Panel, values: FloatArray) -> FloatArray:
    before = np.full(len(values), np.nan)
    before[1:] = values[:-1]
    first = panel.offsets[:-1]
    before[first[first < len(values)]] = np.nan
    return before


def _value_traded(panel: Panel) -> FloatArray:
    value: FloatArray = panel.close * panel.volume
    return value


def _range_percent(panel: Panel) -> FloatArray:
    percent: FloatArray = 100.0 * (panel.high - panel.low) / panel.low
    return percent


def _percent(value: FloatArray, base: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        change: FloatArray = 100.0 * (value / base - 1.0)
    return change


def _growth(panel: Panel, values: FloatArray) -> FloatArray:
    before = _previous(panel, values)
    return _percent(values, before)


_BAR: Final[dict[str, Callable[[Panel], FloatArray]]] = {
    "volume": lambda panel: panel.volume,
    "volume_base": lambda panel: panel.volume,
    "volume_quote": _value_traded,
    "Value.Traded": _value_traded,
    "Volatility.D": _range_percent,
    "volume_change": lambda panel: _growth(panel, panel.volume),
    "volume_change_abs": lambda panel: panel.volume - _previous(panel, panel.volume),
    # The last closed day stands for the last 24 hours: a daily source knows no shorter time.
    "24h_vol": _value_traded,
    "24h_vol_change": lambda panel: _growth(panel, _value_traded(panel)),
    "24h_close_change": lambda panel: _growth(panel, panel.close),
}


def _start(newest: Int64Array, text: str) -> Int64Array | None:
    """Return when the stretch called `text` begins that ends with each series' newest bar."""
    if text in _DAYS:
        return newest - _DAYS[text] * DAY
    if text in _MONTHS:
        return np.array([_months_before(int(end), _MONTHS[text]) for end in newest], dtype=np.int64)
    if text == "YTD":
        return np.array([_year_start(int(end)) - DAY for end in newest], dtype=np.int64)
    return None


def _months_before(end: int, months: int) -> int:
    """Return the same day of the month so many months earlier; the month's last where it is shorter."""
    date = dt.datetime.fromtimestamp(end, dt.UTC)
    month = date.year * 12 + date.month - 1 - months
    year, number = divmod(month, 12)
    if year < 1:
        return -(2**40)
    following = dt.datetime(year + (number + 1) // 12, (number + 1) % 12 + 1, 1, tzinfo=dt.UTC)
    last = (following - dt.timedelta(days=1)).day
    return int(dt.datetime(year, number + 1, min(date.day, last), tzinfo=dt.UTC).timestamp())


def _year_start(end: int) -> int:
    return int(dt.datetime(dt.datetime.fromtimestamp(end, dt.UTC).year, 1, 1, tzinfo=dt.UTC).timestamp())


def _performance(panel: Panel, text: str) -> FloatArray | None:
    """Percent from the last close at or before the start of the stretch; all of it from the first open."""
    latest = panel.last(panel.close)
    if text == "All":
        first = np.full(panel.size, np.nan)
        there = panel.lengths > 0
        first[there] = panel.open[panel.offsets[:-1][there]]
        return _percent(latest, first)
    days = _PERFORMANCE_DAYS.get(text)
    start = _start(panel.newest, text) if days is None else panel.newest - days * DAY
    if start is None:
        return None
    rows = panel.since(start + 1) - 1
    known = rows >= panel.offsets[:-1]
    base = np.full(panel.size, np.nan)
    base[known] = panel.close[rows[known]]
    return _percent(latest, base)


def _reduced(panel: Panel, text: str, values: FloatArray, reduce: Callable[[FloatArray], float]) -> FloatArray | None:
    """Reduce the bars that open after the start of the stretch (all of them for ``All``)."""
    if text == "All":
        rows = panel.offsets[:-1]
    else:
        start = _start(panel.newest, text)
        if start is None:
            return None
        rows = panel.since(start + 1)
    out = np.full(panel.size, np.nan)
    for number, (row, end) in enumerate(zip(rows, panel.ends, strict=True)):
        if row < end:
            out[number] = reduce(values[row:end])
    return out


def _highest(panel: Panel, text: str) -> FloatArray | None:
    return _reduced(panel, text, panel.high, lambda part: float(np.max(part)))


def _lowest(panel: Panel, text: str) -> FloatArray | None:
    return _reduced(panel, text, panel.low, lambda part: float(np.min(part)))


def _volatility(panel: Panel, text: str) -> FloatArray | None:
    stretch = {"W": "W", "M": "1M"}.get(text)
    if stretch is None:
        return None
    return _reduced(panel, stretch, _range_percent(panel), lambda part: float(np.mean(part)))


def _average_volume(panel: Panel, text: str) -> FloatArray | None:
    """Mean volume of the last so many bars; null while there are fewer."""
    days, _, rest = text.partition("d_calc")
    if rest or not days.isdigit():
        return None
    count = int(days)
    out = np.full(panel.size, np.nan)
    for number, (first, end) in enumerate(zip(panel.offsets[:-1], panel.ends, strict=True)):
        if end - first >= count:
            out[number] = panel.volume[end - count : end].mean()
    return out


def _relative_volume(panel: Panel, text: str) -> FloatArray | None:
    average = _average_volume(panel, text)
    if average is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        return panel.last(panel.volume) / average


def _year_extreme(panel: Panel, text: str) -> FloatArray | None:
    if text == "high":
        return _highest(panel, "52W")
    return _lowest(panel, "52W") if text == "low" else None


def _all_time(panel: Panel, text: str) -> FloatArray | None:
    if text == "high":
        return _highest(panel, "All")
    return _lowest(panel, "All") if text == "low" else None


_HISTORY: Final[dict[str, Callable[[Panel, str], FloatArray | None]]] = {
    "Perf.": _performance,
    "High.": _highest,
    "Low.": _lowest,
    "Volatility.": _volatility,
    "average_volume_": _average_volume,
    "relative_volume_": _relative_volume,
    "price_52_week_": _year_extreme,
    "all_time_": _all_time,
}
