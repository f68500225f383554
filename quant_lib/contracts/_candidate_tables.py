"""Tables of discovery: who a sleeve considered on a date, and how the others left."""

from __future__ import annotations

from quant_lib.contracts._columns import DIRECTION as _DIRECTION
from quant_lib.contracts._columns import LOGIC as _LOGIC
from quant_lib.contracts._columns import SIGNALS as _SIGNALS
from quant_lib.contracts._columns import SYMBOL as _SYMBOL
from quant_lib.contracts._columns import decision_table as _decision
from quant_lib.contracts.spec import Column

CANDIDATES = _decision(
    "candidates",
    "Canonical candidate records of a sleeve (semantics 1.9).",
    ("symbol", "logic", "direction"),
    (
        _SYMBOL,
        Column("exchange", "string", "Venue; equals the symbol's prefix"),
        Column("asset_type", "string", "Kind of instrument"),
        Column("base_identity", "string", "Base asset that duplicates share"),
        _LOGIC,
        _DIRECTION,
        Column("mode", "string", "How the universe of the date is known", isin=("scanned", "reconstructed")),
        Column("rank", "int64", "Place in the scanner's own order, 1 is first", ge=1),
        *_SIGNALS,
        Column("pooled_turnover", "float64", "Turnover summed over all quotes of the base", "USD", nullable=True),
        Column("alternatives", "string", "Other listings of the same base, comma separated"),
        Column(
            "tv_recommend_all", "float64", "Vendor's overall rating, scanned mode only", nullable=True, ge=-1.0, le=1.0
        ),
    ),
    layer="L1",
)

CANDIDATE_FUNNEL = _decision(
    "candidate_funnel",
    "Rows in and out of every discovery step.",
    ("step_no",),
    (
        Column("step_no", "int64", "Order of the step", ge=1),
        Column("step", "string", "Name of the step"),
        Column("rows_in", "int64", "Symbols before", "symbols", ge=0),
        Column("rows_out", "int64", "Symbols after", "symbols", ge=0),
        Column("rule", "string", "The rule in words"),
    ),
)

CANDIDATE_DROPS = _decision(
    "candidate_drops",
    "Every symbol a discovery step dropped, with the figure it was judged by.",
    ("symbol", "step"),
    (
        _SYMBOL,
        Column("step", "string", "Step that dropped it"),
        Column("reason", "string", "Rule it failed"),
        Column("value", "float64", "Figure judged", nullable=True),
        Column("threshold", "float64", "Limit it was judged by", nullable=True),
    ),
)

CANDIDATE_SCANNERS = _decision(
    "candidate_scanners",
    "Every scanner of a sleeve: what it saw, what it proposed, and what of that could be used (semantics 1.10, 1.11).",
    ("scanner",),
    (
        Column("scanner", "string", "Scanner"),
        _LOGIC,
        _DIRECTION,
        Column("rows_in", "int64", "Universe of the date", "symbols", ge=0),
        Column("proposed", "int64", "Symbols that passed its screens", "symbols", ge=0),
        Column("repeated", "int64", "Of these, proposed by another scanner at a better rank", "symbols", ge=0),
        Column("not_fresh", "int64", "Of the rest, without a bar of the last expected session", "symbols", ge=0),
        Column("toxic", "int64", "Of the rest, with toxic bars", "symbols", ge=0),
        Column("kept", "int64", "Candidates", "symbols", ge=0),
        Column(
            "retention",
            "float64",
            "Candidates over what was proposed and not repeated; missing where nothing was",
            "fraction",
            nullable=True,
            ge=0.0,
            le=1.0,
        ),
        Column("error", "string", "Why it failed; empty otherwise"),
    ),
)

CANDIDATE_SIGNALS = _decision(
    "candidate_signals",
    "What is known of each candidate on its date, typed (semantics 1.9): a figure, or the reason there is none.",
    ("symbol", "logic", "direction"),
    (
        _SYMBOL,
        _LOGIC,
        _DIRECTION,
        *_SIGNALS,
        Column("roc", "float64", "Rate of change over 10 bars", "percent", nullable=True),
        Column("volume_change_pct", "float64", "Volume against the bar before", "percent", nullable=True),
        Column("atr", "float64", "ATR(14)", "quote currency", nullable=True, ge=0.0),
        Column("perf_w", "float64", "Price change over 7 days", "percent", nullable=True),
        Column("perf_1m", "float64", "Price change over 30 days", "percent", nullable=True),
        Column("perf_3m", "float64", "Price change over 90 days", "percent", nullable=True),
        Column("perf_6m", "float64", "Price change over 180 days", "percent", nullable=True),
        Column("perf_y", "float64", "Price change over 365 days", "percent", nullable=True),
        Column("missing", "string", "Signals without a figure, and why; empty where there is none"),
    ),
)

CANDIDATE_MEMBERSHIP = _decision(
    "candidate_membership",
    "How it is known who belonged to the universe of each scanner on the date (users N6).",
    ("scanner",),
    (
        Column("scanner", "string", "Scanner"),
        Column(
            "survivorship",
            "string",
            "unknown: symbols were named on a day nobody stated, or later than the date",
            isin=("point_in_time", "unknown"),
        ),
        Column("named", "int64", "Symbols named one by one; 0 where the venue decides", "symbols", ge=0),
        Column("absent", "int64", "Of these, without a bar on the date", "symbols", ge=0),
        Column("absent_symbols", "string", "Their names, comma separated"),
    ),
)
