"""Decision tables: what each sleeve decided on each date, one row set per (profile, date)."""

from __future__ import annotations

from quant_lib.contracts._candidate_tables import (
    CANDIDATE_DROPS,
    CANDIDATE_FUNNEL,
    CANDIDATE_MEMBERSHIP,
    CANDIDATE_SCANNERS,
    CANDIDATE_SIGNALS,
    CANDIDATES,
)
from quant_lib.contracts._columns import ATOM as _ATOM
from quant_lib.contracts._columns import BAR_DATE as _BAR_DATE
from quant_lib.contracts._columns import DIRECTION as _DIRECTION
from quant_lib.contracts._columns import ENGINE as _ENGINE
from quant_lib.contracts._columns import LOGIC as _LOGIC
from quant_lib.contracts._columns import RISK as _RISK
from quant_lib.contracts._columns import SYMBOL as _SYMBOL
from quant_lib.contracts._columns import decision_table as _decision
from quant_lib.contracts._regime_tables import DECISION_REGIME, REGIME
from quant_lib.contracts._selection_tables import (
    SELECTION,
    SELECTION_FEATURES,
    SELECTION_SUMMARY,
    SELECTION_VETOES,
)
from quant_lib.contracts.spec import Column, TableSpec

FOUNDATION = _decision(
    "foundation",
    "Versions of the shared tables this decision reads, pinned before anything else is computed.",
    ("table_name",),
    (
        Column("table_name", "string", "Pinned table"),
        Column("version", "int64", "Delta version", ge=0),
        Column("rows", "int64", "Rows at or before the date", ge=0),
        Column("newest_date", "date", "Newest date at or before the decision date", nullable=True),
        Column("content_hash", "string", "SHA-256 over the pinned files' hashes"),
    ),
)

RETURNS_MATRIX = _decision(
    "returns_matrix",
    "Simple daily returns of the eligible universe over the lookback, long form. Never padded.",
    ("bar_date", "symbol"),
    (
        _BAR_DATE,
        _SYMBOL,
        Column("ret", "float64", "close/previous close - 1 on the asset's own calendar", "fraction", ge=-1.0),
    ),
    layer="L0",
)

RETURNS_DROPS = _decision(
    "returns_drops",
    "Every symbol left out of the returns matrix, with the reason.",
    ("symbol", "reason"),
    (
        _SYMBOL,
        Column("reason", "string", "Rule it failed"),
        Column("value", "float64", "Figure judged", nullable=True),
        Column("threshold", "float64", "Limit it was judged by", nullable=True),
    ),
)

ATOMS = _decision(
    "atoms",
    "What the optimiser weights, and the physical legs behind each: the composition map.",
    ("atom_id", "symbol"),
    (
        _ATOM,
        _SYMBOL,
        _LOGIC,
        _DIRECTION,
        Column("timescale", "string", "Bar interval the logic trades on"),
        Column("factor", "float64", "Signed leg: +1 long, -1 short"),
        Column("cluster", "int64", "Correlation cluster", ge=0),
    ),
    layer="L3",
)

STRATEGY_RETURNS = _decision(
    "strategy_returns",
    "Synthetic long return stream of each atom: r for LONG, -min(r, 1) for SHORT.",
    ("bar_date", "atom_id"),
    (_BAR_DATE, _ATOM, Column("ret", "float64", "Return of holding the atom", "fraction", ge=-1.0, le=5.0)),
    layer="L3",
)

STREAM_TAILS = _decision(
    "stream_tails",
    "Tails of each atom's synthetic stream over the lookback: what a barbell picks its leaders by, and how fragile "
    "each is (semantics 3.12).",
    ("atom_id",),
    (
        _ATOM,
        Column("skew", "float64", "Population skewness"),
        Column("tail_gain", "float64", "Mean return above the 95 % quantile", "fraction"),
        Column("antifragility", "float64", "Skew and tail gain, each relative to the other atoms", ge=0.0, le=2.0),
        Column("var_95", "float64", "5 % quantile of the returns", "fraction"),
        Column("cvar_95", "float64", "Mean return at or below it", "fraction"),
        Column("tail_ratio", "float64", "Gain over loss at 5 %; null without a loss", nullable=True),
        Column("max_drawdown", "float64", "Deepest fall from a peak, compounded", "fraction", ge=-1.0, le=0.0),
        Column(
            "survival",
            "float64",
            "Share of the stress windows inside the lookback that it traded through; null where none is inside",
            nullable=True,
            ge=0.0,
            le=1.0,
        ),
        Column("fragility", "float64", "Lack of antifragility plus loss in the tail plus failed stress", ge=0.0),
    ),
    layer="L3",
)

