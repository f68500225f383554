"""Moving averages as TradingView computes them (spec semantics 3.7, spec tradingview 4.4)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quant_lib.indicators import _kernels, _recursive_kernels
from quant_lib.indicators._series import FloatArray, IntArray, bounds, check_length, same_size, series


def sma(x: npt.ArrayLike, length: int, offsets: IntArray | None = None, out: FloatArray | None = None) -> FloatArray:
    """Average the last ``length`` bars (SMA).

    Parameters
    ----------
    x : array of shape (n_bars,)
        Any series, oldest first; NaN marks a missing bar.
    length : int
        Bars in the window.
    offsets : array of shape (n_series + 1,), optional
        Bounds of the series laid end to end in ``x``; one series by default.
    out : array of shape (n_bars,), optional
        Where to write.

    Returns
    -------
    array of shape (n_bars,)
        Same unit as ``x``; NaN until ``length`` bars and where the window holds a NaN.

    Raises
    ------
    IndicatorInputError
        Where the length is not positive or the offsets are not bounds.
    """
    values = series(x)
    made = np.empty_like(values) if out is None else out
    sizes = np.array([check_length(length)], np.int64)
    _kernels.means(values, bounds(values, offsets), sizes, made.reshape(1, -1))
    return made


def smas(
    x: npt.ArrayLike, lengths: Sequence[int], offsets: IntArray | None = None, out: FloatArray | None = None
) -> FloatArray:
    """Several simple averages in one pass, each bit-equal to `sma`; shapes as in `emas`."""
    values = series(x)
    made = np.empty((len(lengths), values.size)) if out is None else out
    sizes = np.array([check_length(length) for length in lengths], np.int64)
    _kernels.means(values, bounds(values, offsets), sizes, made)
    return made


def _smoothed(x: npt.ArrayLike, length: int, alpha: float, offsets: IntArray | None) -> FloatArray:
    values = series(x)
    out = np.empty_like(values)
    _recursive_kernels.smooth(values, bounds(values, offsets), length, alpha, out)
    return out


def ema(x: npt.ArrayLike, length: int, offsets: IntArray | None = None) -> FloatArray:
    """Exponential moving average, alpha = 2 / (length + 1), seeded with the mean of the first ``length`` values.

    Shapes and errors as in `sma`. A missing bar gives a missing value and
    leaves the average as it was.
    """
    return _smoothed(x, check_length(length), 2.0 / (length + 1.0), offsets)


def emas(
    x: npt.ArrayLike, lengths: Sequence[int], offsets: IntArray | None = None, out: FloatArray | None = None
) -> FloatArray:
    """Several exponential moving averages in one pass, each bit-equal to `ema`.

    Parameters
    ----------
    x : array of shape (n_bars,)
        Any series, oldest first; NaN marks a missing bar.
    lengths : sequence of int
        Length of each average.
    offsets : array of shape (n_series + 1,), optional
        Bounds of the series laid end to end in ``x``; one series by default.
    out : array of shape (n_lengths, n_bars), optional
        Where to write.

    Returns
    -------
    array of shape (n_lengths, n_bars)
        One average a row.
    """
    values = series(x)
    made = np.empty((len(lengths), values.size)) if out is None else out
    sizes = np.array([check_length(length) for length in lengths], np.int64)
    _recursive_kernels.smooth_all(
        values, bounds(values, offsets), sizes, np.asarray(2.0 / (sizes + 1.0), np.float64), made
    )
    return made


def rma(x: npt.ArrayLike, length: int, offsets: IntArray | None = None) -> FloatArray:
    """Wilder's smoothing, alpha = 1 / length; seed, shapes and missing bars as in `ema`."""
    return _smoothed(x, check_length(length), 1.0 / length, offsets)


def wma(x: npt.ArrayLike, length: int, offsets: IntArray | None = None) -> FloatArray:
    """Linearly weighted moving average, the newest bar weighs ``length``; shapes and errors as in `sma`."""
    values = series(x)
    out = np.empty_like(values)
    _kernels.weighted_mean(values, bounds(values, offsets), check_length(length), out)
    return out


def hma(x: npt.ArrayLike, length: int, offsets: IntArray | None = None) -> FloatArray:
    """Hull moving average: WMA(2 WMA(n // 2) - WMA(n), floor(sqrt n)); shapes and errors as in `sma`."""
    check_length(length, 2)
    fast = wma(x, length // 2, offsets)
    return wma(2.0 * fast - wma(x, length, offsets), math.isqrt(length), offsets)


def vwma(x: npt.ArrayLike, volume: npt.ArrayLike, length: int, offsets: IntArray | None = None) -> FloatArray:
    """Volume-weighted moving average, sum(x v) / sum(v).

    Shapes and errors as in `sma`. NaN where the window's volume is zero or any
    of it is unknown.
    """
    values, traded = series(x), series(volume, "volume")
    same_size(x=values, volume=traded)
    out = np.empty_like(values)
    _kernels.volume_mean(values, traded, bounds(values, offsets), check_length(length), out)
    return out


def rolling_std(x: npt.ArrayLike, length: int, ddof: int = 0, offsets: IntArray | None = None) -> FloatArray:
    """Compute the standard deviation over ``length`` bars, divisor ``length - ddof``; shapes and errors as in `sma`."""
    values = series(x)
    out = np.empty_like(values)
    middle = sma(values, check_length(length, ddof + 1), offsets)
    _kernels.deviation(values, middle, bounds(values, offsets), length, ddof, out)
    return out


@dataclass(frozen=True, slots=True)
class Bollinger:
    """Bollinger bands, each of shape (n_bars,), same unit as the series."""

    upper: FloatArray
    middle: FloatArray
    lower: FloatArray


def bollinger(x: npt.ArrayLike, length: int = 20, sigmas: float = 2.0, offsets: IntArray | None = None) -> Bollinger:
    """Bollinger bands: SMA and ``sigmas`` population deviations around it; shapes and errors as in `sma`."""
    values = series(x)
    at = bounds(values, offsets)
    made = Bollinger(np.empty_like(values), sma(values, length, at), np.empty_like(values))
    _kernels.bands(values, made.middle, at, length, sigmas, made.upper, made.lower)
    return made


def rolling_median(x: npt.ArrayLike, length: int, offsets: IntArray | None = None) -> FloatArray:
    """Median over ``length`` bars; shapes and errors as in `sma`."""
    values = series(x)
    out = np.empty_like(values)
    _kernels.median(values, bounds(values, offsets), check_length(length), out)
    return out
