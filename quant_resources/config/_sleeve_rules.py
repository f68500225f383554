"""What a sleeve and the platform must satisfy beyond the type of each value."""

from __future__ import annotations

import importlib.util
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from quant_lib.objectives import LIBRARIES, SUPPORTED, allocation_pairs, unsupported
from quant_resources.config._judge import Judge
from quant_resources.config._platform import PlatformConfig
from quant_resources.config._scanner import ScannerConfig
from quant_resources.config._screen_rules import live_only_fields
from quant_resources.config._sleeve import SleeveConfig
from quant_resources.config._universe import UniverseConfig
from quant_resources.config.errors import did_you_mean

HARD_VETOES = ("stale", "toxic")
"""Health verdicts that no sleeve may admit (semantics 5.8)."""


@dataclass(frozen=True, slots=True)
class Known:
    """Everything that other files define; a name may be known and its file broken."""

    platform: PlatformConfig | None
    universe_names: Collection[str]
    scanner_names: Collection[str]
    scanners: Mapping[str, ScannerConfig]
    universes: Mapping[str, UniverseConfig]


def judge_platform(platform: PlatformConfig, judge: Judge, universe_names: Collection[str]) -> None:
    """Judge ``platform.yaml``."""
    if platform.history_start > platform.start_date:
        judge.error(
            "CFG_CONTRADICTION_DATES",
            ("history_start",),
            f"{platform.history_start} is after start_date {platform.start_date}",
            "bars must begin before the first decision",
        )
    for index, name in enumerate(platform.follow):
        if name not in universe_names:
            judge.error(
                "CFG_REFERENCE",
                ("follow", index),
                f"there is no universe {name!r}{did_you_mean(name, universe_names)}",
                f"known universes: {', '.join(sorted(universe_names)) or 'none'}",
            )
    health = platform.health
    if health.quarantine_return < health.large_return:
        judge.error(
            "CFG_CONTRADICTION_RANGE",
            ("health", "quarantine_return"),
            f"{health.quarantine_return} is below large_return {health.large_return}",
        )
    if health.jump_ratio >= 1.0 + health.quarantine_return:
        judge.error(
            "CFG_CONTRADICTION_RANGE",
            ("health", "jump_ratio"),
            f"{health.jump_ratio} is not below 1 + quarantine_return, {1.0 + health.quarantine_return}",
        )


def judge_sleeve(sleeve: SleeveConfig, judge: Judge, known: Known) -> None:
    """Judge one sleeve."""
    _judge_direction(sleeve, judge, known)
    _judge_windows(sleeve, judge)
    _judge_caps(sleeve, judge)
    _judge_net(sleeve, judge)
    _judge_allocation(sleeve, judge)
    _judge_selection(sleeve, judge)
    _judge_weights(sleeve, judge)
    _judge_ranking(sleeve, judge)
    _judge_filters(sleeve, judge)
    _judge_money(sleeve, judge, known)
    _judge_regime(sleeve, judge, known)


