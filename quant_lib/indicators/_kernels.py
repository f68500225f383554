"""Compiled loops over many series laid end to end. No checks, no allocation of outputs, no Python objects.

Every kernel takes ``offsets`` of shape (n_series + 1,): series ``s`` is
``x[offsets[s]:offsets[s + 1]]`` and nothing is carried from one to the next.
``fastmath`` is off, so a missing value (NaN) stays one and the result does not
depend on how a compiler reorders a sum.

Window sums are anchored at the newest value: ``c + sum(x - c) / n``. A plain
running sum would remember the rounding of every bar that ever passed through
the window. These know the window only: they are summed afresh, term by term
over many bars at once or by doubling windows. So the value is bit-equal
however long the history is, and the average of equal prices is that price.

All kernels live in one file because numba invalidates its cache per file: a
kernel that called another file's helper would keep that helper's old code.
"""

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
def means(x: FloatArray, offsets: IntArray, lengths: IntArray, out: FloatArray) -> None:
    """Average the last ``n`` values for each ``n`` of ``lengths``; missing where any of them is; ``out`` is (k, n).

    Sums of differences to the newest value double their window: ``S(a + b)[i] = S(a)[i] + S(b)[i - a] + b (x[i - a] -
    x[i])``. A window is joined from powers of two, so its bits depend on its values alone, whatever was before it and
    whichever lengths are asked for together, and every step takes several bars at once.
    """
    longest = 0
    for s in range(offsets.size - 1):
        longest = max(longest, offsets[s + 1] - offsets[s])
    power, spare = np.empty(longest, np.float64), np.empty(longest, np.float64)
    most = 0
    for n in lengths:
        most = max(most, n)
    for s in range(offsets.size - 1):
        v = x[offsets[s] : offsets[s + 1]]
        size = v.size
        for i in range(size):
            power[i] = v[i] - v[i]  # missing stays missing, infinite becomes so
        block = min(1, most)
        while block <= most:
            weight = float(block)
            for k in range(lengths.size):
                if lengths[k] & block:
                    a = lengths[k] & (block - 1)  # bars joined already: the smaller powers of two
                    row = out[k, offsets[s] : offsets[s + 1]]
                    if a == 0:
                        for i in range(size):
                            row[i] = power[i]
                    elif a < size:
                        made, new, old, sums = row[a:], v[a:], v[: size - a], power[: size - a]
                        for i in range(made.size):
                            made[i] += sums[i] + weight * (old[i] - new[i])
            if 2 * block <= most and block < size:
                twice, new, old = spare[block:size], v[block:], v[: size - block]
                near, far = power[block:size], power[: size - block]
                for i in range(twice.size):
                    twice[i] = near[i] + (far[i] + weight * (old[i] - new[i]))
                power, spare = spare, power
            block *= 2
        for k in range(lengths.size):
            n = lengths[k]
            row = out[k, offsets[s] : offsets[s + 1]]
            row[: min(n - 1, size)] = np.nan
            made, new = row[min(n - 1, size) :], v[min(n - 1, size) :]
            for i in range(made.size):
                made[i] = new[i] + made[i] / n


@_compiled
def weighted_mean(x: FloatArray, offsets: IntArray, n: int, out: FloatArray) -> None:
    """Mean of the last ``n`` values with weights 1, 2 … ``n``, the newest heaviest."""
    norm = n * (n + 1) / 2.0
    for s in range(offsets.size - 1):
        first, last = offsets[s], offsets[s + 1]
        out[first : min(first + n - 1, last)] = np.nan
        if last - first < n:
            continue
        made, newest = out[first + n - 1 : last], x[first + n - 1 : last]
        for i in range(made.size):
            made[i] = newest[i] - newest[i]
        for k in range(n - 1):
            old = x[first + k : last - n + 1 + k]
            weight = k + 1.0
            for i in range(made.size):
                made[i] += weight * (old[i] - newest[i])
        for i in range(made.size):
            made[i] = newest[i] + made[i] / norm


