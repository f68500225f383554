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
    Feature,
    feature_set_version,
)

if TYPE_CHECKING:
    from quant_lib.features._compute import compute_features

__all__ = [
    "FEATURES",
    "FEATURES_TABLE",
    "FEATURE_BY_NAME",
    "FEATURE_SET_VERSION",
    "Feature",
    "FeatureInputError",
    "compute_features",
    "feature_set_version",
]


def __getattr__(name: str) -> Any:
    if name == "compute_features":
        from quant_lib.features import _compute

        return _compute.compute_features
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
