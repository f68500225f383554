"""First part of the pass over everything the technical ratings look at: averages and extremes of windows.

`windows`, `_pass_moves.moves` and `_pass_votes.votes` compute a series' averages, oscillators and votes one after the
other while its bars are in the processor's cache, into the rows of one matrix that `_pass_rows` names. Lengths are
fixed, so that windows are unrolled and several bars are taken at once. Every figure has the bits of the separate
kernels (`_kernels`, `_move_kernels`), which state the definitions one by one; the tests hold the two equal.

Helpers stand in the file that uses them because numba invalidates its cache per file.
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
def _doubled(x: FloatArray, sums: FloatArray, block: int, twice: FloatArray) -> None:
    """Double the bars of sums of differences to the newest value; see `_kernels.means`."""
    if block >= x.size:
        return
    made, near, far = twice[block:], sums[block:], sums[: x.size - block]
    new, old = x[block:], x[: x.size - block]
    weight = float(block)
    for i in range(made.size):
        made[i] = near[i] + (far[i] + weight * (old[i] - new[i]))


@_inner
def _joined(x: FloatArray, sums: FloatArray, lag: int, block: int, total: FloatArray) -> None:
    """Add the sums that end ``lag`` bars ago."""
    if lag >= x.size:
        return
    made, far, new, old = total[lag:], sums[: x.size - lag], x[lag:], x[: x.size - lag]
    weight = float(block)
    if lag == 0:
        for i in range(made.size):
            made[i] = far[i]
    else:
        for i in range(made.size):
            made[i] += far[i] + weight * (old[i] - new[i])


@_inner
def _averaged(x: FloatArray, n: int, total: FloatArray) -> None:
    """Newest value plus the mean difference to it; missing before ``n`` values."""
    size = float(n)
    edge = min(n - 1, x.size)
    for i in range(edge):
        total[i] = np.nan
    made, new = total[edge:], x[edge:]
    for i in range(made.size):
        made[i] = new[i] + made[i] / size


@_inner
def _means(x: FloatArray, lengths: IntArray, out: FloatArray, to: int, at: int) -> None:
    """`_kernels.means` of one series into rows from ``to`` on."""
    size = x.size
    power, spare = out[row.SPARE, at : at + size], out[row.SPARE + 1, at : at + size]
    most = 0
    for n in lengths:
        most = max(most, n)
    for i in range(size):
        power[i] = x[i] - x[i]
    block = min(1, most)
    while block <= most:
        for k in range(lengths.size):
            if lengths[k] & block:
                _joined(x, power, lengths[k] & (block - 1), block, out[to + k, at : at + size])
        if 2 * block <= most:
            _doubled(x, power, block, spare)
            power, spare = spare, power
        block *= 2
    for k in range(lengths.size):
        _averaged(x, lengths[k], out[to + k, at : at + size])


@_inner
def _higher(values: FloatArray, lag: int, made: FloatArray) -> None:
    """Higher of each value and the one ``lag`` bars before, where there is one."""
    if lag >= values.size:
        return
    to, near, far = made[lag:], values[lag:], values[: values.size - lag]
    for i in range(to.size):
        to[i] = near[i] if near[i] > far[i] else far[i]


@_inner
def _cut(top: FloatArray, x: FloatArray, n: int, sign: float) -> None:
    """Give extremes their sign back; missing before ``n`` values and where the window has a gap."""
    gaps = 0
    for i in range(top.size):
        top[i] *= sign
        gaps += int(x[i] != x[i])
    for i in range(min(n - 1, top.size)):
        top[i] = np.nan
    if gaps > 0:
        before = -1
        for i in range(top.size):
            before = i if x[i] != x[i] else before
            if i - before < n:
                top[i] = np.nan


@_inner
def _extremes(x: FloatArray, sign: float, lengths: IntArray, out: FloatArray, to: int, at: int) -> None:
    """`_kernels.extremes` of one series into rows from ``to`` on."""
    size = x.size
    power, spare = out[row.SPARE, at : at + size], out[row.SPARE + 1, at : at + size]
    most = 0
    for n in lengths:
        most = max(most, n)
    for i in range(size):
        power[i] = -np.inf if x[i] != x[i] else sign * x[i]
    block = min(1, most)
    while block <= most:
        for k in range(lengths.size):
            if block <= lengths[k] < 2 * block:
                _higher(power, lengths[k] - block, out[to + k, at : at + size])
                _cut(out[to + k, at : at + size], x, lengths[k], sign)
        if 2 * block <= most:
            _higher(power, block, spare)
            power, spare = spare, power
        block *= 2


@_inner
def _volume_mean(x: FloatArray, volume: FloatArray, out: FloatArray) -> None:
    """`_kernels.volume_mean` over 20 bars."""
    for i in range(min(19, x.size)):
        out[i] = np.nan
    made = out[min(19, x.size) :]
    for i in range(made.size):
        newest = x[i + 19]
        total, weight = 0.0, 0.0
        for k in range(20):
            total += volume[i + k] * (x[i + k] - newest)
            weight += volume[i + k]
        made[i] = newest + total / weight if weight > 0.0 else np.nan


@_inner
def _hull(x: FloatArray, raw: FloatArray, out: FloatArray) -> None:
    """Hull average of 9 bars from `_kernels.weighted_mean` over 4, 9 and 3."""
    for i in range(min(10, x.size)):
        raw[i] = np.nan
        out[i] = np.nan
    made = raw[min(8, x.size) :]
    for i in range(made.size):
        newest = x[i + 8]
        fast, slow = newest - newest, newest - newest
        for k in range(3):
            fast += (k + 1.0) * (x[i + 5 + k] - newest)
        for k in range(8):
            slow += (k + 1.0) * (x[i + k] - newest)
        made[i] = 2.0 * (newest + fast / 10.0) - (newest + slow / 45.0)
    made = out[min(10, x.size) :]
    for i in range(made.size):
        newest = raw[i + 10]
        total = newest - newest + 1.0 * (raw[i + 8] - newest)
        made[i] = newest + (total + 2.0 * (raw[i + 9] - newest)) / 6.0


@_inner
def _deviations(x: FloatArray, mean: FloatArray, deviation: FloatArray) -> None:
    """`_kernels.deviation` over 20 bars, population."""
    for i in range(min(19, x.size)):
        deviation[i] = np.nan
    made, middle = deviation[min(19, x.size) :], mean[min(19, x.size) :]
    for i in range(made.size):
        total = 0.0
        for k in range(0, 20, 2):
            p, q = x[i + k] - middle[i], x[i + k + 1] - middle[i]
            total += p * p + q * q
        made[i] = np.sqrt(total / 20.0)


@_inner
def _channel_index(x: FloatArray, mean: FloatArray, out: FloatArray) -> None:
    """`_kernels.mean_deviation_ratio` over 20 bars."""
    for i in range(min(19, x.size)):
        out[i] = np.nan
    made, middle = out[min(19, x.size) :], mean[min(19, x.size) :]
    for i in range(made.size):
        m = middle[i]
        total = 0.0
        for k in range(0, 20, 2):
            total += abs(x[i + k] - m) + abs(x[i + k + 1] - m)
        spread = total / 20.0
        made[i] = (x[i + 19] - m) / (0.015 * spread) if spread > 0.0 else np.nan


@_inner
def windows(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    volume: FloatArray,
    offsets: IntArray,
    lengths: IntArray,
    out: FloatArray,
) -> None:
    """Averages and extremes of windows, CCI and the awesome oscillator.

    ``lengths``: of the simple averages of close, of the typical price, of the middle, of the extremes.
    """
    for s in range(offsets.size - 1):
        at, end = offsets[s], offsets[s + 1]
        if at == end:
            continue
        h, lo, c, v = high[at:end], low[at:end], close[at:end], volume[at:end]
        typical, middle = out[row.SPARE + 2, at:end], out[row.SPARE + 3, at:end]
        for i in range(c.size):
            typical[i] = (h[i] + lo[i] + c[i]) / 3.0
            middle[i] = 0.5 * (h[i] + lo[i])
        for job in range(3):
            x = c if job == 0 else (typical if job == 1 else middle)
            first, last, to = 0, 6, row.SMA
            if job == 1:
                first, last, to = 6, 7, row.SPARE + 4
            elif job == 2:
                first, last, to = 7, 9, row.SPARE + 5
            _means(x, lengths[first:last], out, to, at)
        for job in range(2):
            sign = 1.0 - 2.0 * job
            _extremes(h if job == 0 else lo, sign, lengths[9:], out, row.TOP + 5 * job, at)
        _channel_index(typical, out[row.SPARE + 4, at:end], out[row.CCI, at:end])
        swing, fast, slow = out[row.AO, at:end], out[row.SPARE + 5, at:end], out[row.SPARE + 6, at:end]
        for i in range(c.size):
            swing[i] = fast[i] - slow[i]
        _volume_mean(c, v, out[row.VWMA, at:end])
        _hull(c, out[row.SPARE, at:end], out[row.HMA, at:end])
        _deviations(c, out[row.SMA + 1, at:end], out[row.DEVIATION, at:end])
