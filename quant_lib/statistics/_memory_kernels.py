"""Compiled rolling statistics of memory and noise over many series laid end to end.

Written in the manner of `quant_lib.indicators._kernels`.

``offsets`` has shape (n_series + 1,). A value at bar ``i`` is computed from the ``n`` values that end with it and from
nothing older: each window is summed afresh, or counted in whole numbers, so no rounding of an earlier bar survives in
it. A window that holds a missing value has none.
"""

from __future__ import annotations

import math
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
    """Compile on first call, release the GIL, keep the machine code beside the source."""
    return cast("_Kernel", numba.njit(nogil=True, cache=True, fastmath=False, error_model="numpy")(kernel))


@_compiled
def permutation_entropy(
    x: FloatArray, offsets: IntArray, n: int, order: int, count_log_count: IntArray, unit: float, out: FloatArray
) -> None:
    """Entropy of the ordinal patterns of ``order`` neighbours in the last ``n`` values, 0 to 1.

    ``count_log_count[c]`` is ``c ln c`` in units of ``1 / unit``, a whole number: a pattern that leaves the window
    takes away exactly what it brought.
    """
    kinds = 1
    for k in range(2, order + 1):
        kinds *= k
    patterns = n - order + 1
    counts = np.zeros(kinds, np.int64)
    codes = np.empty(patterns, np.int64)
    for s in range(offsets.size - 1):
        counts[:] = 0
        total = 0
        first = offsets[s]
        known = 0  # values in a row that are not missing
        for i in range(first, offsets[s + 1]):
            out[i] = np.nan
            if np.isnan(x[i]):
                counts[:] = 0
                total, known = 0, 0
                continue
            known += 1
            if known < order:
                continue
            code = 0
            for a in range(order):
                smaller = 0
                for b in range(a + 1, order):
                    if x[i - order + 1 + b] < x[i - order + 1 + a]:
                        smaller += 1
                code = code * (order - a) + smaller
            slot = i % patterns
            if known > n:
                c = counts[codes[slot]]
                total += count_log_count[c - 1] - count_log_count[c]
                counts[codes[slot]] = c - 1
            codes[slot] = code
            c = counts[code]
            total += count_log_count[c + 1] - count_log_count[c]
            counts[code] = c + 1
            if known >= n:
                out[i] = (count_log_count[patterns] - total) / (unit * patterns * math.log(kinds))


