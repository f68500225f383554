"""Rolling statistics over one series or many laid end to end (spec semantics 3.9, 3.12)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from quant_lib.indicators import _kernels as averages
from quant_lib.indicators._series import (
    PRICE_TIE,
    FloatArray,
    IndicatorInputError,
    IntArray,
    bounds,
    check_length,
    same_size,
    series,
)
from quant_lib.statistics import _memory_kernels, _tail_kernels

_UNIT: Final = float(1 << 40)
"""Whole-number unit of ``c ln c``: its rounding is 1e-12, its largest sum far inside 64 bits."""

HALF_LIFE_BOUNDS: Final = (0.5, 500.0)
MEMORY_LAGS: Final = 20
MEMORY_THRESHOLD: Final = 0.02
MOST_IDLE: Final = 0.05
"""Share of bars without movement from which an asset did not really trade through a stress window."""

_ADF_SMALL: Final = (2.1659, 1.4412, 0.038269)
_ADF_LARGE: Final = (1.7339, 0.93202, -0.12745, -0.010368)
_ADF_STAR, _ADF_MIN, _ADF_MAX = -1.61, -18.83, 2.74


def permutation_entropy(x: npt.ArrayLike, length: int, order: int = 5, offsets: IntArray | None = None) -> FloatArray:
    """Permutation entropy of the last ``length`` values, over its maximum ln(order!).

    Parameters
    ----------
    x : array of shape (n_bars,)
        Returns, oldest first; NaN marks a missing one.
    length : int
        Values in the window; it holds ``length - order + 1`` ordinal patterns.
    order : int
        Neighbours of a pattern, 2 to 7; delay 1.
    offsets : array of shape (n_series + 1,), optional
        Bounds of the series laid end to end in ``x``; one series by default.

    Returns
    -------
    array of shape (n_bars,)
        0 (one pattern) to 1; NaN until ``length`` values and where the window
        holds a NaN. Short windows cannot reach 1: see `noise_percentile`.

    Raises
    ------
    IndicatorInputError
        Where a length or the order is out of range.

    Notes
    -----
    Bandt and Pompe (2002). Equal neighbours count as rising.
    """
    if not 2 <= order <= 7:
        raise IndicatorInputError("order", str(order), "2 to 7")
    values = series(x)
    out = np.empty_like(values)
    table = _count_log_count(check_length(length, order) - order + 1)
    _memory_kernels.permutation_entropy(values, bounds(values, offsets), length, order, table, _UNIT, out)
    return np.minimum(out, 1.0)


@lru_cache(maxsize=32)
def _count_log_count(patterns: int) -> IntArray:
    return np.array([round(c * math.log(c) * _UNIT) if c else 0 for c in range(patterns + 2)], np.int64)


def hurst_lags(length: int) -> tuple[int, ...]:
    """Lags of the rescaled range: powers of two from 8 to half the window."""
    lags = tuple(2**k for k in range(3, 10) if 2**k <= length // 2)
    if len(lags) < 2:
        raise IndicatorInputError("length", str(length), "at least 32, so that two lags fit")
    return lags


@lru_cache(maxsize=64)
def expected_rescaled_range(lag: int) -> float:
    """Mean of R/S over ``lag`` independent normal values (Anis and Lloyd, 1976)."""
    factor = math.exp(math.lgamma(0.5 * (lag - 1)) - math.lgamma(0.5 * lag)) / math.sqrt(math.pi)
    return factor * math.fsum(math.sqrt((lag - r) / r) for r in range(1, lag))


def hurst(x: npt.ArrayLike, length: int, offsets: IntArray | None = None) -> FloatArray:
    """Hurst exponent of the last ``length`` values by rescaled range, corrected for its bias in short windows.

    The classical slope of ln(R/S) on ln(lag) is 0.58 for noise; here the
    expectation of R/S under noise is taken out first, which puts noise at a half.

    Returns
    -------
    array of shape (n_bars,)
        0 to 1; NaN where the window is incomplete or nothing in it moved.
        Parameters, shapes and errors as in `permutation_entropy`.
    """
    values = series(x)
    out = np.empty_like(values)
    lags = hurst_lags(length)
    expected = np.log([expected_rescaled_range(lag) for lag in lags])
    log_lag = np.log(np.array(lags, np.float64))
    away, sizes = log_lag - log_lag.mean(), np.array(lags, np.int64)
    _memory_kernels.rescaled_range(values, bounds(values, offsets), length, sizes, away, expected, out)
    return out


def efficiency(x: npt.ArrayLike, length: int, offsets: IntArray | None = None) -> FloatArray:
    """Efficiency ratio |sum r| / sum |r| of the last ``length`` returns, 0 where nothing moved (Kaufman, 1995)."""
    values = series(x)
    at, n = bounds(values, offsets), check_length(length)
    return efficiency_of(_mean(values, at, n), _mean(np.abs(values), at, n), n)


def efficiency_of(mean: FloatArray, mean_absolute: FloatArray, length: int) -> FloatArray:
    """Efficiency ratio from the mean and the mean absolute return of ``length``; see `efficiency`."""
    moved = mean_absolute * length > 1e-12
    share = np.divide(np.abs(mean), mean_absolute, out=np.zeros_like(mean), where=moved)
    return np.where(np.isnan(mean_absolute), np.nan, np.minimum(share, 1.0))


def turbulence(x: npt.ArrayLike, length: int = 64, level: int = 3, offsets: IntArray | None = None) -> FloatArray:
    """Share of the energy of the last ``length`` returns in ``level`` levels of Haar details; NaN without any."""
    values = series(x)
    block = 2**level
    if length % block:
        raise IndicatorInputError("length", str(length), f"a multiple of {block}")
    out = np.empty_like(values)
    _memory_kernels.haar_detail(values, bounds(values, offsets), check_length(length), block, out)
    return out


@dataclass(frozen=True, slots=True)
class Moments:
    """Moments of a window around its mean, population, each of shape (n_bars,).

    Parameters
    ----------
    variance, skew, kurtosis : array
        Mean squared deviation; skewness; excess kurtosis. The latter two are NaN where all values are equal.
    """

    variance: FloatArray
    skew: FloatArray
    kurtosis: FloatArray


def moments(x: npt.ArrayLike, length: int, offsets: IntArray | None = None, mean: FloatArray | None = None) -> Moments:
    """Variance, skewness and excess kurtosis of the last ``length`` values; ``mean`` where it is known already."""
    values = series(x)
    at, n = bounds(values, offsets), check_length(length, 3)
    made = Moments(*(np.empty_like(values) for _ in range(3)))
    middle = _mean(values, at, n) if mean is None else mean
    _tail_kernels.moments(values, middle, at, n, made.variance, made.skew, made.kurtosis)
    return made


def _mean(values: FloatArray, offsets: IntArray, length: int) -> FloatArray:
    out = np.empty_like(values)
    averages.means(values, offsets, np.array([length], np.int64), out.reshape(1, -1))
    return out


@dataclass(frozen=True, slots=True)
class Tails:
    """Both tails of a window of returns, each of shape (n_bars,), as fractions.

    Parameters
    ----------
    var_95, cvar_95 : array
        5 % quantile (linear), and the mean of the returns at or below it.
    upper_95, gain_95 : array
        95 % quantile, and the mean of the returns beyond it (0 where there is none).
    """

    var_95: FloatArray
    cvar_95: FloatArray
    upper_95: FloatArray
    gain_95: FloatArray


def tails(x: npt.ArrayLike, length: int, offsets: IntArray | None = None) -> Tails:
    """Historical tail risk and tail gain of the last ``length`` returns; shapes as in `permutation_entropy`."""
    values = series(x)
    made = Tails(*(np.empty_like(values) for _ in range(4)))
    _tail_kernels.tails(
        values, bounds(values, offsets), check_length(length, 2), made.var_95, made.cvar_95, made.upper_95, made.gain_95
    )
    return made


def standardised_tails(x: npt.ArrayLike, length: int, offsets: IntArray | None = None) -> Tails:
    """Both tails in standard deviations of the window from its mean: what remains of `tails` without level and scale.

    Shapes as in `permutation_entropy`; NaN where the window does not vary.
    """
    values = series(x)
    at = bounds(values, offsets)
    mean = _mean(values, at, length)
    variance = moments(values, length, at, mean).variance
    return in_deviations(tails(values, length, at), mean, variance)


def in_deviations(figures: Tails, mean: FloatArray, variance: FloatArray) -> Tails:
    """`standardised_tails` of tails whose window's mean and variance (divisor n) are known."""
    deviation = np.sqrt(np.where(variance > 0.0, variance, np.nan))
    parts = (figures.var_95, figures.cvar_95, figures.upper_95, figures.gain_95)
    return Tails(*((part - mean) / deviation for part in parts))