@_compiled
def volume_mean(x: FloatArray, volume: FloatArray, offsets: IntArray, n: int, out: FloatArray) -> None:
    """Mean of the last ``n`` values weighted by volume; missing where their volume is zero or unknown."""
    longest = 0
    for s in range(offsets.size - 1):
        longest = max(longest, offsets[s + 1] - offsets[s])
    weights = np.empty(longest, np.float64)
    for s in range(offsets.size - 1):
        first, last = offsets[s], offsets[s + 1]
        out[first : min(first + n - 1, last)] = np.nan
        if last - first < n:
            continue
        made, newest = out[first + n - 1 : last], x[first + n - 1 : last]
        weight = weights[: made.size]
        made[:] = 0.0
        weight[:] = 0.0
        for k in range(n):
            old, traded = x[first + k : last - n + 1 + k], volume[first + k : last - n + 1 + k]
            for i in range(made.size):
                made[i] += traded[i] * (old[i] - newest[i])
                weight[i] += traded[i]
        for i in range(made.size):
            made[i] = newest[i] + made[i] / weight[i] if weight[i] > 0.0 else np.nan


@_compiled
def extremes(x: FloatArray, offsets: IntArray, lengths: IntArray, sign: float, out: FloatArray) -> None:
    """Highest of the last ``n`` values for each ``n`` of ``lengths``, lowest for a ``sign`` of -1; ``out`` is (k, n).

    Windows double; two of the largest power of two within ``n`` overlap to make ``n``.
    """
    longest = 0
    for s in range(offsets.size - 1):
        longest = max(longest, offsets[s + 1] - offsets[s])
    power, spare = np.empty(longest, np.float64), np.empty(longest, np.float64)
    most = 0
    for n in lengths:
        most = max(most, n)
    for s in range(offsets.size - 1):
        v = x[offsets[s] : offsets[s + 1]]
        size = v.size
        gaps = 0
        for i in range(size):
            power[i] = -np.inf if v[i] != v[i] else sign * v[i]
            gaps += int(v[i] != v[i])
        block = 1
        while block <= most:
            for k in range(lengths.size):
                n = lengths[k]
                if not block <= n < 2 * block:
                    continue
                row = out[k, offsets[s] : offsets[s + 1]]
                row[: min(n - 1, size)] = np.nan
                if n <= size:
                    made, near, far = row[n - 1 :], power[n - 1 : size], power[block - 1 : size - n + block]
                    for i in range(made.size):
                        made[i] = sign * (near[i] if near[i] > far[i] else far[i])
                if gaps > 0:
                    before = -1  # newest bar without a value
                    for i in range(size):
                        before = i if v[i] != v[i] else before
                        row[i] = row[i] if i - before >= n else np.nan
            if 2 * block <= most and block < size:
                twice, near, far = spare[block:size], power[block:size], power[: size - block]
                for i in range(twice.size):
                    twice[i] = near[i] if near[i] > far[i] else far[i]
                power, spare = spare, power
            block *= 2


@_compiled
def mean_deviation_ratio(x: FloatArray, mean: FloatArray, offsets: IntArray, n: int, out: FloatArray) -> None:
    """Newest value less the mean of ``n``, over 0.015 x their mean absolute deviation; missing where that is zero."""
    for s in range(offsets.size - 1):
        first, last = offsets[s], offsets[s + 1]
        out[first : min(first + n - 1, last)] = np.nan
        if last - first < n:
            continue
        made, middle, newest = out[first + n - 1 : last], mean[first + n - 1 : last], x[first + n - 1 : last]
        made[:] = 0.0
        for k in range(0, n - 1, 2):
            a, b = x[first + k : last - n + 1 + k], x[first + k + 1 : last - n + 2 + k]
            for i in range(made.size):
                made[i] += abs(a[i] - middle[i]) + abs(b[i] - middle[i])
        for i in range(made.size):
            gap = newest[i] - middle[i]
            spread = (made[i] + (abs(gap) if n % 2 else 0.0)) / n
            made[i] = gap / (0.015 * spread) if spread > 0.0 else np.nan


