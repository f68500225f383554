"""From candidates to winners (semantics 5.1, 5.7, 5.8 and design 10.6).

Vetoes first, then scores and clusters over what is left, then recruitment: the
best listing of each base, the best few of each cluster, the best of those up to
the cap. Fewer winners than the floor is a sparse selection, and none is a valid
one; hard vetoes are never given up to fill seats.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from quant_lib.clustering import cluster_returns
from quant_lib.contracts import SELECTION
from quant_lib.selection._errors import ContradictoryRulesError
from quant_lib.selection._facts import KEY, gather
from quant_lib.selection.scoring import WEIGHTS_VERSION, Score, log_mps, score_weights
from quant_lib.selection.vetoes import Veto, VetoRules, judge_vetoes

__all__ = ["SelectionResult", "SelectionRules", "select"]

_STRICT_STAGE = 1
_COLUMNS = tuple(name for name in SELECTION.column_names if name not in ("profile", "date"))
_PROBABILITIES = tuple(name for name in _COLUMNS if name.startswith("p_"))


@dataclass(frozen=True, kw_only=True)
class SelectionRules:
    """How a sleeve selects.

    Parameters
    ----------
    vetoes : VetoRules
        Limits of the hard vetoes.
    top_n : int
        Winners of each cluster and side.
    min_winners, max_winners : int
        Floor below which the selection is sparse, and cap.
    cluster_threshold : float
        Ward distance at which clusters are cut.
    max_clusters : int
    cluster_lookbacks : tuple of int, in sessions
    shrink : float
        Shrinkage of the correlation.
    feature_lookback : int, in sessions
        Window of momentum and volatility, cut to the returns there are.
    ann : float
        Sessions a year: 365 for 24x7 calendars, 252 for exchanges.
    liquidity_scale : float, in USD
        Turnover that counts as fully liquid: 1e7 for coins, 5e8 for stocks.
    overall_rating : str
        Feature read as the overall rating: ``recommend_all`` or ``recommend_all_weighted``.
    weights : mapping of str to float
        Overrides of the score's weights.
    dominant_signal : str, optional
    dominant_weight : float

    Raises
    ------
    ContradictoryRulesError
        A number out of range, or a floor above the cap.
    UnknownSignalError
        A weight or dominant signal that the score does not have.
    """

    vetoes: VetoRules = field(default_factory=VetoRules)
    top_n: int = 3
    min_winners: int = 15
    max_winners: int = 25
    cluster_threshold: float = 0.7
    max_clusters: int = 25
    cluster_lookbacks: tuple[int, ...] = (60, 120, 200)
    shrink: float = 0.01
    feature_lookback: int = 120
    ann: float = 365.0
    liquidity_scale: float = 1e7
    overall_rating: str = "recommend_all"
    weights: Mapping[str, float] = field(default_factory=dict)
    dominant_signal: str | None = None
    dominant_weight: float = 3.0

    def __post_init__(self) -> None:
        for name, least in (("top_n", 1), ("min_winners", 0), ("max_winners", 1), ("feature_lookback", 2)):
            if getattr(self, name) < least:
                raise ContradictoryRulesError(name, f"{getattr(self, name)} is below {least}")
        if self.min_winners > self.max_winners:
            raise ContradictoryRulesError("min_winners", f"{self.min_winners} is above max_winners {self.max_winners}")
        for name in ("ann", "liquidity_scale"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0.0):
                raise ContradictoryRulesError(name, f"{getattr(self, name)} is not a positive number")
        if self.overall_rating not in ("recommend_all", "recommend_all_weighted"):
            raise ContradictoryRulesError("overall_rating", f"{self.overall_rating!r} is not an overall rating")
        self.score_weights()

    def score_weights(self) -> dict[str, float]:
        """Weights of the score under these rules."""
        return score_weights(
            overrides=self.weights, dominant_signal=self.dominant_signal, dominant_weight=self.dominant_weight
        )


@dataclass(frozen=True)
class SelectionResult:
    """The verdict on every candidate.

    Parameters
    ----------
    table : DataFrame
        Columns of ``SELECTION`` without profile and date, by symbol, logic, direction.
    stage : int
        Relaxation stage reached; 1, strict.
    sparse : bool
        Fewer winners than the floor.
    vetoes : DataFrame
        symbol, logic, direction, veto, kind, value, threshold, note: one row for each veto that holds.
    summary : mapping
        Counts, weights and versions, for the run's record.
    """

    table: pd.DataFrame
    stage: int
    sparse: bool
    vetoes: pd.DataFrame
    summary: Mapping[str, Any]


def select(
    candidates: pd.DataFrame,
    features: pd.DataFrame,
    health: pd.DataFrame,
    instruments: pd.DataFrame,
    returns: pd.DataFrame,
    rules: SelectionRules | None = None,
    *,
    vetoes: Sequence[Veto] | None = None,
) -> SelectionResult:
    """Select what a sleeve holds.

    Every frame holds rows of the decision date alone, and the returns end there; frames
    that carry a ``date`` are checked for it.

    Parameters
    ----------
    candidates : DataFrame
        Rows of ``CANDIDATES`` of one profile; several logics and both sides may be present.
    features, health, instruments : DataFrame
        Rows of the shared tables of the date.
    returns : DataFrame, shape (n_sessions, n_symbols)
        Simple daily returns, complete, oldest first.
    rules : SelectionRules, optional
    vetoes : sequence of Veto, optional
        `HARD_VETOES` by default.

    Returns
    -------
    SelectionResult
        The order of rows in the inputs does not matter. Zero winners is valid.

    Raises
    ------
    InvalidUniverseError, MissingDataError
        A frame is not what is described above.
    UnknownSignalError
        A weight names a feature that is not there.
    ClusteringError
        Fewer than 20 sessions of returns.
    """
    rules = rules or SelectionRules()
    returns = returns.sort_index(axis=0)
    facts = gather(
        candidates,
        features,
        health,
        instruments,
        returns,
        overall_rating=rules.overall_rating,
        ratings=() if rules.vetoes.rating is None else (rules.vetoes.rating,),
        metadata=rules.vetoes.required_metadata,
    )
    facts = _with_metrics(facts, returns, rules)
    refused = judge_vetoes(facts, rules.vetoes, vetoes)
    facts = _with_vetoes(facts, refused)
    eligible = facts.index[facts["vetoes"] == ""]
    score = _score(facts.loc[eligible], rules)
    ranked = _rank(facts.loc[eligible], score, _clusters(facts.loc[eligible], returns, rules))
    recruited = _recruit(ranked, rules)
    table = _table(facts, score, recruited)
    winners = int(table["selected"].sum())
    sparse = winners < rules.min_winners
    summary = _summary(table, refused, score, rules, sessions=min(len(returns), rules.feature_lookback))
    return SelectionResult(table, _STRICT_STAGE, sparse, refused, {**summary, "sparse": sparse})


def _with_metrics(facts: pd.DataFrame, returns: pd.DataFrame, rules: SelectionRules) -> pd.DataFrame:
    """Momentum and volatility a year over the lookback (semantics 3.9); missing without two returns."""
    window = np.ascontiguousarray(returns.tail(rules.feature_lookback).to_numpy(dtype="float64"))
    nothing = np.full(window.shape[1], np.nan)
    mean, spread = (window.mean(axis=0), window.std(axis=0, ddof=1)) if len(window) > 1 else (nothing, nothing)
    momentum = pd.Series(mean * rules.ann, index=returns.columns)
    volatility = pd.Series(spread * math.sqrt(rules.ann), index=returns.columns)
    made = facts.assign(momentum=facts["symbol"].map(momentum), volatility=facts["symbol"].map(volatility))
    return made.astype({"momentum": "float64", "volatility": "float64"})


def _with_vetoes(facts: pd.DataFrame, refused: pd.DataFrame) -> pd.DataFrame:
    names: dict[tuple[str, str, str], list[str]] = {}
    notes: dict[tuple[str, str, str], list[str]] = {}
    detail: dict[tuple[str, str, str], dict[str, dict[str, float | None]]] = {}
    row: Any
    for row in refused.itertuples(index=False):
        key = (row.symbol, row.logic, row.direction)
        names.setdefault(key, []).append(row.veto)
        notes.setdefault(key, []).append(f"{row.veto} ({row.note})")
        detail.setdefault(key, {})[row.veto] = {"value": _null(row.value), "threshold": _null(row.threshold)}
    keys = list(facts[KEY].itertuples(index=False, name=None))
    return facts.assign(
        vetoes=pd.array([",".join(names.get(key, [])) for key in keys], dtype="str"),
        veto_detail=pd.array([json.dumps(detail.get(key, {}), sort_keys=True) for key in keys], dtype="str"),
        notes=pd.array(["; ".join(notes.get(key, [])) for key in keys], dtype="str"),
    )


def _null(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _score(eligible: pd.DataFrame, rules: SelectionRules) -> Score:
    matrix = eligible[["momentum", "adx", "recommend_all", "recommend_ma"]].assign(
        stability=1.0 / (eligible["volatility"] + 1e-9),
        liquidity=np.minimum(1.0, eligible["liquidity_usd"] / rules.liquidity_scale),
    )
    return log_mps(
        matrix,
        eligible["direction"],
        overrides=rules.weights,
        dominant_signal=rules.dominant_signal,
        dominant_weight=rules.dominant_weight,
    )


def _clusters(eligible: pd.DataFrame, returns: pd.DataFrame, rules: SelectionRules) -> pd.Series:
    symbols = sorted(set(eligible["symbol"]))
    if not symbols:
        return pd.Series([], dtype="int64")
    return cluster_returns(
        returns[symbols],
        lookbacks=rules.cluster_lookbacks,
        threshold=rules.cluster_threshold,
        max_clusters=rules.max_clusters,
        shrink=rules.shrink,
    )


def _rank(eligible: pd.DataFrame, score: Score, clusters: pd.Series) -> pd.DataFrame:
    """Order the eligible by score, equal scores by symbol, logic and direction."""
    ranked = eligible[[*KEY, "base_identity"]].assign(
        alpha_score=score.alpha, cluster=eligible["symbol"].map(clusters).astype("int64")
    )
    ranked = ranked.sort_values(["alpha_score", *KEY], ascending=[False, True, True, True])
    ranked["rank"] = np.arange(1, len(ranked) + 1)
    return ranked


def _recruit(ranked: pd.DataFrame, rules: SelectionRules) -> pd.DataFrame:
    """Walk down the ranking and say of each row why it is in or out."""
    listing: dict[tuple[str, str, str], Any] = {}
    seats: dict[tuple[int, str], list[Any]] = {}
    winners = 0
    selected, reasons = [], []
    row: Any
    for row in ranked.itertuples(index=False):
        better = listing.setdefault((row.base_identity, row.logic, row.direction), row)
        taken = seats.setdefault((row.cluster, row.direction), [])
        place = f"score {row.alpha_score:.6g}, rank {row.rank}, cluster {row.cluster}"
        won = False
        if better is not row:
            reason = f"{place}: another listing of {row.base_identity} ranks higher, {better.symbol} ({_shown(better)})"
        elif len(taken) >= rules.top_n:
            ahead = ", ".join(f"{one.symbol} ({_shown(one)})" for one in taken)
            reason = f"{place}: outranked in cluster {row.cluster} by {ahead}"
        elif winners >= rules.max_winners:
            reason = f"{place}: beyond the cap of {rules.max_winners} winners"
        else:
            taken.append(row)
            winners += 1
            won = True
            reason = f"{place}: recruited as {len(taken)} of {rules.top_n} in the cluster, {row.direction}"
        selected.append(won)
        reasons.append(reason)
    return ranked.assign(selected=np.array(selected, dtype=bool), reason=pd.array(reasons, dtype="str"))


def _shown(row: Any) -> str:
    return f"{row.alpha_score:.6g}"


def _table(facts: pd.DataFrame, score: Score, recruited: pd.DataFrame) -> pd.DataFrame:
    found = recruited[["alpha_score", "cluster", "rank", "selected", "reason"]]
    table = facts.join(found).join(score.probabilities.add_prefix("p_"))
    for name in _PROBABILITIES:
        if name not in table:
            table[name] = np.nan
    refused = "vetoed: " + table["notes"].astype("object")
    table["reason"] = table["reason"].astype("object").where(table["vetoes"] == "", refused)
    table["cluster"] = table["cluster"].fillna(-1)
    table["rank"] = table["rank"].fillna(0)
    table["selected"] = table["selected"].eq(True)
    table["stage"] = np.where(table["selected"], _STRICT_STAGE, 0)
    types = SELECTION.pandas_types()
    return table[list(_COLUMNS)].astype({name: types[name] for name in _COLUMNS}).reset_index(drop=True)


def _summary(
    table: pd.DataFrame, refused: pd.DataFrame, score: Score, rules: SelectionRules, *, sessions: int
) -> dict[str, Any]:
    won = table[table["selected"]]
    return {
        "n_candidates": len(table),
        "n_vetoed": int((table["vetoes"] != "").sum()),
        "n_eligible": int((table["vetoes"] == "").sum()),
        "n_clusters": int(table.loc[table["cluster"] >= 0, "cluster"].nunique()),
        "n_winners": len(won),
        "n_long": int((won["direction"] == "LONG").sum()),
        "n_short": int((won["direction"] == "SHORT").sum()),
        "vetoes": {str(name): int(count) for name, count in refused["veto"].value_counts().sort_index().items()},
        "stage": _STRICT_STAGE,
        "min_winners": rules.min_winners,
        "max_winners": rules.max_winners,
        "metric_sessions": sessions,
        "weights_version": WEIGHTS_VERSION,
        "weights": dict(sorted(score.weights.items())),
        "left_out": list(score.left_out),
    }
