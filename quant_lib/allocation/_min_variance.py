"""Minimum variance under asset and cluster caps: the exact point of its active set.

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
from quant_lib.allocation._quadratic import InteriorPoint, QuadraticProgram, cold_start, interior_point, settle
from quant_lib.allocation._single_index import single_index_start

FloatArray = npt.NDArray[np.float64]

GAP_LIMIT = 1e-7
"""Largest accepted optimality gap, as a share of the variance."""
DUST = 1e-11
"""Weights up to this share of the gross are rounding of the solver, not positions."""
_EXACT = 1e-13
_TIGHT = 1e-12


@dataclass(frozen=True)
class MinVariance:
    """Weights of least variance and their certificate.

    Parameters
    ----------
    weights : array of shape (n,)
        Feasible, sum ``limits.gross``.
    backend : str
        ``closed``, ``active-set``, ``clarabel`` or ``clarabel+polish``.
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
    program, fixed = program_of(P, limits)
    if not fixed.free.any():
        return MinVariance(fixed.expand(np.zeros(0)), "closed", 0.0)
    best = MinVariance(np.zeros(len(P)), "none", np.inf)
    for begin in _first_guesses(program):
        best = min(best, _settled(P, limits, program, fixed, begin, "active-set"), key=lambda found: found.gap)
        if best.gap <= _EXACT:
            break
    if not best.gap <= _EXACT:
        start = interior_point(program)
        best = min(
            best,
            _certified(P, limits, fixed.expand(start.x), "clarabel"),
            _settled(P, limits, program, fixed, start, "clarabel+polish"),
            key=lambda found: found.gap,
        )
    if not best.gap <= GAP_LIMIT:
        raise SolverError(
            "clarabel", "not certified", f"optimality gap {best.gap:.3g} of the variance above {GAP_LIMIT:g}"
        )
    held = np.where(best.weights > DUST * limits.gross, best.weights, 0.0)
    return MinVariance(project_to_limits(held, limits), best.backend, best.gap)


def _first_guesses(program: QuadraticProgram) -> tuple[InteriorPoint, ...]:
    """One factor's support, where there is one budget to weigh against, and no active constraint."""
    cold = cold_start(program)
    return (single_index_start(program, program.A[0]), cold) if len(program.b) == 1 else (cold,)


def _settled(
    P: FloatArray, limits: Limits, program: QuadraticProgram, fixed: Fixed, start: InteriorPoint, backend: str
) -> MinVariance:
    """Certified point on the active set reached from a first guess; an infinite gap where none settles."""
    x = settle(program, start)
    if x is None:
        return MinVariance(np.zeros(len(P)), backend, np.inf)
    return _certified(P, limits, fixed.expand(x), backend)


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
    best = float(gradient @ cheapest(gradient, limits))
    return max(0.0, variance - best) / variance if variance > 0.0 else 0.0


def cheapest(gradient: FloatArray, limits: Limits) -> FloatArray:
    """Minimise a linear function over the limits: cheapest first, which is exact for nested caps.

    Parameters
    ----------
    gradient : array of shape (n,)
        Cost of a unit of each weight.
    limits : Limits
        A feasible set.

    Returns
    -------
    array of shape (n,)
        Feasible weights of the least ``gradient'v``.
    """
    v = np.zeros_like(gradient)
    room, upper = limits.room.tolist(), limits.upper.tolist()
    left = limits.gross
    groups = limits.groups.tolist()
    for i in np.argsort(gradient, kind="stable").tolist():
        take = min(upper[i], room[groups[i]], left)
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
class Fixed:
    """Weights the limits leave no choice about, and the unit of the others."""

    values: FloatArray
    free: npt.NDArray[np.bool_]
    unit: FloatArray

    def expand(self, x: FloatArray) -> FloatArray:
        w = self.values.copy()
        w[self.free] = x * self.unit
        return w


def program_of(P: FloatArray, limits: Limits) -> tuple[QuadraticProgram, Fixed]:
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
    if limits.capacity <= limits.gross * (1.0 + _TIGHT):
        free = members.any(axis=0)
        values = np.where(free, 0.0, limits.upper)
        A, b = members[:, free].astype("float64"), limits.room[capped]
        G, h = np.zeros((0, int(free.sum()))), np.zeros(0)
    else:
        free, values = np.ones(n, dtype=bool), np.zeros(n)
        A, b = np.ones((1, n)), np.array([limits.gross])
        G, h = members.astype("float64"), limits.room[capped]
    implied = limits.upper >= limits.gross * (1.0 - _TIGHT)
    # An asset alone could fill its capped cluster: the row of the cluster is the bound.
    implied |= members.any(axis=0) & (limits.upper >= limits.room[limits.groups])
    upper = np.where(implied, np.inf, limits.upper)
    sigma = np.sqrt(np.diag(P))
    typical = project_to_limits((sigma.min() / sigma) ** 2, limits)
    unit = float(np.sqrt(np.sum((typical * sigma) ** 2))) / sigma[free]
    q = P[np.ix_(free, ~free)] @ values[~free] * unit
    scale = float(np.sum((typical * sigma) ** 2))
    program = QuadraticProgram(
        P[np.ix_(free, free)] * np.outer(unit, unit) / scale, q / scale, A * unit, b, G * unit, h, upper[free] / unit
    )
    return program, Fixed(values, free, unit)
