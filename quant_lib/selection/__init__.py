"""Choosing what to hold: screens, scores, vetoes and recruitment (semantics 1 and 5).

Frames of one date in, frames with a reason for every row out.
"""

from __future__ import annotations

from quant_lib.selection._errors import (
    ContradictoryRulesError,
    InvalidUniverseError,
    NotPointInTimeError,
    UnknownColumnError,
    UnknownSignalError,
    UnsupportedFilterError,
)
from quant_lib.selection._filters import LIVE_COLUMNS
from quant_lib.selection._membership import Membership, MembershipRow, Survivorship, SymbolList
from quant_lib.selection._screens import MarketCaps, RecentPerformance, TrendScreen
from quant_lib.selection.engines import DEFAULT_ENGINE, ENGINES, WEIGHT_SETS, engine_named, scored_features
from quant_lib.selection.filters import AdvancedTrend, Filter, Friction, Percentile, Predictability, TrendRegime
from quant_lib.selection.outcome import SelectionResult
from quant_lib.selection.probability import METHODS, MISSING, probability
from quant_lib.selection.rankers import (
    EnsembleRanker,
    MpsRanker,
    Ranker,
    RegimeRanker,
    SignalRanker,
    infer_strategy,
)
from quant_lib.selection.recruit import select, selection_features
from quant_lib.selection.relaxation import STAGES
from quant_lib.selection.rules import SelectionRules
from quant_lib.selection.scoring import Engine, Score, ScoreFeature, engine_weights, score
from quant_lib.selection.screening import (
    RATINGS,
    VENDOR_COLUMNS,
    VENDOR_TYPES,
    ScreenResult,
    ScreenRules,
    screen,
    screened_features,
    universe_from_scan,
)
from quant_lib.selection.vetoes import HARD_VETOES, Verdict, Veto, VetoRules, judge_vetoes

__all__ = [
    "DEFAULT_ENGINE",
    "ENGINES",
    "HARD_VETOES",
    "LIVE_COLUMNS",
    "METHODS",
    "MISSING",
    "RATINGS",
    "STAGES",
    "VENDOR_COLUMNS",
    "VENDOR_TYPES",
    "WEIGHT_SETS",
    "AdvancedTrend",
    "ContradictoryRulesError",
    "Engine",
    "EnsembleRanker",
    "Filter",
    "Friction",
    "InvalidUniverseError",
    "MarketCaps",
    "Membership",
    "MembershipRow",
    "MpsRanker",
    "NotPointInTimeError",
    "Percentile",
    "Predictability",
    "Ranker",
    "RecentPerformance",
    "RegimeRanker",
    "Score",
    "ScoreFeature",
    "ScreenResult",
    "ScreenRules",
    "SelectionResult",
    "SelectionRules",
    "SignalRanker",
    "Survivorship",
    "SymbolList",
    "TrendRegime",
    "TrendScreen",
    "UnknownColumnError",
    "UnknownSignalError",
    "UnsupportedFilterError",
    "Verdict",
    "Veto",
    "VetoRules",
    "engine_named",
    "engine_weights",
    "infer_strategy",
    "judge_vetoes",
    "probability",
    "score",
    "scored_features",
    "screen",
    "screened_features",
    "select",
    "selection_features",
    "universe_from_scan",
]
