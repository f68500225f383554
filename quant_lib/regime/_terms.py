"""Terms of the composite score, and where each stands in its own past (semantics 7.2)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.regime._rules import RegimeRules

FloatArray = npt.NDArray[np.float64]


def measure_terms(returns: FloatArray, rules: RegimeRules) -> pd.DataFrame:
    """Measure every term on every session, each from a window that ends with it.

    Parameters
    ----------
    returns : array of shape (n,)
        Simple returns as fractions, oldest first, complete.
    rules : RegimeRules
        Windows.

    Returns
    -------
    DataFrame of shape (n, 8)
        Columns of `TERM_WEIGHTS` and ``stress``. NaN until a window is full, and
        where it holds no move. Each value depends on its window and nothing else.

    Notes
    -----
    Where the specification names a p-value or a capped figure, the figure itself
    is measured where it orders days alike: a percentile needs no cap. The unit
    root is tested on the logarithm of the level; that of returns is always
    rejected, so its p-value is a constant.
    """
    from quant_lib import statistics

    size, level = np.abs(returns), np.cumsum(np.log1p(np.maximum(returns, -0.999)))
    usual = rolling_deviation(returns, rules.slow)
    ratio = np.divide(
        rolling_deviation(returns, rules.fast), usual, out=np.full_like(usual, np.nan), where=usual > 1e-12
    )
    turbulence = statistics.turbulence(returns, rules.burst)
    kurtosis = statistics.moments(returns, rules.slow).kurtosis
    return pd.DataFrame(
        {
            "vol_ratio": ratio,
            "turbulence": turbulence,
            "clustering": np.maximum(statistics.autocorrelation(size, rules.slow).first_lag, 0.0),
            "entropy": statistics.permutation_entropy(returns, rules.burst, order=3),
            "hurst": 2.0 * np.abs(statistics.hurst(returns, rules.slow) - 0.5),
            "stationarity": statistics.reversion(level, rules.slow).adf_p,
            "fat_tail": np.abs(kurtosis),
            "stress": 0.7 * ratio + 0.6 * turbulence,
        }
    )


def rolling_deviation(x: FloatArray, length: int) -> FloatArray:
    """Sample standard deviation of the last ``length`` values, from those alone; NaN until there are as many."""
    out = np.full(x.shape, np.nan)
    if x.size >= length:
        out[length - 1 :] = np.lib.stride_tricks.sliding_window_view(x, length).std(axis=1, ddof=1)
    return out


def last_percentile(values: FloatArray) -> float:
    """Share of the values below the last one, equal ones counting half.

    Parameters
    ----------
    values : array of shape (n,)
        NaN where not measured; these do not count.

    Returns
    -------
    float
        Between 0 and 1, both excluded; NaN where the last value is not measured.
    """
    last = values[-1]
    known = values[~np.isnan(values)]
    if np.isnan(last) or not known.size:
        return float("nan")
    return float((np.sum(known < last) + 0.5 * np.sum(known == last)) / known.size)
