"""From a sleeve's file to the plain rules the computation takes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from quant_assets.ratings import overall_rating, rating_feature
from quant_assets.regime_rules import proxy_rules, regime_rules
from quant_assets.selection_rules import selection_rules

if TYPE_CHECKING:
    from quant_assets.dataops.feature_rows import FeatureRules
    from quant_lib.calendars import Calendar
    from quant_lib.decision import Scan, SleeveRules
    from quant_lib.health import HealthRules, RepairRules
    from quant_resources.config import Project, ScannerConfig, SleeveConfig


__all__ = ["health_rules", "overall_rating", "repair_rules", "sleeve_calendar", "sleeve_rules"]


def sleeve_calendar(project: Project, sleeve: SleeveConfig) -> Calendar:
    """Calendar a sleeve decides on: the sessions shared by every venue its scanners choose from (semantics 4.3)."""
    from quant_lib.calendars import get_calendar, intersect, venue_hours

    universes = [project.universes[project.scanners[name].universe] for name in sleeve.scanners]
    names = {venue_hours(e, kind).calendar for u in universes for e in u.exchanges for kind in u.asset_types}
    return intersect([get_calendar(name) for name in sorted(names)])


def feature_rules(project: Project) -> FeatureRules:
    """Definitions of the features: segments, rating rules, stress windows."""
    from quant_assets.dataops.feature_rows import FeatureRules

    config = project.platform.features
    stress = tuple((window.first, window.last) for window in config.stress_windows)
    return FeatureRules(health_rules(project), project.platform.ratings.ruleset, stress, config.on_new_version)


def health_rules(project: Project) -> HealthRules:
    """Thresholds of the platform's health section."""
    from quant_lib.health import HealthRules

    names = {field.name for field in dataclasses.fields(HealthRules)}
    values = project.platform.health.model_dump()
    return HealthRules(**{name: value for name, value in values.items() if name in names})


def repair_rules(project: Project) -> RepairRules:
    """Bounds of the platform's repair section."""
    from quant_lib.health import RepairRules

    return RepairRules(**project.platform.repair.model_dump(), dark_sessions=project.platform.health.dark_sessions)


def scan_of(project: Project, config: ScannerConfig) -> Scan:
    """Scanner of a configuration file, as the screens take it."""
    from quant_lib.decision import Scan
    from quant_lib.selection import ScreenRules

    universe = project.universes[config.universe]
    rules = ScreenRules(
        direction=config.intent,
        intent=config.intent,
        filters=tuple((f.left, f.operation, f.right) for f in config.filters),
        asset_types=universe.asset_types,
        exchanges=universe.exchanges,
        quotes=universe.quotes,
        exclude_stable_bases=universe.exclude_stable_bases,
        include_symbols=(),  # what a universe includes is followed; a scanner still judges it like any other
        exclude_symbols=universe.exclude_symbols,
        value_traded_min=config.value_traded_min or None,
        turnover_min=config.turnover_min or None,
        volatility_min=config.volatility.min,
        volatility_max=config.volatility.max,
        rating=rating_feature(project, "recommend_all")
        if any(f.left == "Recommend.All" for f in config.filters)
        else None,
        sort_by=config.sort_by,
        sort_order=config.sort_order,
        base_limit=config.base_limit,
        limit=config.limit,
        quote_priority=config.quote_priority,
        dedupe=config.dedupe,
    )
    return Scan(config.name, config.logic, rules)


def sleeve_rules(project: Project, sleeve: SleeveConfig) -> SleeveRules:
    """Resolve a sleeve's file and everything it names."""
    from quant_lib.allocation import AllocationRequest, allocation_pairs
    from quant_lib.backtest import CostModel, ExecutionRules
    from quant_lib.decision import OrderRules, ReturnRules, SleeveRules, WindowRules

    risk, solving, backtest = sleeve.risk, sleeve.allocation, sleeve.backtest
    calendar = sleeve_calendar(project, sleeve)
    requests = tuple(
        AllocationRequest(
            risk_profile=profile,
            engine=engine,
            ann=calendar.ann,
            asset_cap=risk.asset_cap,
            cluster_cap=risk.cluster_cap,
            gross_target=risk.gross_target,
            cap_policy=risk.cap_policy,
            kappa_max=risk.kappa_max,
            covariance=solving.covariance,
            linkage=solving.linkage,
            structure=solving.structure,
            risk_free=risk.risk_free,
            max_aggressors=risk.max_aggressors,
            adaptive_fallback=solving.adaptive_fallback,
            neutrality=risk.neutrality,
            target_beta=risk.target_beta,
            turnover_penalty=risk.turnover_penalty,
            cost_rate=sleeve.costs.slippage + sleeve.costs.commission,
            horizon=sleeve.backtest.step,
            no_trade_band=risk.no_trade_band,
        )
        for engine, profile in allocation_pairs(solving.engines, solving.risk_profiles)
    )
    return SleeveRules(
        profile=sleeve.name,
        direction=sleeve.direction,
        scans=tuple(scan_of(project, project.scanners[name]) for name in sleeve.scanners),
        returns=ReturnRules(
            lookback=sleeve.data.lookback_days,
            min_days=sleeve.data.min_days,
            min_observed=sleeve.data.min_observed,
            max_internal_gap=sleeve.data.max_internal_gap,
        ),
        selection=selection_rules(project, sleeve),
        requests=requests,
        cluster_threshold=risk.cluster_threshold,
        cluster_lookbacks=risk.lookbacks,
        max_clusters=risk.max_clusters,
        windows=WindowRules(backtest.train, backtest.test, backtest.step, backtest.history_days),
        costs=CostModel(sleeve.costs.slippage, sleeve.costs.commission, sleeve.costs.short_borrow, calendar.ann),
        execution=ExecutionRules(),
        health=health_rules(project),
        benchmark=sleeve.benchmark,
        ann=calendar.ann,
        calendar=calendar.name,
        orders=OrderRules(risk.capital, risk.min_position),
        regime=regime_rules(sleeve, calendar.ann),
        proxy=proxy_rules(project, sleeve),
    )
