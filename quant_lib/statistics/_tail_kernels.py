"""Compiled rolling statistics of moments, tails and falls over many series laid end to end.

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
def moments(
    x: FloatArray,
    mean: FloatArray,
    offsets: IntArray,
    n: int,
    variance: FloatArray,
    skew: FloatArray,
    kurtosis: FloatArray,
) -> None:
    """Variance m2, skewness m3 / m2^1.5, excess kurtosis m4 / m2^2 - 3 of the last ``n`` values, around their mean.

    Skewness and kurtosis are missing where the values are equal.
    """
    for s in range(offsets.size - 1):
        first, last = offsets[s], offsets[s + 1]
        for i in range(first, last):
            variance[i], skew[i], kurtosis[i] = np.nan, np.nan, np.nan
        for i in range(first + n - 1, last):
            shift = mean[i]
            m2, m3, m4 = 0.0, 0.0, 0.0
            for v in x[i - n + 1 : i + 1]:
                d = v - shift
                square = d * d
                m2 += square
                m3 += square * d
                m4 += square * square
            m2 /= n
            variance[i] = m2
            if m2 > (1e-12 * shift) ** 2 and m2 > 0.0:
                skew[i] = m3 / n / (m2 * math.sqrt(m2))
                kurtosis[i] = m4 / n / (m2 * m2) - 3.0


@_compiled
def tails(
    x: FloatArray,
    offsets: IntArray,
    n: int,
    q05: FloatArray,
    below: FloatArray,
    q95: FloatArray,
    above: FloatArray,
) -> None:
    """5 % and 95 % quantiles (linear) of the last ``n`` values and the means of those beyond them.

    ``above`` is 0 where no value lies beyond the upper quantile.
    """
    ordered = np.empty(n, np.float64)
    lower, upper = 0.05 * (n - 1), 0.95 * (n - 1)
    low, high = int(lower), int(upper)
    for s in range(offsets.size - 1):
        first = offsets[s]
        held = 0
        for i in range(first, offsets[s + 1]):
            if i - n >= first and not np.isnan(x[i - n]):
                left, right = 0, held
                while left < right:
                    mid = (left + right) // 2
                    if ordered[mid] < x[i - n]:
                        left = mid + 1
                    else:
                        right = mid
                held -= 1
                for m in range(left, held):
                    ordered[m] = ordered[m + 1]
            if not np.isnan(x[i]):
                k = held
                while k > 0 and ordered[k - 1] > x[i]:
                    ordered[k] = ordered[k - 1]
                    k -= 1
                ordered[k] = x[i]
                held += 1
            if held < n:
                q05[i], below[i], q95[i], above[i] = np.nan, np.nan, np.nan, np.nan
                continue
            q = ordered[low] + (lower - low) * (ordered[min(low + 1, n - 1)] - ordered[low])
            total, k = 0.0, 0
            while k < n and ordered[k] <= q:
                total += ordered[k]
                k += 1
            q05[i] = q
            below[i] = total / k if k > 0 else q
            q = ordered[high] + (upper - high) * (ordered[min(high + 1, n - 1)] - ordered[high])
            total, k = 0.0, 0
            while k < n and ordered[n - 1 - k] > q:
                total += ordered[n - 1 - k]
                k += 1
            q95[i] = q
            above[i] = total / k if k > 0 else 0.0


@_compiled
def drawdown(x: FloatArray, offsets: IntArray, n: int, out: FloatArray) -> None:
    """Deepest fall from a peak within the last ``n`` prices, as a fraction of the peak, at most 0.

    Prices are cut into blocks of 16. A window is the end of a block, whole blocks and the start of one, and falls
    combine exactly: the deepest of both parts, or from the peak of the earlier to the low of the later.
    """
    size = 16
    longest = 0
    for s in range(offsets.size - 1):
        longest = max(longest, offsets[s + 1] - offsets[s])
    # From the start of the block to here, and from here to its end: peak, low, what the deepest fall leaves.
    to, since = np.empty((3, longest), np.float64), np.empty((3, longest), np.float64)
    for s in range(offsets.size - 1):
        first, bars = offsets[s], offsets[s + 1] - offsets[s]
        for k in range(bars):
            v = x[first + k]
            out[first + k] = np.nan
            if k % size == 0:
                to[0, k], to[1, k], to[2, k] = v, v, 1.0
            else:
                to[0, k], to[1, k] = max(to[0, k - 1], v), min(to[1, k - 1], v)
                to[2, k] = min(to[2, k - 1], v / to[0, k])
        for k in range(bars - 1, -1, -1):
            v = x[first + k]
            if k % size == size - 1 or k == bars - 1:
                since[0, k], since[1, k], since[2, k] = v, v, 1.0
            else:
                since[0, k], since[1, k] = max(since[0, k + 1], v), min(since[1, k + 1], v)
                since[2, k] = min(since[2, k + 1], since[1, k] / v)
        for k in range(n - 1, bars):
            start = k - n + 1
            block, final = start // size, k // size
            if block == final:
                peak, left = x[first + start], 1.0
                for v in x[first + start : first + k + 1]:
                    peak = max(peak, v)
                    left = min(left, v / peak)
                out[first + k] = left - 1.0
                continue
            peak, left = since[0, start], since[2, start]
            for b in range(block + 1, final + 1):
                at = min((b + 1) * size - 1, k)
                left = min(left, min(to[2, at], to[1, at] / peak))
                peak = max(peak, to[0, at])
            out[first + k] = left - 1.0


@_compiled
def slope(x: FloatArray, offsets: IntArray, n: int, out: FloatArray) -> None:
    """Least-squares slope per bar of the last ``n`` values."""
    norm = n * (n * n - 1.0) / 12.0
    for s in range(offsets.size - 1):
        first, last = offsets[s], offsets[s + 1]
        out[first : min(first + n - 1, last)] = np.nan
        for i in range(first + n - 1, last):
            c = x[i]
            total = 0.0
            for k in range(n):
                total += (k - 0.5 * (n - 1)) * (x[i - n + 1 + k] - c)
            out[i] = total / norm


@_compiled
def survival(
    returns: FloatArray,
    day: IntArray,
    offsets: IntArray,
    starts: IntArray,
    ends: IntArray,
    most_idle: float,
    out: FloatArray,
) -> None:
    """Share of the stress windows over by then, and known from their first day, with few bars that did not move."""
    for s in range(offsets.size - 1):
        first, last = offsets[s], offsets[s + 1]
        out[first:last] = np.nan
        if first == last:
            continue
        for i in range(first, last):
            out[i] = 0.0
        known = np.zeros(last - first, np.int64)
        for w in range(starts.size):
            if day[first] > starts[w] or day[last - 1] < ends[w]:
                continue
            bars, idle, over = 0, 0, last
            for i in range(first + 1, last):
                if day[i] >= starts[w] and day[i] <= ends[w]:
                    bars += 1
                    if returns[i] == 0.0:
                        idle += 1
                if day[i] >= ends[w]:
                    over = i
                    break
            for i in range(over, last):
                known[i - first] += 1
                if bars > 0 and idle < most_idle * bars:
                    out[i] += 1.0
        for i in range(first, last):
            out[i] = out[i] / known[i - first] if known[i - first] > 0 else np.nan
