"""Third part of the pass of `_pass_windows`: the rating votes, counted from the rows of figures.

Nothing is compared with a missing figure: a comparison with NaN is false, and a vote counts only where all it needs is
known. `votes` states the same rules for arrays and recorded figures; the tests hold the two equal.
"""

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
_DISPLACEMENT = 26


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
def _side(price: FloatArray, line: FloatArray, total: FloatArray, known: FloatArray) -> None:
    """Price above the line buys, below sells."""
    for i in range(price.size):
        gap, tie = price[i] - line[i], _PRICE * price[i]
        known[i] += 1.0 if gap == gap else 0.0
        total[i] += (1.0 if gap > tie else 0.0) - (1.0 if gap < -tie else 0.0)


@_inner
def _turning(x: FloatArray, low: float, high: float, total: FloatArray, known: FloatArray) -> None:
    """Buy when low and rising, sell when high and falling."""
    now, count, new = total[1:], known[1:], x[1:]
    for i in range(now.size):
        move = new[i] - x[i]
        count[i] += 1.0 if move == move else 0.0
        now[i] += 1.0 if (new[i] < low) & (move > _PERCENT) else 0.0
        now[i] -= 1.0 if (new[i] > high) & (-move > _PERCENT) else 0.0


@_inner
def _band(
    k: FloatArray,
    d: FloatArray,
    price: FloatArray,
    trend: FloatArray,
    against: bool,
    modern: bool,
    total: FloatArray,
    known: FloatArray,
) -> None:
    """%K above %D in the lower fifth buys, below it in the upper sells; the older rules also ask for the cross.

    ``against``: only while price is on the other side of its trend.
    """
    now, count, k1, d1 = total[1:], known[1:], k, d
    new_k, new_d, p, average = k[1:], d[1:], price[1:], trend[1:]
    for i in range(now.size):
        lead, lead1 = new_k[i] - new_d[i], k1[i] - d1[i]
        above, tie = (p[i] - average[i] if against else 0.0), _PRICE * p[i]
        needed = lead + lead1 + above
        ok = needed == needed
        count[i] += 1.0 if ok else 0.0
        buy = (new_k[i] < 20.0) & (new_d[i] < 20.0) & (lead > _PERCENT) & (modern | (-lead1 > _PERCENT))
        sell = (new_k[i] > 80.0) & (new_d[i] > 80.0) & (-lead > _PERCENT) & (modern | (lead1 > _PERCENT))
        now[i] += 1.0 if ok & buy & ((not against) | (-above > tie)) else 0.0
        now[i] -= 1.0 if ok & sell & ((not against) | (above > tie)) else 0.0


@_inner
def _direction(
    adx: FloatArray, plus: FloatArray, minus: FloatArray, modern: bool, total: FloatArray, known: FloatArray
) -> None:
    """+DI above -DI buys while ADX is above 20: where they cross, or (``modern``) while it rises."""
    now, count, new, new_plus, new_minus = total[1:], known[1:], adx[1:], plus[1:], minus[1:]
    for i in range(now.size):
        lead, lead1, rise = new_plus[i] - new_minus[i], plus[i] - minus[i], new[i] - adx[i]
        needed = new[i] + lead + (rise if modern else lead1)
        ok = (needed == needed) & (new[i] > 20.0)
        count[i] += 1.0 if needed == needed else 0.0
        buy = (lead > _PERCENT) & ((rise > _PERCENT) if modern else (-lead1 > _PERCENT))
        sell = (-lead > _PERCENT) & ((rise > _PERCENT) if modern else (lead1 > _PERCENT))
        now[i] += (1.0 if ok & buy else 0.0) - (1.0 if ok & sell else 0.0)


