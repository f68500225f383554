"""What is asked of an allocation."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Literal

from quant_lib.allocation._errors import InvalidRequestError

DEFAULT_LADDER = (0.0, 0.01, 0.15, 0.50, 0.95)


@dataclass(frozen=True, kw_only=True)
class AllocationRequest:
    """Engine, objective and limits of one allocation (semantics 8.1).

    Parameters
    ----------
    risk_profile : str
        Optimisation objective: ``equal_weight``, ``hrp``, ``min_variance``.
    ann : float, in sessions a year
        Annualisation factor of the return calendar: 365 or 252.
    engine : str
        Who solves it.
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
        ):
            self._require(field, getattr(self, field) in allowed, f"one of {', '.join(allowed)}")

    def _require(self, field: str, holds: bool, requirement: str) -> None:
        if not holds:
            raise InvalidRequestError(field, getattr(self, field), requirement)
