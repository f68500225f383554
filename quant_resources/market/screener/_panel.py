"""Closed bars of every instrument, laid end to end, on one timeframe."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from quant_resources.market.bars import Bars, FloatArray, Int64Array, aggregate


class Panel:
    """Bars of all instruments, one series after the other.

    Parameters
    ----------
    series : list of Bars
        Closed daily bars of each instrument, oldest first; a series may be empty.
    timeframe : str
        ``1D``, ``1W`` or ``1M``.

    Attributes
    ----------
    time : array of int64, shape (n_bars,)
        Open times, Unix seconds UTC.
    open, high, low, close, volume : array of float64, shape (n_bars,)
        The bars.
    offsets : array of int64, shape (n_series + 1,)
        Series `i` is rows ``offsets[i]`` to ``offsets[i + 1]``.
    """

    def __init__(self, series: list[Bars], timeframe: str) -> None:
        bars = [aggregate(one, timeframe) for one in series]
        self.timeframe = timeframe
        self.offsets: Int64Array = np.r_[0, np.cumsum([len(one) for one in bars])].astype(np.int64)
        self.time: Int64Array = np.concatenate([one.time for one in bars]) if bars else np.empty(0, np.int64)
        values = np.concatenate([one.values for one in bars]) if bars else np.empty((0, 5))
        self.open, self.high, self.low, self.close, self.volume = (np.ascontiguousarray(column) for column in values.T)

    @property
    def size(self) -> int:
        """Number of series."""
        return len(self.offsets) - 1

    @property
    def ends(self) -> Int64Array:
        """Row after the newest bar of each series."""
        return self.offsets[1:]

    @property
    def lengths(self) -> Int64Array:
        """Number of bars of each series."""
        return np.diff(self.offsets)

    def last(self, values: npt.NDArray[np.float64], back: int = 0) -> FloatArray:
        """Return the value of each series' newest bar, or of one `back` bars earlier; NaN where there is none."""
        rows = self.ends - 1 - back
        there = rows >= self.offsets[:-1]
        picked = np.full(self.size, np.nan)
        picked[there] = values[rows[there]]
        return picked

    def since(self, starts: Int64Array) -> Int64Array:
        """Return, per series, the first row whose bar opens at or after `starts` (Unix seconds)."""
        return np.array(
            [
                first + np.searchsorted(self.time[first:end], start)
                for first, end, start in zip(self.offsets[:-1], self.ends, starts, strict=True)
            ],
            dtype=np.int64,
        ).reshape(-1)

    @functools.cached_property
    def newest(self) -> Int64Array:
        """Open time of each series' newest bar; 0 where there is none."""
        newest = np.zeros(self.size, np.int64)
        there = self.lengths > 0
        newest[there] = self.time[self.ends[there] - 1]
        return newest