WEIGHTS = _decision(
    "weights",
    "Atom weights of every engine and risk profile.",
    ("engine", "risk_profile", "atom_id"),
    (
        _ENGINE,
        _RISK,
        _ATOM,
        Column(
            "weight", "float64", "Weight of the synthetic long stream", "fraction of capital", ge=0.0, le=1.0 + 1e-9
        ),
        Column("risk_contribution", "float64", "Share of portfolio variance", "fraction"),
        Column("cluster", "int64", "Correlation cluster", ge=0),
        Column("role", "string", "Part in a barbell; empty elsewhere", isin=("", "CORE", "AGGRESSOR")),
    ),
    layer="L4",
)

POSITIONS = _decision(
    "positions",
    "Flattened physical weights of every engine and risk profile.",
    ("engine", "risk_profile", "symbol"),
    (
        _ENGINE,
        _RISK,
        _SYMBOL,
        Column("weight", "float64", "Absolute weight", "fraction of capital", ge=0.0, le=1.0 + 1e-9),
        Column("net_weight", "float64", "Signed weight", "fraction of capital", ge=-1.0 - 1e-9, le=1.0 + 1e-9),
        _DIRECTION,
        Column("atoms", "string", "Atoms behind the position, comma separated"),
        Column("price", "float64", "Close it is sized at", "quote currency", nullable=True, gt=0.0),
        Column(
            "quantity",
            "float64",
            "Units to hold, whole lots, rounded towards zero",
            "base units",
            nullable=True,
            ge=0.0,
        ),
        Column(
            "order_weight",
            "float64",
            "Signed weight of the whole lots; 0 where the position is too small to hold",
            "fraction of capital",
            nullable=True,
            ge=-1.0 - 1e-9,
            le=1.0 + 1e-9,
        ),
        Column("order_note", "string", "What rounding did, or what it did not know; empty when nothing"),
    ),
    layer="L4",
)

ALLOCATIONS = _decision(
    "allocations",
    "How each allocation was solved: backend, status, conditioning, concentration, cash.",
    ("engine", "risk_profile"),
    (
        _ENGINE,
        _RISK,
        Column("backend", "string", "What really solved it"),
        Column("status", "string", "Outcome; infeasible holds cash", isin=("solved", "cash", "infeasible")),
        Column("solved_profile", "string", "Objective that was really solved"),
        Column("solver_status", "string", "How the solver says it ended"),
        Column("fallback", "bool", "Another engine or objective than the requested one was used"),
        Column("attempts", "string", "Every attempt with its outcome, as JSON"),
        Column("n_assets", "int64", "Atoms offered", ge=0),
        Column("objective", "float64", "Objective value at the solution", nullable=True),
        Column(
            "kappa_raw",
            "float64",
            "Condition number before shrinkage; null where infinite",
            nullable=True,
            ge=1.0 - 1e-9,
        ),
        Column("kappa", "float64", "Condition number of the covariance used", nullable=True, ge=1.0 - 1e-9),
        Column("shrinkage", "float64", "Correlation shrinkage that met the bound", nullable=True, ge=0.0, le=1.0),
        Column("ledoit_wolf", "float64", "Intensity of the Ledoit-Wolf estimator", nullable=True, ge=0.0, le=1.0),
        Column("gross", "float64", "Sum of absolute net weights", "fraction of capital", ge=0.0),
        Column("net", "float64", "Sum of net weights", "fraction of capital"),
        Column("gross_before", "float64", "Sum of absolute legs before netting", "fraction of capital", ge=0.0),
        Column("netting_share", "float64", "Share of it that opposite legs of one symbol cancelled", ge=0.0, le=1.0),
        Column("netting_conflict", "bool", "More than 1 % was cancelled"),
        Column("netted", "string", "Long and short legs of each symbol that has both, as JSON"),
        Column("cash", "float64", "Capital not allocated, 1 - gross", "fraction of capital"),
        Column("effective_n", "float64", "1/sum of squared weights of what is invested", nullable=True, ge=0.0),
        Column("hhi", "float64", "Herfindahl-Hirschman index, 1/effective_n", nullable=True, gt=0.0, le=1.0 + 1e-9),
        Column("max_cluster_weight", "float64", "Largest cluster", "fraction of capital", nullable=True, ge=0.0),
        Column("asset_cap", "float64", "Largest weight allowed, as enforced", "fraction of capital", nullable=True),
        Column("cluster_cap", "float64", "Largest cluster allowed, as enforced", "fraction of capital", nullable=True),
        Column("expected_volatility", "float64", "Ex-ante volatility", "fraction a year", nullable=True, ge=0.0),
        Column(
            "turnover",
            "float64",
            "One-way, from what was held; null where unknown",
            "fraction of capital",
            nullable=True,
        ),
        Column("sparse", "bool", "Fewer winners than the floor: the rest is cash"),
        Column("relaxations", "string", "Limits that could not be kept as requested, as JSON"),
        Column("slacks", "string", "Room left under every constraint, as JSON"),
        Column("warnings", "string", "Conditions a person should read; empty when none"),
        Column("lineage", "string", "SHA-256 of returns, clusters and winners, as JSON"),
        Column("inputs_hash", "string", "SHA-256 of returns, clusters, request and what else was known"),
        Column("weights_hash", "string", "SHA-256 of atom weights rounded to 1e-8"),
    ),
    layer="L4",
)

