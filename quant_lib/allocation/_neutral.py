"""Minimum variance without market risk: ``|w'beta - target| <= tolerance`` (semantics 8.5)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quant_lib.allocation._convex import least_variance
from quant_lib.allocation._errors import InfeasibleProfileError
from quant_lib.allocation._min_variance import cheapest, min_variance
from quant_lib.allocation._problem import Problem, Solution
from quant_lib.allocation._traded import needs_rows, penalty, rows_of, solution_of

FloatArray = npt.NDArray[np.float64]

MIN_SESSIONS = 10
"""Common sessions a beta needs."""
_ROUNDING = 1e-9
_INTERIOR = 1e-6
"""Room a tolerance must leave: a feasible set without interior is one no solver can be trusted on."""


def market_neutral(problem: Problem) -> Solution:
    """Least variance at the smallest tolerance of the ladder that some weights satisfy.

    Which weights can be neutral is found exactly, from the least and the largest
    beta under the caps; on a sleeve of one direction there are usually none.

    Raises
    ------
    InfeasibleProfileError
        No tolerance of the ladder can be met; it names the one that could.
    """
    beta = betas(problem)
    tolerance = feasible_tolerance(problem, beta)
    target = problem.request.target_beta
    if problem.limits.single_point:
        return _solution(problem, problem.limits.upper, "closed", beta, tolerance)
    if not needs_rows(problem):
        found = min_variance(problem.covariance.matrix, problem.limits)
        if abs(float(beta @ found.weights) - target) <= tolerance:
            return _solution(problem, found.weights, found.backend, beta, tolerance)
    G, h = neutral_rows(beta, target, tolerance)
    trade = penalty(problem)
    w = least_variance(problem.covariance.matrix, rows_of(problem, G, h), trade)
    objective = float(w @ problem.covariance.matrix @ w)
    solved = solution_of(problem, w, objective, trade)
    return _solution(problem, w, solved.backend, beta, tolerance, dict(solved.slacks), solved.note)


def neutral_rows(beta: FloatArray, target: float, tolerance: float) -> tuple[FloatArray, FloatArray]:
    """Two inequalities ``G w <= h`` for ``|w'beta - target| <= tolerance``."""
    # Half the rounding of a solver stays inside the tolerance that is promised.
    inside = tolerance - _ROUNDING
    return np.vstack([beta, -beta]), np.array([inside + target, inside - target])


def betas(problem: Problem) -> FloatArray:
    """Beta of each atom's stream to the benchmark, over their common sessions.

    Raises
    ------
    InfeasibleProfileError
        Fewer than ten common sessions, or a benchmark without variance: an
        assumed beta is not evidence of neutrality.
    """
    benchmark = problem.facts.benchmark
    known = np.isfinite(benchmark) if benchmark is not None else np.zeros(0, dtype=bool)
    if benchmark is None or int(known.sum()) < MIN_SESSIONS:
        raise InfeasibleProfileError(
            "market_neutral",
            "unknown",
            f"beta is not known: {int(known.sum())} sessions of the benchmark, {MIN_SESSIONS} are needed",
            "a benchmark with returns over the lookback",
        )
    b = benchmark[known] - benchmark[known].mean()
    variance = float(b @ b)
    if variance == 0.0:
        raise InfeasibleProfileError("market_neutral", "unknown", "the benchmark never moves", "another benchmark")
    return np.asarray(b @ problem.returns[known] / variance, dtype="float64")


def feasible_tolerance(problem: Problem, beta: FloatArray) -> float:
    """Smallest tolerance of the ladder that some weights within the limits satisfy.

    Raises
    ------
    InfeasibleProfileError
        There is none.
    """
    limits, request = problem.limits, problem.request
    lowest, highest = float(beta @ cheapest(beta, limits)), float(beta @ cheapest(-beta, limits))
    needed = max(lowest - request.target_beta, request.target_beta - highest, 0.0)
    for tolerance in request.neutrality:
        if needed <= tolerance - _INTERIOR:
            return tolerance
    raise InfeasibleProfileError(
        "market_neutral",
        "infeasible",
        f"|w'beta - {request.target_beta:g}| <= {request.neutrality[-1]:g} clashes with w >= 0, "
        f"gross_target {limits.gross:g}, asset_cap {limits.asset_cap:g} and cluster_cap {limits.cluster_cap:g}: "
        f"beta is between {lowest:.6g} and {highest:.6g}",
        f"a tolerance of {needed + _INTERIOR:.6g}",
    )


def _solution(
    problem: Problem,
    w: FloatArray,
    backend: str,
    beta: FloatArray,
    tolerance: float,
    slacks: dict[str, float] | None = None,
    note: str = "",
) -> Solution:
    exposure = float(beta @ w)
    told = f"beta {exposure:.4g}, tolerance {tolerance:g}" + (f"; {note}" if note else "")
    own = {"neutrality": tolerance - abs(exposure - problem.request.target_beta)} | (slacks or {})
    return Solution(w, backend, float(w @ problem.covariance.matrix @ w), told, slacks=own)
