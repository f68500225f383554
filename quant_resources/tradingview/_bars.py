"""From the wire's bars to arrays and frames, without an object per bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

FloatArray = npt.NDArray[np.float64]

NOT_AVAILABLE: Final = 1e100
"""What the vendor sends where it has no value."""

BAR_COLUMNS: Final = ("open_time", "open", "high", "low", "close", "volume")
_WIDTH: Final = len(BAR_COLUMNS)
_EARLIEST: Final = -9_000_000_000.0
"""October 1684: older than any market's first bar."""
_LATEST: Final = 253_402_300_799.0
"""The last second of year 9999."""


class UnreadableBarsError(ValueError):
    """A block whose bars are not rows of five or six numbers with a time."""


def parse_block(block: Mapping[str, Any]) -> FloatArray:
    """Read the bars of one series block.

    Parameters
    ----------
    block : mapping
        The wire's ``{"s": [{"i": 0, "v": [time, open, high, low, close, volume]}, ...]}``.

    Returns
    -------
    array of shape (n_bars, 6)
        Time in Unix seconds (bar open), open, high, low, close, volume. NaN where a
        value is null, ``1e+100``, or, for the volume, absent (indices and currencies
        have five values). The order is the wire's.

    Raises
    ------
    UnreadableBarsError
        When a row is anything else. Nothing is skipped.
    """
    entries = block.get("s", [])
    if not isinstance(entries, list):
        raise UnreadableBarsError("the bars are no list")
    if not entries:
        return np.empty((0, _WIDTH))
    try:
        rows = [entry["v"] for entry in entries]
    except (TypeError, KeyError) as error:
        raise UnreadableBarsError("a bar has no values") from error
    bars = _to_array(rows)
    times = bars[:, 0]
    if not bool(np.all((times >= _EARLIEST) & (times <= _LATEST))):
        raise UnreadableBarsError("a bar has no valid time")
    values = bars[:, 1:]
    values[np.abs(values) >= NOT_AVAILABLE] = np.nan
    return bars


def _to_array(rows: Sequence[Any]) -> FloatArray:
    try:
        array = np.array(rows, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        array = _ragged_to_array(rows)
    if array.ndim != 2 or array.shape[1] < _WIDTH - 1:
        raise UnreadableBarsError("a bar is not a row of five or six numbers")
    if array.shape[1] == _WIDTH - 1:
        return np.column_stack((array, np.full(len(array), np.nan)))
    return np.ascontiguousarray(array[:, :_WIDTH])


def _ragged_to_array(rows: Sequence[Any]) -> FloatArray:
    """Read rows of different lengths: some bars of a series may lack the volume."""
    if not all(isinstance(row, list) and len(row) >= _WIDTH - 1 for row in rows):
        raise UnreadableBarsError("a bar is not a row of five or six numbers")
    try:
        return np.array([[*row[:_WIDTH], np.nan][:_WIDTH] for row in rows], dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise UnreadableBarsError("a bar holds something that is no number") from error


def merge_blocks(blocks: Sequence[FloatArray]) -> FloatArray:
    """Join the blocks of one series; of two bars at one place the one received last wins.

    Parameters
    ----------
    blocks : sequence of arrays of shape (n, 6) or (n, 7)
        In the order received. The seventh column is the bar's index in the series, see `indexed`.
        A bar sent again at its index is an update. Two bars of one time at different indices are
        two bars, as when a vendor's pages overlap: both are kept, for whoever stores them to judge.

    Returns
    -------
    array of shape (n_bars, 6) or (n_bars, 7)
        Ascending by time and index; unique.
    """
    if not blocks:
        return np.empty((0, _WIDTH))
    bars = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    if bool(np.all(np.diff(bars[:, 0]) > 0)):
        return bars
    place = bars[:, _WIDTH] if bars.shape[1] > _WIDTH else np.zeros(len(bars))
    ordered = bars[np.lexsort((place, bars[:, 0]))]
    place = ordered[:, _WIDTH] if bars.shape[1] > _WIDTH else np.zeros(len(bars))
    last_of_its_place = np.append((np.diff(ordered[:, 0]) > 0) | (np.diff(place) > 0), True)
    return np.asarray(ordered[last_of_its_place], dtype=np.float64)


def disagreement(held: FloatArray, page: FloatArray) -> float | None:
    """Find the first closed bar that a page of older bars serves again otherwise than it is held.

    Parameters
    ----------
    held, page : array of shape (n, 7)
        Ascending, see `indexed`. The newest bar held may still be forming and is not compared.

    Returns
    -------
    float or None
        Its time in Unix seconds, as held; None where the windows agree or do not overlap.
    """
    if not len(held):  # the first page was lost: there is nothing to agree with, and the hole is noticed
        return None
    closed = held[:-1]
    _, ours, theirs = np.intersect1d(closed[:, _WIDTH], page[:, _WIDTH], return_indices=True)
    same = (closed[ours] == page[theirs]) | (np.isnan(closed[ours]) & np.isnan(page[theirs]))
    wrong = ours[~same.all(axis=1)]
    return float(closed[wrong[0], 0]) if len(wrong) else None


def day_of(time: float) -> str:
    """Day of a bar's opening instant, ``2023-11-14``."""
    return str(np.datetime64(round(time), "s").astype("datetime64[D]"))


def indexed(bars: FloatArray, span: tuple[int, int]) -> FloatArray:
    """Append each bar's index in the series, which the block claims from first to last, as a seventh column."""
    return np.column_stack((bars, np.arange(span[0], span[1] + 1, dtype=np.float64)))


def without_index(bars: FloatArray) -> FloatArray:
    """Take the values alone, shape (n_bars, 6)."""
    return np.ascontiguousarray(bars[:, :_WIDTH])


def index_span(block: Mapping[str, Any]) -> tuple[int, int]:
    """Return the first and last index that a non-empty block claims for its bars.

    Raises
    ------
    UnreadableBarsError
        When they do not fit the number of bars, so that some are missing inside.
    """
    entries = block["s"]
    first, last = entries[0].get("i"), entries[-1].get("i")
    if not isinstance(first, int) or not isinstance(last, int):
        raise UnreadableBarsError("a bar has no index")
    if last - first != len(entries) - 1:
        raise UnreadableBarsError("a block lacks bars inside")
    return first, last


def has_hole(spans: Sequence[tuple[int, int]]) -> bool:
    """Tell whether bars are missing between blocks, or the newest are.

    A message that was lost shows in the indices: the first page starts at 0, and
    older pages continue downwards from -1.
    """
    if not spans:
        return False
    ordered = sorted(spans)
    reached = ordered[0][1]
    for first, last in ordered:
        if first > reached + 1:
            return True
        reached = max(reached, last)
    return reached < 0


def bars_frame(bars: FloatArray) -> pd.DataFrame:
    """Turn bars into a frame.

    Parameters
    ----------
    bars : array of shape (n_bars, 6)
        As `merge_blocks` returns them.

    Returns
    -------
    DataFrame
        ``open_time`` (datetime64[us, UTC]) and five float64 columns.
    """
    import pandas as pd

    microseconds = np.rint(bars[:, 0] * 1e6).astype(np.int64)
    times = pd.DatetimeIndex(microseconds.view("datetime64[us]")).tz_localize("UTC")
    columns = {name: bars[:, position].copy() for position, name in enumerate(BAR_COLUMNS) if position > 0}
    return pd.DataFrame({"open_time": times, **columns})
