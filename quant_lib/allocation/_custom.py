"""The platform's own engine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from quant_lib.allocation._engines import Problem, Solution
from quant_lib.allocation._errors import SolverError
from quant_lib.allocation._hrp import hrp_weights
from quant_lib.allocation._limits import project_to_limits
from quant_lib.allocation._min_variance import min_variance

FloatArray = npt.NDArray[np.float64]

_SMALLEST_TREE = 3
_MOVED = 1e-9


class CustomEngine:
    """Equal weight, hierarchical risk parity and minimum variance, each under both caps."""

    @property
    def profiles(self) -> tuple[str, ...]:
        """Risk profiles it solves."""
        return tuple(sorted(_PROFILES))

    def fallbacks(self, risk_profile: str) -> tuple[str, ...]:
        """Equal weight, which cannot fail, behind everything else."""
        return () if risk_profile == "equal_weight" else ("equal_weight",)

    def solve(self, problem: Problem, risk_profile: str) -> Solution:
        """Solve, or raise `SolverError`."""
        return _PROFILES[risk_profile](problem)


def _equal_weight(problem: Problem) -> Solution:
    n = len(problem.labels)
    return _capped(problem, np.full(n, 1.0 / n), "equal_weight")


def _hrp(problem: Problem) -> Solution:
    n = len(problem.labels)
    if n < _SMALLEST_TREE:
        raise SolverError("hrp", "skipped", f"{n} assets, a tree needs {_SMALLEST_TREE}")
    covariance, linkage = problem.covariance, problem.request.linkage
    return _capped(problem, hrp_weights(covariance.matrix, covariance.correlation, linkage), f"hrp/{linkage}")


def _min_variance(problem: Problem) -> Solution:
    Sigma = problem.covariance.matrix
    found = min_variance(Sigma, problem.limits)
    variance = float(found.weights @ Sigma @ found.weights)
    return Solution(found.weights, found.backend, variance, f"optimality gap {found.gap:.1e} of the variance")


def _capped(problem: Problem, proportions: FloatArray, backend: str) -> Solution:
    """Weights in proportion, within the caps; the note says how far the caps moved them."""
    wanted = proportions * problem.limits.gross / proportions.sum()
    weights = project_to_limits(wanted, problem.limits)
    moved = float(np.abs(weights - wanted).sum()) / 2.0
    note = f"caps moved {moved:.6g} of capital" if moved > _MOVED else ""
    return Solution(weights, backend, None, note)


_PROFILES: dict[str, Callable[[Problem], Solution]] = {
    "equal_weight": _equal_weight,
    "hrp": _hrp,
    "min_variance": _min_variance,
}
