"""What selection decided, and everything it was decided by."""

from __future__ import annotations

from quant_lib.contracts._columns import DIRECTION, LOGIC, SIGNALS, SYMBOL, decision_table
from quant_lib.contracts.spec import Column

SELECTION = decision_table(
    "selection",
    "One row per candidate: figures, probabilities, score, cluster, vetoes, rank, verdict.",
    ("symbol", "logic", "direction"),
    (
        SYMBOL,
        LOGIC,
        DIRECTION,
        *SIGNALS,
        Column(
            "momentum",
            "float64",
            "Mean daily return x annualisation over the lookback",
            "fraction a year",
            nullable=True,
        ),
        Column(
            "volatility",
            "float64",
            "Standard deviation of daily returns, annualised",
            "fraction a year",
            nullable=True,
            ge=0.0,
        ),
        Column(
            "alpha_score", "float64", "Score of the engine; missing under a hard veto", nullable=True, ge=-20.0, le=20.0
        ),
        Column("rank_score", "float64", "Figure it was ranked by, larger first", nullable=True),
        Column("cluster", "int64", "Correlation cluster; -1 where vetoed before clustering", ge=-1),
        Column("vetoes", "string", "Hard vetoes that hold, comma separated; empty when none"),
        Column("soft_vetoes", "string", "Soft vetoes that hold as configured, comma separated; empty when none"),
        Column("veto_detail", "string", "Each veto with its figure and limit, as JSON"),
        Column("n_missing", "int64", "Scored features that are not known", ge=0),
        Column("rank", "int64", "Place in the profile's ranking, 1 is best; 0 where vetoed before it", ge=0),
        Column("selected", "bool", "Recruited"),
        Column("stage", "int64", "Relaxation stage that recruited it; 0 where not", ge=0, le=4),
        Column(
            "blocked_by",
            "string",
            "What kept it out; empty when recruited",
            isin=("", "hard", "soft", "quota", "listing", "seat", "cap"),
        ),
        Column("rank_gap", "int64", "Places it would have to climb; 0 where rank is not what binds", "places", ge=0),
        Column("score_needed", "float64", "Figure of the one it would have to outrank", nullable=True),
        Column("to_be_selected", "string", "What would have to change; empty when recruited"),
        Column("reason", "string", "Why it was or was not recruited, in words"),
    ),
    layer="L2",
)

SELECTION_FEATURES = decision_table(
    "selection_features",
    "Every figure of every candidate, and what the score made of it.",
    ("symbol", "logic", "direction", "feature"),
    (
        SYMBOL,
        LOGIC,
        DIRECTION,
        Column("feature", "string", "Name of the figure"),
        Column("role", "string", "Scored, or only read by a veto or filter", isin=("score", "fact")),
        Column("value", "float64", "Figure; missing where not known", nullable=True),
        Column("probability", "float64", "What the engine mapped it to", nullable=True, ge=0.0, le=1.0),
        Column("weight", "float64", "Weight in the score", nullable=True),
        Column("contribution", "float64", "Weight x log probability, or weight x probability in a sum", nullable=True),
    ),
    layer="L2",
)

SELECTION_VETOES = decision_table(
    "selection_vetoes",
    "Every veto that holds under the configured thresholds, with the figure it was judged by.",
    ("symbol", "logic", "direction", "veto"),
    (
        SYMBOL,
        LOGIC,
        DIRECTION,
        Column("veto", "string", "Rule that holds"),
        Column("kind", "string", "Hard vetoes never relax", isin=("hard", "soft")),
        Column("source", "string", "Filter that casts it; foundation for what every sleeve asks"),
        Column("value", "float64", "Figure judged", nullable=True),
        Column("threshold", "float64", "Limit it was judged by", nullable=True),
        Column("note", "string", "The same in words"),
    ),
    layer="L2",
)

SELECTION_SUMMARY = decision_table(
    "selection_summary",
    "How a sleeve selected on a date: engine, stage reached, counts, and how stable its clusters are.",
    ("engine",),
    (
        Column("engine", "string", "Scoring engine"),
        Column("weights_version", "string", "Version of formula and weights"),
        Column("n_candidates", "int64", "Candidates", ge=0),
        Column("n_vetoed", "int64", "Under a hard veto before scoring", ge=0),
        Column("n_soft_vetoed", "int64", "Under a soft veto as configured", ge=0),
        Column("n_clusters", "int64", "Correlation clusters", ge=0),
        Column("n_winners", "int64", "Recruited", ge=0),
        Column("n_long", "int64", "Recruited long", ge=0),
        Column("n_short", "int64", "Recruited short", ge=0),
        Column("stage", "int64", "Last relaxation stage tried", ge=1, le=4),
        Column("sparse", "bool", "Fewer winners than the floor"),
        Column("scarcity", "string", "What happens to seats nobody took", isin=("cash", "ssp")),
        Column("vetoes", "string", "Count of each veto, as JSON"),
        Column("stages", "string", "Winners by stage, as JSON"),
        Column("weights", "string", "Weight of each feature, as JSON"),
        Column("missing", "string", "Candidates that lack each scored feature, as JSON"),
        Column("shrink", "float64", "Shrinkage of the correlations clusters are made of", ge=0.0, lt=1.0),
        Column(
            "condition_number",
            "float64",
            "Of those correlations, the largest of any lookback; null where the engine does not bound it, or infinite",
            nullable=True,
            ge=1.0,
        ),
        Column("conditioned", "bool", "No bound, or a shrinkage of at most 0.10 met it"),
        Column("previous_date", "date", "Decision date the clusters are compared with", nullable=True),
        Column(
            "cluster_stability",
            "float64",
            "Adjusted Rand index of the clusters against that date, over common symbols; 1 is the same partition",
            nullable=True,
            ge=-1.0,
            le=1.0,
        ),
    ),
    layer="L2",
)
