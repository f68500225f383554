"""The platform's own engine, and the one that chooses an objective by regime."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from quant_lib.allocation._barbell import barbell
from quant_lib.allocation._erc import equal_risk
from quant_lib.allocation._errors import SolverError
from quant_lib.allocation._hrp import hrp_weights
from quant_lib.allocation._limits import project_to_limits
from quant_lib.allocation._max_sharpe import max_sharpe
from quant_lib.allocation._min_variance import min_variance
from quant_lib.allocation._neutral import market_neutral
from quant_lib.allocation._problem import Problem, Solution
from quant_lib.allocation._traded import needs_rows, traded_max_sharpe, traded_min_variance
from quant_lib.objectives import SUPPORTED
from quant_lib.regime import risk_of

FloatArray = npt.NDArray[np.float64]

_SMALLEST_TREE = 3
_MOVED = 1e-9


class CustomEngine:
    """Every risk profile but the baselines, under both caps."""

    @property
    def profiles(self) -> tuple[str, ...]:
        """Risk profiles it solves."""
        return SUPPORTED["custom"]

    def fallbacks(self, risk_profile: str) -> tuple[tuple[str, str], ...]:
        """Give the chain of semantics 8.8; equal weight, which cannot fail, ends it.

        Nothing stands in for ``market_neutral``: whatever else would hold the
        market's risk.
        """
        return tuple(("custom", profile) for profile in _CHAINS.get(risk_profile, ("erc", "equal_weight")))

    def solve(self, problem: Problem, risk_profile: str) -> Solution:
        """Solve, or raise `SolverError`."""
        return _PROFILES[risk_profile](problem)


class AdaptiveEngine:
    """The risk profile that fits the quadrant, solved by the platform's own engine."""

    @property
    def profiles(self) -> tuple[str, ...]:
        """Risk profiles it solves."""
        return SUPPORTED["adaptive"]

    def fallbacks(self, risk_profile: str) -> tuple[tuple[str, str], ...]:
        """As for ``adaptive`` of the own engine."""
        return CustomEngine().fallbacks("adaptive")

    def solve(self, problem: Problem, risk_profile: str) -> Solution:
        """Solve, or raise `SolverError`."""
        return dataclasses.replace(_adaptive(problem), engine="custom")


def _equal_weight(problem: Problem) -> Solution:
    n = len(problem.labels)
    return capped(problem, np.full(n, 1.0 / n), "equal_weight")


def _hrp(problem: Problem) -> Solution:
    n = len(problem.labels)
    if n < _SMALLEST_TREE:
        raise SolverError("hrp", "skipped", f"{n} assets, a tree needs {_SMALLEST_TREE}")
    covariance, linkage = problem.covariance, problem.request.linkage
    return capped(problem, hrp_weights(covariance.matrix, covariance.correlation, linkage), f"hrp/{linkage}")


def _min_variance(problem: Problem) -> Solution:
    if needs_rows(problem):
        return traded_min_variance(problem)
    Sigma = problem.covariance.matrix
    found = min_variance(Sigma, problem.limits)
    variance = float(found.weights @ Sigma @ found.weights)
    return Solution(found.weights, found.backend, variance, f"optimality gap {found.gap:.1e} of the variance")


def _max_sharpe(problem: Problem) -> Solution:
    if needs_rows(problem):
        return traded_max_sharpe(problem)
    found = max_sharpe(problem.covariance.matrix, problem.excess, problem.limits)
    note = f"optimality gap {found.gap:.1e} of the excess return"
    return Solution(found.weights, found.backend, found.sharpe, note)


def _erc(problem: Problem) -> Solution:
    found = equal_risk(problem.covariance.matrix, problem.limits)
    note = f"{found.n_capped} weights at a cap carry less risk than the others" if found.n_capped else ""
    return Solution(found.weights, found.backend, None, note, slacks={"risk_ratio": found.ratio - 1.0})


def _adaptive(problem: Problem) -> Solution:
    regime = problem.facts.regime
    chosen: str
    if regime is None or not regime.known:
        chosen, why = problem.request.adaptive_fallback, "regime not known"
    else:
        chosen, why = risk_of(regime).adaptive_profile, f"quadrant {regime.quadrant}"
    solution = _PROFILES[chosen](problem)
    note = f"{why}: {chosen}" + (f"; {solution.note}" if solution.note else "")
    return dataclasses.replace(solution, note=note, risk_profile=chosen)


def capped(problem: Problem, proportions: FloatArray, backend: str) -> Solution:
    """Weights in proportion, within the caps; the note says how far the caps moved them."""
    wanted = proportions * problem.limits.gross / proportions.sum()
    weights = project_to_limits(wanted, problem.limits)
    moved = float(np.abs(weights - wanted).sum()) / 2.0
    note = f"caps moved {moved:.6g} of capital" if moved > _MOVED else ""
    return Solution(weights, backend, None, note, status="closed form")


_CHAINS: dict[str, tuple[str, ...]] = {
    "equal_weight": (),
    "erc": ("equal_weight",),
    "risk_parity": ("equal_weight",),
    "max_sharpe": ("min_variance", "equal_weight"),
    "barbell": ("hrp", "erc", "equal_weight"),
    "market_neutral": (),
}

_PROFILES: dict[str, Callable[[Problem], Solution]] = {
    "adaptive": _adaptive,
    "barbell": barbell,
    "equal_weight": _equal_weight,
    "erc": _erc,
    "hrp": _hrp,
    "market_neutral": market_neutral,
    "max_sharpe": _max_sharpe,
    "min_variance": _min_variance,
    "risk_parity": _erc,
}
