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
def difference(x: FloatArray, offsets: IntArray, bars: int, out: FloatArray) -> None:
    """Value less the one ``bars`` bars before."""
    for s in range(offsets.size - 1):
        first, last = offsets[s], offsets[s + 1]
        edge = min(first + bars, last)
        out[first:edge] = np.nan
        made, new, old = out[edge:last], x[edge:last], x[first:last]
        for i in range(made.size):
            made[i] = new[i] - old[i]


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
def place(x: FloatArray, base: FloatArray, top: FloatArray, floor: FloatArray, tie: float, out: FloatArray) -> None:
    """``x`` less ``base`` in percent of the way from floor to top; missing where that is no longer than ``tie``."""
    for i in range(x.size):
        reach = top[i] - floor[i]
        out[i] = 100.0 * ((x[i] - base[i]) / reach) if reach > tie else np.nan


@_compiled
def ultimate(
    high: FloatArray, low: FloatArray, close: FloatArray, offsets: IntArray, lengths: IntArray, out: FloatArray
) -> None:
    """Buying pressure over true range in three windows, weighed 4, 2, 1; missing where a window had no range.

    Sums of what is never negative lose nothing to each other, so they double without an anchor.
    """
    longest = 0
    for s in range(offsets.size - 1):
        longest = max(longest, offsets[s + 1] - offsets[s])
    power, spare = np.empty((2, longest), np.float64), np.empty((2, longest), np.float64)
    sums = np.empty((6, longest), np.float64)
    most = max(lengths[0], max(lengths[1], lengths[2]))
    for s in range(offsets.size - 1):
        first, last = offsets[s], offsets[s + 1]
        size = last - first
        h, lo, c, made = high[first:last], low[first:last], close[first:last], out[first:last]
        if size <= most:
            made[:] = np.nan
            continue
        power[0, 0], power[1, 0] = np.nan, np.nan  # the first bar has no close before it
        bought, reach = power[0, 1:size], power[1, 1:size]
        for i in range(size - 1):
            floor = c[i] if c[i] < lo[i + 1] else lo[i + 1]
            top = c[i] if c[i] > h[i + 1] else h[i + 1]
            none = 0.0 * (c[i] + lo[i + 1] + h[i + 1])  # missing where one of them is
            bought[i] = c[i + 1] - floor + none
            reach[i] = top - floor + none
        block = min(1, most)
        while block <= most:
            for k in range(3):
                if lengths[k] & block:
                    a = lengths[k] & (block - 1)
                    for side in range(2):
                        row, part = sums[2 * k + side, a:size], power[side, : size - a]
                        if a == 0:
                            for i in range(row.size):
                                row[i] = part[i]
                        else:
                            for i in range(row.size):
                                row[i] += part[i]
            for side in range(2):
                twice, near, far = spare[side, block:size], power[side, block:size], power[side, : size - block]
                for i in range(twice.size):
                    twice[i] = near[i] + far[i]
            power, spare = spare, power
            block *= 2
        made[:most] = np.nan
        for i in range(most, size):
            x, y, z = sums[1, i], sums[3, i], sums[5, i]
            value = 100.0 * (4.0 * (sums[0, i] / x) + 2.0 * (sums[2, i] / y) + sums[4, i] / z) / 7.0
            made[i] = value if x != 0.0 and y != 0.0 and z != 0.0 else np.nan
