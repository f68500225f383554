"""From a sleeve's file to the plain rules the computation takes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal

from quant_assets.ratings import overall_rating, rating_feature
from quant_assets.regime_rules import proxy_rules, regime_rules
from quant_assets.selection_rules import selection_rules

if TYPE_CHECKING:
    import pandas as pd

    from quant_assets.dataops.feature_rules import FeatureRules
    from quant_lib.calendars import Calendar
    from quant_lib.decision import Scan, SleeveRules
    from quant_lib.health import HealthRules, RepairRules
    from quant_resources.config import Project, ScannerConfig, SleeveConfig, UniverseConfig


Direction = Literal["LONG", "SHORT"]

__all__ = ["health_rules", "overall_rating", "repair_rules", "sleeve_calendar", "sleeve_rules", "stress_periods"]


def sleeve_calendar(project: Project, sleeve: SleeveConfig) -> Calendar:
    """Calendar a sleeve decides on: the sessions shared by every venue its scanners choose from (semantics 4.3)."""
    from quant_lib.calendars import get_calendar, intersect, venue_hours

    universes = [project.universes[project.scanners[name].universe] for name in sleeve.scanners]
    names = {venue_hours(e, kind).calendar for u in universes for e in u.exchanges for kind in u.asset_types}
    return intersect([get_calendar(name) for name in sorted(names)])


def feature_rules(project: Project) -> FeatureRules:
    """Definitions of the features: segments, rating rules, stress windows."""
    from quant_assets.dataops.feature_rules import FeatureRules

    config = project.platform.features
    stress = tuple((window.first, window.last) for window in config.stress_windows)
    return FeatureRules(health_rules(project), project.platform.ratings.ruleset, stress, config.on_new_version)


def stress_periods(project: Project) -> tuple[tuple[str, pd.Timestamp, pd.Timestamp], ...]:
    """Days of stress that a stream may have lived through: name, first and last day."""
    import pandas as pd

    windows = project.platform.features.stress_windows
    return tuple((f"{w.first}..{w.last}", pd.Timestamp(w.first), pd.Timestamp(w.last)) for w in windows)


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


def scan_of(project: Project, config: ScannerConfig, direction: Direction) -> Scan:
    """Scanner of a configuration file, as the screens take it."""
    from quant_lib.decision import Scan
    from quant_lib.selection import ScreenRules

    universe = project.universes[config.universe]
    side: Direction = config.intent if config.intent != "DISCOVERY" else direction
    rules = ScreenRules(
        direction=side,
        intent=config.intent,
        filters=tuple((f.left, f.operation, f.right) for f in config.filters),
        asset_types=universe.asset_types,
        exchanges=universe.exchanges,
        quotes=universe.quotes,
        exclude_stable_bases=universe.exclude_stable_bases,
        # What a universe includes is followed; a scanner still judges it like any other.
        include_symbols=_members(config, universe),
        exclude_symbols=tuple(dict.fromkeys((*universe.exclude_symbols, *config.exclude_symbols))),
        value_traded_min=config.value_traded_min or None,
        turnover_min=config.turnover_min or None,
        volatility_min=config.volatility.min,
        volatility_max=config.volatility.max,
        # Of a scanner with a side of its own nothing is asked that it does not write.
        rating=_rating(project, config.resolve),
        sort_by=config.sort_by,
        sort_order=config.sort_order,
        base_limit=config.base_limit,
        limit=config.limit,
        quote_priority=config.quote_priority,
        dedupe=config.dedupe,
        **_sections(project, config, universe),
    )
    return Scan(config.name, config.logic, rules)


def _members(config: ScannerConfig, universe: UniverseConfig) -> tuple[str, ...]:
    """Symbols a scanner may propose; none named by it or by its universe: all.

    Raises
    ------
    ContradictoryRulesError
        The scanner names symbols, and its static universe has none of them.
    """
    from quant_lib.selection import ContradictoryRulesError

    if not (config.include_symbols and universe.symbols):
        return config.include_symbols or universe.symbols
    both = tuple(symbol for symbol in config.include_symbols if symbol in universe.symbols)
    if not both:
        raise ContradictoryRulesError(
            "include_symbols", f"scanner {config.name} names no symbol of its static universe {universe.name}"
        )
    return both


def _rating(project: Project, judged: str | None) -> str | None:
    """Feature whose sign decides the direction."""
    from quant_lib.selection._filters import feature_column

    if judged is None:
        return None
    return rating_feature(project, "recommend_all") if judged == "Recommend.All" else feature_column(judged)


def _sections(project: Project, config: ScannerConfig, universe: UniverseConfig) -> dict[str, Any]:
    """Sections of a scanner beyond its filters."""
    from quant_lib.selection import MarketCaps, Membership, MembershipRow, RecentPerformance, SymbolList, TrendScreen

    file, asked, recent = project.market_caps(config), config.market_cap, config.recent_perf
    lists = project.member_lists(config)
    # Lists of a scanner's own stand before what its universe says.
    stays = None if lists else project.membership(universe)
    known = MarketCaps(known_on=file.as_of, caps=file.caps, ranks=file.ranks) if file else MarketCaps()
    return {
        "member_lists": tuple(SymbolList(one.name, one.as_of, one.symbols) for one in lists),
        "first_list_holds_before": universe.before_first_list == "first_list",
        "membership": Membership(stays.name, tuple(MembershipRow(*row) for row in stays.rows)) if stays else None,
        "ensure_symbols": config.ensure_symbols,
        "market_caps": dataclasses.replace(known, floor=asked.floor, rank_limit=asked.rank_limit) if asked else None,
        "volume_min": config.volume.min,
        "volume_min_per_exchange": tuple(sorted(config.volume.per_exchange.items())),
        "atr_pct_max": config.volatility.atr_pct_max,
        "recent": RecentPerformance(
            required=recent.required_fields,
            abs_min=tuple(sorted(recent.abs_min.items())),
            abs_max=tuple(sorted(recent.abs_max.items())),
        )
        if recent
        else None,
        "screens": tuple(
            TrendScreen(
                name=key,
                timeframe=screen.timeframe,
                logic=screen.logic,
                recommendation=screen.recommendation,
                oscillator=screen.osc,
                adx=screen.adx,
                momentum=tuple(sorted(screen.momentum.items())),
                volatility_min=screen.volatility_min,
                volatility_max=screen.volatility_max,
            )
            for key, screen in config.screens.items()
        ),
        "composite": config.momentum_composite_fields,
        "base_sort_by": config.base_sort_by or "turnover",
        "exchange_priority": config.exchange_priority or universe.exchanges,
        "perp_counterparts": config.attach_perp_counterparts,
        "perp_exchange_priority": config.perp_exchange_priority,
    }


def sleeve_rules(project: Project, sleeve: SleeveConfig) -> SleeveRules:
    """Resolve a sleeve's file and everything it names."""
    from quant_lib.allocation import NET_TARGET_PROFILES, AllocationRequest, allocation_pairs
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
            net_target=risk.net_target if profile in NET_TARGET_PROFILES and solving.structure == "atoms" else None,
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
        scans=tuple(scan_of(project, project.scanners[name], sleeve.direction) for name in sleeve.scanners),
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
