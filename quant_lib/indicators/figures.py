"""Everything the technical ratings look at, and the ratings, in one compiled pass over the bars.

The pass works on a few series at a time, so that what one part writes is still in the processor's cache when the next
reads it. Every row has the bits of the separate indicator.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from quant_lib.indicators import _pass, _pass_rows
from quant_lib.indicators._series import FloatArray, IndicatorInputError, IntArray, bounds, same_size, series
from quant_lib.indicators.votes import Ruleset, check_ruleset

_TILE: Final = 2048
"""Bars taken together, or one series: few enough for the rows to stay in the cache of a core."""

_WINDOWS: Final = np.array([*_pass_rows.LENGTHS, 20, 5, 34, *_pass_rows.EXTREMES], np.int64)
_RECURSIONS: Final = np.array([*_pass_rows.EMAS, *[14] * 7, 9], np.int64)
_NONE: Final = np.empty((4, 0))
_ALPHAS: Final = np.array([*(2.0 / (n + 1.0) for n in _pass_rows.EMAS), *[1.0 / 14.0] * 7, 2.0 / 10.0])


def figures(
    high: npt.ArrayLike,
    low: npt.ArrayLike,
    close: npt.ArrayLike,
    volume: npt.ArrayLike,
    ruleset: Ruleset = "legacy",
    offsets: IntArray | None = None,
    out: FloatArray | None = None,
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
    out : array of shape (n_rows, n_bars), optional
        Where to write; a matrix used again spares the machine fresh memory.

    Returns
    -------
    array of shape (n_rows, n_bars)
        `quant_lib.indicators._pass_rows` names the rows.

    Raises
    ------
    IndicatorInputError
        Where columns differ in length, the offsets are not bounds, nobody published the rules or ``out`` does not fit.
    """
    columns = _columns(high, low, close, volume)
    at = bounds(columns[2], offsets)
    made = np.empty((_pass_rows.ROWS, columns[2].size)) if out is None else _room(out, columns[2].size)
    _run(columns, at, check_ruleset(ruleset), made, _NONE)
    return made


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
    rules = check_ruleset(ruleset)
    if made.size:
        longest = min(max(_TILE, int(np.diff(at).max())), columns[2].size)
        # An odd number of cache lines a row: rows a power of two apart would push each other out of the cache.
        width = ((longest + 7) // 8 | 1) * 8
        _run(columns, at, rules, np.empty((_pass_rows.ROWS, width)), made)
    return made


def _columns(
    high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike, volume: npt.ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    h, lo, c, v = series(high, "high"), series(low, "low"), series(close, "close"), series(volume, "volume")
    same_size(high=h, low=lo, close=c, volume=v)
    return h, lo, c, v


def _room(out: FloatArray, bars: int) -> FloatArray:
    """Refuse a matrix that the figures of so many bars do not fill, or that the pass is not compiled for."""
    if out.shape != (_pass_rows.ROWS, bars) or out.dtype != np.float64 or not out.flags.carray:
        what = f"{out.dtype} of shape {out.shape}"
        raise IndicatorInputError("out", what, f"contiguous float64 of shape {(_pass_rows.ROWS, bars)}")
    return out


def _run(
    bars: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    offsets: IntArray,
    rules: Ruleset,
    rows: FloatArray,
    made: FloatArray,
) -> None:
    room, state = np.empty(offsets.size, np.int64), np.empty((4, 16))
    lengths = (_WINDOWS, _RECURSIONS, _ALPHAS)
    _pass.run(_pass.entry_points(), *bars, offsets, _TILE, *lengths, rules == "pine3", room, state, rows, made)
