"""`compute_features`: from closed bars to rows of the features table."""

from __future__ import annotations

import datetime as dt
import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.features._block import SeriesBlock
from quant_lib.features._digest import history_digest
from quant_lib.features._errors import FeatureInputError
from quant_lib.features._feature import Feature
from quant_lib.features._input import SortedBars, annualisation, sort_bars
from quant_lib.features.registry import (
    FEATURE_BY_NAME,
    FEATURES,
    STRESS_WINDOWS,
    StressWindows,
    feature_set_version,
)
from quant_lib.indicators._series import FloatArray, IntArray
from quant_lib.indicators.votes import Ruleset, check_ruleset

_BLOCK_ROWS: Final = 32_768
"""Rows of a block: large enough to hide the cost of a call, small enough for its arrays to stay in cache."""


_REACHES: Final = (130,)
"""Bars at which features are told apart by how far they look back: most look at half a year or less."""


@dataclass(frozen=True, slots=True)
class _Task:
    """One block of whole series: rows ``first`` to ``last`` of the sorted bars."""

    first: int
    last: int
    offsets: IntArray
    ann: FloatArray


def compute_features(
    bars: pd.DataFrame | SortedBars,
    segments: pd.Series | None = None,
    *,
    names: Sequence[str | Feature] | None = None,
    ruleset: str = "legacy",
    threads: int = 2,
    ann: float | Mapping[str, float] = 365.0,
    since: dt.date | None = None,
    stress: StressWindows = STRESS_WINDOWS,
) -> pd.DataFrame:
    """Compute features of every bar from that bar and older ones of its segment.

    The result is bit-equal for any order of rows and columns, any number of
    threads and whatever other symbols are present; features of a cross-section
    compare the rows that became known at the same instant, and nothing else.

    Parameters
    ----------
    bars : DataFrame
        Closed daily bars: symbol, date (session label), high, low, close
        (quote currency), volume (base units, NaN where unknown); close_time
        (UTC) where known, the end of the UTC day otherwise. Or what `sort_bars` made of them and their segments.
    segments : Series of int, optional
        Segment number of each bar, from 0, never decreasing in time; same index
        as ``bars``. One segment per symbol by default. Every feature starts anew with a segment.
    names : sequence of str or Feature, optional
        Features to compute, registered ones by name; the stored ones by default.
    ruleset : {'legacy', 'pine3'}
        Published rule set of the rating votes.
    threads : int
        Threads that share the work.
    ann : float or mapping of symbol to float
        Sessions a year: 365 for markets that never close, 252 for exchange sessions.
    since : date, optional
        Give only rows of this date and later. They are still computed from all
        of ``bars`` and are bit-equal to those of a full run.
    stress : sequence of (date, date)
        First and last day of the stress windows that `survival` judges.

    Returns
    -------
    DataFrame
        date, symbol, the features in the order asked, knowledge_time,
        feature_set_version, bars_digest; sorted by (symbol, date). With the default names
        these are the columns of `FEATURES_TABLE`.

    Raises
    ------
    FeatureInputError
        Where columns are missing, keys repeat or are null, a price is not a
        positive number, a close lies outside its range, a volume is negative,
        segments do not fit the bars, or an option is not known.
    """
    features = _features(names)
    rules = check_ruleset(ruleset)
    if threads < 1:
        raise FeatureInputError(f"threads was {threads}", "compute_features", "ask for at least one")
    ordered = bars if isinstance(bars, SortedBars) else sort_bars(bars, segments)
    if since is not None and not np.any(ordered.dates < np.datetime64(since, "us")):
        since = None  # every bar is asked for
    if since is not None:
        ordered = _still_running(ordered, since)
    work = _Work(_series_features(features), rules, tuple(stress), ann)
    rows = slice(None) if since is None else ordered.dates >= np.datetime64(since, "us")
    columns = _columns(ordered, work, threads, since)
    _add_cross_sections(columns, features, ordered.known[rows])
    digest = history_digest(ordered, annualisation(ordered.series_symbols(), ann))
    return _table(ordered, digest, rows, {f.name: columns[f.name] for f in features}, features, work)


def _columns(ordered: SortedBars, work: _Work, threads: int, since: dt.date | None) -> dict[str, FloatArray]:
    """Values of each feature on the rows asked for.

    Where only the newest dates are asked for, what looks at a window is computed from its window: it knows nothing
    older, so not one bit differs. What never forgets is computed from all history.
    """
    if since is None:
        return dict(zip((f.name for f in work.features), _run(ordered, work, threads), strict=True))
    first = np.datetime64(since, "us")
    made: dict[str, FloatArray] = {}
    for features, bars in _by_reach(work.features, ordered, first):
        wanted = np.flatnonzero(bars.dates >= first)
        values = _run(bars, _Work(features, work.ruleset, work.stress, work.ann), threads)
        made |= {feature.name: column[wanted] for feature, column in zip(features, values, strict=True)}
    return made


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


@dataclass(frozen=True, slots=True)
class _Work:
    """What to compute on every series, and under which rules."""

    features: tuple[Feature, ...]
    ruleset: Ruleset
    stress: StressWindows
    ann: float | Mapping[str, float]

    @property
    def stress_days(self) -> tuple[tuple[int, int], ...]:
        """Stress windows in days since 1970-01-01."""
        epoch = dt.date(1970, 1, 1)
        return tuple(((first - epoch).days, (last - epoch).days) for first, last in self.stress)


