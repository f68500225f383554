"""The ``regime`` section of a sleeve as the plain rules the computation takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quant_lib.regime import ProxyRules, RegimeRules
    from quant_resources.config import Project, SleeveConfig


def regime_rules(sleeve: SleeveConfig, ann: float) -> RegimeRules:
    """Resolve how a regime is measured, on a calendar of so many sessions a year."""
    from quant_lib.regime import RegimeRules

    return RegimeRules(min_history=sleeve.regime.min_history, history=sleeve.regime.history, ann=ann)


def proxy_rules(project: Project, sleeve: SleeveConfig) -> ProxyRules:
    """Resolve what stands for the market; a universe is the one the sleeve's scanners choose from."""
    from quant_lib.regime import ProxyRules

    declared = sleeve.regime.proxy
    if declared != "universe":
        return ProxyRules("symbol", sleeve.benchmark if declared == "benchmark" else declared)
    return ProxyRules("universe", members=sleeve.regime.members, **_universe(project, sleeve))


def basket_rules(project: Project, sleeve: SleeveConfig, members: int) -> ProxyRules:
    """Resolve a sleeve's most traded symbols, each counted alike; in its first quote, so that no base counts twice."""
    from quant_lib.regime import ProxyRules

    belonging = _universe(project, sleeve)
    quotes = sleeve_quotes(project, sleeve)[:1]
    return ProxyRules("universe", members=members, equal=True, **(belonging | {"quotes": quotes}))


def sleeve_quotes(project: Project, sleeve: SleeveConfig) -> tuple[str, ...]:
    """Quotes of the universes a sleeve chooses from, in the order they are written; none where one asks for none."""
    universes = [project.universes[project.scanners[name].universe] for name in sleeve.scanners]
    if not all(universe.quotes for universe in universes):
        return ()  # a share has no quote: limits of the pairs beside it would leave it out
    return tuple(dict.fromkeys(quote for universe in universes for quote in universe.quotes))


def _universe(project: Project, sleeve: SleeveConfig) -> dict[str, tuple[str, ...]]:
    universes = [project.universes[project.scanners[name].universe] for name in sleeve.scanners]
    return {
        "exchanges": tuple(sorted({name for u in universes for name in u.exchanges})),
        "asset_types": tuple(sorted({kind for u in universes for kind in u.asset_types})),
        "quotes": tuple(sorted(sleeve_quotes(project, sleeve))),
    }
