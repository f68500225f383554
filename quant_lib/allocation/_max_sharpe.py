"""Largest Sharpe ratio under asset and cluster caps (semantics 8.5).

Maximising ``(mu - r_f)'w / sqrt(w'Σw)`` over weights is, in ``y = w / (excess
return)``, the quadratic program ``min y'Σy`` with ``(mu - r_f)'y = 1`` and every
cap in proportion to ``1'y`` (Cornuejols and Tutuncu, "Optimization Methods in
Finance", section 8.2). The result is certified without a solver, see
`sharpe_gap`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quant_lib.allocation._errors import SolverError
from quant_lib.allocation._limits import Limits, project_to_limits
from quant_lib.allocation._min_variance import DUST, cheapest, program_of
from quant_lib.allocation._quadratic import Held, QuadraticProgram, Stationary, cold_start, interior_point, settle
from quant_lib.allocation._single_index import single_index_start

FloatArray = npt.NDArray[np.float64]

GAP_LIMIT = 1e-6
"""Largest accepted optimality gap, as a share of the excess return."""
_EXACT = 1e-12
_STEEP = 100.0


@dataclass(frozen=True)
class MaxSharpe:
    """Weights of the largest Sharpe ratio and their certificate.

    Parameters
    ----------
    weights : array of shape (n,)
        Feasible, sum ``limits.gross``.
    backend : str
        ``closed``, ``active-set``, ``clarabel`` or ``clarabel+polish``.
    sharpe : float
        Ratio a year, before any out-of-sample judgement.
    gap : float
        See `sharpe_gap`.
    """

    weights: FloatArray
    backend: str
    sharpe: float
    gap: float


def max_sharpe(Sigma: FloatArray, excess: FloatArray, limits: Limits) -> MaxSharpe:
    """Maximise the ex-ante Sharpe ratio within the limits.

    Parameters
    ----------
    Sigma : array of shape (n, n)
        Positive definite covariance, a year.
    excess : array of shape (n,)
        Expected return over the risk-free rate, a year.
    limits : Limits
        A feasible set.

    Returns
    -------
    MaxSharpe

    Raises
    ------
    SolverError
        No feasible weights earn more than the risk-free rate, or nothing found
        could be certified to `GAP_LIMIT`.
    """
    attainable = float(excess @ cheapest(-excess, limits))
    if not attainable > 0.0:
        raise SolverError("max_sharpe", "no excess return", f"the most the limits allow is {attainable:.6g} a year")
    best = MaxSharpe(np.zeros(len(excess)), "none", 0.0, np.inf)
    for backend, weights in _candidates(Sigma, excess, limits):
        clean = project_to_limits(np.where(weights > DUST * weights.max(), weights, 0.0), limits)
        found = MaxSharpe(clean, backend, _sharpe(Sigma, excess, clean), sharpe_gap(Sigma, excess, clean, limits))
        best = min(best, found, key=lambda one: one.gap)
        if best.gap <= _EXACT:
            break
    if not best.gap <= GAP_LIMIT:
        raise SolverError(
            "clarabel", "not certified", f"optimality gap {best.gap:.3g} of the excess return above {GAP_LIMIT:g}"
        )
    return best


def sharpe_gap(Sigma: FloatArray, excess: FloatArray, w: FloatArray, limits: Limits) -> float:
    """Bound on how far a feasible `w` is from the largest Sharpe ratio.

    With ``k = excess'w / w'Σw``, no feasible v has ``(excess - kΣw)'v`` above some
    delta, which greedy filling finds exactly. By Cauchy and Schwarz the Sharpe
    ratio of v is at most that of w plus ``delta / sigma_v``.

    Parameters
    ----------
    Sigma, excess, limits
        As in `max_sharpe`.
    w : array of shape (n,)
        Feasible weights.

    Returns
    -------
    float
        ``delta / excess'w``: the shortfall as a share of the ratio, up to the
        ratio of volatilities. Infinite where w earns nothing.
    """
    earned, marginal = float(excess @ w), Sigma @ w
    if earned <= 0.0:
        return float("inf")
    gradient = excess - earned / float(w @ marginal) * marginal
    best = float(gradient @ cheapest(-gradient, limits))
    return max(0.0, best) / earned


def _sharpe(Sigma: FloatArray, excess: FloatArray, w: FloatArray) -> float:
    return float(excess @ w) / float(np.sqrt(w @ Sigma @ w))


def _candidates(Sigma: FloatArray, excess: FloatArray, limits: Limits) -> Iterator[tuple[str, FloatArray]]:
    P = Sigma / np.mean(np.diag(Sigma))
    flat, fixed = program_of(P, limits)
    if not fixed.free.any():
        yield "closed", fixed.expand(np.zeros(0))
        return
    if fixed.free.all():
        tangency = _Tangency(excess * fixed.unit / np.abs(excess).max())
        for start in (single_index_start(flat, tangency.reward), cold_start(flat)):
            x = settle(flat, start, tangency)
            if x is not None:
                yield "active-set", fixed.expand(x)
    program, sigma = _homogeneous(Sigma, excess, limits)
    start = interior_point(program)
    yield "clarabel", np.clip(start.x, 0.0, None) / sigma
    x = settle(program, start)
    if x is not None and (x > 0.0).any():
        yield "clarabel+polish", np.clip(x, 0.0, None) / sigma


@dataclass(frozen=True)
class _Tangency:
    """Portfolio of the largest Sharpe ratio on an active set of caps.

    With the set as equations, the efficient weights are ``a + t b``: a of least
    variance, b the direction in which reward is bought. Since ``b'Σa = 0`` and
    ``b'Σb = reward'b``, the ratio is largest at ``t = a'Σa / reward'a``.
    """

    reward: FloatArray

    def __call__(
        self,
        program: QuadraticProgram,
        zero: npt.NDArray[np.bool_],
        upper: npt.NDArray[np.bool_],
        row: npt.NDArray[np.bool_],
    ) -> Stationary:
        held = Held(program, zero, upper, row)
        a, nu_a = held.minimise(np.zeros(len(zero)), held.target)
        b, nu_b = held.direction(self.reward)
        earned = float(self.reward @ a)
        # Where the least variance earns nothing every t is worse than a larger one; a large one finds other caps.
        t = float(a @ program.P @ a) / earned if earned > 0.0 else _STEEP / float(np.abs(self.reward).max())
        x, nu = a + t * b, nu_a + t * nu_b
        gradient = program.P @ x - t * self.reward + held.rows.T @ nu
        return Stationary(x, gradient, nu[len(program.b) :])


def _homogeneous(Sigma: FloatArray, excess: FloatArray, limits: Limits) -> tuple[QuadraticProgram, FloatArray]:
    """Quadratic program in units of risk; caps are shares of the total and so are homogeneous."""
    n = len(Sigma)
    sigma = np.sqrt(np.diag(Sigma))
    reward = excess / sigma
    capped = limits.binding_clusters()
    members = (limits.groups[None, :] == capped[:, None]).astype("float64")
    own = np.flatnonzero(limits.upper < limits.gross * (1.0 - 1e-12))
    rows = np.vstack([np.eye(n)[own], members])
    shares = np.concatenate([limits.upper[own], limits.room[capped]]) / limits.gross
    G = (rows - shares[:, None]) / sigma
    G /= np.maximum(np.abs(G).max(axis=1, keepdims=True), 1e-300)
    program = QuadraticProgram(
        Sigma / np.outer(sigma, sigma),
        np.zeros(n),
        (reward / np.abs(reward).max())[None, :],
        np.ones(1),
        G,
        np.zeros(len(G)),
        np.full(n, np.inf),
    )
    return program, sigma
