"""Compiled loops over many series laid end to end. No checks, no allocation of outputs, no Python objects.

Every kernel takes ``offsets`` of shape (n_series + 1,): series ``s`` is
``x[offsets[s]:offsets[s + 1]]`` and nothing is carried from one to the next.
``fastmath`` is off, so a missing value (NaN) stays one and the result does not
depend on how a compiler reorders a sum.

Window sums are anchored at the newest value: ``c + sum(x - c) / n``. A plain
running sum would remember the rounding of every bar that ever passed through
the window. These know the window only: short ones are summed afresh, and that
of `mean` runs in two words, which hold it without any rounding. So the value
is bit-equal however long the history is, and the average of equal prices is
that price.

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
def mean(x: FloatArray, offsets: IntArray, n: int, out: FloatArray) -> None:
    """Average the last ``n`` values; missing where any of them is.

    The running sum is ``high + low``, exact as long as the values of a series span fewer than some ten orders of
    magnitude: each addition and subtraction hands its rounding error on to ``low`` (Knuth's two-sum). What left the
    window is gone from it.
    """
    for s in range(offsets.size - 1):
        high, low = 0.0, 0.0
        known = 0
        for i in range(offsets[s], offsets[s + 1]):
            v = x[i]
            if v - v != 0.0:  # missing or infinite
                high, low, known = 0.0, 0.0, 0
                out[i] = np.nan
                continue
            known += 1
            gone = x[i - n] if known > n else 0.0
            step = v - gone
            back = step - v
            error = (v - (step - back)) - (gone + back)
            total = high + step
            back = total - high
            low += ((high - (total - back)) + (step - back)) + error
            high = total
            if known < n:
                out[i] = np.nan
                continue
            total = high + low
            rest = low - (total - high)
            split = v * 134217729.0  # 2^27 + 1: n x head and n x tail are exact
            head = split - (split - v)
            out[i] = v + (((total - n * head) - n * (v - head)) + rest) / n


@_compiled
def smooth(x: FloatArray, offsets: IntArray, n: int, alpha: float, out: FloatArray) -> None:
    """Exponential average seeded with the mean of the first ``n`` known values; an unknown one is skipped."""
    for s in range(offsets.size - 1):
        known = 0
        anchor, total, state = 0.0, 0.0, 0.0
        for i in range(offsets[s], offsets[s + 1]):
            out[i] = np.nan
            if np.isnan(x[i]):
                continue
            known += 1
            if known > n:
                state += alpha * (x[i] - state)
                out[i] = state
                continue
            if known == 1:
                anchor = x[i]
            total += x[i] - anchor
            if known == n:
                state = anchor + total / n
                out[i] = state


@_compiled
def smooth_all(x: FloatArray, offsets: IntArray, lengths: IntArray, alphas: FloatArray, out: FloatArray) -> None:
    """`smooth` for several lengths at once, bit for bit: one does not wait for another. ``out`` is (n_lengths, n)."""
    state = np.empty(lengths.size, np.float64)
    for s in range(offsets.size - 1):
        known = 0
        anchor, total = 0.0, 0.0
        for i in range(offsets[s], offsets[s + 1]):
            v = x[i]
            if np.isnan(v):
                for k in range(lengths.size):
                    out[k, i] = np.nan
                continue
            known += 1
            if known == 1:
                anchor = v
            total += v - anchor
            for k in range(lengths.size):
                if known > lengths[k]:
                    state[k] += alphas[k] * (v - state[k])
                    out[k, i] = state[k]
                elif known == lengths[k]:
                    state[k] = anchor + total / lengths[k]
                    out[k, i] = state[k]
                else:
                    out[k, i] = np.nan


@_compiled
def weighted_mean(x: FloatArray, offsets: IntArray, n: int, out: FloatArray) -> None:
    """Mean of the last ``n`` values with weights 1, 2 … ``n``, the newest heaviest."""
    norm = n * (n + 1) / 2.0
    for s in range(offsets.size - 1):
        first, last = offsets[s], offsets[s + 1]
        out[first : min(first + n - 1, last)] = np.nan
        for i in range(first + n - 1, last):
            c = x[i]
            total = 0.0
            for k in range(n):
                total += (k + 1) * (x[i - n + 1 + k] - c)
            out[i] = c + total / norm


@_compiled
def volume_mean(x: FloatArray, volume: FloatArray, offsets: IntArray, n: int, out: FloatArray) -> None:
    """Mean of the last ``n`` values weighted by volume; missing where their volume is zero or unknown."""
    for s in range(offsets.size - 1):
        first, last = offsets[s], offsets[s + 1]
        out[first : min(first + n - 1, last)] = np.nan
        for i in range(first + n - 1, last):
            c = x[i]
            total, weight = 0.0, 0.0
            for j in range(i - n + 1, i + 1):
                total += volume[j] * (x[j] - c)
                weight += volume[j]
            out[i] = c + total / weight if weight > 0.0 else np.nan


@_compiled
def highest(x: FloatArray, offsets: IntArray, n: int, out: FloatArray) -> None:
    """Highest of the last ``n`` values. The window is searched again only when its highest leaves it."""
    for s in range(offsets.size - 1):
        before = offsets[s] - 1  # newest bar without a value
        best, at = -np.inf, before
        for i in range(offsets[s], offsets[s + 1]):
            v = x[i]
            if v >= best:
                best, at = v, i
            elif v != v:
                best, at, before = -np.inf, i, i
            elif at <= i - n:
                best, at = v, i
                for j in range(i - 1, i - n, -1):
                    if x[j] > best:
                        best, at = x[j], j
            out[i] = best if i - before >= n else np.nan


@_compiled
def lowest(x: FloatArray, offsets: IntArray, n: int, out: FloatArray) -> None:
    """Lowest of the last ``n`` values, as `highest`."""
    for s in range(offsets.size - 1):
        before = offsets[s] - 1  # newest bar without a value
        best, at = np.inf, before
        for i in range(offsets[s], offsets[s + 1]):
            v = x[i]
            if v <= best:
                best, at = v, i
            elif v != v:
                best, at, before = np.inf, i, i
            elif at <= i - n:
                best, at = v, i
                for j in range(i - 1, i - n, -1):
                    if x[j] < best:
                        best, at = x[j], j
            out[i] = best if i - before >= n else np.nan


@_compiled
def mean_deviation_ratio(x: FloatArray, mean: FloatArray, offsets: IntArray, n: int, out: FloatArray) -> None:
    """Newest value less the mean of ``n``, over 0.015 x their mean absolute deviation; missing where that is zero."""
    for s in range(offsets.size - 1):
        first, last = offsets[s], offsets[s + 1]
        out[first : min(first + n - 1, last)] = np.nan
        for i in range(first + n - 1, last):
            middle = mean[i]
            window = x[i - n + 1 : i + 1]
            s0, s1 = 0.0, 0.0
            for k in range(n // 2):
                s0 += abs(window[2 * k] - middle)
                s1 += abs(window[2 * k + 1] - middle)
            spread = (s0 + s1 + (abs(window[n - 1] - middle) if n % 2 else 0.0)) / n
            out[i] = (x[i] - middle) / (0.015 * spread) if spread > 0.0 else np.nan


@_compiled
def deviation(x: FloatArray, mean: FloatArray, offsets: IntArray, n: int, ddof: int, out: FloatArray) -> None:
    """Compute the standard deviation of the last ``n`` values around their mean."""
    for s in range(offsets.size - 1):
        first, last = offsets[s], offsets[s + 1]
        out[first : min(first + n - 1, last)] = np.nan
        for i in range(first + n - 1, last):
            middle = mean[i]
            window = x[i - n + 1 : i + 1]
            s0, s1 = 0.0, 0.0
            for k in range(n // 2):
                s0 += (window[2 * k] - middle) ** 2
                s1 += (window[2 * k + 1] - middle) ** 2
            if n % 2 == 1:
                s0 += (window[n - 1] - middle) ** 2
            out[i] = np.sqrt((s0 + s1) / (n - ddof))


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