_SIMULATOR = Column("simulator", "string", "Simulator that produced it")
_WINDOW = Column("window", "int64", "Walk-forward window, from 0", ge=0)

BACKTEST_WINDOWS = _decision(
    "backtest_windows",
    "Each walk-forward window: dates, universe, recruitment.",
    ("window",),
    (
        _WINDOW,
        Column("train_start", "date", "First train session"),
        Column("decided_on", "date", "Last train session: the decision date of the window"),
        Column("test_start", "date", "First session that earns"),
        Column("test_end", "date", "Last session that earns"),
        Column("n_known", "int64", "Symbols with a bar on the decision date", "symbols", ge=0),
        Column("n_candidates", "int64", "Reconstructed candidates", "symbols", ge=0),
        Column("n_vetoed", "int64", "Candidates under a hard veto", "symbols", ge=0),
        Column("n_selected", "int64", "Recruited", "symbols", ge=0),
        Column("stage", "int64", "Relaxation stage reached", ge=0, le=4),
        Column("sparse", "bool", "Fewer winners than the floor"),
        Column("universe", "string", "How membership is known", isin=("reconstructed",)),
        *DECISION_REGIME,
    ),
)

BACKTEST_WEIGHTS = _decision(
    "backtest_weights",
    "Target physical weights at each window's decision date.",
    ("window", "engine", "risk_profile", "symbol"),
    (
        _WINDOW,
        _ENGINE,
        _RISK,
        _SYMBOL,
        Column("net_weight", "float64", "Signed target weight", "fraction of capital", ge=-1.0 - 1e-9, le=1.0 + 1e-9),
    ),
)

BACKTEST_RETURNS = _decision(
    "backtest_returns",
    "Stitched out-of-sample daily returns.",
    ("engine", "risk_profile", "simulator", "bar_date"),
    (
        _ENGINE,
        _RISK,
        _SIMULATOR,
        _BAR_DATE,
        _WINDOW,
        Column("ret", "float64", "Net portfolio return of the session", "fraction", ge=-1.0),
        Column("gross_ret", "float64", "Return before costs", "fraction"),
        Column("cost", "float64", "Trading cost and borrow of the session", "fraction of capital", ge=0.0),
        Column("turnover", "float64", "One-way turnover of the session", "fraction of capital", ge=0.0),
        Column("gross", "float64", "Gross exposure after the close", "fraction of capital", ge=0.0),
        Column("net", "float64", "Net exposure after the close", "fraction of capital"),
        Column("nav", "float64", "Net asset value, 1 before the first session", "multiple", ge=0.0),
        Column("events", "string", "Forced exits, loss caps, bankruptcies of the session; empty when none"),
    ),
)

BACKTEST_METRICS = _decision(
    "backtest_metrics",
    "Metrics of the stitched series (semantics 9.7), raw and unclipped.",
    ("engine", "risk_profile", "simulator", "metric"),
    (
        _ENGINE,
        _RISK,
        _SIMULATOR,
        Column("metric", "string", "Name of the metric"),
        Column("value", "float64", "Value", nullable=True),
        Column("unit", "string", "Unit of the value"),
    ),
)

REPORTS = _decision(
    "reports",
    "Where the artifacts of a report are, and their hashes.",
    ("artifact",),
    (
        Column("artifact", "string", "File name"),
        Column("path", "string", "Path below the home folder"),
        Column("sha256", "string", "Content hash"),
        Column("bytes", "int64", "Size", "bytes", ge=0),
    ),
)

DECISION_TABLES: tuple[TableSpec, ...] = (
    CANDIDATES,
    CANDIDATE_FUNNEL,
    CANDIDATE_DROPS,
    CANDIDATE_SCANNERS,
    CANDIDATE_SIGNALS,
    CANDIDATE_MEMBERSHIP,
    FOUNDATION,
    REGIME,
    RETURNS_MATRIX,
    RETURNS_DROPS,
    SELECTION,
    SELECTION_FEATURES,
    SELECTION_VETOES,
    SELECTION_SUMMARY,
    ATOMS,
    STRATEGY_RETURNS,
    STREAM_TAILS,
    WEIGHTS,
    POSITIONS,
    ALLOCATIONS,
    BACKTEST_WINDOWS,
    BACKTEST_WEIGHTS,
    BACKTEST_RETURNS,
    BACKTEST_METRICS,
    REPORTS,
)
