"""From a sleeve's ``selection`` and ``filters`` sections to the plain rules selection takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quant_assets.ratings import overall_rating, rating_feature

if TYPE_CHECKING:
    from quant_lib.selection import Filter, Ranker, SelectionRules
    from quant_resources.config import Project, SleeveConfig


def selection_rules(project: Project, sleeve: SleeveConfig) -> SelectionRules:
    """Resolve how a sleeve selects."""
    from quant_lib.selection import SelectionRules, VetoRules, infer_strategy

    selection, risk, darwinian = sleeve.selection, sleeve.risk, sleeve.filters.darwinian
    return SelectionRules(
        vetoes=VetoRules(
            health_statuses=selection.vetoes,
            required_metadata=darwinian.required,
            survival_min=darwinian.survival_min or None,
            turnover_min=selection.turnover_min or None,
            rating=rating_feature(project, selection.rating),
            momentum_min=selection.momentum_min,
            min_days=sleeve.data.min_days,
        ),
        filters=filters(sleeve),
        engine=selection.engine,
        weight_set=selection.weight_set,
        strategy=infer_strategy(sleeve.name, selection.strategy),
        ranker=ranker(sleeve),
        top_n=selection.top_n,
        dynamic_top_n=selection.dynamic_top_n,
        min_winners=selection.min_winners,
        max_winners=selection.max_winners,
        max_stage=selection.max_stage,
        scarcity=selection.scarcity,
        exempt=(sleeve.benchmark,),
        cluster_threshold=selection.cluster_threshold,
        max_clusters=selection.max_clusters,
        cluster_lookbacks=risk.lookbacks,
        condition_limit=risk.kappa_max,
        liquidity_scale=selection.liquidity_scale,
        overall_rating=overall_rating(project),
        weights=selection.weights,
        dominant_signal=selection.dominant_signal,
        dominant_weight=selection.dominant_signal_weight,
    )


def filters(sleeve: SleeveConfig) -> tuple[Filter, ...]:
    """Chain of a sleeve beyond what is always on, in the order it is reported."""
    from quant_lib.selection import ENGINES, AdvancedTrend, Friction, Percentile, Predictability, TrendRegime

    chain, written = [], sleeve.filters
    if written.predictability is not None:
        chain.append(Predictability(**written.predictability.model_dump()))
    if written.friction is not None:
        hurdle = written.friction.hurdle
        engines_own = ENGINES[sleeve.selection.engine].hurdle_with(sleeve.selection.momentum_min)
        ticket = sleeve.risk.capital * sleeve.risk.asset_cap
        chain.append(Friction(ticket=ticket, hurdle=engines_own if hurdle is None else hurdle))
    for config, made in (
        (written.trend_regime, TrendRegime),
        (written.advanced_trend, AdvancedTrend),
        (written.percentile, Percentile),
    ):
        if config is not None:
            chain.append(made(**config.model_dump()))
    return tuple(chain)


def ranker(sleeve: SleeveConfig) -> Ranker:
    """Order of recruitment of a sleeve."""
    from quant_lib.selection import EnsembleRanker, MpsRanker, RegimeRanker, SignalRanker

    ranking = sleeve.selection.ranking

    def named(name: str) -> Ranker:
        if name in ("mps", "regime"):
            return MpsRanker() if name == "mps" else RegimeRanker()
        return SignalRanker(name, None if ranking.direction is None else ranking.direction == "ascending")

    if ranking.method == "ensemble":
        return EnsembleRanker(tuple((named(name), weight) for name, weight in ranking.parts.items()))
    return named(ranking.signal if ranking.method == "signal" and ranking.signal is not None else ranking.method)
