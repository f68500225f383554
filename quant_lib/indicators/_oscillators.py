"""Oscillators as TradingView computes them (spec semantics 3.7, spec tradingview 4.4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quant_lib.indicators import _kernels, _move_kernels, _recursive_kernels
from quant_lib.indicators._averages import ema, sma
from quant_lib.indicators._ranges import highest, lowest
from quant_lib.indicators._series import (
    PERCENT_TIE,
    FloatArray,
    IntArray,
    bounds,
    check_length,
    same_size,
    series,
)


def rsi(x: npt.ArrayLike, length: int = 14, offsets: IntArray | None = None) -> FloatArray:
    """Relative strength index, 0 to 100.

    Parameters
    ----------
    x : array of shape (n_bars,)
        Usually close, oldest first.
    length : int
        Bars of Wilder's smoothing.
    offsets : array of shape (n_series + 1,), optional
        Bounds of the series laid end to end in ``x``; one series by default.

    Returns
    -------
    array of shape (n_bars,)
        100 x up / (up + down); NaN until ``length + 1`` bars. 100 where nothing
        fell, a flat series included, as the vendor has it.
    """
    values = series(x)
    out = np.empty_like(values)
    _recursive_kernels.relative_strength(values, bounds(values, offsets), check_length(length), out)
    return out


@dataclass(frozen=True, slots=True)
class Stochastic:
    """Smoothed position in the range and its signal line, each of shape (n_bars,), 0 to 100."""

    k: FloatArray
    d: FloatArray


def place(x: FloatArray, top: FloatArray, floor: FloatArray, tie: float = 0.0) -> FloatArray:
    """Place of ``x`` between a floor and a top, 0 to 100; missing where they are no further apart than ``tie``."""
    out = np.empty_like(x)
    _move_kernels.place(x, floor, top, floor, tie, out)
    return out


def stochastic(
    high: npt.ArrayLike,
    low: npt.ArrayLike,
    close: npt.ArrayLike,
    length: int = 14,
    smooth_k: int = 3,
    smooth_d: int = 3,
    offsets: IntArray | None = None,
) -> Stochastic:
    """Slow stochastic: %K = SMA of the close's place in the range, %D = SMA of %K.

    NaN where the range of ``length`` bars is zero. Shapes as in `rsi`.
    """
    h, lo, c = series(high, "high"), series(low, "low"), series(close, "close")
    same_size(high=h, low=lo, close=c)
    k = sma(place(c, highest(h, length, offsets), lowest(lo, length, offsets)), smooth_k, offsets)
    return Stochastic(k, sma(k, smooth_d, offsets))


def stoch_rsi(
    x: npt.ArrayLike,
    length_rsi: int = 14,
    length: int = 14,
    smooth_k: int = 3,
    smooth_d: int = 3,
    offsets: IntArray | None = None,
) -> Stochastic:
    """Stochastic of the RSI; NaN where the RSI did not move over ``length`` bars. Shapes as in `rsi`.

    While prices stand still gains and losses decay at one rate and the RSI moves
    by rounding alone: a range within `PERCENT_TIE` is none.
    """
    return stochastic_of(rsi(x, length_rsi, offsets), length, smooth_k, smooth_d, offsets)


def stochastic_of(
    strength: FloatArray, length: int = 14, smooth_k: int = 3, smooth_d: int = 3, offsets: IntArray | None = None
) -> Stochastic:
    """Stochastic of a figure on a scale of 100 within its own range, as `stoch_rsi` of an RSI already computed."""
    top, floor = highest(strength, length, offsets), lowest(strength, length, offsets)
    k = sma(place(strength, top, floor, PERCENT_TIE), smooth_k, offsets)
    return Stochastic(k, sma(k, smooth_d, offsets))


def williams_r(
    high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike, length: int = 14, offsets: IntArray | None = None
) -> FloatArray:
    """Williams %R, -100 to 0; NaN where the range of ``length`` bars is zero. Shapes as in `rsi`."""
    h, lo, c = series(high, "high"), series(low, "low"), series(close, "close")
    same_size(high=h, low=lo, close=c)
    return williams_of(c, highest(h, length, offsets), lowest(lo, length, offsets))


def williams_of(close: FloatArray, top: FloatArray, floor: FloatArray) -> FloatArray:
    """Williams %R from the extremes of its window; see `williams_r`."""
    out = np.empty_like(close)
    _move_kernels.place(close, top, top, floor, 0.0, out)
    return out


def cci(
    high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike, length: int = 20, offsets: IntArray | None = None
) -> FloatArray:
    """Commodity channel index of the typical price (high + low + close) / 3.

    (price - SMA) / (0.015 x mean absolute deviation); NaN where the deviation
    is zero. Shapes as in `rsi`.
    """
    h, lo, c = series(high, "high"), series(low, "low"), series(close, "close")
    same_size(high=h, low=lo, close=c)
    typical = (h + lo + c) / 3.0
    out = np.empty_like(typical)
    middle = sma(typical, length, offsets)
    _kernels.mean_deviation_ratio(typical, middle, bounds(typical, offsets), length, out)
    return out


def awesome(high: npt.ArrayLike, low: npt.ArrayLike, offsets: IntArray | None = None) -> FloatArray:
    """Awesome oscillator, SMA(5) less SMA(34) of (high + low) / 2, in price units; shapes as in `rsi`."""
    middle = 0.5 * (series(high, "high") + series(low, "low"))
    return sma(middle, 5, offsets) - sma(middle, 34, offsets)


def momentum(x: npt.ArrayLike, length: int = 10, offsets: IntArray | None = None) -> FloatArray:
    """Value less the value ``length`` bars ago, same unit as ``x``; shapes as in `rsi`."""
    values = series(x)
    out = np.empty_like(values)
    _move_kernels.difference(values, bounds(values, offsets), check_length(length), out)
    return out


@dataclass(frozen=True, slots=True)
class Macd:
    """MACD line, its signal and the difference, each of shape (n_bars,), in price units."""

    line: FloatArray
    signal: FloatArray
    hist: FloatArray


def macd(x: npt.ArrayLike, fast: int = 12, slow: int = 26, signal: int = 9, offsets: IntArray | None = None) -> Macd:
    """MACD, moving average convergence divergence: EMA(fast) - EMA(slow), its EMA(signal); shapes as in `rsi`."""
    values = series(x)
    sizes = np.array([check_length(length) for length in (fast, slow, signal)], np.int64)
    made = Macd(*(np.empty_like(values) for _ in range(3)))
    alphas = np.asarray(2.0 / (sizes + 1.0), np.float64)
    _recursive_kernels.macd(values, bounds(values, offsets), sizes, alphas, made.line, made.signal, made.hist)
    return made


@dataclass(frozen=True, slots=True)
class BullBear:
    """Elder's bull and bear power, each of shape (n_bars,), in price units."""

    bull: FloatArray
    bear: FloatArray

    @property
    def total(self) -> FloatArray:
        """Bull plus bear power, the value the vendor shows."""
        return self.bull + self.bear


def bull_bear(
    high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike, length: int = 13, offsets: IntArray | None = None
) -> BullBear:
    """Bull power high - EMA(close) and bear power low - EMA(close); shapes as in `rsi`."""
    middle = ema(close, length, offsets)
    return BullBear(series(high, "high") - middle, series(low, "low") - middle)


def ultimate(
    high: npt.ArrayLike,
    low: npt.ArrayLike,
    close: npt.ArrayLike,
    lengths: tuple[int, int, int] = (7, 14, 28),
    offsets: IntArray | None = None,
) -> FloatArray:
    """Ultimate oscillator, 0 to 100: buying pressure over true range, weights 4, 2, 1 over three windows.

    NaN where a window's true range is zero. Shapes as in `rsi`.
    """
    h, lo, c = series(high, "high"), series(low, "low"), series(close, "close")
    same_size(high=h, low=lo, close=c)
    out = np.empty_like(c)
    sizes = np.array([check_length(length) for length in lengths], np.int64)
    _move_kernels.ultimate(h, lo, c, bounds(c, offsets), sizes, out)
    return out