def _judge_direction(sleeve: SleeveConfig, judge: Judge, known: Known) -> None:
    if sleeve.tags.direction != sleeve.direction.lower():
        judge.error(
            "CFG_CONTRADICTION_DIRECTION",
            ("tags", "direction"),
            f"the tag says {sleeve.tags.direction}, the sleeve is {sleeve.direction}",
            "remove the tag; it is filled in",
        )
    for index, name in enumerate(sleeve.scanners):
        if name not in known.scanner_names:
            judge.error(
                "CFG_REFERENCE",
                ("scanners", index),
                f"there is no scanner {name!r}{did_you_mean(name, known.scanner_names)}",
                f"known scanners: {', '.join(sorted(known.scanner_names)) or 'none'}",
            )
            continue
        scanner = known.scanners.get(name)
        if scanner is None:
            continue
        live = live_only_fields(scanner)
        if live:
            judge.error(
                "CFG_NOT_POINT_IN_TIME",
                ("scanners", index),
                f"{name} reads {', '.join(live)}, which no past day can be judged by",
                "use daily fields, or keep the scanner for `quant scan`",
            )
        universe = known.universes.get(scanner.universe)
        listed = universe is not None and (universe.symbol_files or universe.symbols or universe.membership_file)
        if universe is not None and universe.needs_symbol_file and not listed:
            judge.error(
                "CFG_SYMBOL_FILE",
                ("scanners", index),
                f"{name} chooses from {universe.name}, whose members nobody has listed",
                f"name a dated list in symbol_files of universes/{universe.name}.yaml",
            )
        if scanner.intent not in (sleeve.direction, "DISCOVERY"):
            judge.error(
                "CFG_CONTRADICTION_DIRECTION",
                ("scanners", index),
                f"{name} proposes {scanner.intent}, the sleeve is {sleeve.direction}",
                "one sleeve holds one direction; make a second sleeve",
            )
        followed = known.platform.follow if known.platform is not None else known.universe_names
        if scanner.universe in known.universe_names and scanner.universe not in followed:
            judge.error(
                "CFG_NOT_FOLLOWED",
                ("scanners", index),
                f"{name} chooses from {scanner.universe}, which is not ingested",
                f"add {scanner.universe} to follow in platform.yaml",
            )


def _judge_windows(sleeve: SleeveConfig, judge: Judge) -> None:
    data, backtest, risk = sleeve.data, sleeve.backtest, sleeve.risk
    longest = max(risk.lookbacks)
    pairs = (
        ("backtest", "train", backtest.train, "data.lookback_days", data.lookback_days),
        ("backtest", "train", backtest.train, "data.min_days", data.min_days),
        ("data", "min_days", data.min_days, "data.lookback_days", data.lookback_days),
        ("risk", "lookbacks", longest, "data.lookback_days", data.lookback_days),
        ("backtest", "test", backtest.test, "backtest.step", backtest.step),
        ("backtest", "train", backtest.train + backtest.test, "backtest.history_days", backtest.history_days),
        ("data", "max_internal_gap", data.max_internal_gap, "data.min_days", data.min_days),
    )
    for section, key, value, limit_key, limit in pairs:
        if value > limit:
            what = "train + test" if limit_key == "backtest.history_days" else f"{section}.{key}"
            judge.error(
                "CFG_CONTRADICTION_WINDOW",
                (section, key),
                f"{what} is {value} sessions, more than {limit_key}, {limit}",
                f"lower it, or raise {limit_key}",
            )


def _judge_caps(sleeve: SleeveConfig, judge: Judge) -> None:
    risk, selection = sleeve.risk, sleeve.selection
    if risk.asset_cap > risk.cluster_cap:
        judge.warn(
            "CFG_DEAD_CAP",
            ("risk", "asset_cap"),
            f"{risk.asset_cap} never binds: cluster_cap {risk.cluster_cap} is lower",
            "lower it",
        )
    for key, cap, count, what in (
        ("asset_cap", risk.asset_cap, selection.max_winners, "selection.max_winners"),
        ("cluster_cap", risk.cluster_cap, risk.max_clusters, "risk.max_clusters"),
    ):
        if cap * count < 1.0 - 1e-9:
            judge.error(
                "CFG_CONTRADICTION_CAP",
                ("risk", key),
                f"{what} {count} times {cap} leaves capital that can never be invested",
                f"raise it to at least {1.0 / count:.4g}",
            )


def _judge_net(sleeve: SleeveConfig, judge: Judge) -> None:
    net, gross = sleeve.risk.net_target, sleeve.risk.gross_target
    side = 1.0 if sleeve.direction == "LONG" else -1.0
    if net is None or abs(net - side * gross) <= 1e-9:
        return
    judge.error(
        "CFG_CONTRADICTION_NET",
        ("risk", "net_target"),
        f"a {sleeve.direction} sleeve that invests gross_target {gross:g} is {side * gross:g} net, never {net:g}",
        f"set gross_target to {abs(net):g}" if net * side > 0.0 else "combine a long and a short sleeve in a meta",
    )


