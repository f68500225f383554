"""Point-in-time features: a registry of definitions and one function that computes them from closed bars.

The registry is light. `compute_features` pulls in the compiled kernels the
first time it is asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from quant_lib.features._errors import FeatureInputError
from quant_lib.features.registry import (
    FEATURE_BY_NAME,
    FEATURE_SET_VERSION,
    FEATURES,
    FEATURES_TABLE,
    STRESS_WINDOWS,
    Feature,
    StressWindows,
    feature_set_version,
)

if TYPE_CHECKING:
    from quant_lib.features._compute import compute_features, cross_sections
    from quant_lib.features._digest import Staleness, bar_digests, find_stale
    from quant_lib.features._input import SortedBars, sort_bars

_HOME = {
    "compute_features": "_compute",
    "cross_sections": "_compute",
    "SortedBars": "_input",
    "Staleness": "_digest",
    "bar_digests": "_digest",
    "find_stale": "_digest",
    "sort_bars": "_input",
}

__all__ = [
    "FEATURES",
    "FEATURES_TABLE",
    "FEATURE_BY_NAME",
    "FEATURE_SET_VERSION",
    "STRESS_WINDOWS",
    "Feature",
    "FeatureInputError",
    "SortedBars",
    "Staleness",
    "StressWindows",
    "bar_digests",
    "compute_features",
    "cross_sections",
    "feature_set_version",
    "find_stale",
    "sort_bars",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"quant_lib.features.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