@_inner
def _awesome(x: FloatArray, price: FloatArray, total: FloatArray, known: FloatArray) -> None:
    """Crossing above zero, or a saucer above it, buys; mirrored below. Nothing is known before the third bar."""
    now, count, new, x1, p = total[2:], known[2:], x[2:], x[1:], price[2:]
    for i in range(now.size):
        a, b, c, tie = new[i], x1[i], x[i], _PRICE * p[i]
        ok = a + b == a + b
        count[i] += 1.0 if ok else 0.0
        dip, hump = (a - b > tie) & (c - b > tie), (b - a > tie) & (b - c > tie)
        crossed, fell = not b > tie, not b < -tie
        now[i] += 1.0 if ok & (a > tie) & (crossed | dip) else 0.0
        now[i] -= 1.0 if ok & (a < -tie) & (fell | hump) else 0.0


@_inner
def _moving(x: FloatArray, price: FloatArray, total: FloatArray, known: FloatArray) -> None:
    """Rising buys, falling sells."""
    now, count, new, p = total[1:], known[1:], x[1:], price[1:]
    for i in range(now.size):
        move, tie = new[i] - x[i], _PRICE * p[i]
        count[i] += 1.0 if move == move else 0.0
        now[i] += (1.0 if move > tie else 0.0) - (1.0 if move < -tie else 0.0)


@_inner
def _powers(
    h: FloatArray,
    lo: FloatArray,
    price: FloatArray,
    middle: FloatArray,
    trend: FloatArray,
    total: FloatArray,
    known: FloatArray,
) -> None:
    """Bear power negative and rising above the trend buys; bull power positive and falling below it sells."""
    now, count, p, average = total[1:], known[1:], price[1:], trend[1:]
    high, low, mean = h[1:], lo[1:], middle[1:]
    for i in range(now.size):
        bull, bear, bull1, bear1 = high[i] - mean[i], low[i] - mean[i], h[i] - middle[i], lo[i] - middle[i]
        above, tie = p[i] - average[i], _PRICE * p[i]
        needed = bull + bear + bull1 + bear1 + above
        ok = needed == needed
        count[i] += 1.0 if ok else 0.0
        now[i] += 1.0 if ok & (above > tie) & (bear < -tie) & (bear - bear1 > tie) else 0.0
        now[i] -= 1.0 if ok & (-above > tie) & (bull > tie) & (bull1 - bull > tie) else 0.0


@_inner
def _last(
    line: FloatArray, signal: FloatArray, ultimate: FloatArray, p: FloatArray, total: FloatArray, known: FloatArray
) -> None:
    """MACD and the ultimate oscillator, which look at the bar alone, and the mean of all votes."""
    for i in range(p.size):
        gap, strength, tie = line[i] - signal[i], ultimate[i], _PRICE * p[i]
        count = known[i] + (1.0 if gap == gap else 0.0) + (1.0 if strength == strength else 0.0)
        votes = total[i] + (1.0 if gap > tie else 0.0) - (1.0 if gap < -tie else 0.0)
        votes += (1.0 if strength > 70.0 else 0.0) - (1.0 if strength < 30.0 else 0.0)
        known[i] = count
        total[i] = votes / count if count > 0.0 else np.nan


@_inner
def _midpoints(out: FloatArray, at: int, end: int) -> None:
    """Conversion line, base line and second lead of Ichimoku, into spare rows."""
    conversion, base, lead2 = out[row.SPARE, at:end], out[row.SPARE + 1, at:end], out[row.SPARE + 2, at:end]
    top9, top26, top52 = out[row.TOP, at:end], out[row.TOP + 3, at:end], out[row.TOP + 4, at:end]
    low9, low26, low52 = out[row.FLOOR, at:end], out[row.FLOOR + 3, at:end], out[row.FLOOR + 4, at:end]
    for i in range(conversion.size):
        conversion[i] = 0.5 * (top9[i] + low9[i])
        base[i] = 0.5 * (top26[i] + low26[i])
        lead2[i] = 0.5 * (top52[i] + low52[i])