@dataclass(frozen=True, slots=True)
class Autocorrelation:
    """Measure the serial dependence of a window, each of shape (n_bars,).

    Parameters
    ----------
    first_lag : array
        Correlation of each value with the one before, -1 to 1.
    ljung_box_p : array
        Smallest Ljung-Box p-value of lags 1 to 5.
    depth : array
        Lags in a row, from the first, whose autocorrelation exceeds 0.02; at most 20.
    """

    first_lag: FloatArray
    ljung_box_p: FloatArray
    depth: FloatArray


def autocorrelation(
    x: npt.ArrayLike, length: int, offsets: IntArray | None = None, mean: FloatArray | None = None
) -> Autocorrelation:
    """Measure the serial dependence of the last ``length`` values; NaN where all are equal (Ljung and Box, 1978)."""
    values = series(x)
    made = Autocorrelation(*(np.empty_like(values) for _ in range(3)))
    at, n = bounds(values, offsets), check_length(length, MEMORY_LAGS + 2)
    _memory_kernels.autocorrelation(
        values,
        _mean(values, at, n) if mean is None else mean,
        at,
        n,
        MEMORY_LAGS,
        MEMORY_THRESHOLD,
        made.first_lag,
        made.ljung_box_p,
        made.depth,
    )
    return made