def _series_features(asked: tuple[Feature, ...]) -> tuple[Feature, ...]:
    """Features to compute per series: those asked for, and what the cross-sections among them compare."""
    chosen = {feature.name: feature for feature in asked if not feature.cross_section}
    for feature in asked:
        if feature.cross_section:
            chosen |= {name: FEATURE_BY_NAME[name] for name in feature.inputs if name not in chosen}
    return tuple(chosen.values())


def cross_sections(rows: pd.DataFrame) -> pd.DataFrame:
    """Compute the stored cross-sectional features of rows that hold everything else.

    Parameters
    ----------
    rows : DataFrame
        Rows of `FEATURES_TABLE`: all of every date among them.

    Returns
    -------
    DataFrame
        The cross-sectional columns, on the index of ``rows``.
    """
    wanted = tuple(feature for feature in FEATURES if feature.stored and feature.cross_section)
    inputs = {name for feature in wanted for name in feature.inputs}
    columns = {name: rows[name].to_numpy(np.float64) for name in sorted(inputs)}
    _add_cross_sections(columns, wanted, rows["knowledge_time"].dt.tz_localize(None).to_numpy())
    return pd.DataFrame({feature.name: columns[feature.name] for feature in wanted}, index=rows.index)


def _add_cross_sections(
    columns: dict[str, FloatArray], features: tuple[Feature, ...], known: npt.NDArray[np.datetime64]
) -> None:
    wanted = [feature for feature in features if feature.cross_section]
    if wanted and known.size:
        _, moment = np.unique(known, return_inverse=True)
        for feature in wanted:
            columns[feature.name] = feature.function()(moment, *(columns[name] for name in feature.inputs))
    elif wanted:
        columns |= {feature.name: np.empty(0) for feature in wanted}


def _features(names: Sequence[str | Feature] | None) -> tuple[Feature, ...]:
    if names is None:
        return tuple(feature for feature in FEATURES if feature.stored)
    unknown = [name for name in names if isinstance(name, str) and name not in FEATURE_BY_NAME]
    if unknown:
        raise FeatureInputError(
            f"{unknown} are not features", "names", "see quant_lib.features.FEATURES for those there are"
        )
    chosen = tuple(FEATURE_BY_NAME[name] if isinstance(name, str) else name for name in names)
    if len({feature.name for feature in chosen}) != len(chosen):
        raise FeatureInputError("a feature is asked for twice", "names", "name each once")
    return chosen


def _still_running(ordered: SortedBars, since: dt.date) -> SortedBars:
    """Keep the series that reach ``since``; a series that ended before it cannot change what is asked for."""
    ends = ordered.offsets[1:] - 1
    alive = ordered.dates[ends] >= np.datetime64(since, "us")
    return ordered if alive.all() else ordered.take(np.flatnonzero(np.repeat(alive, np.diff(ordered.offsets))))


def _tasks(ordered: SortedBars, ann: FloatArray) -> list[_Task]:
    """Cut the series into blocks of about `_BLOCK_ROWS` rows, never through a series."""
    tasks: list[_Task] = []
    offsets = ordered.offsets
    series = 0
    while series < offsets.size - 1:
        end = int(np.searchsorted(offsets, offsets[series] + _BLOCK_ROWS, side="right")) - 1
        end = min(max(end, series + 1), offsets.size - 1)
        first, last = int(offsets[series]), int(offsets[end])
        tasks.append(_Task(first, last, offsets[series : end + 1] - first, ann[series:end]))
        series = end
    return tasks


def _run(ordered: SortedBars, work: _Work, threads: int) -> list[FloatArray]:
    tasks = _tasks(ordered, annualisation(ordered.series_symbols(), work.ann))
    values = [np.empty(ordered.dates.size) for _ in work.features]
    day = ordered.dates.astype("datetime64[D]").astype(np.int64)

    def run(task: _Task) -> None:
        rows = slice(task.first, task.last)
        high, low, close, volume = (ordered.columns[name][rows] for name in ("high", "low", "close", "volume"))
        block = SeriesBlock(
            high,
            low,
            close,
            volume,
            ordered.segment[rows],
            day[rows],
            task.offsets,
            task.ann,
            work.ruleset,
            work.stress_days,
        )
        for feature, out in zip(work.features, values, strict=True):
            out[rows] = feature.values(block)

    if threads == 1 or len(tasks) == 1:
        for task in tasks:
            run(task)
    else:
        with ThreadPoolExecutor(max_workers=threads) as pool:
            for _ in pool.map(run, tasks):
                pass  # the values are written in place; draining raises what a block raised
    return values


def _table(
    ordered: SortedBars,
    digest: IntArray,
    rows: slice | npt.NDArray[np.bool_],
    values: dict[str, FloatArray],
    features: tuple[Feature, ...],
    work: _Work,
) -> pd.DataFrame:
    symbols = pd.Series(ordered.symbols[rows]).astype("str").array
    columns: dict[str, object] = {"date": ordered.dates[rows], "symbol": symbols}
    for feature in features:
        kept = values[feature.name]
        columns[feature.name] = kept.astype(np.int64) if feature.type == "int64" else kept
    columns["knowledge_time"] = pd.DatetimeIndex(ordered.known[rows]).tz_localize("UTC")
    frame = pd.DataFrame(columns, copy=False)
    version = feature_set_version(work.ruleset, work.stress)
    frame["feature_set_version"] = pd.Series(version, index=frame.index, dtype="str")
    frame["bars_digest"] = digest[rows]
    return frame
