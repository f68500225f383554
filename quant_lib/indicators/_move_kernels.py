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


def _inner(kernel: _Kernel) -> _Kernel:
    """Compile for the kernels of this file only."""
    return _compiled(kernel)


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


@_inner
def _pressures(h: FloatArray, lo: FloatArray, c: FloatArray, most: int, power: FloatArray) -> None:
    """Sum buying pressure and true range over 1, 2, 4 … bars up to ``most``; ``power`` is (2, levels, n)."""
    power[0, 0, 0], power[1, 0, 0] = np.nan, np.nan  # the first bar has no close before it
    bought, reach = power[0, 0, 1 : c.size], power[1, 0, 1 : c.size]
    high, low, close = h[1:], lo[1:], c[1:]
    for i in range(close.size):
        floor = c[i] if c[i] < low[i] else low[i]
        top = c[i] if c[i] > high[i] else high[i]
        none = 0.0 * (c[i] + low[i] + high[i])  # missing where one of them is
        bought[i] = close[i] - floor + none
        reach[i] = top - floor + none
    for side in range(2):
        block, level = 1, 0
        while 2 * block <= most:
            _sums(power[side, level], power[side, level], block, power[side, level + 1, : c.size])
            block, level = 2 * block, level + 1


@_inner
def _sums(near: FloatArray, far: FloatArray, lag: int, made: FloatArray) -> None:
    """Add what ended ``lag`` bars before."""
    to, new, old = made[lag:], near[lag : made.size], far[: made.size - lag]
    for i in range(to.size):
        to[i] = new[i] + old[i]


@_inner
def _share(power: FloatArray, n: int, weight: float, spare: FloatArray, most: int, made: FloatArray) -> None:
    """Add the weighted share of pressure in range over ``n`` bars, joined from powers of two; missing without range."""
    level = 0
    while not (n >> level) & 1:
        level += 1
    bought, reach, lag, left = power[0, level], power[1, level], 1 << level, n - (1 << level)
    level += 1
    while left >> (level + 1):
        if (left >> level) & 1:
            _sums(bought, power[0, level], lag, spare[0, : made.size])
            _sums(reach, power[1, level], lag, spare[1, : made.size])
            bought, reach, lag = spare[0], spare[1], lag + (1 << level)
            left -= 1 << level
        level += 1
    to, a, x = made[most:], bought[most : made.size], reach[most : made.size]
    if left == 0:
        for i in range(to.size):
            share = a[i] / x[i]
            to[i] += weight * share if x[i] != 0.0 else np.nan
        return
    b, y = power[0, level, most - lag :], power[1, level, most - lag :]
    for i in range(to.size):
        whole = x[i] + y[i]
        share = (a[i] + b[i]) / whole
        to[i] += weight * share if whole != 0.0 else np.nan


@_compiled
def ultimate(
    high: FloatArray, low: FloatArray, close: FloatArray, offsets: IntArray, lengths: IntArray, out: FloatArray
) -> None:
    """Buying pressure over true range in three windows, weighed 4, 2, 1; missing where a window had no range.

    Sums of what is never negative lose nothing to each other, so they double without an anchor.
    """
    longest, levels = 0, 1
    for s in range(offsets.size - 1):
        longest = max(longest, offsets[s + 1] - offsets[s])
    most = max(lengths[0], max(lengths[1], lengths[2]))
    while most >> levels:
        levels += 1
    power, spare = np.empty((2, levels, longest), np.float64), np.empty((2, longest), np.float64)
    for s in range(offsets.size - 1):
        first, last = offsets[s], offsets[s + 1]
        made = out[first:last]
        for i in range(min(most, made.size)):
            made[i] = np.nan
        if made.size <= most:
            continue
        _pressures(high[first:last], low[first:last], close[first:last], most, power)
        whole = made[most:]
        for i in range(whole.size):
            whole[i] = 0.0
        for k in range(3):
            _share(power, lengths[k], 4.0 / (1 << k), spare, most, made)
        for i in range(whole.size):
            whole[i] = 100.0 * whole[i] / 7.0
