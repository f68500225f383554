"""What is asked of an allocation."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Literal, get_args

from quant_lib.allocation._errors import InvalidRequestError
from quant_lib.objectives import AdaptiveFallback

DEFAULT_LADDER = (0.0, 0.01, 0.15, 0.50, 0.95)
DEFAULT_NEUTRALITY = (0.05, 0.10, 0.15)
NET_TARGET_PROFILES = ("market_neutral", "max_sharpe", "min_variance")


@dataclass(frozen=True, kw_only=True)
class AllocationRequest:
    """Engine, objective and limits of one allocation (semantics 8.1).

    Parameters
    ----------
    risk_profile : str
        Optimisation objective, one of `quant_lib.allocation.RiskProfile`.
    ann : float, in sessions a year
        Annualisation factor of the return calendar: 365 or 252.
    engine : str
        Who solves it, one of `quant_lib.allocation.SUPPORTED`.
    asset_cap : float, fraction of capital
        Largest weight of one atom.
    cluster_cap : float, fraction of capital
        Largest total weight of one cluster.
    gross_target : float, fraction of capital
        Total weight; the rest is cash. Below 1 for a sleeve with fewer winners
        than its floor.
    cap_policy : {"relax", "cash", "refuse"}
        Where caps leave too little room: raise them as little as possible
        (semantics 8.4), invest less, or raise `InfeasibleCapsError`.
    kappa_max : float
        Bound on the condition number of the covariance.
    shrinkage_ladder : tuple of float
        Correlation shrinkages tried in order until the bound holds.
    covariance : {"ledoit_wolf", "sample"}
        Estimator before the ladder.
    linkage : {"ward", "single"}
        Tree of ``hrp``.
    structure : {"atoms", "clusters"}
        Whether weights are solved over atoms, both caps in one problem, or over
        clusters whose members share by inverse variance (semantics 8.2).
    risk_free : float, fraction a year
        For ``max_sharpe``.
    max_aggressors : int
        Most leaders of a ``barbell``.
    adaptive_fallback : str
        Risk profile of ``adaptive`` where the regime is not known.
    neutrality : tuple of float
        Largest ``|w'beta - target_beta|`` of ``market_neutral``, tried in order.
    target_beta : float
        Beta that ``market_neutral`` aims at.
    net_target : float, optional
        Net exposure ``sum w_i factor_i``, a fraction of capital; risk profiles
        with linear constraints only.
    turnover_penalty : bool
        Charge ``cost_rate`` for every unit traded away from the weights held,
        spread over `horizon`; ``min_variance``, ``market_neutral`` and
        ``max_sharpe`` only.
    cost_rate : float, fraction of traded notional
        Slippage and commission.
    horizon : int, in sessions
        Until the next rebalance.
    no_trade_band : float, fraction of capital
        A weight within it of what is held is left where it is.
    fallbacks : tuple of str, optional
        Risk profiles tried in order when the requested one fails; the engine's
        own chain by default.
    """

    risk_profile: str
    ann: float
    engine: str = "custom"
    asset_cap: float = 0.25
    cluster_cap: float = 0.25
    gross_target: float = 1.0
    cap_policy: Literal["relax", "cash", "refuse"] = "relax"
    kappa_max: float = 15_000.0
    shrinkage_ladder: tuple[float, ...] = DEFAULT_LADDER
    covariance: Literal["ledoit_wolf", "sample"] = "ledoit_wolf"
    linkage: Literal["ward", "single"] = "ward"
    structure: Literal["atoms", "clusters"] = "atoms"
    risk_free: float = 0.0
    max_aggressors: int = 5
    adaptive_fallback: AdaptiveFallback = "erc"
    neutrality: tuple[float, ...] = DEFAULT_NEUTRALITY
    target_beta: float = 0.0
    net_target: float | None = None
    turnover_penalty: bool = False
    cost_rate: float = 0.0
    horizon: int = 10
    no_trade_band: float = 0.0
    fallbacks: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for field in ("asset_cap", "cluster_cap", "gross_target"):
            self._require(field, 0.0 < getattr(self, field) <= 1.0, "above 0 and at most 1")
        self._require("ann", math.isfinite(self.ann) and self.ann > 0.0, "a positive number of sessions a year")
        self._require("kappa_max", self.kappa_max >= 1.0, "1 or more")
        ladder = self.shrinkage_ladder
        rising = all(low < high for low, high in itertools.pairwise(ladder))
        inside = bool(ladder) and ladder[0] >= 0.0 and ladder[-1] <= 1.0
        self._require("shrinkage_ladder", inside and rising, "increasing numbers from 0 to 1")
        for field, allowed in (
            ("cap_policy", ("relax", "cash", "refuse")),
            ("covariance", ("ledoit_wolf", "sample")),
            ("linkage", ("ward", "single")),
            ("structure", ("atoms", "clusters")),
            ("adaptive_fallback", get_args(AdaptiveFallback)),
        ):
            self._require(field, getattr(self, field) in allowed, f"one of {', '.join(allowed)}")
        self._require_objective()

    def _require_objective(self) -> None:
        for field in ("risk_free", "target_beta"):
            self._require(field, math.isfinite(getattr(self, field)), "finite")
        for field in ("cost_rate", "no_trade_band"):
            self._require(field, 0.0 <= getattr(self, field) < 1.0, "from 0 to below 1")
        for field in ("max_aggressors", "horizon"):
            self._require(field, getattr(self, field) >= 1, "1 or more")
        ladder = self.neutrality
        rising = all(low < high for low, high in itertools.pairwise(ladder))
        self._require("neutrality", bool(ladder) and ladder[0] > 0.0 and rising, "increasing numbers above 0")
        if self.net_target is not None:
            inside = abs(self.net_target) <= self.gross_target * (1.0 + 1e-12)
            self._require("net_target", inside, f"within the gross target, {self.gross_target:g}")
            known = self.risk_profile in NET_TARGET_PROFILES and self.structure == "atoms"
            self._require("net_target", known, f"left out, or asked of {', '.join(NET_TARGET_PROFILES)} over atoms")

    def _require(self, field: str, holds: bool, requirement: str) -> None:
        if not holds:
            raise InvalidRequestError(field, getattr(self, field), requirement)
