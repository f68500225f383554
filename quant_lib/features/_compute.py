"""`compute_features`: from closed bars to rows of the features table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.features._blocks import Work, run_blocks
from quant_lib.features._digest import history_digest
from quant_lib.features._errors import FeatureInputError
from quant_lib.features._feature import Feature
from quant_lib.features._input import SortedBars, annualisation, sort_bars
from quant_lib.features._kernels import kernel_of
from quant_lib.features.registry import (
    FEATURE_BY_NAME,
    FEATURES,
    STRESS_WINDOWS,
    StressWindows,
    feature_set_version,
)
from quant_lib.indicators._series import FloatArray, IntArray
from quant_lib.indicators.votes import check_ruleset

_BLOCK_ROWS: Final = 32_768
"""Rows of a block: large enough to hide the cost of a call, small enough for its arrays to stay in cache."""


_REACHES: Final = (130,)
"""Bars at which features are told apart by how far they look back: most look at half a year or less."""


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
    work = Work(_series_features(features), rules, tuple(stress), ann, since)
    rows = work.rows(ordered)
    values = np.empty((len(work.features), rows.size))
    for _ in run_blocks(ordered, work, threads, values, lambda block: None):
        pass  # the values are written in place; draining raises what a block raised
    columns = {feature.name: column for feature, column in zip(work.features, values, strict=True)}
    _add_cross_sections(columns, features, ordered.known[rows])
    digest = history_digest(ordered, annualisation(ordered.series_symbols(), ann))
    chosen = {feature.name: columns[feature.name] for feature in features}
    return _table(ordered, digest, rows, chosen, features, feature_set_version(rules, work.stress))


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
            columns[feature.name] = kernel_of(feature)(moment, *(columns[name] for name in feature.inputs))
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


def _table(
    ordered: SortedBars,
    digest: IntArray,
    rows: IntArray,
    values: Mapping[str, FloatArray],
    features: tuple[Feature, ...],
    version: str,
) -> pd.DataFrame:
    symbols = pd.Series(ordered.symbols[rows]).astype("str").array
    columns: dict[str, object] = {"date": ordered.dates[rows], "symbol": symbols}
    for feature in features:
        kept = values[feature.name]
        columns[feature.name] = kept.astype(np.int64) if feature.type == "int64" else kept
    columns["knowledge_time"] = pd.DatetimeIndex(ordered.known[rows]).tz_localize("UTC")
    frame = pd.DataFrame(columns, copy=False)
    frame["feature_set_version"] = pd.Series(version, index=frame.index, dtype="str")
    frame["bars_digest"] = digest[rows]
    return frame
