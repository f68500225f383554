"""Data contracts: table declarations and the checks that judge what is stored."""

from __future__ import annotations

from quant_lib.contracts._candidate_tables import (
    CANDIDATE_DROPS,
    CANDIDATE_FUNNEL,
    CANDIDATE_MEMBERSHIP,
    CANDIDATE_SCANNERS,
    CANDIDATE_SIGNALS,
    CANDIDATES,
)
from quant_lib.contracts._decision_tables import (
    ALLOCATIONS,
    ATOMS,
    BACKTEST_METRICS,
    BACKTEST_RETURNS,
    BACKTEST_WEIGHTS,
    BACKTEST_WINDOWS,
    DECISION_TABLES,
    FOUNDATION,
    POSITIONS,
    REPORTS,
    RETURNS_DROPS,
    RETURNS_MATRIX,
    STRATEGY_RETURNS,
    STREAM_TAILS,
    WEIGHTS,
)
from quant_lib.contracts._ingestion_tables import (
    FETCH_STATUSES,
    HEALTH_REGISTRY,
    HOLE_CAUSES,
    HOLE_STATES,
    OHLCV_FETCHES,
    OHLCV_HOLES,
    OHLCV_REFRESHES,
)
from quant_lib.contracts._regime_tables import DECISION_REGIME, REGIME, REGIME_STUDY
from quant_lib.contracts._selection_tables import SELECTION, SELECTION_FEATURES, SELECTION_SUMMARY, SELECTION_VETOES
from quant_lib.contracts._shared_tables import (
    HEALTH_STATUSES,
    INSTRUMENT_VERSIONS,
    INSTRUMENTS,
    OHLCV,
    OHLCV_FINDINGS,
    OHLCV_HEALTH,
    OHLCV_REJECTS,
    OHLCV_REVISIONS,
)
from quant_lib.contracts._shared_tables import SHARED_TABLES as _CORE_TABLES
from quant_lib.contracts._technicals_tables import (
    TECHNICALS,
    TECHNICALS_COVERAGE,
    TECHNICALS_FETCHES,
    TECHNICALS_STATUSES,
    TECHNICALS_TABLES,
)
from quant_lib.contracts.spec import Column, Ownership, TableSpec

SHARED_TABLES: tuple[TableSpec, ...] = (*_CORE_TABLES, *TECHNICALS_TABLES)

__all__ = [
    "ALLOCATIONS",
    "ATOMS",
    "BACKTEST_METRICS",
    "BACKTEST_RETURNS",
    "BACKTEST_WEIGHTS",
    "BACKTEST_WINDOWS",
    "CANDIDATES",
    "CANDIDATE_DROPS",
    "CANDIDATE_FUNNEL",
    "CANDIDATE_MEMBERSHIP",
    "CANDIDATE_SCANNERS",
    "CANDIDATE_SIGNALS",
    "DECISION_REGIME",
    "DECISION_TABLES",
    "FETCH_STATUSES",
    "FOUNDATION",
    "HEALTH_REGISTRY",
    "HEALTH_STATUSES",
    "HOLE_CAUSES",
    "HOLE_STATES",
    "INSTRUMENTS",
    "INSTRUMENT_VERSIONS",
    "OHLCV",
    "OHLCV_FETCHES",
    "OHLCV_FINDINGS",
    "OHLCV_HEALTH",
    "OHLCV_HOLES",
    "OHLCV_REFRESHES",
    "OHLCV_REJECTS",
    "OHLCV_REVISIONS",
    "POSITIONS",
    "REGIME",
    "REGIME_STUDY",
    "REPORTS",
    "RETURNS_DROPS",
    "RETURNS_MATRIX",
    "SELECTION",
    "SELECTION_FEATURES",
    "SELECTION_SUMMARY",
    "SELECTION_VETOES",
    "SHARED_TABLES",
    "STRATEGY_RETURNS",
    "STREAM_TAILS",
    "TECHNICALS",
    "TECHNICALS_COVERAGE",
    "TECHNICALS_FETCHES",
    "TECHNICALS_STATUSES",
    "TECHNICALS_TABLES",
    "WEIGHTS",
    "Column",
    "Ownership",
    "TableSpec",
]
