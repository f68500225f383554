"""What the sections and files of a scanner or universe must satisfy beyond the type of each value."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from quant_resources.config._fields import COMPOSITE, NUMERIC_FIELDS, PRICE_CHANGES, SCREEN_FIELDS
from quant_resources.config._judge import Judge
from quant_resources.config._lists import ListFileError, beside, read_market_caps, read_membership, read_symbols
from quant_resources.config._scanner import ScannerConfig
from quant_resources.config._universe import UniverseConfig
from quant_resources.config.errors import did_you_mean


def judge_sections(scanner: ScannerConfig, judge: Judge) -> None:
    """Judge everything of a scanner beyond its filters and sorting."""
    _judge_intent(scanner, judge)
    _judge_membership(scanner, judge)
    _judge_fields(scanner, judge)
    _judge_screens(scanner, judge)
    _judge_bounds(scanner, judge)


def live_only_fields(scanner: ScannerConfig) -> tuple[str, ...]:
    """Fields a scanner reads that no past day can be judged by, sorted."""
    read = {rule.left for rule in scanner.filters} | {scanner.sort_by, scanner.base_sort_by or ""}
    read |= {rule.right for rule in scanner.filters if isinstance(rule.right, str)} | {
        *scanner.momentum_composite_fields
    }
    for screen in scanner.screens.values():
        read |= {field for key, field in screen.fields.items() if getattr(screen, key) is not None} | {*screen.momentum}
    if scanner.recent_perf is not None:
        recent = scanner.recent_perf
        read |= {*recent.required_fields, *recent.abs_min, *recent.abs_max}
    if scanner.market_cap is not None and scanner.market_cap.file is None:
        read.add("market_cap_calc")
    return tuple(sorted(name for name in read if name in SCREEN_FIELDS and SCREEN_FIELDS[name].live_only))


def judge_files(config: ScannerConfig | UniverseConfig, judge: Judge, configs_dir: Path) -> None:
    """Judge the files a scanner or universe names: they exist, are dated and hold what they should."""
    key = "symbol_files" if isinstance(config, UniverseConfig) else "include_symbol_files"
    folder = "universes" if isinstance(config, UniverseConfig) else "scanners"
    days = []
    for index, name in enumerate(getattr(config, key)):
        try:
            days.append(read_symbols(beside(configs_dir, judge.node.nearest((key,)), name, folder)).as_of)
        except ListFileError as error:
            judge.error("CFG_SYMBOL_FILE", (key, index), str(error), "a missing list is never no restriction")
    if len(set(days)) < len(days):
        judge.error("CFG_SYMBOL_FILE", (key,), "two lists are of the same day", "keep one of them")
    if isinstance(config, UniverseConfig):
        _judge_stays(config, judge, configs_dir)
    caps = config.market_cap if isinstance(config, ScannerConfig) else None
    if caps is not None and caps.file is not None:
        try:
            path = beside(configs_dir, judge.node.nearest(("market_cap", "file")), caps.file, folder)
            read_market_caps(path)
        except ListFileError as error:
            judge.error("CFG_MARKET_CAP_FILE", ("market_cap", "file"), str(error), "a missing file is never no floor")


def _judge_stays(universe: UniverseConfig, judge: Judge, configs_dir: Path) -> None:
    """Judge the membership file of a universe, and what stands beside it."""
    name = universe.membership_file
    if universe.before_first_list != "refuse" and not universe.symbol_files:
        judge.warn(
            "CFG_DEAD_RULE", ("before_first_list",), "there is no list it could speak of", "remove it, or name a list"
        )
    if name is None:
        return
    if universe.symbol_files or universe.symbols:
        judge.error(
            "CFG_SYMBOL_FILE",
            ("membership_file",),
            "symbol_files or symbols say otherwise who belongs",
            "keep one of them",
        )
    try:
        read_membership(beside(configs_dir, judge.node.nearest(("membership_file",)), name, "universes"))
    except ListFileError as error:
        judge.error("CFG_SYMBOL_FILE", ("membership_file",), str(error), "a missing list is never no restriction")


def _judge_intent(scanner: ScannerConfig, judge: Judge) -> None:
    if scanner.intent == "DISCOVERY" and scanner.resolve is None:
        judge.error(
            "CFG_DISCOVERY",
            ("intent",),
            "DISCOVERY leaves the direction open and nothing decides it",
            "write resolve: Recommend.All, whose sign decides, or a LONG or SHORT intent",
        )
    if scanner.intent != "DISCOVERY" and scanner.resolve is not None:
        judge.error(
            "CFG_DISCOVERY",
            ("resolve",),
            f"the intent {scanner.intent} has decided already",
            "remove it, or the intent",
        )


def _judge_membership(scanner: ScannerConfig, judge: Judge) -> None:
    for key in ("include_symbols", "ensure_symbols"):
        both = sorted({*getattr(scanner, key)} & {*scanner.exclude_symbols})
        if both:
            judge.error(
                "CFG_CONTRADICTION_MEMBERSHIP",
                ("exclude_symbols",),
                f"{', '.join(both)} is in {key} as well",
                "keep it in one of the two",
            )


def _judge_fields(scanner: ScannerConfig, judge: Judge) -> None:
    for code, path, names in _fields(scanner):
        for name in names:
            if name not in NUMERIC_FIELDS:
                judge.error(
                    code,
                    path,
                    f"{name!r} is not a field to judge by{did_you_mean(name, NUMERIC_FIELDS)}",
                    f"known fields: {', '.join(NUMERIC_FIELDS)}",
                )
    if COMPOSITE in (scanner.sort_by,) and not scanner.momentum_composite_fields:
        judge.error(
            "CFG_MOMENTUM_FIELD", ("sort_by",), f"{COMPOSITE} has no fields", "list them in momentum_composite_fields"
        )
    if scanner.momentum_composite_fields and scanner.sort_by != COMPOSITE:
        judge.warn(
            "CFG_DEAD_RULE",
            ("momentum_composite_fields",),
            "nothing sorts by momentum_composite",
            f"write sort_by: {COMPOSITE}, or remove it",
        )


def _fields(scanner: ScannerConfig) -> Iterator[tuple[str, tuple[str | int, ...], tuple[str, ...]]]:
    """Code, place and names of every field that a section reads."""
    if scanner.base_sort_by is not None:
        yield "CFG_BASE_SORT_FIELD", ("base_sort_by",), (scanner.base_sort_by,)
    yield "CFG_MOMENTUM_FIELD", ("momentum_composite_fields",), scanner.momentum_composite_fields
    for key, screen in scanner.screens.items():
        yield "CFG_TREND_FIELD" if key == "trend" else "CFG_SCREEN_FIELD", (key, "momentum"), tuple(screen.momentum)
    recent = scanner.recent_perf
    if recent is not None:
        for key in ("required_fields", "abs_min", "abs_max"):
            yield "CFG_SCREEN_FIELD", ("recent_perf", key), tuple(getattr(recent, key))


def _judge_screens(scanner: ScannerConfig, judge: Judge) -> None:
    for key, screen in scanner.screens.items():
        for name in screen.momentum:
            if name in NUMERIC_FIELDS and name not in PRICE_CHANGES:
                judge.error(
                    "CFG_TREND_FIELD" if key == "trend" else "CFG_SCREEN_FIELD",
                    (key, "momentum", name),
                    f"the sign of {name!r} says nothing of which way the price went",
                    f"use one of {', '.join(PRICE_CHANGES)}, or a filter",
                )
        if screen.empty:
            judge.error(
                "CFG_EMPTY_SCREEN",
                (key,),
                "the screen has no condition, and none is supplied by default",
                "write its thresholds, or remove it",
            )
        low, high = screen.volatility_min, screen.volatility_max
        if low is not None and high is not None and low > high:
            judge.error("CFG_CONTRADICTION_RANGE", (key, "volatility_min"), f"{low} is above volatility_max {high}")
        for name, bound in (("recommendation", screen.recommendation), ("osc", screen.osc)):
            against = bound is not None and (bound < 0.0 if scanner.intent == "LONG" else bound > 0.0)
            if against and scanner.intent != "DISCOVERY":
                judge.warn(
                    "CFG_WEAK_SCREEN",
                    (key, name),
                    f"{bound} lets ratings pass that argue against {scanner.intent}",
                    "write 0, or beyond it on the other side",
                )


def _judge_bounds(scanner: ScannerConfig, judge: Judge) -> None:
    recent = scanner.recent_perf
    if recent is not None and not (recent.required_fields or recent.abs_min or recent.abs_max):
        judge.warn("CFG_DEAD_RULE", ("recent_perf",), "it asks for nothing", "write a bound, or remove it")
    if recent is not None:
        for name in sorted({*recent.abs_min} & {*recent.abs_max}):
            if recent.abs_min[name] > recent.abs_max[name]:
                judge.error(
                    "CFG_CONTRADICTION_RANGE",
                    ("recent_perf", "abs_min", name),
                    f"{recent.abs_min[name]} is above abs_max {recent.abs_max[name]}",
                )
    caps = scanner.market_cap
    if caps is not None and caps.floor is None and caps.rank_limit is None:
        judge.warn("CFG_DEAD_RULE", ("market_cap",), "it asks for nothing", "write floor or rank_limit, or remove it")
    if caps is not None and caps.rank_limit is not None and caps.file is None:
        judge.error(
            "CFG_MARKET_CAP_FILE", ("market_cap", "rank_limit"), "a rank is only known from a file", "write file"
        )
