"""Rolling statistics of returns and prices, and what pure noise would show in their place.

Importing the package is cheap; the compiled kernels load with the first
statistic asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from quant_lib.statistics._noise import NOISE_SIZES, NOISE_STATISTICS, noise_percentile, noise_quantiles

if TYPE_CHECKING:
    from quant_lib.statistics._rolling import (
        Autocorrelation,
        Moments,
        Reversion,
        Tails,
        autocorrelation,
        bars_since_turn,
        efficiency,
        efficiency_of,
        expected_rescaled_range,
        hurst,
        hurst_lags,
        in_deviations,
        max_drawdown,
        moments,
        permutation_entropy,
        reversion,
        rolling_slope,
        standardised_tails,
        survival,
        tails,
        turbulence,
    )

_ROLLING = (
    "Autocorrelation",
    "Moments",
    "Reversion",
    "Tails",
    "autocorrelation",
    "bars_since_turn",
    "efficiency",
    "efficiency_of",
    "expected_rescaled_range",
    "hurst",
    "hurst_lags",
    "in_deviations",
    "max_drawdown",
    "moments",
    "permutation_entropy",
    "reversion",
    "rolling_slope",
    "standardised_tails",
    "survival",
    "tails",
    "turbulence",
)

__all__ = [
    "NOISE_SIZES",
    "NOISE_STATISTICS",
    "Autocorrelation",
    "Moments",
    "Reversion",
    "Tails",
    "autocorrelation",
    "bars_since_turn",
    "efficiency",
    "efficiency_of",
    "expected_rescaled_range",
    "hurst",
    "hurst_lags",
    "in_deviations",
    "max_drawdown",
    "moments",
    "noise_percentile",
    "noise_quantiles",
    "permutation_entropy",
    "reversion",
    "rolling_slope",
    "standardised_tails",
    "survival",
    "tails",
    "turbulence",
]


def __getattr__(name: str) -> Any:
    if name not in _ROLLING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("quant_lib.statistics._rolling"), name)