@_compiled
def _squares(x: FloatArray, mean: FloatArray, first: int, last: int, n: int, out: FloatArray) -> None:
    """Sum of squared distances of the last ``n`` values of a series from their mean; missing before ``n`` values."""
    for i in range(first, min(first + n - 1, last)):
        out[i] = np.nan
    if last - first < n:
        return
    made, middle, newest = out[first + n - 1 : last], mean[first + n - 1 : last], x[first + n - 1 : last]
    for i in range(made.size):
        made[i] = 0.0
    rows = made.size
    for k in range(0, n - 7, 8):  # four pairs at a time
        past = x[first + k : last - n + 8 + k]
        for i in range(rows):
            m = middle[i]
            p, q, r, t = past[i] - m, past[i + 1] - m, past[i + 2] - m, past[i + 3] - m
            total = (made[i] + (p * p + q * q)) + (r * r + t * t)
            p, q, r, t = past[i + 4] - m, past[i + 5] - m, past[i + 6] - m, past[i + 7] - m
            made[i] = (total + (p * p + q * q)) + (r * r + t * t)
    for k in range(n - n % 8, n - 1, 2):
        a, b = x[first + k : last - n + 1 + k], x[first + k + 1 : last - n + 2 + k]
        for i in range(rows):
            p, q = a[i] - middle[i], b[i] - middle[i]
            made[i] += p * p + q * q
    if n % 2:
        for i in range(made.size):
            p = newest[i] - middle[i]
            made[i] += p * p


@_compiled
def deviation(x: FloatArray, mean: FloatArray, offsets: IntArray, n: int, ddof: int, out: FloatArray) -> None:
    """Compute the standard deviation of the last ``n`` values around their mean."""
    for s in range(offsets.size - 1):
        first, last = offsets[s], offsets[s + 1]
        _squares(x, mean, first, last, n, out)
        made, size = out[first:last], float(n - ddof)
        for i in range(made.size):
            made[i] = np.sqrt(made[i] / size)


@_compiled
def bands(
    x: FloatArray, mean: FloatArray, offsets: IntArray, n: int, sigmas: float, upper: FloatArray, lower: FloatArray
) -> None:
    """Mean plus and less ``sigmas`` times the population's `deviation` of the last ``n`` values."""
    for s in range(offsets.size - 1):
        first, last = offsets[s], offsets[s + 1]
        _squares(x, mean, first, last, n, upper)
        middle, top, floor, size = mean[first:last], upper[first:last], lower[first:last], float(n)
        for i in range(middle.size):
            reach = np.sqrt(top[i] / size) * sigmas
            top[i] = middle[i] + reach
            floor[i] = middle[i] - reach


@_compiled
def median(x: FloatArray, offsets: IntArray, n: int, out: FloatArray) -> None:
    """Median of the last ``n`` values, from a window kept in order; missing where any of them is."""
    ordered = np.empty(n, np.float64)
    for s in range(offsets.size - 1):
        first = offsets[s]
        held = 0
        for i in range(first, offsets[s + 1]):
            if i - n >= first and not np.isnan(x[i - n]):
                k = 0
                while ordered[k] != x[i - n]:
                    k += 1
                held -= 1
                for m in range(k, held):
                    ordered[m] = ordered[m + 1]
            if not np.isnan(x[i]):
                k = held
                while k > 0 and ordered[k - 1] > x[i]:
                    ordered[k] = ordered[k - 1]
                    k -= 1
                ordered[k] = x[i]
                held += 1
            out[i] = 0.5 * (ordered[(n - 1) // 2] + ordered[n // 2]) if held == n else np.nan
