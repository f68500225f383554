"""Minimum variance under asset and cluster caps: an interior point, polished to its exact vertex.

The feasible set is a laminar family of sums, so a linear function over it is
minimised greedily. That gives an exact certificate of any feasible point, from
no solver: the Frank-Wolfe gap ``g'w - min g'v`` bounds how far its variance is
from the optimum. Weights are accepted on that certificate only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quant_lib.allocation._errors import SolverError
from quant_lib.allocation._limits import Limits, project_to_limits
from quant_lib.allocation._quadratic import QuadraticProgram, interior_point, polish_points

FloatArray = npt.NDArray[np.float64]

GAP_LIMIT = 1e-7
"""Largest accepted optimality gap, as a share of the variance."""
DUST = 1e-11
"""Weights up to this share of the gross are rounding of the solver, not positions."""
_EXACT = 1e-14
_TIGHT = 1e-12


@dataclass(frozen=True)
class MinVariance:
    """Weights of least variance and their certificate.

    Parameters
    ----------
    weights : array of shape (n,)
        Feasible, sum ``limits.gross``.
    backend : str
        ``closed``, ``clarabel`` or ``clarabel+polish``.
    gap : float
        Upper bound on the excess variance, as a share of the variance.
    """

    weights: FloatArray
    backend: str
    gap: float


def min_variance(Sigma: FloatArray, limits: Limits) -> MinVariance:
    """Minimise ``w'Σw`` within the limits.

    Parameters
    ----------
    Sigma : array of shape (n, n)
        Positive definite covariance, any unit.
    limits : Limits
        A feasible set.

    Returns
    -------
    MinVariance

    Raises
    ------
    SolverError
        The solver failed, or nothing it gave could be certified to `GAP_LIMIT`.
    """
    P = Sigma / np.mean(np.diag(Sigma))
    program, fixed = _program(P, limits)
    if not fixed.free.any():
        return MinVariance(fixed.expand(np.zeros(0)), "closed", 0.0)
    start = interior_point(program)
    best = _certified(P, limits, fixed.expand(start.x), "clarabel")
    for x in polish_points(program, start):
        candidate = _certified(P, limits, fixed.expand(x), "clarabel+polish")
        best = min(best, candidate, key=lambda found: found.gap)
        if best.gap <= _EXACT:
            break
    if not best.gap <= GAP_LIMIT:
        raise SolverError(
            "clarabel", "not certified", f"optimality gap {best.gap:.3g} of the variance above {GAP_LIMIT:g}"
        )
    held = np.where(best.weights > DUST * limits.gross, best.weights, 0.0)
    return MinVariance(project_to_limits(held, limits), best.backend, best.gap)


def optimality_gap(P: FloatArray, w: FloatArray, limits: Limits) -> float:
    """Frank-Wolfe gap of ``½ w'Pw`` at a feasible `w`, as a share of ``w'Pw``.

    Parameters
    ----------
    P : array of shape (n, n)
        Positive semi-definite.
    w : array of shape (n,)
        Feasible weights.
    limits : Limits
        The feasible set.

    Returns
    -------
    float
        ``½ w'Pw`` exceeds its minimum by at most this share of ``w'Pw``.
    """
    gradient = P @ w
    variance = float(gradient @ w)
    best = float(gradient @ _greedy(gradient, limits))
    return max(0.0, variance - best) / variance if variance > 0.0 else 0.0


def _greedy(gradient: FloatArray, limits: Limits) -> FloatArray:
    """Minimiser of ``gradient'v`` over the limits: cheapest first (exact for laminar caps)."""
    v = np.zeros_like(gradient)
    room = [limits.cluster_cap] * limits.n_clusters
    left, upper = limits.gross, limits.upper
    groups = limits.groups.tolist()
    for i in np.argsort(gradient, kind="stable").tolist():
        take = min(upper, room[groups[i]], left)
        v[i] = take
        room[groups[i]] -= take
        left -= take
        if left <= 0.0:
            break
    return v


def _certified(P: FloatArray, limits: Limits, w: FloatArray, backend: str) -> MinVariance:
    clean = project_to_limits(w, limits)
    return MinVariance(clean, backend, optimality_gap(P, clean, limits))


@dataclass(frozen=True)
class _Fixed:
    """Weights the limits leave no choice about, and the unit of the others."""

    values: FloatArray
    free: npt.NDArray[np.bool_]
    unit: FloatArray

    def expand(self, x: FloatArray) -> FloatArray:
        w = self.values.copy()
        w[self.free] = x * self.unit
        return w


def _program(P: FloatArray, limits: Limits) -> tuple[QuadraticProgram, _Fixed]:
    """Quadratic program over the weights that are free.

    Where the caps hold exactly the gross and no more, the feasible set has no
    interior and an interior point method loses digits. Every cluster is then
    full: one below its own cap has all members at theirs, the others have an
    equality each.

    Variables are weights in units of risk, so that the quadratic form is a
    correlation matrix whatever the volatilities, and the optimum is of order 1.
    """
    n = len(P)
    capped = limits.binding_clusters()
    members = limits.groups[None, :] == capped[:, None]
    sizes = np.bincount(limits.groups)
    capacity = float(np.minimum(sizes * limits.upper, limits.cluster_cap).sum())
    if capacity <= limits.gross * (1.0 + _TIGHT):
        free = members.any(axis=0)
        values = np.where(free, 0.0, limits.upper)
        A, b = members[:, free].astype("float64"), np.full(len(capped), limits.cluster_cap)
        G, h = np.zeros((0, int(free.sum()))), np.zeros(0)
    else:
        free, values = np.ones(n, dtype=bool), np.zeros(n)
        A, b = np.ones((1, n)), np.array([limits.gross])
        G, h = members.astype("float64"), np.full(len(capped), limits.cluster_cap)
    implied = limits.upper >= limits.gross * (1.0 - _TIGHT)
    upper = np.full(n, np.inf if implied else limits.upper)
    if limits.upper >= limits.cluster_cap:
        upper[members.any(axis=0)] = np.inf
    sigma = np.sqrt(np.diag(P))
    typical = project_to_limits((sigma.min() / sigma) ** 2, limits)
    unit = float(np.sqrt(np.sum((typical * sigma) ** 2))) / sigma[free]
    q = P[np.ix_(free, ~free)] @ values[~free] * unit
    scale = float(np.sum((typical * sigma) ** 2))
    program = QuadraticProgram(
        P[np.ix_(free, free)] * np.outer(unit, unit) / scale, q / scale, A * unit, b, G * unit, h, upper[free] / unit
    )
    return program, _Fixed(values, free, unit)
