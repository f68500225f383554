"""Features of a date's cross-section: rows of the same date and nothing else.

Each function takes the columns its declaration names as inputs, and the number of the date of each row.
"""

from __future__ import annotations

import numpy as np

from quant_lib.indicators._series import FloatArray, IntArray

FULL_HISTORY = 252
"""Bars from which an antifragility counts in full."""


def _between(values: FloatArray, date: IntArray, considered: FloatArray) -> FloatArray:
    """Place of each value between the lowest and the highest considered one of its date, 0 to 1."""
    dates = int(date.max()) + 1
    known = ~np.isnan(considered)
    low, high = np.full(dates, np.inf), np.full(dates, -np.inf)
    np.minimum.at(low, date[known], values[known])
    np.maximum.at(high, date[known], values[known])
    share: FloatArray = (values - low[date]) / (high[date] - low[date] + 1e-9)
    return share


def antifragility(date: IntArray, skew: FloatArray, tail_gain: FloatArray, n_bars: FloatArray) -> FloatArray:
    """Skewness and tail gain against the other assets of the date, weighted by the length of the history."""
    both = skew + tail_gain
    if not bool(np.any(~np.isnan(both))):
        return np.full(both.size, np.nan)
    gain = _between(skew, date, both) + _between(tail_gain, date, both)
    return np.where(np.isnan(both), np.nan, gain * np.minimum(n_bars / FULL_HISTORY, 1.0))
