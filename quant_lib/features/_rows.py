"""Rows of the features table from blocks of computed features."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeVar

import numpy as np
import pandas as pd

from quant_lib.features._blocks import FeatureBlock, Work, run_blocks
from quant_lib.features._input import SortedBars
from quant_lib.features.registry import FEATURES, FEATURES_TABLE, StressWindows
from quant_lib.indicators._series import IntArray
from quant_lib.indicators.votes import check_ruleset

_T = TypeVar("_T")

SERIES_FEATURES: Final = tuple(feature for feature in FEATURES if feature.stored and not feature.cross_section)
"""Stored features that look at one symbol alone, in the order of the columns."""


def feature_blocks(
    ordered: SortedBars,
    put: Callable[[FeatureBlock], _T],
    *,
    ruleset: str,
    ann: float | Mapping[str, float],
    since: dt.date,
    stress: StressWindows,
    threads: int = 2,
) -> Iterator[_T]:
    """Compute `SERIES_FEATURES` a few series at a time and hand each block over before the next is begun.

    Parameters
    ----------
    ordered : SortedBars
        All bars.
    put : callable
        Takes a block, in the thread that made it; several threads may call it at once.
    ruleset, ann, since, stress, threads
        As in `compute_features`.

    Yields
    ------
    object
        What ``put`` gave for each block, in the order of the bars.
    """
    work = Work(SERIES_FEATURES, check_ruleset(ruleset), tuple(stress), ann, since)
    yield from run_blocks(ordered, work, threads, None, put)


def table_rows(ordered: SortedBars, digest: IntArray, block: FeatureBlock, version: str) -> pd.DataFrame:
    """Make rows of `FEATURES_TABLE` of a block; features of a cross-section are missing yet, see `cross_sections`.

    Parameters
    ----------
    ordered : SortedBars
        Bars the block was computed from.
    digest : array of shape (n_bars,)
        Fingerprints of these bars.
    block : FeatureBlock
        Places of some bars, in any order, and their `SERIES_FEATURES`.
    version : str
        Version of the definitions.

    Returns
    -------
    DataFrame
        Columns and types of the table, in the order of the block.
    """
    rows = block.rows
    values: dict[str, object] = {
        feature.name: column.astype(np.int64) if feature.type == "int64" else column
        for feature, column in zip(SERIES_FEATURES, block.values, strict=True)
    }
    values["date"] = ordered.dates[rows]
    values["symbol"] = pd.Series(ordered.symbols[rows]).astype("str").array
    values["knowledge_time"] = pd.DatetimeIndex(ordered.known[rows]).tz_localize("UTC")
    values["feature_set_version"] = pd.array([version] * rows.size, dtype="str")
    values["bars_digest"] = digest[rows]
    nothing = np.full(rows.size, np.nan)
    return pd.DataFrame({name: values.get(name, nothing) for name in FEATURES_TABLE.column_names}, copy=False)
