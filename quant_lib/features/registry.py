"""Every feature the platform knows, declared once: inputs, unit, bounds, warm-up, missing values, source.

Importing this module is cheap: it declares, it computes nothing. The kernels
behind the declarations live in `quant_lib.features._definitions` and are
imported when `quant_lib.features.compute_features` runs.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeAlias

from quant_lib.contracts.spec import Column, Ownership, TableSpec
from quant_lib.features._catalogue import CATALOGUE
from quant_lib.features._declare import MIN_MA_VOTES
from quant_lib.features._feature import EXACT_TOLERANCE, Feature

__all__ = [
    "EXACT_TOLERANCE",
    "FEATURES",
    "FEATURES_TABLE",
    "FEATURE_BY_NAME",
    "FEATURE_SET_VERSION",
    "MIN_MA_VOTES",
    "STRESS_WINDOWS",
    "Feature",
    "StressWindows",
    "feature_set_version",
]

StressWindows: TypeAlias = Sequence[tuple[dt.date, dt.date]]
"""First and last day of each window, both included."""

FEATURE_SET_VERSION: Final = "4"
"""Version of the definitions below with the default rating rule set.

It changes whenever the same bars would give another value in any stored
column.
"""

FEATURES: Final[tuple[Feature, ...]] = CATALOGUE
"""Every registered feature; those of `FEATURES_TABLE` first, in column order."""

FEATURE_BY_NAME: Final[Mapping[str, Feature]] = MappingProxyType({feature.name: feature for feature in FEATURES})
"""The same, by name."""


STRESS_WINDOWS: Final = (
    (dt.date(2022, 5, 1), dt.date(2022, 6, 15)),
    (dt.date(2023, 3, 1), dt.date(2023, 3, 31)),
    (dt.date(2024, 8, 1), dt.date(2024, 8, 10)),
)
"""Stress windows that `survival` judges by default, both ends included (semantics 3.12)."""


def feature_set_version(ruleset: str = "legacy", stress: StressWindows = STRESS_WINDOWS) -> str:
    """Version stored beside every row: the definitions and, where not the default, rating rules and stress windows."""
    rules = "" if ruleset == "legacy" else f"+{ruleset}"
    if tuple(stress) == STRESS_WINDOWS:
        return FEATURE_SET_VERSION + rules
    text = ";".join(f"{first}/{last}" for first, last in stress)
    return f"{FEATURE_SET_VERSION}{rules}+stress-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


FEATURES_TABLE: Final = TableSpec(
    name="features",
    description="Point-in-time features of every stored bar: ratings, trend, momentum, risk, memory, tails.",
    layer="L1",
    ownership=Ownership.SHARED,
    key=("date", "symbol"),
    columns=(
        Column("date", "date", "Session label: the UTC calendar day the bar opens on"),
        Column("symbol", "string", "EXCHANGE:TICKER, perpetuals end in .P"),
        *(feature.column() for feature in FEATURES if feature.stored),
        Column(
            "knowledge_time", "timestamp", "Close of the bar: a decision at t may read the row iff knowledge_time <= t"
        ),
        Column("feature_set_version", "string", "Version of the feature definitions, rating rules and stress windows"),
        Column(
            "bars_digest",
            "int64",
            "Fingerprint of the bars of the segment up to this one: the row is right as long as they give the same",
        ),
    ),
    witness="bars_digest",
)
