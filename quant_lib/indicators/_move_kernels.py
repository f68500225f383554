"""Compiled loops of the indicators that look at moves: RSI, directional movement, ranges. See `_kernels`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

import numba
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]
    IntArray = npt.NDArray[np.int64]

_Kernel = TypeVar("_Kernel", bound=Callable[..., None])


def _compiled(kernel: _Kernel) -> _Kernel:
    """Compile on first call, release the GIL, keep the machine code beside the source; x / 0 is IEEE, as in numpy."""
    return cast("_Kernel", numba.njit(nogil=True, cache=True, fastmath=False, error_model="numpy")(kernel))


@_compiled
def relative_strength(x: FloatArray, offsets: IntArray, n: int, out: FloatArray) -> None:
    """Share of rises in the smoothed moves, in percent; 100 where nothing fell."""
    alpha = 1.0 / n
    for s in range(offsets.size - 1):
        known = 0
        first_up, first_down, up, down = 0.0, 0.0, 0.0, 0.0
        previous = np.nan
        for i in range(offsets[s], offsets[s + 1]):
            move = x[i] - previous
            previous = x[i]
            out[i] = np.nan
            if np.isnan(move):
                continue
            known += 1
            rise, fall = max(move, 0.0), max(-move, 0.0)
            if known > n:
                up += alpha * (rise - up)
                down += alpha * (fall - down)
            elif known == 1:
                first_up, first_down = rise, fall
            else:
                up += rise - first_up
                down += fall - first_down
            if known == n:
                up, down = first_up + up / n, first_down + down / n
            if known >= n:
                out[i] = 100.0 if down == 0.0 else 100.0 * (up / (up + down))


@_compiled
def true_range(
    high: FloatArray, low: FloatArray, close: FloatArray, offsets: IntArray, first_bar: bool, out: FloatArray
) -> None:
    """Reach of each bar, the close before it included; the first bar's own range where ``first_bar``."""
    for s in range(offsets.size - 1):
        previous = np.nan
        for i in range(offsets[s], offsets[s + 1]):
            h, lo = high[i], low[i]
            if i == offsets[s] and first_bar:
                out[i] = h - lo
            else:
                reach = max(h - lo, max(abs(h - previous), abs(lo - previous)))
                out[i] = np.nan if np.isnan(h + lo + previous) else reach
            previous = close[i]


@_compiled
def directional(
    high: FloatArray,
    low: FloatArray,
    reach: FloatArray,
    offsets: IntArray,
    n: int,
    smoothing: int,
    tie: float,
    plus: FloatArray,
    minus: FloatArray,
    adx: FloatArray,
) -> None:
    """+DI, -DI and ADX from highs, lows and true ranges; a move counts if it beats the other by more than the tie."""
    alpha, beta = 1.0 / n, 1.0 / smoothing
    for s in range(offsets.size - 1):
        moves, ranges, indices = 0, 0, 0
        first_up, first_down, first_range, first_index = 0.0, 0.0, 0.0, 0.0
        up, down, span, index = 0.0, 0.0, 0.0, 0.0
        h1, lo1 = np.nan, np.nan
        for i in range(offsets[s], offsets[s + 1]):
            plus[i], minus[i], adx[i] = np.nan, np.nan, np.nan
            rise, fall = high[i] - h1, lo1 - low[i]
            h1, lo1 = high[i], low[i]
            moved = not (np.isnan(rise) or np.isnan(fall))
            if moved:
                moves += 1
                equal = tie * h1
                gain = rise if rise - fall > equal and rise > 0.0 else 0.0
                loss = fall if fall - rise > equal and fall > 0.0 else 0.0
                if moves > n:
                    up += alpha * (gain - up)
                    down += alpha * (loss - down)
                elif moves == 1:
                    first_up, first_down = gain, loss
                else:
                    up += gain - first_up
                    down += loss - first_down
                if moves == n:
                    up, down = first_up + up / n, first_down + down / n
            if np.isnan(reach[i]):
                continue
            ranges += 1
            if ranges > n:
                span += alpha * (reach[i] - span)
            elif ranges == 1:
                first_range = reach[i]
            else:
                span += reach[i] - first_range
            if ranges == n:
                span = first_range + span / n
            if not moved or moves < n or ranges < n or span == 0.0:
                continue
            # A move never exceeds the true range of its bar, so a share above 100 can only be rounding.
            plus[i] = min(100.0 * (up / span), 100.0)
            minus[i] = min(100.0 * (down / span), 100.0)
            both = plus[i] + minus[i]
            dx = 0.0 if both == 0.0 else 100.0 * (abs(plus[i] - minus[i]) / both)
            indices += 1
            if indices > smoothing:
                index += beta * (dx - index)
            elif indices == 1:
                first_index = dx
            else:
                index += dx - first_index
            if indices == smoothing:
                index = first_index + index / smoothing
            if indices >= smoothing:
                adx[i] = index


@_compiled
def place(x: FloatArray, top: FloatArray, floor: FloatArray, tie: float, out: FloatArray) -> None:
    """Place of ``x`` between floor and top in percent; missing where they are no further apart than ``tie``."""
    for i in range(x.size):
        reach = top[i] - floor[i]
        out[i] = 100.0 * ((x[i] - floor[i]) / reach) if reach > tie else np.nan


@_compiled
def pressure(
    high: FloatArray, low: FloatArray, close: FloatArray, offsets: IntArray, bought: FloatArray, reach: FloatArray
) -> None:
    """How far each close stands above the lower of low and previous close, and the true range."""
    for s in range(offsets.size - 1):
        previous = np.nan
        for i in range(offsets[s], offsets[s + 1]):
            floor, top = min(low[i], previous), max(high[i], previous)
            known = not np.isnan(high[i] + low[i] + previous)
            bought[i] = close[i] - floor if known else np.nan
            reach[i] = top - floor if known else np.nan
            previous = close[i]


@_compiled
def weigh_pressure(means: FloatArray, out: FloatArray) -> None:
    """Ultimate oscillator from means of pressure (rows 0 to 2) and of range (3 to 5); missing where a range is 0."""
    for i in range(out.size):
        fast, middle, slow = means[0, i] / means[3, i], means[1, i] / means[4, i], means[2, i] / means[5, i]
        made = 100.0 * (4.0 * fast + 2.0 * middle + slow) / 7.0
        out[i] = made if means[3, i] != 0.0 and means[4, i] != 0.0 and means[5, i] != 0.0 else np.nan
