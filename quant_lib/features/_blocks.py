"""Features of a few series at a time: what one block gives can be put away before the next is begun."""

from __future__ import annotations

import datetime as dt
import itertools
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import numpy as np

from quant_lib.features._block import SeriesBlock
from quant_lib.features._feature import Feature
from quant_lib.features._input import SortedBars, annualisation
from quant_lib.features._kernels import values_of
from quant_lib.features.registry import StressWindows
from quant_lib.indicators._series import FloatArray, IntArray
from quant_lib.indicators.votes import Ruleset

_T = TypeVar("_T")

BLOCK_ROWS: Final = 32_768
"""Rows of a block: large enough to hide the cost of a call, small enough for its arrays to stay in cache."""

_REACHES: Final = (130,)
"""Bars at which features are told apart by how far they look back: most look at half a year or less."""


@dataclass(frozen=True, slots=True)
class Work:
    """What to compute on every series, and under which rules; `since` as in `compute_features`."""

    features: tuple[Feature, ...]
    ruleset: Ruleset
    stress: StressWindows
    ann: float | Mapping[str, float]
    since: dt.date | None = None

    @property
    def stress_days(self) -> tuple[tuple[int, int], ...]:
        """Stress windows in days since 1970-01-01."""
        epoch = dt.date(1970, 1, 1)
        return tuple(((first - epoch).days, (last - epoch).days) for first, last in self.stress)

    def rows(self, ordered: SortedBars) -> IntArray:
        """Places of the bars whose features are asked for."""
        if self.since is None:
            return np.arange(ordered.dates.size)
        return np.flatnonzero(ordered.dates >= np.datetime64(self.since, "us"))


@dataclass(frozen=True, slots=True)
class FeatureBlock:
    """Features of some bars.

    Parameters
    ----------
    rows : array of shape (n_rows,)
        Places of the bars, ascending.
    values : array of shape (n_features, n_rows)
        Their features, in the order asked; NaN where missing.
    """

    rows: IntArray
    values: FloatArray


def run_blocks(
    ordered: SortedBars, work: Work, threads: int, out: FloatArray | None, put: Callable[[FeatureBlock], _T]
) -> Iterator[_T]:
    """Compute block after block, in threads, and hand each over in the thread that made it.

    Parameters
    ----------
    ordered : SortedBars
        All bars.
    work : Work
        What to compute.
    threads : int
        Threads that share the blocks.
    out : array of shape (n_features, n_rows asked for), optional
        Where to write; each block has an array of its own by default, and no more than ``threads`` of them are held.
    put : callable
        Takes a block; may be called from several threads at once.

    Yields
    ------
    object
        What ``put`` gave, in the order of the bars. No number depends on where blocks are cut.
    """
    rows = work.rows(ordered)
    parts = list(_parts(ordered, rows, threads))
    if work.since is not None and rows.size == ordered.dates.size:
        work = replace(work, since=None)  # every bar is asked for

    def run(part: tuple[int, int]) -> _T:
        mine = ordered.series(*part)
        begin, end = (int(ordered.offsets[k]) for k in part)
        first, last = (int(k) for k in np.searchsorted(rows, (begin, end)))
        values = np.empty((len(work.features), last - first)) if out is None else out[:, first:last]
        _fill(mine, work, values)
        return put(FeatureBlock(rows[first:last], values))

    if threads == 1 or len(parts) <= 1:
        yield from map(run, parts)
        return
    with ThreadPoolExecutor(max_workers=threads) as pool:
        yield from pool.map(run, parts)


def _parts(ordered: SortedBars, rows: IntArray, threads: int) -> Iterator[tuple[int, int]]:
    """First and last series (not included) of each block: about `BLOCK_ROWS` rows to compute, never part of a series.

    Where few rows of many bars are asked for, blocks are larger: their cost is that of the calls.
    """
    total = ordered.dates.size
    shared = -(-total // (2 * threads))
    size = max(BLOCK_ROWS, min(BLOCK_ROWS * total // max(rows.size, 1), shared))
    offsets, series = ordered.offsets, 0
    while series < offsets.size - 1:
        end = int(np.searchsorted(offsets, offsets[series] + size, side="right")) - 1
        end = min(max(end, series + 1), offsets.size - 1)
        yield series, end
        series = end


def _fill(ordered: SortedBars, work: Work, out: FloatArray) -> None:
    """Write the features of the rows asked for.

    Where only the newest dates are asked for, what looks at a window is computed from its window: it knows nothing
    older, so not one bit differs. What never forgets is computed from all history.
    """
    if not out.shape[1]:
        return
    if work.since is None:
        _compute(ordered, work, work.features, None, dict(zip((f.name for f in work.features), out, strict=True)))
        return
    first = np.datetime64(work.since, "us")
    place = {feature.name: row for feature, row in zip(work.features, out, strict=True)}
    alive = _still_running(ordered, first)
    for features, bars in _by_reach(work.features, alive, first):
        _compute(bars, work, features, np.flatnonzero(bars.dates >= first), place)


def _compute(
    bars: SortedBars, work: Work, features: tuple[Feature, ...], wanted: IntArray | None, place: dict[str, FloatArray]
) -> None:
    high, low, close, volume = (bars.columns[name] for name in ("high", "low", "close", "volume"))
    block = SeriesBlock(
        high,
        low,
        close,
        volume,
        bars.segment,
        bars.dates.astype("datetime64[D]").astype(np.int64),
        bars.offsets,
        annualisation(bars.series_symbols(), work.ann),
        work.ruleset,
        work.stress_days,
    )
    for feature in features:
        values = values_of(feature, block)
        place[feature.name][:] = values if wanted is None else values[wanted]


def _by_reach(
    features: tuple[Feature, ...], ordered: SortedBars, first: np.datetime64
) -> Iterator[tuple[tuple[Feature, ...], SortedBars]]:
    """Group features that look equally far back, each with the bars it needs."""
    yield tuple(f for f in features if f.unbounded), ordered
    for low, high in itertools.pairwise((0, *_REACHES, sys.maxsize)):
        group = tuple(f for f in features if not f.unbounded and low < f.warmup <= high)
        if group:
            yield group, _tail(ordered, first, max(f.warmup for f in group))


def _tail(ordered: SortedBars, first: np.datetime64, bars: int) -> SortedBars:
    """Rows from a date on and as many before it, in each series, as the longest window holds."""
    late = ordered.dates >= first
    lengths = np.diff(ordered.offsets)
    series = np.repeat(np.arange(lengths.size), lengths)
    ends = ordered.offsets[1:]
    start = ends - np.bincount(series[late], minlength=lengths.size) - (bars - 1)
    inside = np.arange(late.size) >= np.repeat(np.maximum(start, ordered.offsets[:-1]), lengths)
    return ordered.take(
        np.flatnonzero(inside & np.repeat(np.bincount(series[late], minlength=lengths.size) > 0, lengths))
    )


def _still_running(ordered: SortedBars, first: np.datetime64) -> SortedBars:
    """Keep the series that reach a date; a series that ended before it cannot change what is asked for."""
    ends = ordered.offsets[1:] - 1
    alive = ordered.dates[ends] >= first
    return ordered if alive.all() else ordered.take(np.flatnonzero(np.repeat(alive, np.diff(ordered.offsets))))