def _judge_allocation(sleeve: SleeveConfig, judge: Judge) -> None:
    allocation = sleeve.allocation
    for engine, profile in unsupported(allocation_pairs(allocation.engines, allocation.risk_profiles)):
        judge.error(
            "CFG_UNSUPPORTED_PAIR",
            ("allocation", "risk_profiles", allocation.risk_profiles.index(profile)),
            f"engine {engine} does not solve {profile}, and nothing else may carry the name",
            f"{engine} solves {', '.join(SUPPORTED[engine])}; leave one of the two out",
        )
    for index, name in enumerate(allocation.engines):
        library = LIBRARIES.get(name)
        if library is not None and importlib.util.find_spec(library.module) is None:
            judge.error(
                "CFG_MISSING_ENGINE",
                ("allocation", "engines", index),
                f"engine {name} needs {library.distribution}, which is not installed",
                f"pip install 'quant-assets[{library.extra}]', or leave the engine out",
            )
    ladder = sleeve.risk.neutrality
    if list(ladder) != sorted(ladder):
        judge.error(
            "CFG_CONTRADICTION_RANGE",
            ("risk", "neutrality"),
            f"{', '.join(map(str, ladder))} does not increase",
            "list the strictest tolerance first",
        )


def _judge_selection(sleeve: SleeveConfig, judge: Judge) -> None:
    selection = sleeve.selection
    if selection.min_winners > selection.max_winners:
        judge.error(
            "CFG_CONTRADICTION_RANGE",
            ("selection", "min_winners"),
            f"{selection.min_winners} is above max_winners {selection.max_winners}",
        )
    missing = [veto for veto in HARD_VETOES if veto not in selection.vetoes]
    if missing:
        judge.error(
            "CFG_CONTRADICTION_VETO",
            ("selection", "vetoes"),
            f"{' and '.join(missing)} must stay: these vetoes are never relaxed",
            f"add {', '.join(missing)}",
        )
    dominant = selection.dominant_signal
    if dominant is not None and dominant in selection.weights:
        judge.warn(
            "CFG_DEAD_WEIGHT",
            ("selection", "weights", dominant),
            f"dominant_signal sets {dominant} to {selection.dominant_signal_weight} whatever stands here",
            "remove one of the two",
        )
    if dominant is None and "dominant_signal_weight" in selection.model_fields_set:
        judge.warn(
            "CFG_DEAD_WEIGHT",
            ("selection", "dominant_signal_weight"),
            "no dominant_signal is set, so this weight is not used",
            "set dominant_signal, or remove it",
        )


_NOT_IN_V4 = frozenset({"inverse_volatility", "fragility", "entropy_order", "turnover"})
"""Signals that some engine scores and the default one does not."""


def _judge_weights(sleeve: SleeveConfig, judge: Judge) -> None:
    selection, key = sleeve.selection, "selection"
    if selection.engine != "v4" and selection.weight_set != "production":
        judge.error(
            "CFG_CONTRADICTION_WEIGHT",
            (key, "weight_set"),
            f"{selection.weight_set} exists for v4 only",
            "remove it, or write the weights themselves",
        )
    named: list[tuple[tuple[str, ...], str]] = [((key, "weights", name), name) for name in selection.weights]
    if selection.dominant_signal is not None:
        named.append(((key, "dominant_signal"), selection.dominant_signal))
    for place, name in named:
        if not _scores(selection.engine, name):
            judge.error(
                "CFG_CONTRADICTION_WEIGHT", place, f"{selection.engine} does not score {name}", "choose one it scores"
            )


def _scores(engine: str, name: str) -> bool:
    if engine == "v4":
        return name not in _NOT_IN_V4
    from quant_lib.selection.engines import ENGINES  # only where another engine is asked for: pandas is slow to load

    return name in ENGINES[engine].names


