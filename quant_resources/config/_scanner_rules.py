"""What a scanner or universe must satisfy beyond the type of each value."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from quant_resources.config._fields import (
    COMPARISONS,
    COMPOSITE,
    EQUALITIES,
    NUMERIC_FIELDS,
    OPERATIONS,
    RANGES,
    SCREEN_FIELDS,
    TEXT_SEARCHES,
    UNSTABLE_FIELDS,
)
from quant_resources.config._intervals import Bound, Interval, bounds_of, domain, exclusions_of
from quant_resources.config._judge import Judge
from quant_resources.config._scanner import FilterConfig, ScannerConfig
from quant_resources.config._scope_rules import judge_static
from quant_resources.config._screen_rules import judge_sections
from quant_resources.config._sleeve import SleeveConfig
from quant_resources.config._universe import UniverseConfig
from quant_resources.config.errors import did_you_mean
from quant_resources.config.node import dotted


def judge_universe(universe: UniverseConfig, judge: Judge) -> None:
    """Judge one universe."""
    both = sorted(set(universe.include_symbols) & set(universe.exclude_symbols))
    if both:
        judge.error(
            "CFG_CONTRADICTION_MEMBERSHIP",
            ("exclude_symbols",),
            f"{', '.join(both)} is in include_symbols as well",
            "keep it in one of the two",
        )
    judge_static(universe, judge)
    for index, symbol in enumerate(universe.exclude_symbols):
        if symbol.partition(":")[0] not in universe.exchanges:
            judge.warn(
                "CFG_DEAD_RULE",
                ("exclude_symbols", index),
                f"{symbol} could not belong anyway: its exchange is not in exchanges",
                "remove it",
            )
    if universe.market == "crypto" and not universe.quotes:
        judge.warn(
            "CFG_UNIVERSE_QUOTES",
            ("quotes",),
            "no quote is named, so nominal turnover in IDR or TRY outranks USDT",
            "list the quote currencies to admit",
        )


def judge_scanner(scanner: ScannerConfig, judge: Judge, known_universes: Collection[str]) -> None:
    """Judge one scanner; a universe that is known but did not load is not reported again here."""
    if scanner.universe not in known_universes:
        known = sorted(known_universes)
        judge.error(
            "CFG_REFERENCE",
            ("universe",),
            f"there is no universe {scanner.universe!r}{did_you_mean(scanner.universe, known)}",
            f"known universes: {', '.join(known) or 'none'}",
        )
    volatility = scanner.volatility
    ordered = volatility.min is None or volatility.max is None or volatility.min <= volatility.max
    if not ordered:
        judge.error("CFG_CONTRADICTION_RANGE", ("volatility", "min"), f"{volatility.min} is above max {volatility.max}")
    if scanner.limit > scanner.base_limit:
        judge.warn(
            "CFG_DEAD_LIMIT",
            ("limit",),
            f"{scanner.limit} never binds: base_limit leaves {scanner.base_limit}",
            "lower it, or raise base_limit",
        )
    sound = [_judge_filter(rule, index, judge) for index, rule in enumerate(scanner.filters)]
    _judge_sort(scanner, judge)
    judge_sections(scanner, judge)
    if ordered and all(sound):
        _judge_bounds(scanner, judge)


def _judge_filter(rule: FilterConfig, index: int, judge: Judge) -> bool:
    """Judge the shape of one filter; True where it can be evaluated."""
    at = ("filters", index)
    if rule.left in UNSTABLE_FIELDS:
        judge.error(
            "CFG_FILTER_INDEX",
            (*at, "left"),
            f"the vendor changes {rule.left!r} without notice, and does not say what it was",
            "name a dated list instead: symbol_files of the universe",
        )
        return False
    if rule.left not in SCREEN_FIELDS:
        judge.error(
            "CFG_FILTER_LEFT",
            (*at, "left"),
            f"{rule.left!r} is not a field that past days can be judged by{did_you_mean(rule.left, SCREEN_FIELDS)}",
            f"known fields: {', '.join(SCREEN_FIELDS)}",
        )
        return False
    field = SCREEN_FIELDS[rule.left]
    text = field.text
    if field.codes:
        return _judge_codes(rule, at, judge)
    allowed = (*EQUALITIES, *TEXT_SEARCHES) if text else (*COMPARISONS, *EQUALITIES, *RANGES)
    if rule.operation not in allowed:
        if rule.operation.startswith("crosses"):
            judge.error(
                "CFG_FILTER_OP",
                (*at, "operation"),
                f"{rule.operation!r} compares with the bar before, which neither a stored day nor a scan's row holds",
                "write the state after the crossing (greater, less), or the filter trend_regime in a sleeve, which "
                "looks for fresh crossings",
            )
            return False
        unknown = "" if rule.operation in OPERATIONS else did_you_mean(rule.operation, allowed)
        judge.error(
            "CFG_FILTER_OP",
            (*at, "operation"),
            f"{rule.operation!r} is not an operation on {rule.left}{unknown}",
            f"use one of {', '.join(allowed)}",
        )
        return False
    problem = _text_problem(rule) if text else _number_problem(rule)
    if problem:
        judge.error("CFG_FILTER_SHAPE", (*at, "right"), problem)
    return not problem


def _judge_codes(rule: FilterConfig, at: tuple[str | int, ...], judge: Judge) -> bool:
    if rule.operation not in RANGES:
        judge.error(
            "CFG_FILTER_OP",
            (*at, "operation"),
            f"{rule.operation!r} is not an operation on {rule.left}, whose numbers are names",
            f"use one of {', '.join(RANGES)} with a list",
        )
        return False
    if not isinstance(rule.right, tuple) or any(isinstance(code, str) for code in rule.right):
        judge.error("CFG_FILTER_SHAPE", (*at, "right"), f"{rule.operation} on {rule.left} needs a list of numbers")
        return False
    return True


def _text_problem(rule: FilterConfig) -> str:
    if not isinstance(rule.right, str):
        return f"{rule.operation} on {rule.left} needs one text"
    if rule.operation in TEXT_SEARCHES:
        try:
            re.compile(rule.right)
        except re.error as error:
            return f"{rule.right!r} is not a regular expression: {error}"
    return ""


def _number_problem(rule: FilterConfig) -> str:
    right = rule.right
    if rule.operation in RANGES:
        if not isinstance(right, tuple) or len(right) != 2:
            return f"{rule.operation} needs a list of two numbers: [low, high]"
        low, high = right
        if isinstance(low, str) or isinstance(high, str):
            return f"{rule.operation} needs a list of two numbers: [low, high]"
        return f"{low} is above {high}; write the smaller one first" if low > high else ""
    if isinstance(right, tuple):
        return f"{rule.operation} needs one number or field, not a list"
    if isinstance(right, str) and right not in NUMERIC_FIELDS:
        return f"{right!r} is neither a number nor a numeric field{did_you_mean(right, NUMERIC_FIELDS)}"
    return ""


def _judge_sort(scanner: ScannerConfig, judge: Judge) -> None:
    if scanner.sort_by == COMPOSITE:
        _judge_end(scanner, judge, "momentum scores")
        return
    if scanner.sort_by not in NUMERIC_FIELDS:
        judge.error(
            "CFG_SORT_FIELD",
            ("sort_by",),
            f"{scanner.sort_by!r} is not a field to sort by{did_you_mean(scanner.sort_by, NUMERIC_FIELDS)}",
            f"known fields: {', '.join(NUMERIC_FIELDS)}",
        )
        return
    if SCREEN_FIELDS[scanner.sort_by].rating and scanner.intent == "DISCOVERY":
        judge.error(
            "CFG_SORT_DIRECTION",
            ("sort_by",),
            "a rating keeps one end, and the intent DISCOVERY has not said which",
            "sort by Value.Traded",
        )
    elif SCREEN_FIELDS[scanner.sort_by].rating:
        _judge_end(scanner, judge, "ratings")


def _judge_end(scanner: ScannerConfig, judge: Judge, what: str) -> None:
    right_order = "asc" if scanner.intent == "SHORT" else "desc"
    if scanner.sort_order != right_order:
        judge.error(
            "CFG_SORT_DIRECTION",
            ("sort_order",),
            f"{scanner.sort_order} ranks first, and so keeps, the {what} that argue least for {scanner.intent}",
            f"write {right_order}",
        )


def _judge_bounds(scanner: ScannerConfig, judge: Judge) -> None:
    bounds, taken = bounds_of(scanner), exclusions_of(scanner)
    said = {finding.key for finding in judge.findings}
    for field in sorted({bound.field for bound in (*bounds, *taken)}):
        mine = [bound for bound in bounds if bound.field == field]
        whole = domain(field)
        left = whole
        for bound in mine:
            left = left.intersect(bound.interval)
        without = [bound for bound in taken if bound.field == field]
        nothing = left.empty or any(left.intersect(bound.interval) == left for bound in without)
        if nothing:
            rules = " and ".join(bound.text for bound in (*mine, *without))
            last = (*mine, *without)[-1]
            fix = "drop one of them" if len(mine) + len(without) > 1 else "choose a value that the field can have"
            judge.error("CFG_CONTRADICTION_FILTER", last.path, f"nothing can pass: {rules}", fix)
            continue
        if mine:
            _judge_intent(scanner, mine[-1], left, judge)
        idle = [bound for bound in without if left.intersect(bound.interval).empty]
        for bound in (*_dead(mine, whole), *idle):
            if dotted(bound.path) not in said:  # a screen that is too weak was reported as that
                judge.warn("CFG_DEAD_FILTER", bound.path, f"{bound.text} never drops anything", "remove it")
    for index, rule in enumerate(scanner.filters):
        if rule.right == rule.left:
            _judge_mirror(rule, index, judge)


def _judge_mirror(rule: FilterConfig, index: int, judge: Judge) -> None:
    """Judge a filter that compares a field with itself."""
    words = f"{rule.left} {rule.operation} {rule.right}"
    if rule.operation in ("egreater", "eless", "equal"):
        problem = f"{words} drops nothing but missing figures: it compares the field with itself"
        judge.warn("CFG_DEAD_FILTER", ("filters", index), problem, "name another field, or remove it")
    else:
        problem = f"nothing can pass: {words} compares the field with itself"
        judge.error("CFG_CONTRADICTION_FILTER", ("filters", index), problem, "name another field")


def _dead(bounds: list[Bound], whole: Interval) -> list[Bound]:
    """Rules of one field that may all be removed together without letting anything more pass."""
    kept = list(bounds)
    dead = []
    for bound in reversed(bounds):  # of two that say the same, the later one goes
        others = whole
        for other in kept:
            if other is not bound:
                others = others.intersect(other.interval)
        if others.intersect(bound.interval) == others:
            kept = [other for other in kept if other is not bound]
            dead.append(bound)
    return dead


def _judge_intent(scanner: ScannerConfig, bound: Bound, left: Interval, judge: Judge) -> None:
    if not SCREEN_FIELDS[bound.field].rating or scanner.intent == "DISCOVERY":
        return
    side = Interval(0.0, 1.0, low_open=True) if scanner.intent == "LONG" else Interval(-1.0, 0.0, high_open=True)
    if left.intersect(side).empty:
        judge.error(
            "CFG_CONTRADICTION_INTENT",
            bound.path,
            f"{bound.text} leaves only ratings that argue against {scanner.intent}",
            "turn the comparison round, or the intent",
        )


def _tells_sides_apart(sleeve: SleeveConfig) -> bool:
    """Whether a sleeve's own rules argue for its side, whatever its scanners propose."""
    filters, selection = sleeve.filters, sleeve.selection
    directed = filters.trend_regime is not None or filters.advanced_trend is not None
    return directed or selection.rating is not None or selection.ranking.method == "signal"


