"""Point-in-time features: a registry of definitions and one function that computes them from closed bars.

The registry is light. `compute_features` pulls in the compiled kernels the
first time it is asked for.
"""

from __future__ import annotations

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

__all__ = [
    "FEATURES",
    "FEATURES_TABLE",
    "FEATURE_BY_NAME",
    "FEATURE_SET_VERSION",
    "STRESS_WINDOWS",
    "Feature",
    "FeatureInputError",
    "StressWindows",
    "compute_features",
    "cross_sections",
    "feature_set_version",
]


def __getattr__(name: str) -> Any:
    if name in ("compute_features", "cross_sections"):
        from quant_lib.features import _compute

        return getattr(_compute, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
