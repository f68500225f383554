"""Compiled loops of averages that recur: exponential and Wilder's, RSI, average true range, MACD. See `_kernels`.

A step of such an average waits for the step before it, and a core could do several meanwhile. So every kernel first
brings each series to the bar where its averages are seeded, and from there takes four series side by side, or several
averages of one. Each series has the operations, and so the bits, it would have alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numba
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]
    IntArray = npt.NDArray[np.int64]

_Kernel = TypeVar("_Kernel", bound=Callable[..., Any])
_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "cache": True,
    "fastmath": False,
    "error_model": "numpy",
    "no_cfunc_wrapper": True,
}


def _compiled(kernel: _Kernel) -> _Kernel:
    """Compile on first call, release the GIL, keep the machine code beside the source; x / 0 is IEEE, as in numpy."""
    return cast("_Kernel", numba.njit(**_OPTIONS)(kernel))


def _inner(kernel: _Kernel) -> _Kernel:
    """Compile for the kernels of this file only: what Python would need to call it is left out."""
    return cast("_Kernel", numba.njit(**_OPTIONS | {"no_cpython_wrapper": True})(kernel))


@_inner
def _seeded(x: FloatArray, first: int, last: int, n: int, out: FloatArray) -> tuple[int, float]:
    """Write up to the mean of the first ``n`` known values; give the bar behind it and that mean."""
    known = 0
    anchor, total = 0.0, 0.0
    for i in range(first, last):
        v = x[i]
        out[i] = np.nan
        if v != v:
            continue
        known += 1
        if known == 1:
            anchor = v
        total += v - anchor
        if known == n:
            out[i] = anchor + total / n
            return i + 1, out[i]
    return last, np.nan


@_inner
def _rest(x: FloatArray, first: int, last: int, state: float, alpha: float, out: FloatArray) -> None:
    """Carry an average on; an unknown value is skipped."""
    for i in range(first, last):
        v = x[i]
        made = state + alpha * (v - state)
        out[i] = made if v == v else np.nan
        state = made if v == v else state


@_inner
def _averages(x: FloatArray, offsets: IntArray, n: int, alpha: float, out: FloatArray) -> None:
    """Exponential average of every series, four side by side."""
    many = offsets.size - 1
    for s in range(0, many - 3, 4):
        at, p = _seeded(x, offsets[s], offsets[s + 1], n, out)
        bt, q = _seeded(x, offsets[s + 1], offsets[s + 2], n, out)
        ct, r = _seeded(x, offsets[s + 2], offsets[s + 3], n, out)
        dt, t = _seeded(x, offsets[s + 3], offsets[s + 4], n, out)
        steps = min(min(offsets[s + 1] - at, offsets[s + 2] - bt), min(offsets[s + 3] - ct, offsets[s + 4] - dt))
        a, b, c, d = x[at : at + steps], x[bt : bt + steps], x[ct : ct + steps], x[dt : dt + steps]
        e, f, g, h = out[at : at + steps], out[bt : bt + steps], out[ct : ct + steps], out[dt : dt + steps]
        for i in range(steps):
            u, v, w, y = a[i], b[i], c[i], d[i]
            p1, q1, r1, t1 = p + alpha * (u - p), q + alpha * (v - q), r + alpha * (w - r), t + alpha * (y - t)
            e[i], f[i] = p1 if u == u else np.nan, q1 if v == v else np.nan
            g[i], h[i] = r1 if w == w else np.nan, t1 if y == y else np.nan
            p, q = p1 if u == u else p, q1 if v == v else q
            r, t = r1 if w == w else r, t1 if y == y else t
        _rest(x, at + steps, offsets[s + 1], p, alpha, out)
        _rest(x, bt + steps, offsets[s + 2], q, alpha, out)
        _rest(x, ct + steps, offsets[s + 3], r, alpha, out)
        _rest(x, dt + steps, offsets[s + 4], t, alpha, out)
    for s in range(many - many % 4, many):
        at, p = _seeded(x, offsets[s], offsets[s + 1], n, out)
        _rest(x, at, offsets[s + 1], p, alpha, out)


@_compiled
def smooth(x: FloatArray, offsets: IntArray, n: int, alpha: float, out: FloatArray) -> None:
    """Exponential average seeded with the mean of the first ``n`` known values; an unknown one is skipped."""
    _averages(x, offsets, n, alpha, out)


@_compiled
def average_range(
    high: FloatArray, low: FloatArray, close: FloatArray, offsets: IntArray, n: int, out: FloatArray
) -> None:
    """Wilder's average of the true range, the first bar's own range included: `true_range`, then `smooth` in place."""
    for s in range(offsets.size - 1):
        first, last = offsets[s], offsets[s + 1]
        if first == last:
            continue
        out[first] = high[first] - low[first]
        h, lo, before, made = high[first + 1 : last], low[first + 1 : last], close[first:last], out[first + 1 : last]
        for i in range(made.size):
            a, b, reach = abs(h[i] - before[i]), abs(lo[i] - before[i]), h[i] - lo[i]
            b = a if a > b else b
            made[i] = (reach if reach > b else b) + 0.0 * (h[i] + lo[i] + before[i])  # missing stays missing
    _averages(out, offsets, n, 1.0 / n, out)


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
def relative_strength(x: FloatArray, offsets: IntArray, n: int, out: FloatArray) -> None:
    """Share of rises in the smoothed moves, in percent; 100 where nothing fell."""
    alpha = 1.0 / n
    for s in range(offsets.size - 1):
        known, at, end = 0, offsets[s], offsets[s + 1]
        first_up, first_down, up, down = 0.0, 0.0, 0.0, 0.0
        previous = np.nan
        while at < end and known < n:
            move = x[at] - previous
            previous = x[at]
            out[at] = np.nan
            at += 1
            if move != move:
                continue
            known += 1
            rise, fall = max(move, 0.0), max(-move, 0.0)
            if known == 1:
                first_up, first_down = rise, fall
            else:
                up += rise - first_up
                down += fall - first_down
            if known == n:
                up, down = first_up + up / n, first_down + down / n
                out[at - 1] = 100.0 if down == 0.0 else 100.0 * (up / (up + down))
        for i in range(at, end):
            move = x[i] - previous
            previous = x[i]
            rise, fall = move if move > 0.0 else 0.0, -move if move < 0.0 else 0.0
            if move == move:
                up += alpha * (rise - up)
                down += alpha * (fall - down)
                out[i] = 100.0 if down == 0.0 else 100.0 * (up / (up + down))
            else:
                out[i] = np.nan


@_inner
def _begun(
    x: FloatArray,
    first: int,
    last: int,
    lengths: IntArray,
    alphas: FloatArray,
    line: FloatArray,
    signal: FloatArray,
    hist: FloatArray,
) -> tuple[int, float, float, float]:
    """MACD up to the bar where its signal is seeded; give the bar behind it and the three averages."""
    long, smoothing = max(lengths[0], lengths[1]), lengths[2]
    known, lines = 0, 0
    anchor, total, first_line, line_total = 0.0, 0.0, 0.0, 0.0
    fast, slow = 0.0, 0.0
    for i in range(first, last):
        v = x[i]
        line[i], signal[i], hist[i] = np.nan, np.nan, np.nan
        if v != v:
            continue
        known += 1
        if known == 1:
            anchor = v
        total += v - anchor
        if known > lengths[0]:
            fast += alphas[0] * (v - fast)
        elif known == lengths[0]:
            fast = anchor + total / lengths[0]
        if known > lengths[1]:
            slow += alphas[1] * (v - slow)
        elif known == lengths[1]:
            slow = anchor + total / lengths[1]
        if known < long:
            continue
        gap = fast - slow
        line[i] = gap
        lines += 1
        if lines == 1:
            first_line = gap
        line_total += gap - first_line
        if lines == smoothing:
            signal[i] = first_line + line_total / smoothing
            hist[i] = gap - signal[i]
            return i + 1, fast, slow, signal[i]
    return last, fast, slow, np.nan


@_inner
def _step(
    v: float, fast: float, slow: float, smooth: float, alphas: FloatArray
) -> tuple[float, float, float, float, float, float]:
    """One bar: the three averages, then MACD, signal and their difference; an unknown value is skipped."""
    a, b = fast + alphas[0] * (v - fast), slow + alphas[1] * (v - slow)
    gap = a - b
    c = smooth + alphas[2] * (gap - smooth)
    if v == v:
        return a, b, c, gap, c, gap - c
    return fast, slow, smooth, np.nan, np.nan, np.nan


@_inner
def _carry(
    x: FloatArray,
    first: int,
    last: int,
    averages: tuple[float, float, float],
    alphas: FloatArray,
    line: FloatArray,
    signal: FloatArray,
    hist: FloatArray,
) -> None:
    """Carry MACD on."""
    f, g, m = averages
    for i in range(first, last):
        f, g, m, line[i], signal[i], hist[i] = _step(x[i], f, g, m, alphas)


@_compiled
def macd(
    x: FloatArray,
    offsets: IntArray,
    lengths: IntArray,
    alphas: FloatArray,
    line: FloatArray,
    signal: FloatArray,
    hist: FloatArray,
) -> None:
    """Fast less slow exponential average, its own average and the difference, each as `smooth` has it."""
    many = offsets.size - 1
    for s in range(0, many - 1, 2):
        first, end, last = offsets[s], offsets[s + 1], offsets[s + 2]
        at, f, g, m = _begun(x, first, end, lengths, alphas, line, signal, hist)
        bt, p, q, r = _begun(x, end, last, lengths, alphas, line, signal, hist)
        steps = min(end - at, last - bt)
        u, v = x[at : at + steps], x[bt : bt + steps]
        lines, signals, hists = line[at:], signal[at:], hist[at:]
        others, other_signals, other_hists = line[bt:], signal[bt:], hist[bt:]
        for i in range(steps):
            f, g, m, lines[i], signals[i], hists[i] = _step(u[i], f, g, m, alphas)
            p, q, r, others[i], other_signals[i], other_hists[i] = _step(v[i], p, q, r, alphas)
        _carry(x, at + steps, end, (f, g, m), alphas, line, signal, hist)
        _carry(x, bt + steps, last, (p, q, r), alphas, line, signal, hist)
    if many % 2:
        at, f, g, m = _begun(x, offsets[many - 1], offsets[many], lengths, alphas, line, signal, hist)
        _carry(x, at, offsets[many], (f, g, m), alphas, line, signal, hist)
