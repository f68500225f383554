"""Names of engines and risk profiles, and who solves what.

Plain data: reading it imports no solver, so that a configuration can be judged
without one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

EngineName: TypeAlias = Literal["custom", "skfolio", "riskfolio", "pyportfolioopt", "cvxportfolio", "adaptive"]
"""Engines a sleeve may ask for. The baselines have one of their own, ``market``, that is not asked for by name."""
RiskProfile: TypeAlias = Literal[
    "equal_weight",
    "hrp",
    "min_variance",
    "risk_parity",
    "erc",
    "max_sharpe",
    "barbell",
    "market_neutral",
    "adaptive",
    "market",
    "benchmark",
]
"""Optimisation objectives; ``risk_parity`` and ``erc`` are two names of one."""

AdaptiveFallback: TypeAlias = Literal["erc", "risk_parity", "equal_weight", "hrp", "min_variance", "max_sharpe"]
"""What ``adaptive`` may solve on days without a regime: objectives that need none."""

BASELINES = ("benchmark", "market")
"""What a sleeve is measured against; no cap holds for them."""

SUPPORTED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "adaptive": ("adaptive",),
        "custom": (
            "adaptive",
            "barbell",
            "equal_weight",
            "erc",
            "hrp",
            "market_neutral",
            "max_sharpe",
            "min_variance",
            "risk_parity",
        ),
        "cvxportfolio": ("min_variance",),
        "market": BASELINES,
        "pyportfolioopt": ("hrp", "market_neutral", "max_sharpe", "min_variance"),
        "riskfolio": ("erc", "hrp", "market_neutral", "max_sharpe", "min_variance", "risk_parity"),
        "skfolio": ("equal_weight", "erc", "hrp", "market_neutral", "max_sharpe", "min_variance", "risk_parity"),
    }
)
"""Risk profiles each engine solves, as what its name says and as nothing else."""

_ROUTED: Mapping[str, str] = MappingProxyType({"market": "market", "benchmark": "market", "barbell": "custom"})
"""Risk profiles that one engine owns, whichever engines a sleeve lists (semantics 8.1)."""


@dataclass(frozen=True, slots=True)
class Library:
    """The library behind an engine: module to import, distribution, and the extra that installs it."""

    module: str
    distribution: str
    extra: str


LIBRARIES: Mapping[str, Library] = MappingProxyType(
    {
        "skfolio": Library("skfolio", "skfolio", "engines"),
        "riskfolio": Library("riskfolio", "riskfolio-lib", "engines"),
        "pyportfolioopt": Library("pypfopt", "pyportfolioopt", "engines"),
        "cvxportfolio": Library("cvxportfolio", "cvxportfolio", "cvxportfolio"),
    }
)
"""Engines that need a library the platform does not install by itself."""


def allocation_pairs(engines: Sequence[str], risk_profiles: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of engine and risk profile that a sleeve's two lists ask for.

    Every engine solves every risk profile, except that the baselines and the
    barbell belong to one engine and are solved once, and that the engine
    ``adaptive`` solves the risk profile ``adaptive`` alone. Pairs nobody solves
    are among them: see `unsupported`.

    Parameters
    ----------
    engines, risk_profiles : sequence of str
        In the order wanted.

    Returns
    -------
    tuple of (engine, risk profile)
        Without repetition.
    """
    pairs: dict[tuple[str, str], None] = {}
    for engine in engines:
        if engine == "adaptive":
            pairs["adaptive", "adaptive"] = None
            continue
        for risk_profile in risk_profiles:
            pairs[_ROUTED.get(risk_profile, engine), risk_profile] = None
    return tuple(pairs)


def unsupported(pairs: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Pairs that no engine solves under that name."""
    return tuple((engine, profile) for engine, profile in pairs if profile not in SUPPORTED.get(engine, ()))