@_compiled
def rescaled_range(
    x: FloatArray,
    offsets: IntArray,
    n: int,
    lags: IntArray,
    away: FloatArray,
    log_expected: FloatArray,
    out: FloatArray,
) -> None:
    """Hurst exponent: slope of ln(mean R/S) less its expectation under noise on ln(lag), plus a half.

    The window is cut into disjoint parts of each lag, from its newest value back; parts without any movement have no
    R/S and are left out. ``away`` is ln(lag) less its mean. A missing value makes every window that holds it missing.
    """
    longest = 0
    for s in range(offsets.size - 1):
        longest = max(longest, offsets[s + 1] - offsets[s])
    ratios = np.empty((lags.size, longest), np.float64)
    for s in range(offsets.size - 1):
        first, last = offsets[s], offsets[s + 1]
        for g in range(lags.size):
            lag = lags[g]
            for i in range(first + lag - 1, last):
                c = x[i]
                shift = 0.0
                for j in range(i - lag + 1, i + 1):
                    shift += x[j] - c
                shift = c + shift / lag
                walk, top, floor, square = 0.0, -math.inf, math.inf, 0.0
                for j in range(i - lag + 1, i + 1):
                    step = x[j] - shift
                    walk += step
                    square += step * step
                    top = max(top, walk)
                    floor = min(floor, walk)
                spread = math.sqrt(square / lag)
                if np.isnan(spread):
                    ratios[g, i - first] = np.inf
                elif spread <= 1e-12 * abs(shift) or spread == 0.0:
                    ratios[g, i - first] = np.nan
                else:
                    ratios[g, i - first] = (top - floor) / spread
        out[first : min(first + n - 1, last)] = np.nan
        for i in range(first + n - 1, last):
            slope, square = 0.0, 0.0
            for g in range(lags.size):
                total, parts = 0.0, 0
                for k in range(n // lags[g]):
                    ratio = ratios[g, i - first - k * lags[g]]
                    if not np.isnan(ratio):
                        total += ratio
                        parts += 1
                square += away[g] * away[g]
                slope += away[g] * (math.log(total / parts) - log_expected[g]) if parts > 0 else np.nan
            hurst = 0.5 + slope / square
            out[i] = min(max(hurst, 0.0), 1.0) if math.isfinite(hurst) else np.nan


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _first_products(d: FloatArray, products: FloatArray) -> None:
    """Sum the products of values 1 to 5 apart; five sums at once hide an addition's latency."""
    s1, s2, s3, s4, s5 = 0.0, 0.0, 0.0, 0.0, 0.0
    p1, p2, p3, p4, p5 = 0.0, 0.0, 0.0, 0.0, 0.0
    for v in d:
        s1 += v * p1
        s2 += v * p2
        s3 += v * p3
        s4 += v * p4
        s5 += v * p5
        p5, p4, p3, p2, p1 = p4, p3, p2, p1, v
    products[1], products[2], products[3], products[4], products[5] = s1, s2, s3, s4, s5


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _chi_squared_tail(q: float, freedom: int) -> float:
    """Survival function of the chi-squared distribution with 1 to 5 degrees of freedom, in closed form."""
    half = 0.5 * q
    if freedom % 2 == 0:
        return math.exp(-half) * (1.0 if freedom == 2 else 1.0 + half)
    p = math.erfc(math.sqrt(half))
    term = math.exp(-half) * 2.0 * math.sqrt(half / math.pi)
    if freedom >= 3:
        p += term
    if freedom == 5:
        p += term * q / 3.0
    return p


@_compiled
def autocorrelation(
    x: FloatArray,
    mean: FloatArray,
    offsets: IntArray,
    n: int,
    deepest: int,
    threshold: float,
    first_lag: FloatArray,
    ljung_box: FloatArray,
    depth: FloatArray,
) -> None:
    """Correlation of neighbours, smallest Ljung-Box p-value of lags 1 to 5, lags in a row above a threshold."""
    d = np.empty(n, np.float64)
    products = np.empty(6, np.float64)
    for s in range(offsets.size - 1):
        first, last = offsets[s], offsets[s + 1]
        for i in range(first, last):
            first_lag[i], ljung_box[i], depth[i] = np.nan, np.nan, np.nan
        for i in range(first + n - 1, last):
            window = x[i - n + 1 : i + 1]
            shift = mean[i]
            s0, s1 = 0.0, 0.0
            for j in range(n):
                d[j] = window[j] - shift
            for j in range(n // 2):
                s0 += d[2 * j] * d[2 * j]
                s1 += d[2 * j + 1] * d[2 * j + 1]
            square = s0 + s1 + (d[n - 1] * d[n - 1] if n % 2 else 0.0)
            if not square > n * (1e-12 * shift) ** 2:
                continue
            _first_products(d, products)
            start, end = d[0], d[n - 1]
            head, tail = square - end * end * n / (n - 1), square - start * start * n / (n - 1)
            if head > 0.0 and tail > 0.0:
                joint = products[1] - start * end / (n - 1)
                first_lag[i] = min(max(joint / math.sqrt(head * tail), -1.0), 1.0)
            q, least = 0.0, 1.0
            reached = 0
            for k in range(1, 6):
                rho = products[k] / square
                if reached == k - 1 and rho > threshold:
                    reached = k
                q += n * (n + 2.0) * rho * rho / (n - k)
                least = min(least, _chi_squared_tail(q, k))
            while reached >= 5 and reached < deepest:
                product = 0.0
                for j in range(n - reached - 1):
                    product += d[j] * d[j + reached + 1]
                if not product / square > threshold:
                    break
                reached += 1
            ljung_box[i], depth[i] = least, reached


@_compiled
def reversion(x: FloatArray, offsets: IntArray, n: int, speed: FloatArray, statistic: FloatArray) -> None:
    """Slope of the change on the level before it, and the augmented Dickey-Fuller statistic with one lagged change.

    Both regressions have an intercept. Missing where the level does not move or where one lag explains everything.
    """
    for s in range(offsets.size - 1):
        first, last = offsets[s], offsets[s + 1]
        edge = min(first + n - 1, last)
        speed[first:edge] = np.nan
        statistic[first:edge] = np.nan
        for i in range(first + n - 1, last):
            c = x[i]
            # y = change, u = level before it, v = change before it; the first pair has no v.
            y0, u0, v0 = x[i - n + 2] - x[i - n + 1], x[i - n + 1] - c, 0.0
            sy, su, sv, syy, suu, svv, syu, syv, suv = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
            v = y0
            before = x[i - n + 2]
            for level in x[i - n + 3 : i + 1]:
                y, u = level - before, before - c
                before = level
                sy += y
                su += u
                sv += v
                syy += y * y
                suu += u * u
                svv += v * v
                syu += y * u
                syv += y * v
                suv += u * v
                v = y
            m = n - 1
            spread = suu + u0 * u0 - (su + u0) * (su + u0) / m
            if not spread > 1e-20 * max(c * c, 1e-300):
                speed[i], statistic[i] = np.nan, np.nan
                continue
            speed[i] = (syu + y0 * u0 - (sy + y0) * (su + u0) / m) / spread
            m = n - 2
            syy -= sy * sy / m
            suu -= su * su / m
            svv -= sv * sv / m
            syu -= sy * su / m
            syv -= sy * sv / m
            suv -= su * sv / m
            v0 = suu * svv - suv * suv
            if not v0 > 1e-12 * suu * svv:
                statistic[i] = np.nan
                continue
            on_level, on_change = (syu * svv - syv * suv) / v0, (syv * suu - syu * suv) / v0
            rest = syy - on_level * syu - on_change * syv
            if not rest > 1e-12 * syy:
                statistic[i] = np.nan
                continue
            statistic[i] = on_level / math.sqrt(rest / (m - 3) * svv / v0)


@_compiled
def haar_detail(x: FloatArray, offsets: IntArray, n: int, block: int, out: FloatArray) -> None:
    """Share of the energy of the last ``n`` values in Haar details finer than ``block`` values."""
    for s in range(offsets.size - 1):
        first, last = offsets[s], offsets[s + 1]
        out[first : min(first + n - 1, last)] = np.nan
        for i in range(first + n - 1, last):
            smooth, energy = 0.0, 0.0
            for g in range(i - n + 1, i + 1, block):
                total = 0.0
                for j in range(g, g + block):
                    total += x[j]
                    energy += x[j] * x[j]
                smooth += total * total / block
            out[i] = min(max(1.0 - smooth / energy, 0.0), 1.0) if energy > 0.0 else np.nan


@_compiled
def since_turn(gap: FloatArray, tie: FloatArray, offsets: IntArray, least: int, out: FloatArray) -> None:
    """Bars since ``gap`` last changed its sign; one within ``tie`` keeps the side. Missing before bar ``least``."""
    for s in range(offsets.size - 1):
        side, bars = 0, 0
        for i in range(offsets[s], offsets[s + 1]):
            now = side
            if gap[i] > tie[i]:
                now = 1
            elif gap[i] < -tie[i]:
                now = -1
            bars = bars + 1 if now == side else 0
            side = now
            out[i] = bars if i - offsets[s] + 1 >= least else np.nan
