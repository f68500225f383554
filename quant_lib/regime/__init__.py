"""Market regime: stress class, growth quadrant and volatility state of a declared proxy."""

from __future__ import annotations

from quant_lib.regime._errors import UnknownRegimeError
from quant_lib.regime._types import (
    ADAPTIVE_PROFILE,
    AGGRESSOR_SHARE,
    CASH_BUFFER,
    CLUSTER_THRESHOLD,
    L2_PENALTY,
    HmmState,
    Quadrant,
    Regime,
    RegimeLabel,
    RegimeRisk,
    risk_of,
)

__all__ = [
    "ADAPTIVE_PROFILE",
    "AGGRESSOR_SHARE",
    "CASH_BUFFER",
    "CLUSTER_THRESHOLD",
    "L2_PENALTY",
    "HmmState",
    "Quadrant",
    "Regime",
    "RegimeLabel",
    "RegimeRisk",
    "UnknownRegimeError",
    "risk_of",
]