@_inner
def _cloud(
    c: FloatArray,
    conversion: FloatArray,
    base: FloatArray,
    lead2: FloatArray,
    modern: bool,
    total: FloatArray,
    known: FloatArray,
) -> None:
    """Ichimoku, and the mean of all votes: ``modern`` looks at the cloud of 26 bars ago, legacy at today's."""
    back = _DISPLACEMENT if modern else 1
    if back < c.size:
        now, count, p = total[back:], known[back:], c[back:]
        line, middle, second = conversion[back:], base[back:], lead2[back:]
        for i in range(now.size):
            tie = _PRICE * p[i]
            if modern:
                lead = 0.5 * (conversion[i] + base[i])
                u, w, y, z = lead - lead2[i], middle[i] - lead, line[i] - middle[i], p[i] - line[i]
                ok = u + w + y + z == u + w + y + z
                buy = (u > tie) & (w > tie) & (y > tie) & (z > tie)
                sell = (u < -tie) & (w < -tie) & (y < -tie) & (z < -tie)
            else:
                lead = 0.5 * (line[i] + middle[i])
                u, w = lead - second[i], c[i] + p[i]
                ok = (u == u) & (w == w)
                buy = (u > tie) & (p[i] - lead > tie) & (middle[i] - p[i] > tie)
                buy &= (line[i] - c[i] > tie) & (p[i] - line[i] > tie)
                sell = (u < -tie) & (second[i] - p[i] > tie) & (p[i] - middle[i] > tie)
                sell &= (c[i] - line[i] > tie) & (line[i] - p[i] > tie)
            count[i] += 1.0 if ok else 0.0
            now[i] += (1.0 if ok & buy else 0.0) - (1.0 if ok & sell else 0.0)
    for i in range(c.size):
        total[i] = total[i] / known[i] if known[i] > 0.0 else np.nan


@_inner
def votes(
    high: FloatArray, low: FloatArray, close: FloatArray, offsets: IntArray, modern: bool, out: FloatArray
) -> None:
    """Mean and number of the votes of both groups, from the rows of figures."""
    for s in range(offsets.size - 1):
        at, end = offsets[s], offsets[s + 1]
        h, lo, c = high[at:end], low[at:end], close[at:end]
        total, known = out[row.MA, at:end], out[row.MA_VOTES, at:end]
        for i in range(c.size):
            total[i], known[i] = 0.0, 0.0
        for k in range(row.VOTING):
            _side(c, out[k, at:end], total, known)
        _midpoints(out, at, end)
        conversion, base, lead2 = out[row.SPARE, at:end], out[row.SPARE + 1, at:end], out[row.SPARE + 2, at:end]
        _cloud(c, conversion, base, lead2, modern, total, known)
        total, known, trend = out[row.OTHER, at:end], out[row.OTHER_VOTES, at:end], out[row.EMA_50, at:end]
        for i in range(c.size):
            total[i], known[i] = 0.0, 0.0
        for k, low_end, high_end in ((row.RSI, 30.0, 70.0), (row.CCI, -100.0, 100.0), (row.WILLIAMS, -80.0, -20.0)):
            _turning(out[k, at:end], low_end, high_end, total, known)
        for k in range(2):  # stochastic of the price, then of the RSI
            fast, slow = out[row.STOCH_K + 2 * k, at:end], out[row.STOCH_D + 2 * k, at:end]
            _band(fast, slow, c, trend, k == 1, modern, total, known)
        _direction(out[row.ADX, at:end], out[row.PLUS, at:end], out[row.MINUS, at:end], modern, total, known)
        _awesome(out[row.AO, at:end], c, total, known)
        _moving(out[row.MOMENTUM, at:end], c, total, known)
        _powers(h, lo, c, out[row.EMA_13, at:end], trend, total, known)
        line, signal, strength = out[row.MACD, at:end], out[row.MACD_SIGNAL, at:end], out[row.ULTIMATE, at:end]
        _last(line, signal, strength, c, total, known)
