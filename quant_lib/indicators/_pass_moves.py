"""Second part of the pass of `_pass_windows`: averages that recur, moves, places in a range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import numba
import numpy as np

from quant_lib.indicators import _pass_rows as row

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]
    IntArray = npt.NDArray[np.int64]

_Kernel = TypeVar("_Kernel", bound="Callable[..., Any]")
_PRICE = 1e-12  # PRICE_TIE
_PERCENT = 1e-10  # PERCENT_TIE


_OPTIONS: dict[str, Any] = {
    "cache": True,
    "fastmath": False,
    "error_model": "numpy",
    "no_cfunc_wrapper": True,
    "no_cpython_wrapper": True,
}


def _inner(kernel: _Kernel) -> _Kernel:
    """Compile for compiled callers only: it releases no lock, and what Python would need to call it is left out."""
    return cast("_Kernel", numba.njit(**_OPTIONS)(kernel))


@_inner
def _exponential(
    x: FloatArray, lengths: IntArray, alphas: FloatArray, state: FloatArray, out: FloatArray, to: int, at: int
) -> None:
    """`_recursive_kernels.smooth_all` of one series into rows from ``to`` on."""
    known, longest = 0, row.LENGTHS[5]
    anchor, total = 0.0, 0.0
    for i in range(x.size):
        v = x[i]
        if v != v:
            for k in range(lengths.size):
                out[to + k, at + i] = np.nan
        elif known >= longest:
            for k in range(lengths.size):
                state[k] += alphas[k] * (v - state[k])
                out[to + k, at + i] = state[k]
        else:
            known += 1
            if known == 1:
                anchor = v
            total += v - anchor
            for k in range(lengths.size):
                n = lengths[k]
                if known > n:
                    state[k] += alphas[k] * (v - state[k])
                elif known == n:
                    state[k] = anchor + total / n
                out[to + k, at + i] = state[k] if known >= n else np.nan


@_inner
def _smoothed(
    lengths: IntArray, alphas: FloatArray, state: FloatArray, out: FloatArray, to: int, at: int, size: int
) -> None:
    """`_recursive_kernels.smooth` of the rows from ``to`` on, each in place with a length of its own."""
    state[:, : lengths.size] = 0.0
    for i in range(at, at + size):
        for k in range(lengths.size):
            v = out[to + k, i]
            if v != v:
                continue
            if state[1, k] >= lengths[k]:
                state[0, k] += alphas[k] * (v - state[0, k])
                out[to + k, i] = state[0, k]
                continue
            state[1, k] += 1.0
            if state[1, k] == 1.0:
                state[2, k] = v
            state[3, k] += v - state[2, k]
            if state[1, k] == lengths[k]:
                state[0, k] = state[2, k] + state[3, k] / lengths[k]
                out[to + k, i] = state[0, k]
            else:
                out[to + k, i] = np.nan


@_inner
def _moves(h: FloatArray, lo: FloatArray, c: FloatArray, out: FloatArray, at: int) -> None:
    """Write what is to be smoothed: true range twice, rise, fall, gain, loss."""
    end = at + c.size
    span, reach = out[row.ATR, at + 1 : end], out[row.SPARE, at + 1 : end]
    rise, fall = out[row.SPARE + 1, at + 1 : end], out[row.SPARE + 2, at + 1 : end]
    gain, loss = out[row.SPARE + 3, at + 1 : end], out[row.SPARE + 4, at + 1 : end]
    out[row.ATR, at] = h[0] - lo[0]
    for k in range(row.SPARE, row.SPARE + 5):
        out[k, at] = np.nan
    high, low, close = h[1:], lo[1:], c[1:]
    for i in range(close.size):
        move = close[i] - c[i]
        rise[i] = (move if move > 0.0 else 0.0) + 0.0 * move  # missing stays missing
        fall[i] = (-move if move < 0.0 else 0.0) + 0.0 * move
    for i in range(close.size):
        up, down = high[i] - h[i], lo[i] - low[i]
        equal, none = _PRICE * high[i], 0.0 * (up + down)
        gain[i] = (up if (up - down > equal) & (up > 0.0) else 0.0) + none
        loss[i] = (down if (down - up > equal) & (down > 0.0) else 0.0) + none
    for i in range(close.size):
        a, b, r = abs(high[i] - c[i]), abs(low[i] - c[i]), high[i] - low[i]
        b = a if a > b else b
        r = (r if r > b else b) + 0.0 * (high[i] + low[i] + c[i])
        span[i] = r
        reach[i] = r


@_inner
def _directions(out: FloatArray, at: int, size: int) -> None:
    """RSI, +DI, -DI and what ADX averages, from the smoothed moves."""
    end = at + size
    reach, up, down = out[row.SPARE, at:end], out[row.SPARE + 1, at:end], out[row.SPARE + 2, at:end]
    gain, loss, rsi = out[row.SPARE + 3, at:end], out[row.SPARE + 4, at:end], out[row.RSI, at:end]
    plus, minus, index = out[row.PLUS, at:end], out[row.MINUS, at:end], out[row.ADX, at:end]
    for i in range(size):
        share = 100.0 * (up[i] / (up[i] + down[i]))
        rsi[i] = 100.0 if down[i] == 0.0 else share
    for i in range(size):
        p, m = 100.0 * (gain[i] / reach[i]), 100.0 * (loss[i] / reach[i])
        p = 100.0 if p > 100.0 else p  # more than the range can only be rounding
        m = 100.0 if m > 100.0 else m
        known = (reach[i] != 0.0) & (gain[i] == gain[i])
        p, m = p if known else np.nan, m if known else np.nan
        both = p + m
        dx = 100.0 * (abs(p - m) / both)
        plus[i], minus[i] = p, m
        index[i] = 0.0 if both == 0.0 else dx


@_inner
def _differences(c: FloatArray, out: FloatArray, at: int) -> None:
    """MACD line, also as what its signal averages, and momentum over 10 bars."""
    end = at + c.size
    fast, slow = out[row.EMA_12, at:end], out[row.EMA_26, at:end]
    line, signal, move = out[row.MACD, at:end], out[row.MACD_SIGNAL, at:end], out[row.MOMENTUM, at:end]
    for i in range(c.size):
        gap = fast[i] - slow[i]
        line[i], signal[i] = gap, gap
    for i in range(min(10, c.size)):
        move[i] = np.nan
    made, new = move[min(10, c.size) :], c[min(10, c.size) :]
    for i in range(made.size):
        made[i] = new[i] - c[i]


@_inner
def _pairs(x: FloatArray, lag: int, made: FloatArray) -> None:
    """Sum of each value and the one ``lag`` bars before."""
    if lag >= x.size:
        return
    to, near, far = made[lag:], x[lag:], x[: x.size - lag]
    for i in range(to.size):
        to[i] = near[i] + far[i]


@_inner
def _pressure(out: FloatArray, level: int, weight: float, made: FloatArray, at: int, size: int) -> None:
    """Add the weighted share of buying pressure in the range of ``7 x 2**level`` bars, joined from three sums."""
    a, b, skip = 1 << level, 3 << level, 28
    one, two, four = row.SPARE + 2 * level, row.SPARE + 2 * level + 2, row.SPARE + 2 * level + 4
    end = at + size
    p1, p2, p4 = out[one, at + skip : end], out[two, at + skip - a : end], out[four, at + skip - b : end]
    r1, r2, r4 = out[one + 1, at + skip : end], out[two + 1, at + skip - a : end], out[four + 1, at + skip - b : end]
    for i in range(made.size):
        reach = (r1[i] + r2[i]) + r4[i]
        share = ((p1[i] + p2[i]) + p4[i]) / reach
        made[i] += weight * share if reach != 0.0 else np.nan


@_inner
def _ultimate(h: FloatArray, lo: FloatArray, c: FloatArray, out: FloatArray, at: int) -> None:
    """`_move_kernels.ultimate` of one series over 7, 14 and 28 bars."""
    size, end = c.size, at + c.size
    bought, reach = out[row.SPARE, at + 1 : end], out[row.SPARE + 1, at + 1 : end]
    out[row.SPARE, at], out[row.SPARE + 1, at] = np.nan, np.nan  # the first bar has no close before it
    high, low, close = h[1:], lo[1:], c[1:]
    for i in range(close.size):
        floor = c[i] if c[i] < low[i] else low[i]
        top = c[i] if c[i] > high[i] else high[i]
        none = 0.0 * (c[i] + low[i] + high[i])
        bought[i] = close[i] - floor + none
        reach[i] = top - floor + none
    for level in range(4):
        for side in range(2):
            source = row.SPARE + 2 * level + side
            _pairs(out[source, at:end], 1 << level, out[source + 2, at:end])
    for i in range(at, min(at + 28, end)):
        out[row.ULTIMATE, i] = np.nan
    if size <= 28:
        return
    made = out[row.ULTIMATE, at + 28 : end]
    for i in range(made.size):
        made[i] = 0.0
    for level in range(3):
        _pressure(out, level, 4.0 / (1 << level), made, at, size)
    for i in range(made.size):
        made[i] = 100.0 * made[i] / 7.0


@_inner
def _of_three(x: FloatArray, out: FloatArray) -> None:
    """`_kernels.means` over 3 values."""
    for i in range(min(2, x.size)):
        out[i] = np.nan
    made, new, old, oldest = out[min(2, x.size) :], x[2:], x[1:], x
    for i in range(made.size):
        total = (oldest[i] - old[i]) + 2.0 * (old[i] - new[i])
        made[i] = new[i] + total / 3.0


@_inner
def _place(x: FloatArray, base: FloatArray, top: FloatArray, floor: FloatArray, tie: float, out: FloatArray) -> None:
    """`_move_kernels.place`."""
    for i in range(x.size):
        reach = top[i] - floor[i]
        share = 100.0 * ((x[i] - base[i]) / reach)
        out[i] = share if reach > tie else np.nan


@_inner
def _wider(top: FloatArray, floor: FloatArray, lag: int, tops: FloatArray, floors: FloatArray) -> None:
    """Extremes of windows joined with those ``lag`` bars before; what is missing in one is missing in both."""
    if lag >= top.size:
        return
    higher, new_top, old_top = tops[lag:], top[lag:], top[: top.size - lag]
    lower, new_floor, old_floor = floors[lag:], floor[lag:], floor[: top.size - lag]
    for i in range(higher.size):
        a, b, p, q = new_top[i], old_top[i], new_floor[i], old_floor[i]
        higher[i] = (a if a > b else b) + 0.0 * a
        lower[i] = (p if p < q else q) + 0.0 * p


@_inner
def _places(c: FloatArray, out: FloatArray, at: int) -> None:
    """Stochastic, Williams %R and stochastic RSI over 14 bars."""
    end = at + c.size
    rsi, top, floor = out[row.RSI, at:end], out[row.TOP + 1, at:end], out[row.FLOOR + 1, at:end]
    _place(c, floor, top, floor, 0.0, out[row.SPARE, at:end])
    _place(c, top, top, floor, 0.0, out[row.WILLIAMS, at:end])
    for k in range(row.SPARE + 2, row.SPARE + 6):
        for i in range(at, min(at + 13, end)):
            out[k, i] = np.nan
    top, floor = rsi, rsi
    for step in range(4):  # windows of 2, 4, 8; two of 8 overlap to make 14
        to = row.SPARE + 2 + 2 * (step % 2)
        _wider(top, floor, 6 if step == 3 else 1 << step, out[to, at:end], out[to + 1, at:end])
        top, floor = out[to, at:end], out[to + 1, at:end]
    _place(rsi, floor, top, floor, _PERCENT, out[row.SPARE + 1, at:end])
    for side in range(2):
        fast, slow = out[row.STOCH_K + 2 * side, at:end], out[row.STOCH_D + 2 * side, at:end]
        _of_three(out[row.SPARE + side, at:end], fast)
        _of_three(fast, slow)


@_inner
def moves(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    offsets: IntArray,
    lengths: IntArray,
    alphas: FloatArray,
    state: FloatArray,
    out: FloatArray,
) -> None:
    """Exponential averages, directional movement, MACD, RSI, stochastics, Williams %R, ultimate oscillator.

    ``lengths`` and ``alphas``: of the exponential averages, six times Wilder's 14, Wilder's 14 and the signal's 9.
    """
    for s in range(offsets.size - 1):
        at, end = offsets[s], offsets[s + 1]
        if at == end:
            continue
        h, lo, c = high[at:end], low[at:end], close[at:end]
        _exponential(c, lengths[:9], alphas[:9], state[0], out, row.EMA, at)
        _moves(h, lo, c, out, at)
        _smoothed(lengths[9:15], alphas[9:15], state, out, row.ATR, at, end - at)
        _directions(out, at, end - at)
        _differences(c, out, at)
        _smoothed(lengths[15:], alphas[15:], state, out, row.ADX, at, end - at)
        _places(c, out, at)
        _ultimate(h, lo, c, out, at)
