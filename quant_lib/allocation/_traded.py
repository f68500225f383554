"""Minimum variance and maximum Sharpe ratio with a turnover penalty or a net target (semantics 8.9)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quant_lib.allocation._convex import Rows, Trade, best_ratio, least_variance
from quant_lib.allocation._errors import InfeasibleProfileError, SolverError
from quant_lib.allocation._problem import Problem, Solution

FloatArray = npt.NDArray[np.float64]

BACKEND = "cvxpy/clarabel"
_EASE = 1e-7


def needs_rows(problem: Problem) -> bool:
    """Whether the request asks for more than caps."""
    return penalty(problem) is not None or not _net_is_gross(problem)


def _net_is_gross(problem: Problem) -> bool:
    """Whether the budget already keeps the net target: none is asked for, or the book has one side and it fits."""
    target, factors = problem.request.net_target, problem.facts.factors
    if target is None:
        return True
    if factors is None or not (factors == factors[0]).all():
        return False
    return abs(float(factors[0]) * problem.limits.gross - target) <= 1e-9


def penalty(problem: Problem) -> Trade | None:
    """Turnover penalty; None where none is asked for, trading is free, or nothing is known to be held.

    A trade is paid once and held for the horizon, so a unit of turnover costs
    ``cost_rate ann / horizon`` a year. Against ``½w'Σw``, the growth that
    variance costs, both are fractions of capital a year.
    """
    request, held = problem.request, problem.facts.previous
    if not request.turnover_penalty or request.cost_rate == 0.0 or held is None:
        return None
    return Trade(held, request.cost_rate * request.ann / request.horizon)


def rows_of(problem: Problem, G: FloatArray | None = None, h: FloatArray | None = None) -> Rows:
    """Caps, budget and net target as rows, with more inequalities of the profile.

    Raises
    ------
    InfeasibleProfileError
        A net target is asked for and the factors are not known, or the sides of the book cannot reach it.
    """
    limits, request = problem.limits, problem.request
    n = len(problem.labels)
    capped = limits.binding_clusters()
    members = (limits.groups[None, :] == capped[:, None]).astype("float64")
    rooms = limits.room[capped]
    E, e = np.ones((1, n)), np.array([limits.gross])
    if request.net_target is not None:
        factors = net_factors(problem, request.net_target)
        # Where every factor is the same, net is gross and the row would repeat the budget.
        if len(np.unique(factors)) > 1:
            E, e = np.vstack([E, factors]), np.append(e, request.net_target)
    if G is not None and h is not None:
        members, rooms = np.vstack([members, G]), np.concatenate([rooms, h])
    # Where the caps hold exactly the gross there is no interior to search; what this adds is projected away again.
    ease = 1.0 + (_EASE if limits.capacity <= limits.gross * (1.0 + _EASE) else 0.0)
    if len(capped):
        rooms[: len(capped)] *= ease
    return Rows(E, e, members, rooms, np.minimum(limits.upper * ease, limits.gross))


def net_factors(problem: Problem, target: float) -> FloatArray:
    """Factor of each atom, where a net target can be reached with them.

    Raises
    ------
    InfeasibleProfileError
        The factors are not known, or the sides of the book cannot reach it.
    """
    factors, limits = problem.facts.factors, problem.limits
    if factors is None:
        raise InfeasibleProfileError(
            "net_target", "unknown", f"net_target {target:g} needs the direction of each atom", "giving factors"
        )
    from quant_lib.allocation._min_variance import cheapest

    lowest = float(factors @ cheapest(factors, limits))
    highest = float(factors @ cheapest(-factors, limits))
    if not lowest - 1e-9 <= target <= highest + 1e-9:
        nearest = min(max(target, lowest), highest)
        raise InfeasibleProfileError(
            "net_target",
            "infeasible",
            f"net_target {target:g} clashes with gross_target {limits.gross:g}, asset_cap {limits.asset_cap:g} and "
            f"cluster_cap {limits.cluster_cap:g}: the net exposure is between {lowest:.6g} and {highest:.6g}",
            f"net_target {nearest:.6g}",
        )
    return factors


def traded_min_variance(problem: Problem) -> Solution:
    """Least ``½w'Σw`` and turnover cost."""
    Sigma, trade = problem.covariance.matrix, penalty(problem)
    w = least_variance(Sigma, rows_of(problem), trade)
    return solution_of(problem, w, float(w @ Sigma @ w), trade)


def traded_max_sharpe(problem: Problem) -> Solution:
    """Largest Sharpe ratio after turnover cost."""
    Sigma, trade = problem.covariance.matrix, penalty(problem)
    w = best_ratio(Sigma, problem.excess, rows_of(problem), trade)
    cost = trade.rate * float(np.abs(w - trade.held).sum()) if trade is not None else 0.0
    earned = float(problem.excess @ w) - cost
    if not earned > 0.0:
        raise SolverError(BACKEND, "no excess return", f"{earned:.6g} a year after costs")
    return solution_of(problem, w, earned / float(np.sqrt(w @ Sigma @ w)), trade)


def solution_of(
    problem: Problem, w: FloatArray, objective: float, trade: Trade | None, slacks: dict[str, float] | None = None
) -> Solution:
    """Solution with what the penalty came to."""
    note = "" if trade is None else f"turnover penalised at {trade.rate:.6g} a year"
    return Solution(w, BACKEND, objective, note, slacks=dict(slacks or {}))
