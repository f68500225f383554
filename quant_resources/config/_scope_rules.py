"""What a scanner or universe names one by one must be able to belong to what it is taken from."""

from __future__ import annotations

from collections.abc import Iterator

from quant_lib.symbols import STABLE_BASES, parse_symbol
from quant_resources.config._judge import Judge, Path
from quant_resources.config._scanner import ScannerConfig
from quant_resources.config._universe import UniverseConfig


def judge_static(universe: UniverseConfig, judge: Judge) -> None:
    """Find symbols of a static list that the other keys of the universe keep out."""
    for index, symbol in enumerate(universe.symbols):
        reason = _outside(symbol, universe)
        if symbol in universe.exclude_symbols:
            reason = "it is in exclude_symbols as well"
        if reason:
            judge.error(
                "CFG_CONTRADICTION_MEMBERSHIP",
                ("symbols", index),
                f"{symbol} cannot belong: {reason}",
                "take it out, or change the key that keeps it out",
            )


def judge_scope(scanner: ScannerConfig, universe: UniverseConfig | None, judge: Judge) -> None:
    """Find what a scanner says of symbols, venues and quotes that its universe does not have."""
    if universe is None:
        return
    _judge_source(scanner, universe, judge)
    _judge_named(scanner, universe, judge)
    for path, word, fix in _idle(scanner, universe):
        judge.warn("CFG_DEAD_RULE", path, word, fix)


def _judge_source(scanner: ScannerConfig, universe: UniverseConfig, judge: Judge) -> None:
    if scanner.source != "binance":
        return
    foreign = sorted({*universe.exchanges} - {"BINANCE"} | {*universe.asset_types} - {"spot", "perp"})
    if foreign:
        judge.error(
            "CFG_CONTRADICTION_SOURCE",
            ("source",),
            f"Binance cannot say what is listed of {', '.join(foreign)} in universe {universe.name}",
            "write tradingview, or choose a universe of Binance's spot pairs and perpetuals",
        )


def _judge_named(scanner: ScannerConfig, universe: UniverseConfig, judge: Judge) -> None:
    included = scanner.include_symbols
    reasons = [_absent(symbol, universe) for symbol in included]
    if included and all(reasons):
        judge.error(
            "CFG_CONTRADICTION_MEMBERSHIP",
            ("include_symbols",),
            f"nothing can be proposed: {included[0]} cannot belong to universe {universe.name}: {reasons[0]}",
            "name symbols of the universe, or another universe",
        )
        return
    for key in ("include_symbols", "exclude_symbols", "ensure_symbols"):
        for index, symbol in enumerate(getattr(scanner, key)):
            reason = _absent(symbol, universe)
            if reason:
                judge.warn(
                    "CFG_DEAD_RULE",
                    (key, index),
                    f"{symbol} could not belong to universe {universe.name} anyway: {reason}",
                    "remove it",
                )


def _idle(scanner: ScannerConfig, universe: UniverseConfig) -> Iterator[tuple[Path, str, str]]:
    """Place, problem and remedy of what has nothing to act on."""
    foreign = "is no exchange of universe " + universe.name
    for venue in scanner.volume.per_exchange:
        if venue not in universe.exchanges:
            yield ("volume", "per_exchange", venue), f"{venue} {foreign}", "remove it"
    for index, venue in enumerate(scanner.exchange_priority):
        if venue not in universe.exchanges:
            yield ("exchange_priority", index), f"{venue} {foreign}", "remove it"
    if scanner.exchange_priority and not scanner.dedupe:
        yield ("exchange_priority",), "without dedupe no listing is preferred to another", "write dedupe: true"
    if scanner.perp_exchange_priority and not scanner.attach_perp_counterparts:
        yield ("perp_exchange_priority",), "no perpetual is attached", "write attach_perp_counterparts: true"
    if scanner.dedupe and universe.quotes and not {*scanner.quote_priority} & {*universe.quotes}:
        problem = f"universe {universe.name} admits none of these quotes"
        yield ("quote_priority",), problem, f"name some of {', '.join(universe.quotes)}"


def _absent(symbol: str, universe: UniverseConfig) -> str:
    """Why a symbol cannot be among what a universe proposes; empty where it can."""
    if universe.symbols and symbol not in universe.symbols:
        return "it is not in its static list"
    if symbol in universe.exclude_symbols:
        return "the universe excludes it"
    return _outside(symbol, universe)


def _outside(symbol: str, universe: UniverseConfig) -> str:
    """Which rule of a universe keeps a symbol out, as far as its name alone tells; empty where none does."""
    parts = parse_symbol(symbol)
    if parts.exchange not in universe.exchanges:
        return f"{parts.exchange} is not in its exchanges"
    if universe.market == "crypto":
        kinds = {"perp"} if parts.perp else {*universe.asset_types} - {"perp"}
        if not kinds & {*universe.asset_types}:
            return f"a {'perpetual' if parts.perp else 'pair without .P'} is not among its asset_types"
    if universe.quotes and parts.quote and parts.quote not in universe.quotes:
        return f"its quote {parts.quote} is not in quotes"
    if universe.exclude_stable_bases and parts.base in STABLE_BASES:
        return f"its base {parts.base} is cash, which exclude_stable_bases leaves out"
    return ""
