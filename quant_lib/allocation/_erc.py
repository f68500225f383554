"""Equal risk contributions, and the bounded form of it under caps (semantics 8.5).

Uncapped: ``min ½y'Σy - Σ b ln y`` over y > 0 and ``w = y / Σy`` (Spinu, "An
algorithm for computing risk parity weights", 2013), by damped Newton steps.

Capped: ``min ½w'Σw - λ Σ b ln w`` within the caps, with the λ at which the
weights sum to the gross (Richard and Roncalli, "Constrained risk budgeting
portfolios", 2019). Weights that no cap touches then contribute equally, the
others less. Solved as the equations of an active set of caps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quant_lib.allocation._errors import SolverError
from quant_lib.allocation._limits import Limits, project_to_limits

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

RATIO_LIMIT = 1.01
"""Largest accepted ratio of risk contributions among weights that no cap touches."""
_NEWTON_STEPS = 100
_ROUNDS = 60
_TOLERANCE = 1e-12


@dataclass(frozen=True)
class EqualRisk:
    """Weights of equal risk contributions.

    Parameters
    ----------
    weights : array of shape (n,)
        Positive, feasible, sum ``limits.gross``.
    backend : str
        ``newton``, or ``newton+caps`` where caps bind.
    ratio : float
        Largest over smallest risk contribution of the weights that no cap touches.
    n_capped : int
        Weights at a cap of their own or of their cluster.
    """

    weights: FloatArray
    backend: str
    ratio: float
    n_capped: int


def equal_risk(Sigma: FloatArray, limits: Limits) -> EqualRisk:
    """Weights whose risk contributions are equal wherever the caps allow it.

    Parameters
    ----------
    Sigma : array of shape (n, n)
        Positive definite covariance, any unit.
    limits : Limits
        A feasible set.

    Returns
    -------
    EqualRisk

    Raises
    ------
    SolverError
        Newton's method or the search for the active caps did not end, or the
        contributions differ by more than `RATIO_LIMIT`.
    """
    free_form = risk_budget_weights(Sigma) * limits.gross
    if _inside(free_form, limits):
        found = EqualRisk(free_form, "newton", contribution_ratio(Sigma, free_form, np.ones(len(Sigma), dtype=bool)), 0)
    else:
        found = _bounded(Sigma, limits, free_form)
    if not found.ratio <= RATIO_LIMIT:
        raise SolverError(found.backend, "not equal", f"risk contributions differ by a factor of {found.ratio:.6g}")
    return found


def risk_budget_weights(Sigma: FloatArray) -> FloatArray:
    """Uncapped weights of equal risk contributions.

    Parameters
    ----------
    Sigma : array of shape (n, n)
        Positive definite.

    Returns
    -------
    array of shape (n,)
        Positive, sum 1.

    Raises
    ------
    SolverError
        100 steps were not enough.
    """
    from scipy.linalg import cho_factor, cho_solve

    sigma = np.sqrt(np.diag(Sigma))
    C = Sigma / np.outer(sigma, sigma)
    n = len(C)
    y = _swept(C)
    # n/2 y'Cy - sum(ln y) is self-concordant, so 1 / (1 + decrement) is a safe step.
    for _ in range(_NEWTON_STEPS):
        gradient = n * (C @ y) - 1.0 / y
        step = cho_solve(cho_factor(n * C + np.diag(1.0 / y**2), check_finite=False), gradient, check_finite=False)
        decrement = float(np.sqrt(max(gradient @ step, 0.0)))
        y = y - step / (1.0 + decrement if decrement > 0.25 else 1.0)
        if decrement < 1e-11:
            w = y / sigma
            return np.asarray(w / w.sum(), dtype="float64")
    raise SolverError("newton", "no convergence", f"decrement {decrement:.3g} after {_NEWTON_STEPS} steps")


def _swept(C: FloatArray) -> FloatArray:
    """Put each weight in turn at its own optimum, once: the first guess.

    It is close enough for Newton's method to take full steps, and costs as much as
    one product with a vector where a step costs a factor of the whole matrix. (Griveau-Billion,
    Richard and Roncalli, "A fast algorithm for computing high-dimensional risk
    parity portfolios", 2013.)
    """
    n = len(C)
    y = np.full(n, 1.0 / np.sqrt(max(float(C.sum()), 1e-12)))
    pull = C @ y
    for i in range(n):
        others = n * (float(pull[i]) - float(y[i]))
        root = math.sqrt(others * others + 4.0 * n)
        # Of the two forms of the positive root the one without cancellation.
        best = 2.0 / (others + root) if others > 0.0 else (root - others) / (2.0 * n)
        pull += C[i] * (best - y[i])
        y[i] = best
    return y


def _inside(w: FloatArray, limits: Limits) -> bool:
    return limits.violation(w) <= _TOLERANCE


def contribution_ratio(Sigma: FloatArray, w: FloatArray, of: BoolArray) -> float:
    """Compute the largest over the smallest risk contribution of some weights; 1 for fewer than two of them."""
    contributions = (w * (Sigma @ w))[of]
    if len(contributions) < 2:
        return 1.0
    smallest = float(contributions.min())
    return float(contributions.max()) / smallest if smallest > 0.0 else float("inf")


@dataclass
class _Active:
    """Caps that hold with equality: of weights, and of clusters."""

    at_cap: BoolArray
    full: BoolArray

    def key(self) -> bytes:
        return self.at_cap.tobytes() + self.full.tobytes()


def _bounded(Sigma: FloatArray, limits: Limits, start: FloatArray) -> EqualRisk:
    P = Sigma / np.mean(np.diag(Sigma))
    w = project_to_limits(start, limits)
    active = _Active(w >= limits.upper * (1.0 - 1e-9), np.zeros(limits.n_clusters, dtype=bool))
    capped = limits.binding_clusters()
    active.full[capped] = limits.cluster_sums(w)[capped] >= limits.room[capped] * (1.0 - 1e-9)
    seen: set[bytes] = set()
    for _ in range(_ROUNDS):
        _keep_one_open(active, limits, w)
        if active.at_cap.all():
            return EqualRisk(limits.upper.copy(), "newton+caps", 1.0, len(w))
        w, lam, nu = _on_active(P, limits, active, w)
        following = _next_active(P, limits, active, w, lam, nu, one=active.key() in seen)
        if following.key() == active.key():
            untouched = ~active.at_cap & ~active.full[limits.groups]
            return EqualRisk(w, "newton+caps", contribution_ratio(P, w, untouched), int((~untouched).sum()))
        seen.add(active.key())
        active = following
    raise SolverError("newton+caps", "no convergence", f"active caps still change after {_ROUNDS} rounds")


def _keep_one_open(active: _Active, limits: Limits, w: FloatArray) -> None:
    """Open a cluster where full clusters and capped weights leave the budget without a choice.

    The budget then fills it, and the equations stay independent.
    """
    free = ~active.at_cap
    # A cluster whose members are all at their caps is bounded by those.
    members_free = np.bincount(limits.groups, weights=free, minlength=limits.n_clusters) > 0
    active.full &= members_free
    if active.full.any() and not (free & ~active.full[limits.groups]).any():
        full = np.flatnonzero(active.full)
        excess = limits.cluster_sums(w)[full] - limits.room[full]
        active.full[full[int(np.argmin(excess))]] = False


def _on_active(
    P: FloatArray, limits: Limits, active: _Active, guess: FloatArray
) -> tuple[FloatArray, float, FloatArray]:
    """Weights, λ and cluster multipliers that satisfy the equations of an active set, by damped Newton steps."""
    free = np.flatnonzero(~active.at_cap)
    full = np.flatnonzero(active.full)
    m = len(free)
    E = np.vstack([(limits.groups[free][None, :] == full[:, None]).astype("float64"), np.ones((1, m))])
    fixed = np.where(active.at_cap, limits.upper, 0.0)
    target = np.concatenate([limits.room[full] - limits.cluster_sums(fixed)[full], [limits.gross - fixed.sum()]])
    offset, block = P[free] @ fixed, P[np.ix_(free, free)]
    x = np.maximum(guess[free], 1e-3 * limits.gross / len(guess))
    lam, nu = float(np.mean(x * (block @ x + offset))), np.zeros(len(full))
    lam = max(lam, 1e-12)
    for _ in range(_NEWTON_STEPS):
        residual = np.concatenate([block @ x + offset - lam / x + E[:-1].T @ nu, E @ x - target])
        J = np.zeros((m + len(full) + 1, m + len(full) + 1))
        J[:m, :m] = block + np.diag(lam / x**2)
        J[:m, m:-1] = E[:-1].T
        J[:m, -1] = -1.0 / x
        J[m:, :m] = E
        step = _solved(J, -residual)
        falling = np.concatenate([step[:m] / x, [step[-1] / lam]])
        length = min(1.0, 0.9 / max(float(-falling.min()), 1e-300))
        x, nu, lam = x + length * step[:m], nu + length * step[m:-1], lam + length * float(step[-1])
        if length == 1.0 and float(np.abs(falling).max()) < 1e-12:
            break
    w = fixed.copy()
    w[free] = x
    multipliers = np.zeros(limits.n_clusters)
    multipliers[full] = nu
    return w, lam, multipliers


def _solved(J: FloatArray, residual: FloatArray) -> FloatArray:
    try:
        return np.asarray(np.linalg.solve(J, residual))
    except np.linalg.LinAlgError as failure:
        raise SolverError("newton+caps", "singular", str(failure)) from failure


def _next_active(
    P: FloatArray, limits: Limits, active: _Active, w: FloatArray, lam: float, nu: FloatArray, *, one: bool
) -> _Active:
    """Caps that are broken join the set, those with a multiplier of the wrong sign leave it.

    With `one`, only the worst offender moves, which cannot cycle as easily.
    """
    pull = lam / w - P @ w - nu[limits.groups]
    over = (w - limits.upper) / limits.upper
    crowded = (limits.cluster_sums(w) - limits.room) / limits.room
    tolerance = 1e-10
    moves_cap = np.where(active.at_cap, -pull / (lam / w), over)
    moves_full = np.where(active.full, -nu / (lam / w).max(), crowded)
    moves_full[np.setdiff1d(np.arange(limits.n_clusters), limits.binding_clusters())] = -1.0
    flip_cap, flip_full = moves_cap > tolerance, moves_full > tolerance
    if one and (flip_cap.any() or flip_full.any()):
        worst = max(float(moves_cap.max()), float(moves_full.max()))
        flip_cap, flip_full = moves_cap >= worst, moves_full >= worst
    return _Active(active.at_cap ^ flip_cap, active.full ^ flip_full)
