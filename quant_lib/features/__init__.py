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
    from quant_lib.features._blocks import FeatureBlock
    from quant_lib.features._compute import compute_features, cross_sections
    from quant_lib.features._digest import Staleness, bar_digests, find_stale, history_digest
    from quant_lib.features._input import SortedBars, annualisation, sort_bars
    from quant_lib.features._rows import feature_blocks, table_rows

_HOME = {
    "FeatureBlock": "_blocks",
    "feature_blocks": "_rows",
    "table_rows": "_rows",
    "compute_features": "_compute",
    "cross_sections": "_compute",
    "SortedBars": "_input",
    "Staleness": "_digest",
    "annualisation": "_input",
    "bar_digests": "_digest",
    "history_digest": "_digest",
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
    "FeatureBlock",
    "FeatureInputError",
    "SortedBars",
    "Staleness",
    "StressWindows",
    "annualisation",
    "bar_digests",
    "compute_features",
    "cross_sections",
    "feature_blocks",
    "feature_set_version",
    "find_stale",
    "history_digest",
    "sort_bars",
    "table_rows",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"quant_lib.features.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
