"""Tables of the market regime and its study."""

from __future__ import annotations

from quant_lib.contracts.spec import Column, Ownership, TableSpec

REGIME_LABELS = ("QUIET", "NORMAL", "TURBULENT", "CRISIS", "UNKNOWN")
QUADRANTS = ("EXPANSION", "INFLATIONARY_TREND", "STAGNATION", "CRISIS", "NORMAL", "UNKNOWN")
HMM_STATES = ("QUIET", "NORMAL", "CRISIS", "UNKNOWN")
TERMS = {
    "vol_ratio": "Standard deviation of 10 returns over that of 126",
    "turbulence": "Share of Haar details of three levels in the energy of 64 returns",
    "clustering": "First autocorrelation of 126 absolute returns, 0 where negative",
    "entropy": "Permutation entropy of order 3 of 64 returns",
    "hurst": "Twice the distance of the Hurst exponent of 126 returns from a half",
    "stationarity": "P-value of a unit root in 126 logarithms of the level",
    "fat_tail": "Absolute excess kurtosis of 126 returns",
    "stress": "0.7 x vol_ratio + 0.6 x turbulence",
}

DECISION_REGIME = (
    Column("decision_regime", "string", "Stress class known at the close of the decision date", isin=REGIME_LABELS),
    Column("decision_regime_score", "float64", "Weighted mean of percentiles", nullable=True, ge=0.0, le=1.0),
    Column("decision_quadrant", "string", "Growth by stress", isin=QUADRANTS),
)
"""The three columns by which every table names the regime a decision knew."""


def _terms() -> tuple[Column, ...]:
    columns = []
    for name, what in TERMS.items():
        columns.append(Column(name, "float64", what, nullable=True))
        columns.append(
            Column(f"{name}_percentile", "float64", "Its place in its own history", nullable=True, gt=0.0, lt=1.0)
        )
    return tuple(columns)


REGIME = TableSpec(
    name="regime",
    description="Market regime of a decision date, with every component it was read from (semantics 7).",
    layer="L1",
    ownership=Ownership.DECISION,
    key=("profile", "date"),
    columns=(
        Column("profile", "string", "Sleeve that decided"),
        Column("date", "date", "Decision date: uses what was known at its close, earns from the next session"),
        *DECISION_REGIME,
        Column("known", "bool", "Whether the proxy has the history a regime needs; UNKNOWN is not NORMAL"),
        Column("reason", "string", "Why it is unknown; empty where it is known"),
        Column("proxy", "string", "What stands for the market"),
        Column("n_returns", "int64", "Returns of the proxy that were read", "sessions", ge=0),
        Column("first_session", "date", "First of these", nullable=True),
        Column("last_session", "date", "Last of these", nullable=True),
        *_terms(),
        Column("growth", "float64", "Mean return of 63 sessions, annualised", "fraction a year", nullable=True),
        Column("growth_errors", "float64", "The same in standard errors", "standard errors", nullable=True),
        Column("hmm_state", "string", "Volatility state after hysteresis; NORMAL: no two states", isin=HMM_STATES),
        Column(
            "hmm_probability",
            "float64",
            "Filtered probability of the state of larger moves",
            nullable=True,
            ge=0.0,
            le=1.0,
        ),
        Column(
            "hmm_separation",
            "float64",
            "Difference of the states' mean absolute returns",
            "standard deviations within a state",
            nullable=True,
            ge=0.0,
        ),
        Column("hmm_memory", "float64", "Likelihood ratio against states in random order", nullable=True, ge=0.0),
        Column("hmm_persistence", "float64", "p(stay low) + p(stay high) - 1", nullable=True, ge=-1.0, le=1.0),
        Column("hmm_converged", "bool", "Whether the likelihood stopped growing"),
        Column("hmm_iterations", "int64", "Re-estimations", ge=0),
    ),
)

REGIME_STUDY = TableSpec(
    name="regime_study",
    description="Forward returns of each market proxy by the regime and quadrant known at their start.",
    layer="L1",
    ownership=Ownership.SHARED,
    key=("date", "proxy", "basket", "horizon", "classification", "state"),
    columns=(
        Column("date", "date", "Date of the study: nothing after it is used"),
        Column("proxy", "string", "What stands for the market: its regime classifies the days"),
        Column("basket", "string", "What is held afterwards: the proxy, or the most traded of a sleeve's universe"),
        Column("horizon", "int64", "Sessions ahead", "sessions", ge=1),
        Column("classification", "string", "What the days are grouped by", isin=("regime", "quadrant")),
        Column("state", "string", "Group; ALL is every day"),
        Column("n", "int64", "Days in it whose future is known", "sessions", ge=0),
        Column("episodes", "int64", "Runs of such days in a row", ge=0),
        Column("mean", "float64", "Mean forward return", "fraction", nullable=True),
        Column("mean_low", "float64", "Lower end of its 95 % interval", "fraction", nullable=True),
        Column("mean_high", "float64", "Upper end of its 95 % interval", "fraction", nullable=True),
        Column("win_rate", "float64", "Share of days after which the market rose", nullable=True, ge=0.0, le=1.0),
        Column("win_low", "float64", "Lower end of its 95 % interval", nullable=True, ge=0.0, le=1.0),
        Column("win_high", "float64", "Upper end of its 95 % interval", nullable=True, ge=0.0, le=1.0),
        Column("p05", "float64", "5th percentile of the days' forward returns", "fraction", nullable=True),
        Column("median", "float64", "Their median", "fraction", nullable=True),
        Column("p95", "float64", "Their 95th percentile", "fraction", nullable=True),
        Column(
            "leans",
            "string",
            "Side on which the interval of the mean lies; empty where it holds nothing",
            isin=("", "LONG", "SHORT"),
        ),
        Column("first_session", "date", "First day that was classified"),
        Column("last_session", "date", "Last day that was classified"),
        Column("instruments_version", "int64", "Version of the catalogue that was read", ge=0),
        Column("ohlcv_version", "int64", "Version of the bars that was read", ge=0),
    ),
)
