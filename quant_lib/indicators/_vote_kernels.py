"""Compiled count of the rating votes: the rules of `votes`, bar by bar, without an array per vote.

Nothing is compared with a missing figure: a comparison with NaN is false, and a vote counts only where all it needs is
known. `votes` states the same rules for arrays and recorded figures; the tests hold the two equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import numba
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]
    IntArray = npt.NDArray[np.int64]

_Kernel = TypeVar("_Kernel", bound="Callable[..., Any]")

_PRICE = 1e-12  # PRICE_TIE
_PERCENT = 1e-10  # PERCENT_TIE
_DISPLACEMENT = 26


def _compiled(kernel: _Kernel) -> _Kernel:
    return cast("_Kernel", numba.njit(nogil=True, cache=True, fastmath=False, error_model="numpy")(kernel))


@_compiled
def _turning(x: float, before: float, low: float, high: float) -> int:
    """Buy when low and rising, sell when high and falling."""
    return int(x < low and x - before > _PERCENT) - int(x > high and before - x > _PERCENT)


@_compiled
def _side(x: float, tie: float) -> int:
    return int(x > tie) - int(x < -tie)


@_compiled
def _band(k: float, d: float, k1: float, d1: float, modern: bool) -> int:
    """%K above %D in the lower fifth buys, below it in the upper sells; the older rules also ask for the cross."""
    buy = k < 20.0 and d < 20.0 and k - d > _PERCENT and (modern or d1 - k1 > _PERCENT)
    sell = k > 80.0 and d > 80.0 and d - k > _PERCENT and (modern or k1 - d1 > _PERCENT)
    return int(buy) - int(sell)


@_compiled
def averages(
    price: FloatArray,
    lines: FloatArray,
    conversion: FloatArray,
    base: FloatArray,
    lead2: FloatArray,
    offsets: IntArray,
    modern: bool,
    rating: FloatArray,
    count: IntArray,
) -> None:
    """Mean and number of the moving-average votes; ``lines`` holds the averages, shape (n_averages, n_bars)."""
    rating[:] = 0.0
    count[:] = 0
    for line in lines:  # one average after the other, so that the compiler takes several bars at once
        for i in range(price.size):
            gap, tie = price[i] - line[i], _PRICE * price[i]
            count[i] += int(gap == gap)
            rating[i] += (1.0 if gap > tie else 0.0) - (1.0 if gap < -tie else 0.0)
    for s in range(offsets.size - 1):
        first = offsets[s]
        for i in range(first, offsets[s + 1]):
            p = price[i]
            tie = _PRICE * p
            total, known = 0, 0
            if modern:
                at = i - _DISPLACEMENT
                if at >= first:
                    lead = 0.5 * (conversion[at] + base[at])
                    a, b, c, d = lead - lead2[at], base[i] - lead, conversion[i] - base[i], p - conversion[i]
                    least, most = min(min(a, b), min(c, d)), max(max(a, b), max(c, d))
                    if a + b + c + d == a + b + c + d:
                        known += 1
                        total += int(least > tie) - int(most < -tie)
            elif i > first:
                lead = 0.5 * (conversion[i] + base[i])
                cloud, before, line = lead - lead2[i], price[i - 1], conversion[i]
                if cloud == cloud and before == before and p == p:
                    known += 1
                    if cloud > tie and p - lead > tie and base[i] - p > tie and line - before > tie and p - line > tie:
                        total += 1
                    if (
                        cloud < -tie
                        and lead2[i] - p > tie
                        and p - base[i] > tie
                        and before - line > tie
                        and line - p > tie
                    ):
                        total -= 1
            count[i] += known
            rating[i] = (rating[i] + total) / count[i] if count[i] > 0 else np.nan


@_compiled
def oscillators(
    price: FloatArray,
    trend: FloatArray,
    f: tuple[FloatArray, ...],
    offsets: IntArray,
    modern: bool,
    rating: FloatArray,
    count: IntArray,
) -> None:
    """Mean and number of the oscillator votes.

    ``f``: rsi, stochastic k, d, cci, adx, +di, -di, awesome, momentum, macd, its signal, stochastic rsi k, d,
    williams %r, bull power, bear power, ultimate.
    """
    for s in range(offsets.size - 1):
        first = offsets[s]
        for i in range(first, offsets[s + 1]):
            total, known = 0, 0
            p, average = price[i], trend[i]
            tie = _PRICE * p
            above = p - average
            # MACD and the ultimate oscillator look at the bar alone, the others at the one before too.
            gap, ultimate = f[9][i] - f[10][i], f[16][i]
            known += int(gap == gap) + int(ultimate == ultimate)
            total += _side(gap, tie) + int(ultimate > 70.0) - int(ultimate < 30.0)
            if i > first:
                j = i - 1
                if f[0][j] == f[0][j] and f[0][i] == f[0][i]:
                    known += 1
                    total += _turning(f[0][i], f[0][j], 30.0, 70.0)
                if f[3][j] == f[3][j] and f[3][i] == f[3][i]:
                    known += 1
                    total += _turning(f[3][i], f[3][j], -100.0, 100.0)
                if f[13][j] == f[13][j] and f[13][i] == f[13][i]:
                    known += 1
                    total += _turning(f[13][i], f[13][j], -80.0, -20.0)
                swing, swing1 = f[7][i], f[7][j]
                swing2 = f[7][i - 2] if i - 2 >= first else np.nan
                if swing == swing and swing1 == swing1:
                    known += 1
                    dip = swing - swing1 > tie and swing2 - swing1 > tie
                    hump = swing1 - swing > tie and swing1 - swing2 > tie
                    total += int(swing > tie and (not swing1 > tie or dip))
                    total -= int(swing < -tie and (not swing1 < -tie or hump))
                move = f[8][i] - f[8][j]
                known += int(move == move)
                total += _side(move, tie)
                k, d, k1, d1 = f[1][i], f[2][i], f[1][j], f[2][j]
                if k + d + k1 + d1 == k + d + k1 + d1:
                    known += 1
                    total += _band(k, d, k1, d1, modern)
                k, d, k1, d1 = f[11][i], f[12][i], f[11][j], f[12][j]
                if k + d + k1 + d1 + above == k + d + k1 + d1 + above:
                    known += 1
                    vote = _band(k, d, k1, d1, modern)
                    total += int(vote > 0 and -above > tie) - int(vote < 0 and above > tie)
                adx, adx1, lead, lead1 = f[4][i], f[4][j], f[5][i] - f[6][i], f[5][j] - f[6][j]
                needed = adx + lead + (adx1 if modern else lead1)
                if needed == needed:
                    known += 1
                    turned = adx - adx1 > _PERCENT if modern else False
                    buy = lead > _PERCENT and (turned if modern else -lead1 > _PERCENT)
                    sell = -lead > _PERCENT and (turned if modern else lead1 > _PERCENT)
                    if adx > 20.0:
                        total += int(buy) - int(sell)
                bull, bear, bull1, bear1 = f[14][i], f[15][i], f[14][j], f[15][j]
                needed = bull + bear + bull1 + bear1 + above
                if needed == needed:
                    known += 1
                    total += int(above > tie and bear < -tie and bear - bear1 > tie)
                    total -= int(-above > tie and bull > tie and bull1 - bull > tie)
            count[i] = known
            rating[i] = total / known if known > 0 else np.nan
