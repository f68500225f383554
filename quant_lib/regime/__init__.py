"""Market regime: stress class, growth quadrant and volatility state of a declared proxy.

Importing the package is cheap; compiled kernels load with the first measurement.
"""

from __future__ import annotations

from quant_lib.regime._detect import RegimeReading, detect_regime, noise_bounds, regimes_over, unknown_reading
from quant_lib.regime._errors import RegimeInputError, UnknownRegimeError
from quant_lib.regime._hmm import HmmFit, fit_hmm, hysteresis
from quant_lib.regime._proxy import proxy_members, proxy_returns, turnover_weighted
from quant_lib.regime._rules import MIN_HISTORY, TERM_WEIGHTS, ProxyRules, RegimeRules
from quant_lib.regime._study import HORIZONS, forward_returns, study_regimes
from quant_lib.regime._table import decision_columns, regime_of, regime_row, regime_words
from quant_lib.regime._terms import last_percentile, measure_terms
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
    "HORIZONS",
    "L2_PENALTY",
    "MIN_HISTORY",
    "TERM_WEIGHTS",
    "HmmFit",
    "HmmState",
    "ProxyRules",
    "Quadrant",
    "Regime",
    "RegimeInputError",
    "RegimeLabel",
    "RegimeReading",
    "RegimeRisk",
    "RegimeRules",
    "UnknownRegimeError",
    "decision_columns",
    "detect_regime",
    "fit_hmm",
    "forward_returns",
    "hysteresis",
    "last_percentile",
    "measure_terms",
    "noise_bounds",
    "proxy_members",
    "proxy_returns",
    "regime_of",
    "regime_row",
    "regime_words",
    "regimes_over",
    "risk_of",
    "study_regimes",
    "turnover_weighted",
    "unknown_reading",
]
