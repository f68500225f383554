"""Technical ratings: means of votes, the overall rating, its label (spec tradingview 4.1, 4.2; semantics 3.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from quant_lib.indicators._series import FloatArray, IntArray

MA_VOTES: Final = (
    *(f"{kind}_{length}" for kind in ("sma", "ema") for length in (10, 20, 30, 50, 100, 200)),
    "vwma_20",
    "hma_9",
    "ichimoku",
)
"""The 15 votes of the moving-average rating."""

OTHER_VOTES: Final = ("rsi", "stoch", "cci", "adx", "ao", "mom", "macd", "stoch_rsi", "willr", "bb_power", "uo")
"""The 11 votes of the oscillator rating."""

WEIGHT_MA: Final = 0.574
WEIGHT_OTHER: Final = 0.3914

LABELS: Final = ("Strong Sell", "Sell", "Neutral", "Buy", "Strong Buy")


def tally(votes: Sequence[npt.ArrayLike]) -> tuple[FloatArray, IntArray]:
    """Mean of the defined votes and how many there are.

    Parameters
    ----------
    votes : sequence of arrays of one common shape
        +1, 0, -1; NaN where undefined.

    Returns
    -------
    rating : array of that shape
        Mean of the defined votes, -1 to 1; NaN where there is none.
    n_votes : array of that shape, int64
        Defined votes.
    """
    arrays = [np.asarray(vote, np.float64) for vote in votes]
    total = np.zeros(np.broadcast_shapes(*(vote.shape for vote in arrays)))
    count = np.zeros(total.shape, np.int64)
    for vote in arrays:
        defined = ~np.isnan(vote)
        total += np.where(defined, vote, 0.0)
        count += defined
    return np.where(count > 0, total / np.maximum(count, 1), np.nan), count


def overall(ma: npt.ArrayLike, other: npt.ArrayLike) -> FloatArray:
    """Overall rating: mean of the two groups; the other group alone where one is empty (NaN)."""
    a, b = np.asarray(ma, np.float64), np.asarray(other, np.float64)
    return np.where(np.isnan(a), b, np.where(np.isnan(b), a, 0.5 * (a + b)))


def overall_weighted(ma: npt.ArrayLike, other: npt.ArrayLike) -> FloatArray:
    """0.574 x MA + 0.3914 x Other (semantics 3.4, mission formula); NaN where either is."""
    return WEIGHT_MA * np.asarray(ma, np.float64) + WEIGHT_OTHER * np.asarray(other, np.float64)


def label(rating: float) -> str | None:
    """Vendor's label of a rating: beyond 0.5 strong, beyond 0.1 a side, else neutral; None where undefined."""
    if np.isnan(rating):
        return None
    strength = int(abs(rating) > 0.1) + int(abs(rating) > 0.5)
    return LABELS[2 + strength if rating > 0 else 2 - strength]