@dataclass(frozen=True, slots=True)
class Reversion:
    """How a window of levels returns to its mean, each of shape (n_bars,).

    Parameters
    ----------
    half_life : array
        Bars in which half of the distance to the mean is lost, -ln 2 / slope of the change on the level before, 0.5 to
        500. 500, the upper bound, also stands where the level does not revert at all.
    adf_p : array
        P-value of a unit root: augmented Dickey-Fuller with a constant and one lagged change, by MacKinnon's (1994)
        response surface. Small where the level reverts.
    """

    half_life: FloatArray
    adf_p: FloatArray


def reversion(level: npt.ArrayLike, length: int, offsets: IntArray | None = None) -> Reversion:
    """Half-life and unit-root test of the last ``length`` levels; NaN where they do not move.

    Give logarithms of prices. Shapes and errors as in `permutation_entropy`.
    """
    values = series(level)
    speed, statistic = np.empty_like(values), np.empty_like(values)
    _memory_kernels.reversion(values, bounds(values, offsets), check_length(length, 10), speed, statistic)
    least, most = HALF_LIFE_BOUNDS
    bars = np.full_like(speed, most)
    np.divide(-math.log(2.0), speed, out=bars, where=speed < 0.0)
    return Reversion(np.where(np.isnan(speed), np.nan, np.clip(bars, least, most)), _mackinnon(statistic))


def _mackinnon(statistic: FloatArray) -> FloatArray:
    from scipy.special import ndtr

    small = np.polynomial.polynomial.polyval(statistic, _ADF_SMALL)
    large = np.polynomial.polynomial.polyval(statistic, _ADF_LARGE)
    p: FloatArray = ndtr(np.where(statistic <= _ADF_STAR, small, large))
    return np.where(statistic > _ADF_MAX, 1.0, np.where(statistic < _ADF_MIN, 0.0, p))


def max_drawdown(price: npt.ArrayLike, length: int, offsets: IntArray | None = None) -> FloatArray:
    """Deepest fall from a peak within the last ``length`` prices, as a fraction of the peak, -1 to 0."""
    values = series(price)
    out = np.empty_like(values)
    _tail_kernels.drawdown(values, bounds(values, offsets), check_length(length, 2), out)
    return out


def rolling_slope(x: npt.ArrayLike, length: int, offsets: IntArray | None = None) -> FloatArray:
    """Least-squares slope per bar of the last ``length`` values."""
    values = series(x)
    out = np.empty_like(values)
    _tail_kernels.slope(values, bounds(values, offsets), check_length(length, 2), out)
    return out


def bars_since_turn(
    price: npt.ArrayLike, average: npt.ArrayLike, least: int = 60, offsets: IntArray | None = None
) -> FloatArray:
    """Bars since the price last changed sides of its average, 0 on the day of the change; NaN before bar ``least``."""
    p, a = series(price), series(average, "average")
    same_size(price=p, average=a)
    out = np.empty_like(p)
    _memory_kernels.since_turn(p - a, PRICE_TIE * p, bounds(p, offsets), check_length(least), out)
    return out


def survival(
    returns: npt.ArrayLike,
    day: IntArray,
    windows: Sequence[tuple[int, int]],
    offsets: IntArray | None = None,
) -> FloatArray:
    """Share of stress windows the asset traded through, of those that are over and that it was there for.

    Parameters
    ----------
    returns : array of shape (n_bars,)
        Daily returns as fractions.
    day : array of shape (n_bars,)
        Days since 1970-01-01 of the bars.
    windows : sequence of (first day, last day)
        Stress windows, both ends included, in the same days.
    offsets : array of shape (n_series + 1,), optional
        Bounds of the series; one by default.

    Returns
    -------
    array of shape (n_bars,)
        0 to 1. NaN where the asset has been there for none of them: unknown, not failed.
    """
    r = series(returns)
    starts, ends = (np.array([window[side] for window in windows], np.int64) for side in (0, 1))
    out = np.empty_like(r)
    _tail_kernels.survival(r, np.require(day, np.int64, ["C"]), bounds(r, offsets), starts, ends, MOST_IDLE, out)
    return out
