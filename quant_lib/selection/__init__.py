"""Choosing what to hold: screens, scores, vetoes and recruitment (semantics 1 and 5).

Frames of one date in, frames with a reason for every row out.
"""

from __future__ import annotations

from quant_lib.selection._errors import (
    ContradictoryRulesError,
    InvalidUniverseError,
    UnknownColumnError,
    UnknownSignalError,
    UnsupportedFilterError,
)
from quant_lib.selection.recruit import SelectionResult, SelectionRules, select
from quant_lib.selection.scoring import (
    FALLBACK_WEIGHTS,
    SCORE_FEATURES,
    WEIGHTS_VERSION,
    Score,
    ScoreFeature,
    log_mps,
    probability,
    score_weights,
)
from quant_lib.selection.screening import (
    RATINGS,
    VENDOR_COLUMNS,
    VENDOR_TYPES,
    ScreenResult,
    ScreenRules,
    screen,
    universe_from_scan,
)
from quant_lib.selection.vetoes import HARD_VETOES, Verdict, Veto, VetoRules, judge_vetoes

__all__ = [
    "FALLBACK_WEIGHTS",
    "HARD_VETOES",
    "RATINGS",
    "SCORE_FEATURES",
    "VENDOR_COLUMNS",
    "VENDOR_TYPES",
    "WEIGHTS_VERSION",
    "ContradictoryRulesError",
    "InvalidUniverseError",
    "Score",
    "ScoreFeature",
    "ScreenResult",
    "ScreenRules",
    "SelectionResult",
    "SelectionRules",
    "UnknownColumnError",
    "UnknownSignalError",
    "UnsupportedFilterError",
    "Verdict",
    "Veto",
    "VetoRules",
    "judge_vetoes",
    "log_mps",
    "probability",
    "score_weights",
    "screen",
    "select",
    "universe_from_scan",
]