def _told_apart(name: str, sleeves: Mapping[str, SleeveConfig]) -> bool:
    users = [sleeve for sleeve in sleeves.values() if name in sleeve.scanners]
    return bool(users) and all(map(_tells_sides_apart, users))


def judge_twins(
    scanners: Mapping[str, ScannerConfig], sleeves: Mapping[str, SleeveConfig], judges: Mapping[str, Judge]
) -> None:
    """Find LONG and SHORT scanners that propose the same symbols, so that two sleeves would cancel out.

    They may where every sleeve of one of the two tells the sides apart itself: a trend sleeve needs the whole universe
    to find that nothing in it trends.
    """
    seen: dict[str, str] = {}
    for name, scanner in scanners.items():
        rules = scanner.model_dump_json(exclude={"name", "description", "intent", "logic", "standalone"})
        if any(screen.directed for screen in scanner.screens.values()):
            rules = f"{scanner.intent} {rules}"  # the same screen asks the opposite of the other side
        twin = seen.setdefault(rules, name)
        told_apart = _told_apart(name, sleeves) or _told_apart(twin, sleeves)
        if {scanners[twin].intent, scanner.intent} == {"LONG", "SHORT"} and not told_apart:
            judges[name].error(
                "CFG_CONTRADICTION_TWINS",
                ("intent",),
                f"it proposes the same symbols {scanner.intent} that {twin} proposes {scanners[twin].intent}",
                "add the filter that tells the two sides apart, or give the sleeve a rating or trend filter that does",
            )
