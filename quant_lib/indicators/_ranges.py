"""Channels, ranges and directional movement (spec semantics 3.7, 3.8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quant_lib.indicators import _kernels, _move_kernels, _recursive_kernels
from quant_lib.indicators._series import (
    PRICE_TIE,
    FloatArray,
    IntArray,
    bounds,
    check_length,
    lag,
    same_size,
    series,
)


def highest(x: npt.ArrayLike, length: int, offsets: IntArray | None = None) -> FloatArray:
    """Highest value of the last ``length`` bars, the current one included.

    Parameters
    ----------
    x : array of shape (n_bars,)
        Any series, oldest first.
    length : int
        Bars in the window.
    offsets : array of shape (n_series + 1,), optional
        Bounds of the series laid end to end in ``x``; one series by default.

    Returns
    -------
    array of shape (n_bars,)
        Same unit as ``x``; NaN until ``length`` bars and where the window holds a NaN.
    """
    return extremes(x, (length,), 1.0, offsets).ravel()


def lowest(x: npt.ArrayLike, length: int, offsets: IntArray | None = None) -> FloatArray:
    """Lowest value of the last ``length`` bars, the current one included; shapes as in `highest`."""
    return extremes(x, (length,), -1.0, offsets).ravel()


def extremes(
    x: npt.ArrayLike, lengths: Sequence[int], sign: float = 1.0, offsets: IntArray | None = None
) -> FloatArray:
    """Several windows in one pass, (n_lengths, n_bars): `highest`, or `lowest` for a ``sign`` of -1."""
    values = series(x)
    out = np.empty((len(lengths), values.size))
    sizes = np.array([check_length(length) for length in lengths], np.int64)
    _kernels.extremes(values, bounds(values, offsets), sizes, sign, out)
    return out


def midpoint(high: npt.ArrayLike, low: npt.ArrayLike, length: int, offsets: IntArray | None = None) -> FloatArray:
    """Half-way between the highest high and the lowest low of ``length`` bars; shapes as in `highest`."""
    return 0.5 * (highest(high, length, offsets) + lowest(low, length, offsets))


def donchian(
    high: npt.ArrayLike, low: npt.ArrayLike, length: int, offsets: IntArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Upper and lower Donchian channel of the ``length`` bars BEFORE the current one.

    A close above the upper channel is a breakout; a channel that included the
    current bar could never be broken. Shapes as in `highest`.
    """
    return lag(highest(high, length, offsets), 1, offsets), lag(lowest(low, length, offsets), 1, offsets)


@dataclass(frozen=True, slots=True)
class Ichimoku:
    """Ichimoku lines, none of them displaced; each of shape (n_bars,), in price units."""

    conversion: FloatArray
    base: FloatArray
    lead1: FloatArray
    lead2: FloatArray


def ichimoku(high: npt.ArrayLike, low: npt.ArrayLike, offsets: IntArray | None = None) -> Ichimoku:
    """Ichimoku 9 / 26 / 52 before displacement: midpoints of 9 and 26 bars, their mean, midpoint of 52."""
    conversion = midpoint(high, low, 9, offsets)
    base = midpoint(high, low, 26, offsets)
    return Ichimoku(conversion, base, 0.5 * (conversion + base), midpoint(high, low, 52, offsets))


def true_range(
    high: npt.ArrayLike,
    low: npt.ArrayLike,
    close: npt.ArrayLike,
    offsets: IntArray | None = None,
    *,
    first_bar: bool = False,
) -> FloatArray:
    """Largest of high - low, |high - previous close|, |low - previous close|, in price units.

    Parameters
    ----------
    high, low, close : array of shape (n_bars,)
        Prices of the bars.
    offsets : array of shape (n_series + 1,), optional
        Bounds of the series laid end to end; one series by default.
    first_bar : bool
        Give high - low for the first bar of a series, which has no previous
        close (Pine's ``ta.tr(true)``); NaN otherwise.
    """
    h, lo, c = series(high, "high"), series(low, "low"), series(close, "close")
    same_size(high=h, low=lo, close=c)
    out = np.empty_like(c)
    _move_kernels.true_range(h, lo, c, bounds(c, offsets), first_bar, out)
    return out


def atr(
    high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike, length: int = 14, offsets: IntArray | None = None
) -> FloatArray:
    """Average true range: Wilder's smoothing of the true range, the first bar's high - low included.

    TradingView's exports of ``ta.atr`` start one bar earlier than a seed without
    the first bar would, and at its value. Shapes and unit as in `true_range`.
    """
    h, lo, c = series(high, "high"), series(low, "low"), series(close, "close")
    same_size(high=h, low=lo, close=c)
    out = np.empty_like(c)
    _recursive_kernels.average_range(h, lo, c, bounds(c, offsets), check_length(length), out)
    return out


@dataclass(frozen=True, slots=True)
class DirectionalMovement:
    """Directional indicators and their average index, each of shape (n_bars,), 0 to 100."""

    plus: FloatArray
    minus: FloatArray
    adx: FloatArray


def dmi(
    high: npt.ArrayLike,
    low: npt.ArrayLike,
    close: npt.ArrayLike,
    length: int = 14,
    smoothing: int = 14,
    offsets: IntArray | None = None,
) -> DirectionalMovement:
    """Wilder's directional movement: +DI, -DI over ``length`` bars and ADX over ``smoothing`` more.

    The true range and the movements start at the second bar. DX is 0 where
    neither side moved; everything is NaN while no bar has had any range.
    Shapes as in `true_range`.
    """
    h, lo = series(high, "high"), series(low, "low")
    reach = true_range(h, lo, close, offsets)
    made = DirectionalMovement(*(np.empty_like(h) for _ in range(3)))
    at, n, smooth = bounds(h, offsets), check_length(length), check_length(smoothing)
    _move_kernels.directional(h, lo, reach, at, n, smooth, PRICE_TIE, made.plus, made.minus, made.adx)
    return made