def _judge_ranking(sleeve: SleeveConfig, judge: Judge) -> None:
    ranking = sleeve.selection.ranking
    key = ("selection", "ranking")
    wanted = {"signal": ranking.signal is not None, "ensemble": bool(ranking.parts)}
    written = {"signal": "signal", "ensemble": "parts"}
    for method, given in wanted.items():
        if method == ranking.method and not given:
            judge.error("CFG_CONTRADICTION_RANKING", (*key, "method"), f"{method} needs `{written[method]}`", "add it")
        if method != ranking.method and given:
            judge.error(
                "CFG_CONTRADICTION_RANKING",
                (*key, written[method]),
                f"the method is {ranking.method}, which does not read it",
                f"remove it, or set method: {method}",
            )
    if ranking.direction is not None and ranking.method != "signal":
        judge.error(
            "CFG_CONTRADICTION_RANKING",
            (*key, "direction"),
            f"{ranking.method} ranks the best first whatever the side",
            "remove it, or set method: signal",
        )


def _judge_filters(sleeve: SleeveConfig, judge: Judge) -> None:
    filters = sleeve.filters
    band = filters.predictability.hurst_band if filters.predictability is not None else (0.0, 0.0)
    if band[0] > band[1]:
        judge.error(
            "CFG_CONTRADICTION_RANGE",
            ("filters", "predictability", "hurst_band"),
            f"{band[0]} is above {band[1]}",
            "write the lower end first",
        )
    trend = filters.trend_regime
    if trend is not None and trend.mode == "slope" and "threshold" in trend.model_fields_set:
        judge.warn(
            "CFG_DEAD_VALUE",
            ("filters", "trend_regime", "threshold"),
            "the mode slope does not read it",
            "remove it, or set mode: level",
        )


def _judge_money(sleeve: SleeveConfig, judge: Judge, known: Known) -> None:
    if known.platform is not None and sleeve.benchmark not in known.platform.benchmarks:
        hint = did_you_mean(sleeve.benchmark, known.platform.benchmarks)
        judge.error(
            "CFG_BENCHMARK",
            ("benchmark",),
            f"{sleeve.benchmark} is not among the platform's benchmarks{hint}",
            "add it to benchmarks in platform.yaml, so that its bars are followed",
        )
    costs = sleeve.costs
    if costs.slippage + costs.commission == 0.0:
        judge.warn("CFG_COSTS", ("costs",), "trading costs nothing", "set slippage and commission")
    if sleeve.direction == "SHORT" and costs.short_borrow == 0.0:
        judge.warn("CFG_COSTS", ("costs", "short_borrow"), "borrowing costs nothing", "set short_borrow")


def _judge_regime(sleeve: SleeveConfig, judge: Judge, known: Known) -> None:
    regime = sleeve.regime
    if regime.min_history > regime.history:
        judge.error(
            "CFG_CONTRADICTION_WINDOW",
            ("regime", "min_history"),
            f"regime.min_history is {regime.min_history} sessions, more than regime.history, {regime.history}",
            "lower it, or raise regime.history",
        )
    named = regime.proxy not in ("benchmark", "universe")
    if named and known.platform is not None and regime.proxy not in known.platform.benchmarks:
        hint = did_you_mean(regime.proxy, known.platform.benchmarks)
        judge.error(
            "CFG_BENCHMARK",
            ("regime", "proxy"),
            f"{regime.proxy} is not among the platform's benchmarks{hint}",
            "add it to benchmarks in platform.yaml, so that its bars are followed",
        )
    if regime.proxy != "universe" and "members" in regime.model_fields_set:
        judge.warn(
            "CFG_DEAD_LIMIT",
            ("regime", "members"),
            f"the proxy is {regime.proxy}, so the number of members is not used",
            "set proxy to universe, or remove it",
        )
