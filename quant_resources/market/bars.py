"""Daily bars of one symbol as plain arrays, and the coarser bars made of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quant_resources.market.clock import DAY

Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

_MONDAY_SHIFT = 3  # 1970-01-01 was a Thursday


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars of one symbol, oldest first, one per open time.

    Attributes
    ----------
    time : array of int64, shape (n_bars,)
        When the bar opens, Unix seconds UTC, strictly ascending.
    values : array of float64, shape (n_bars, 5)
        Open, high, low, close (quote currency) and volume (base units).
    """

    time: Int64Array
    values: FloatArray

    def __len__(self) -> int:
        return len(self.time)

    @classmethod
    def empty(cls) -> Bars:
        """Return a series without a bar."""
        return cls(np.empty(0, np.int64), np.empty((0, 5)))

    def slice(self, start: int, stop: int) -> Bars:
        """Return the bars at positions `start` to `stop` (exclusive), without copying."""
        return Bars(self.time[start:stop], self.values[start:stop])

    def position(self, timestamp: float) -> int:
        """Return how many bars open before `timestamp` (Unix seconds)."""
        # Compared as integers: a bar opens before t iff it opens before ceil(t).
        return int(np.searchsorted(self.time, int(np.ceil(timestamp)), side="left"))

    @property
    def open(self) -> FloatArray:
        """First prices."""
        return self.values[:, 0]

    @property
    def high(self) -> FloatArray:
        """Highest prices."""
        return self.values[:, 1]

    @property
    def low(self) -> FloatArray:
        """Lowest prices."""
        return self.values[:, 2]

    @property
    def close(self) -> FloatArray:
        """Last prices."""
        return self.values[:, 3]

    @property
    def volume(self) -> FloatArray:
        """Traded quantities, base units."""
        return self.values[:, 4]


def as_known_at(bars: Bars, now: float) -> Bars:
    """Return what a daily source can know of `bars` at the instant `now`.

    Every bar that opens at or after `now` is cut off. Of a day that is still
    running only the open is known, so its bar is ``[open, open, open, open, 0]``.
    At exactly midnight no day is running.

    Parameters
    ----------
    bars : Bars
        Bars of whole days.
    now : float
        The market's clock, Unix seconds UTC.
    """
    known = bars.slice(0, bars.position(now))
    if len(known) == 0 or known.time[-1] + DAY <= now:
        return known
    values = known.values.copy()
    running = known.time + DAY > now  # more than one where a feed repeats bars
    values[running, 1:4] = values[running, :1]
    values[running, 4] = 0.0
    return Bars(known.time, values)


def closed_count(bars: Bars, now: float) -> int:
    """Return how many of `bars` (whole days, oldest first) have closed at `now`: open time + 1 day <= now."""
    return int(np.searchsorted(bars.time, int(np.floor(now)) - DAY, side="right"))


def bar_starts(time: Int64Array, resolution: str) -> Int64Array:
    """Return when the bar of `resolution` that holds each day opens: a Monday or the first of a month.

    Parameters
    ----------
    time : array of int64, shape (n_bars,)
        Open times of daily bars, Unix seconds UTC.
    resolution : str
        ``1D``, ``1W`` or a number of months such as ``1M`` or ``3M``.
    """
    if resolution == "1D":
        return time
    days = time // DAY
    if resolution == "1W":
        return ((days + _MONDAY_SHIFT) // 7 * 7 - _MONDAY_SHIFT) * DAY
    step = int(resolution[:-1])
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    first = months // step * step
    return first.astype("datetime64[M]").astype("datetime64[s]").astype(np.int64)


def bar_close(start: int, resolution: str) -> int:
    """Return when the bar that opens at `start` (Unix seconds) closes, in Unix seconds."""
    if resolution == "1D":
        return start + DAY
    if resolution == "1W":
        return start + 7 * DAY
    opened = dt.datetime.fromtimestamp(start, dt.UTC)
    month = opened.year * 12 + opened.month - 1 + int(resolution[:-1])
    return int(dt.datetime(month // 12, month % 12 + 1, 1, tzinfo=dt.UTC).timestamp())


def aggregate(bars: Bars, resolution: str) -> Bars:
    """Join daily bars into weeks (from Monday) or months.

    The newest bar holds the days there are: it is still forming unless its last
    day has closed.

    Parameters
    ----------
    bars : Bars
        Daily bars as known at the clock.
    resolution : str
        ``1D`` (returned unchanged), ``1W``, ``1M``, ``3M``, ``6M`` or ``12M``.
    """
    if resolution == "1D" or len(bars) == 0:
        return bars
    starts = bar_starts(bars.time, resolution)
    first = np.flatnonzero(np.r_[True, starts[1:] != starts[:-1]])
    last = np.r_[first[1:], len(bars)] - 1
    values = np.column_stack(
        [
            bars.open[first],
            np.maximum.reduceat(bars.high, first),
            np.minimum.reduceat(bars.low, first),
            bars.close[last],
            np.add.reduceat(bars.volume, first),
        ]
    )
    return Bars(starts[first], values)
