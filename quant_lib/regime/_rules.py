"""How a regime is measured: windows, weights, thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

MIN_HISTORY = 252
"""Fewest returns of the proxy that a regime may be measured on (semantics 7.1)."""

TERM_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {
        "vol_ratio": 0.35,
        "turbulence": 0.25,
        "clustering": 0.15,
        "entropy": 0.10,
        "hurst": 0.10,
        "stationarity": 0.05,
        "fat_tail": 0.15,
    }
)
"""Weight of each term in the composite score (semantics 7.2); they are divided by their sum."""


@dataclass(frozen=True, slots=True)
class ProxyRules:
    """What stands for the market.

    Parameters
    ----------
    kind : {"symbol", "universe"}
        One instrument, or the universe weighted by turnover.
    symbol : str
        The instrument; empty for a universe.
    members : int
        Most liquid members of the universe that count.
    exchanges, asset_types, quotes : tuple of str
        What belongs to the universe; no quotes: all.
    equal : bool
        Members of a universe count the same instead of by turnover.
    """

    kind: Literal["symbol", "universe"]
    symbol: str = ""
    members: int = 50
    exchanges: tuple[str, ...] = ()
    asset_types: tuple[str, ...] = ()
    quotes: tuple[str, ...] = ()
    equal: bool = False

    @property
    def label(self) -> str:
        """How the proxy is shown."""
        if self.kind == "symbol":
            return self.symbol
        counted = "alike" if self.equal else "by turnover"
        return f"{'+'.join(self.exchanges)} {'+'.join(self.asset_types)}, {self.members} {counted}"


@dataclass(frozen=True, slots=True)
class RegimeRules:
    """How a regime is measured. Lengths are in sessions of the proxy.

    Parameters
    ----------
    min_history : int
        Fewer returns than this: the regime is unknown. At least 252.
    history : int
        Newest returns that count: a term's percentile is taken among its values
        on these sessions, and the volatility model is fitted to them.
    fast, slow : int
        Windows of recent and of usual volatility; ``slow`` is also that of the
        terms the specification takes over all data.
    burst : int
        Window of turbulence (a multiple of 8) and entropy.
    growth : int
        Window of the growth axis.
    growth_floor : float
        Growth that counts, as a fraction a year.
    growth_errors : float
        Standard errors by which it must differ from zero.
    stress : float
        Percentile of its own history above which stress is high.
    quiet, elevated, turbulent : float
        Scores: below the first QUIET, from the second on large moves are a
        CRISIS, from the third on TURBULENT whatever moves are.
    confirmed : float
        Score that suffices for a CRISIS which quadrant or volatility model confirm.
    calm : float
        Volatility ratio below which a market is QUIET whatever else holds.
    ann : float
        Sessions a year.
    weights : mapping of str to float
        Weight of each term.
    """

    min_history: int = MIN_HISTORY
    history: int = 1260
    fast: int = 10
    slow: int = 126
    burst: int = 64
    growth: int = 63
    growth_floor: float = 0.05
    growth_errors: float = 1.0
    stress: float = 0.7
    quiet: float = 0.4
    elevated: float = 0.6
    turbulent: float = 0.7
    confirmed: float = 0.5
    calm: float = 0.5
    ann: float = 365.0
    weights: Mapping[str, float] = field(default_factory=lambda: dict(TERM_WEIGHTS))

    def __post_init__(self) -> None:
        if self.min_history < MIN_HISTORY or self.history < self.min_history:
            raise ValueError(f"need {MIN_HISTORY} <= min_history <= history, were {self.min_history}, {self.history}")
        if set(self.weights) != set(TERM_WEIGHTS) or not all(w >= 0.0 for w in self.weights.values()):
            raise ValueError(f"weights must be of {', '.join(TERM_WEIGHTS)} and 0 or more, were {dict(self.weights)}")
        if not sum(self.weights.values()) > 0.0:
            raise ValueError("at least one term needs a weight above 0")

    @property
    def span(self) -> int:
        """Returns that a measurement reads: the history, and the first window before it."""
        return self.history + self.slow - 1
