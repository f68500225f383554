"""From candidates to winners (semantics 5.1, 5.7, 5.8 and design 10.6).

Hard vetoes first, then scores and clusters over what is left, then soft vetoes
and recruitment in stages. Fewer winners than the floor is a sparse selection,
and none is a valid one; hard vetoes are never given up to fill seats.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.clustering import Conditioning, cluster_returns, conditioned_shrink
from quant_lib.errors import MissingDataError
from quant_lib.regime import Regime
from quant_lib.selection._errors import InvalidUniverseError
from quant_lib.selection._facts import KEY, decision_day, gather, stored_features
from quant_lib.selection.filters import Predictability, Trail
from quant_lib.selection.matrix import needed_features, score_matrix
from quant_lib.selection.outcome import SelectionResult, outcome_of
from quant_lib.selection.rankers import (
    REGIME_MIN_BARS,
    RankContext,
    rank_order,
    regime_fit,
    volatility_clustering,
)
from quant_lib.selection.relaxation import SPECTRAL, STRICT, Field, Seating, recruit
from quant_lib.selection.rules import SelectionRules
from quant_lib.selection.scoring import Score, score
from quant_lib.selection.vetoes import HARD_VETOES, Verdict, Veto, VetoRules, judge_vetoes

__all__ = ["select", "selection_features"]

Mask = npt.NDArray[np.bool_]
_ORDERED_MAX = 0.999
"""Largest noise percentile of entropy that the cluster floor accepts."""


def select(
    candidates: pd.DataFrame,
    features: pd.DataFrame,
    health: pd.DataFrame,
    instruments: pd.DataFrame,
    returns: pd.DataFrame,
    rules: SelectionRules | None = None,
    *,
    vetoes: Sequence[Veto] | None = None,
    trail: pd.DataFrame | None = None,
    regime: Regime | None = None,
) -> SelectionResult:
    """Select what a sleeve holds.

    Every frame but `trail` holds rows of the decision date alone, and returns and trail end there; frames
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
        Replace `HARD_VETOES`; the filters' own are added.
    trail : DataFrame, optional
        Feature rows of at least ``rules.bars`` sessions up to the date; needed where that is more than one.
    regime : Regime, optional
        The market's, of the date; needed where ``rules.needs_regime``.

    Returns
    -------
    SelectionResult
        The order of rows in the inputs does not matter. Zero winners is valid.

    Raises
    ------
    InvalidUniverseError, MissingDataError
        A frame is not what is described above.
    ClusteringError
        Fewer than 20 sessions of returns.
    """
    rules = rules or SelectionRules()
    if rules.needs_regime and regime is None:
        raise MissingDataError("the market's regime", "selection by fit to it", "materialise the regime of the date")
    returns = returns.sort_index(axis=0)
    facts = _facts(candidates, features, health, instruments, returns, rules)
    facts = _prepared(facts, features, trail, rules, decision_day(features, candidates))
    hard, soft = _vetoes(rules, HARD_VETOES if vetoes is None else vetoes)
    refused = judge_vetoes(facts, rules.vetoes, hard)
    eligible = facts[~_rows_in(facts, refused)]
    conditioning = _conditioning(eligible, returns, rules)
    clusters = _clusters(eligible, returns, rules, rules.shrink if conditioning is None else conditioning.shrink)
    context = _context(eligible, returns, rules, regime)
    scored = _score(eligible, context, clusters, rules)
    order, ranking = _order(eligible, scored, context, rules)
    # Verdicts of the strict stage are the record; what relaxation makes of them is only used to recruit.
    strict = judge_vetoes(eligible, rules.vetoes, _exempting(soft, eligible, rules))
    field = _field(eligible, order, clusters, strict, soft, rules)
    recruited = recruit(field, _seating(eligible.iloc[order], clusters, returns, rules))
    return outcome_of(
        facts,
        eligible.index[order],
        refused,
        strict,
        scored,
        ranking[order],
        clusters,
        recruited,
        rules,
        conditioning=conditioning,
    )


def _facts(
    candidates: pd.DataFrame,
    features: pd.DataFrame,
    health: pd.DataFrame,
    instruments: pd.DataFrame,
    returns: pd.DataFrame,
    rules: SelectionRules,
) -> pd.DataFrame:
    return gather(
        candidates,
        features,
        health,
        instruments,
        returns,
        overall_rating=rules.overall_rating,
        wanted=_wanted(rules),
        metadata=rules.vetoes.required_metadata,
    )


def _wanted(rules: SelectionRules) -> list[str]:
    """Facts that scores, ranks, filters and vetoes read."""
    rating = () if rules.vetoes.rating is None else (rules.vetoes.rating,)
    wanted = [*rating, *rules.vetoes.features, *needed_features((*rules.scoring().reads, *rules.ranker.columns))]
    wanted += [column for one in rules.filters for column in one.columns]
    return [*wanted, "hurst"] if rules.needs_regime else wanted


def selection_features(rules: SelectionRules) -> frozenset[str]:
    """Columns of ``features`` that `select` reads under some rules, of the date and of the bars before it."""
    return stored_features(rules.overall_rating, _wanted(rules)) | {*rules.trailing, "segment"}


def _prepared(
    facts: pd.DataFrame,
    features: pd.DataFrame,
    trail: pd.DataFrame | None,
    rules: SelectionRules,
    day: pd.Timestamp | None,
) -> pd.DataFrame:
    """Facts with the figures the filters make of them and of the trailing bars."""
    cut = Trail({})
    if rules.trailing:
        if rules.bars > 1 and trail is None:
            raise MissingDataError(
                f"features of the last {rules.bars} sessions", "filters that look back", "pass them as `trail`"
            )
        rows = features if trail is None else trail
        if day is not None and len(rows) and pd.Timestamp(rows["date"].max()) > day:
            raise InvalidUniverseError("trail", "it reaches beyond the decision date", "cut it at the decision date")
        cut = Trail.of(rows, facts["symbol"].tolist(), rules.trailing, rules.bars, day)
    made: dict[str, npt.NDArray[np.float64]] = {}
    for one in rules.filters:
        made |= one.prepare(facts, cut.last(one.bars))
    return facts.assign(**made) if made else facts


def _vetoes(rules: SelectionRules, base: Sequence[Veto]) -> tuple[list[Veto], list[Veto]]:
    """Hard vetoes and soft ones, in the order of the chain."""
    chain = [*base, *(veto for one in rules.filters for veto in one.vetoes())]
    if rules.needs_regime:
        chain.append(_REGIME_HISTORY)
    return [v for v in chain if v.kind == "hard"], [v for v in chain if v.kind == "soft"]


def _regime_history(facts: pd.DataFrame, _: VetoRules) -> Verdict:
    value = facts["n_bars"].to_numpy(dtype="float64", na_value=np.nan)
    notes = np.array([f"{v:g} bars, {REGIME_MIN_BARS} needed to fit a regime" for v in value], dtype=object)
    return Verdict(~(value >= REGIME_MIN_BARS), value, np.full(len(value), float(REGIME_MIN_BARS)), notes)


_REGIME_HISTORY = Veto("regime_history", "hard", "too short to fit a regime", _regime_history, "regime")


def _rows_in(facts: pd.DataFrame, rows: pd.DataFrame) -> pd.Series:
    keys = set(zip(*(rows[name].tolist() for name in KEY), strict=True))
    held = [key in keys for key in zip(*(facts[name].tolist() for name in KEY), strict=True)]
    return pd.Series(held, index=facts.index, dtype="bool")


def _exempting(soft: Sequence[Veto], facts: pd.DataFrame, rules: SelectionRules) -> list[Veto]:
    """Soft vetoes that leave benchmarks alone."""
    spared = facts["symbol"].isin(rules.exempt).to_numpy(dtype=bool)

    def sparing(veto: Veto) -> Veto:
        def judge(facts: pd.DataFrame, limits: VetoRules) -> Verdict:
            found = veto.judge(facts, limits)
            return Verdict(found.bites & ~spared, found.value, found.threshold, found.note)

        return Veto(veto.name, veto.kind, veto.description, judge, veto.source)

    return [sparing(veto) for veto in soft] if spared.any() else list(soft)


def _conditioning(eligible: pd.DataFrame, returns: pd.DataFrame, rules: SelectionRules) -> Conditioning | None:
    """Shrinkage of engines that bound the condition number (v2 and v3); None for the others."""
    symbols = sorted(set(eligible["symbol"]))
    if not rules.scoring().conditioned or not symbols:
        return None
    return conditioned_shrink(
        returns[symbols],
        limit=rules.condition_limit,
        lookbacks=rules.cluster_lookbacks,
        shrink=rules.shrink,
        half_life=rules.cluster_half_life,
    )


def _clusters(eligible: pd.DataFrame, returns: pd.DataFrame, rules: SelectionRules, shrink: float) -> pd.Series:
    """Cluster of each eligible row."""
    symbols = sorted(set(eligible["symbol"]))
    if not symbols:
        return pd.Series([], dtype="int64", index=eligible.index)
    found = cluster_returns(
        returns[symbols],
        lookbacks=rules.cluster_lookbacks,
        threshold=rules.cluster_threshold,
        max_clusters=rules.max_clusters,
        shrink=shrink,
        half_life=rules.cluster_half_life,
    )
    return eligible["symbol"].map(found).astype("int64")


def _context(
    eligible: pd.DataFrame, returns: pd.DataFrame, rules: SelectionRules, regime: Regime | None
) -> RankContext:
    names = dict.fromkeys((*rules.scoring().reads, *rules.ranker.columns))
    figures = score_matrix(eligible, list(names), liquidity_scale=rules.liquidity_scale, strategy=rules.strategy)
    if rules.needs_regime:
        clustering = pd.Series(volatility_clustering(returns.to_numpy(dtype="float64")), index=returns.columns)
        figures["hurst"] = eligible["hurst"].astype("float64")
        figures["volatility_clustering"] = eligible["symbol"].map(clustering).astype("float64")
    return RankContext(figures, rules.strategy, regime)


def _score(eligible: pd.DataFrame, context: RankContext, clusters: pd.Series, rules: SelectionRules) -> Score:
    fit = None
    if rules.scoring().regime_factor and context.regime is not None:
        hurst, clustering = (context.figures[c].to_numpy(dtype="float64") for c in ("hurst", "volatility_clustering"))
        fit = pd.Series(regime_fit(hurst, clustering, context.regime, rules.strategy), index=eligible.index)
    return score(rules.scoring(), context.figures, eligible["direction"], clusters=clusters, regime_fit=fit)


def _order(
    eligible: pd.DataFrame, scored: Score, context: RankContext, rules: SelectionRules
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    candidates = eligible[KEY].assign(alpha_score=scored.alpha)
    ranking = rules.ranker.score(candidates, context)
    return rank_order(candidates, ranking), ranking


def _field(
    eligible: pd.DataFrame,
    order: npt.NDArray[np.intp],
    clusters: pd.Series,
    strict: pd.DataFrame,
    soft: Sequence[Veto],
    rules: SelectionRules,
) -> Field:
    held = _rows_in(eligible, strict).to_numpy(dtype=bool)[order]
    still = held
    if held.any():
        own = {one.name for one in rules.filters}
        spectral = [veto for veto in soft if veto.source not in own]
        spectral += [veto for one in rules.filters for veto in one.relaxed(SPECTRAL).vetoes() if veto.kind == "soft"]
        relaxed = judge_vetoes(eligible, rules.vetoes, _exempting(spectral, eligible, rules))
        still = _rows_in(eligible, relaxed).to_numpy(dtype=bool)[order]
    ordered = np.ones(len(order), dtype=bool)
    if any(isinstance(one, Predictability) for one in rules.filters):
        ordered = (eligible["entropy_noise_pct"].to_numpy(dtype="float64", na_value=np.nan) <= _ORDERED_MAX)[order]
    cluster = clusters.to_numpy(dtype="int64")[order]
    side = (eligible["direction"] == "SHORT").to_numpy(dtype="int64")[order]
    names: dict[tuple[str, ...], int] = {}
    keys = zip(*(eligible[name].tolist() for name in ("base_identity", "logic", "direction")), strict=True)
    listing = np.array([names.setdefault(key, len(names)) for key in keys], dtype="int64")[order]
    return Field(
        identity=listing,
        group=2 * cluster + side,
        cluster=cluster,
        soft=held,
        soft_relaxed=still,
        ordered=ordered,
    )


def _seating(ranked: pd.DataFrame, clusters: pd.Series, returns: pd.DataFrame, rules: SelectionRules) -> Seating:
    engine = rules.scoring()
    seats = np.full(len(ranked), max(rules.top_n, engine.seats), dtype="int64")
    if rules.dynamic_top_n:
        window = returns.tail(max(rules.cluster_lookbacks))
        labels = clusters.loc[ranked.index]
        for cluster, members in ranked.groupby(labels.to_numpy()):
            symbols = sorted(set(members["symbol"]))
            seats[(labels == cluster).to_numpy()] = _dynamic(int(seats[0]), window[symbols])
    return Seating(
        seats=seats,
        min_winners=rules.min_winners,
        max_winners=rules.max_winners,
        max_stage=rules.max_stage if engine.relaxes else STRICT,
        quota=None if rules.percentile is None else rules.percentile.quota,
    )


def _dynamic(top_n: int, returns: pd.DataFrame) -> int:
    """Seats of a cluster by how alike its members are."""
    if returns.shape[1] < 2:
        return top_n
    rho = np.corrcoef(returns.to_numpy(dtype="float64"), rowvar=False)
    mean = float(np.nan_to_num(rho[np.triu_indices(len(rho), k=1)]).mean())
    return max(1, round(top_n * (1.0 - mean) + 0.5))
