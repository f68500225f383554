"""Everything the technical ratings look at, and the ratings, in one compiled pass over the bars.

The pass works on a few series at a time, so that what one part writes is still in the processor's cache when the next
reads it. Every row has the bits of the separate indicator.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from quant_lib.indicators import _pass_moves, _pass_rows, _pass_votes, _pass_windows
from quant_lib.indicators._series import FloatArray, IntArray, bounds, same_size, series
from quant_lib.indicators.votes import Ruleset, check_ruleset

_TILE: Final = 4096
"""Bars taken together: enough to hide the cost of a call, few enough for the rows to stay in cache."""

_WINDOWS: Final = np.array([*_pass_rows.LENGTHS, 20, 5, 34, *_pass_rows.EXTREMES], np.int64)
_RECURSIONS: Final = np.array([*_pass_rows.EMAS, *[14] * 7, 9], np.int64)
_ALPHAS: Final = np.array([*(2.0 / (n + 1.0) for n in _pass_rows.EMAS), *[1.0 / 14.0] * 7, 2.0 / 10.0])


def figures(
    high: npt.ArrayLike,
    low: npt.ArrayLike,
    close: npt.ArrayLike,
    volume: npt.ArrayLike,
    ruleset: Ruleset = "legacy",
    offsets: IntArray | None = None,
) -> FloatArray:
    """Compute averages, extremes, oscillators and ratings of every bar.

    Parameters
    ----------
    high, low, close, volume : array of shape (n_bars,)
        Bars, oldest first; NaN marks a missing value.
    ruleset : {'legacy', 'pine3'}
        Published rules of the votes.
    offsets : array of shape (n_series + 1,), optional
        Bounds of the series laid end to end; one by default.

    Returns
    -------
    array of shape (n_rows, n_bars)
        `quant_lib.indicators._pass_rows` names the rows.

    Raises
    ------
    IndicatorInputError
        Where columns differ in length, the offsets are not bounds or nobody published the rules.
    """
    columns = _columns(high, low, close, volume)
    at = bounds(columns[2], offsets)
    out = np.empty((_pass_rows.ROWS, columns[2].size))
    modern = check_ruleset(ruleset) == "pine3"
    for first, last in _tiles(at):
        _fill(columns, at[first : last + 1], modern, out)
    return out


def rate(
    high: npt.ArrayLike,
    low: npt.ArrayLike,
    close: npt.ArrayLike,
    volume: npt.ArrayLike,
    ruleset: Ruleset = "legacy",
    offsets: IntArray | None = None,
) -> FloatArray:
    """Compute the ratings alone: what lies behind them never leaves the processor's cache.

    Parameters and errors as in `figures`.

    Returns
    -------
    array of shape (4, n_bars)
        Mean and number of the moving-average votes, mean and number of the oscillator votes. A mean is NaN where
        there is no vote.
    """
    columns = _columns(high, low, close, volume)
    at = bounds(columns[2], offsets)
    made = np.empty((4, columns[2].size))
    tiles = list(_tiles(at))
    work = np.empty((_pass_rows.ROWS, max((int(at[last] - at[first]) for first, last in tiles), default=0)))
    modern = check_ruleset(ruleset) == "pine3"
    for first, last in tiles:
        rows = slice(at[first], at[last])
        _fill(tuple(column[rows] for column in columns), at[first : last + 1] - at[first], modern, work)
        made[:, rows] = work[_pass_rows.MA : _pass_rows.OTHER_VOTES + 1, : at[last] - at[first]]
    return made


def _columns(*bars: npt.ArrayLike) -> tuple[FloatArray, ...]:
    names = ("high", "low", "close", "volume")
    columns = tuple(series(column, name) for column, name in zip(bars, names, strict=True))
    same_size(**dict(zip(names, columns, strict=True)))
    return columns


def _tiles(offsets: IntArray) -> Iterator[tuple[int, int]]:
    """First series of each tile and the one behind its last; a series is never cut."""
    first = 0
    while first < offsets.size - 1:
        last = max(int(np.searchsorted(offsets, offsets[first] + _TILE, side="right")) - 1, first + 1)
        yield first, last
        first = last


def _fill(bars: tuple[FloatArray, ...], offsets: IntArray, modern: bool, out: FloatArray) -> None:
    high, low, close, volume = bars
    _pass_windows.windows(high, low, close, volume, offsets, _WINDOWS, out)
    state = np.empty((4, 16))
    _pass_moves.moves(high, low, close, offsets, _RECURSIONS, _ALPHAS, state, out)
    _pass_votes.votes(high, low, close, offsets, modern, out)
