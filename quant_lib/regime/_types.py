"""The market's state on a decision date, as later steps read it (semantics 7.5, 7.6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from quant_lib.regime._errors import UnknownRegimeError


class RegimeLabel(StrEnum):
    """Stress class of the composite score."""

    QUIET = "QUIET"
    NORMAL = "NORMAL"
    TURBULENT = "TURBULENT"
    CRISIS = "CRISIS"
    UNKNOWN = "UNKNOWN"


class Quadrant(StrEnum):
    """Growth by stress."""

    EXPANSION = "EXPANSION"
    INFLATIONARY_TREND = "INFLATIONARY_TREND"
    STAGNATION = "STAGNATION"
    CRISIS = "CRISIS"
    NORMAL = "NORMAL"
    UNKNOWN = "UNKNOWN"


class HmmState(StrEnum):
    """Volatility state of the hidden Markov model; NORMAL where its two states are not apart."""

    QUIET = "QUIET"
    NORMAL = "NORMAL"
    CRISIS = "CRISIS"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Regime:
    """Market regime of one decision date: ``decision_regime``, ``decision_regime_score``, ``decision_quadrant``.

    Parameters
    ----------
    label : RegimeLabel
        Stress class; equal to its name as text.
    score : float or None
        Composite score, 0 to 1; None where it is not known.
    quadrant : Quadrant
        Growth by stress.
    hmm_state : HmmState
        State of the volatility model after hysteresis.
    hmm_probability : float or None
        Filtered probability of the model's state of larger moves; None where not known.
    known : bool
        Whether the history sufficed. Where it did not, every field says
        UNKNOWN or None: a market nobody measured is not a normal one.
    """

    label: RegimeLabel
    score: float | None
    quadrant: Quadrant
    hmm_state: HmmState
    hmm_probability: float | None
    known: bool

    def __post_init__(self) -> None:
        unknown = (self.label == RegimeLabel.UNKNOWN, self.quadrant == Quadrant.UNKNOWN, self.score is None)
        if any(flag == self.known for flag in unknown):
            raise ValueError(f"label, quadrant and score must all be known or all unknown, were {self!r}")

    @classmethod
    def unknown(cls) -> Regime:
        """Regime of a market without enough history."""
        return cls(RegimeLabel.UNKNOWN, None, Quadrant.UNKNOWN, HmmState.UNKNOWN, None, known=False)


AGGRESSOR_SHARE: Mapping[str, float] = MappingProxyType(
    {
        RegimeLabel.QUIET: 0.15,
        RegimeLabel.NORMAL: 0.10,
        RegimeLabel.TURBULENT: 0.05,
        RegimeLabel.CRISIS: 0.03,
    }
)
"""Share of capital a barbell gives its aggressors, by regime."""

CASH_BUFFER: Mapping[str, float] = MappingProxyType(
    {
        RegimeLabel.QUIET: 0.0,
        RegimeLabel.NORMAL: 0.0,
        RegimeLabel.TURBULENT: 0.10,
        RegimeLabel.CRISIS: 0.25,
    }
)
"""Share of capital kept in cash, by regime."""

CLUSTER_THRESHOLD: Mapping[str, float] = MappingProxyType(
    {
        RegimeLabel.QUIET: 0.5,
        RegimeLabel.NORMAL: 0.4,
        RegimeLabel.TURBULENT: 0.4,
        RegimeLabel.CRISIS: 0.3,
    }
)
"""Distance at which cluster trees are cut in reports, by regime."""

L2_PENALTY: Mapping[str, float] = MappingProxyType(
    {
        Quadrant.EXPANSION: 0.05,
        Quadrant.INFLATIONARY_TREND: 0.10,
        Quadrant.STAGNATION: 0.10,
        Quadrant.CRISIS: 0.20,
        Quadrant.NORMAL: 0.05,
    }
)
"""Weight of the squared norm in objectives, by quadrant."""

ADAPTIVE_PROFILE: Mapping[str, str] = MappingProxyType(
    {
        Quadrant.EXPANSION: "max_sharpe",
        Quadrant.INFLATIONARY_TREND: "barbell",
        Quadrant.STAGNATION: "min_variance",
        Quadrant.CRISIS: "hrp",
        Quadrant.NORMAL: "max_sharpe",
    }
)
"""Risk profile the adaptive one stands for, by quadrant."""


@dataclass(frozen=True, slots=True)
class RegimeRisk:
    """What a regime means for risk (semantics 7.6). Shares are fractions of capital."""

    aggressor_share: float
    cash_buffer: float
    cluster_threshold: float
    l2_penalty: float
    adaptive_profile: str


def risk_of(regime: Regime) -> RegimeRisk:
    """Look up what a regime means for risk.

    Raises
    ------
    UnknownRegimeError
        The regime is not known; the caller must say what it does then.
    """
    if not regime.known:
        raise UnknownRegimeError("the regime is unknown, so it says nothing about risk")
    return RegimeRisk(
        aggressor_share=AGGRESSOR_SHARE[regime.label],
        cash_buffer=CASH_BUFFER[regime.label],
        cluster_threshold=CLUSTER_THRESHOLD[regime.label],
        l2_penalty=L2_PENALTY[regime.quadrant],
        adaptive_profile=ADAPTIVE_PROFILE[regime.quadrant],
    )
