"""Small dense convex quadratic programs: exact points on guessed active sets, and Clarabel for the first guess.

From no active constraint at all, a handful of guesses ends most portfolio
problems, at the cost of one Cholesky factor each; an interior point method costs
ten times that. The guesses may also cycle, or end in the wrong place: whoever
asks certifies what he gets, and starts again from Clarabel's active set.

Clarabel is called directly. A modelling layer costs several milliseconds and
most of a second of import for each of some hundred solves of a walk-forward,
and adds nothing to a problem that is already in standard form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from quant_lib.allocation._errors import SolverError

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

MAX_ITERATIONS = 200
_TIME_LIMIT_S = 20.0
_TOLERANCE = 1e-10
_ROUNDS = 60
_SIGN = 1e-12
_BROKEN = 1e-9


@dataclass(frozen=True)
class QuadraticProgram:
    """``min ½x'Px + q'x`` with ``Ax = b``, ``Gx <= h``, ``0 <= x <= upper``.

    Scale it before: polishing judges signs on an absolute scale.

    Parameters
    ----------
    P : array of shape (n, n)
        Positive semi-definite, of unit order.
    q : array of shape (n,)
        Linear cost.
    A, b : arrays of shape (m, n), (m,)
        Equalities.
    G, h : arrays of shape (k, n), (k,)
        Inequalities.
    upper : array of shape (n,)
        Upper bounds, infinite where there is none. Leave out what other constraints
        imply: a redundant bound has no multiplier of its own.
    """

    P: FloatArray
    q: FloatArray
    A: FloatArray
    b: FloatArray
    G: FloatArray
    h: FloatArray
    upper: FloatArray


@dataclass(frozen=True)
class InteriorPoint:
    """Solution of the interior point method and the constraints it holds to be active.

    Parameters
    ----------
    x : array of shape (n,)
        Primal point, accurate to about 1e-9.
    at_zero, at_upper : boolean arrays of shape (n,)
        Active bounds.
    at_row : boolean array of shape (k,)
        Active inequalities.
    """

    x: FloatArray
    at_zero: BoolArray
    at_upper: BoolArray
    at_row: BoolArray


def interior_point(program: QuadraticProgram) -> InteriorPoint:
    """Solve with Clarabel.

    Parameters
    ----------
    program : QuadraticProgram
        Feasible.

    Returns
    -------
    InteriorPoint

    Raises
    ------
    SolverError
        Clarabel did not reach a solution.
    """
    import clarabel
    from scipy import sparse

    n, m = len(program.q), len(program.b)
    bounded = np.isfinite(program.upper)
    identity = np.eye(n)
    rows = np.vstack([program.A, -identity, identity[bounded], program.G])
    bounds = np.concatenate([program.b, np.zeros(n), program.upper[bounded], program.h])
    cones = [clarabel.ZeroConeT(m), clarabel.NonnegativeConeT(len(bounds) - m)]
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.max_iter = MAX_ITERATIONS
    settings.time_limit = _TIME_LIMIT_S
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = _TOLERANCE
    P = sparse.csc_matrix(np.triu(program.P))
    solution = clarabel.DefaultSolver(P, program.q, sparse.csc_matrix(rows), bounds, cones, settings).solve()
    status = str(solution.status)
    if status not in ("Solved", "AlmostSolved"):
        raise SolverError("clarabel", status, f"{n} variables, {len(bounds)} constraints")
    active = np.asarray(solution.z)[m:] > np.asarray(solution.s)[m:]
    at_zero, at_upper = active[:n], np.zeros(n, dtype=bool)
    at_upper[bounded] = active[n : n + int(bounded.sum())]
    at_row = active[n + int(bounded.sum()) :]
    return InteriorPoint(np.asarray(solution.x), at_zero, at_upper & ~at_zero, at_row)


def cold_start(program: QuadraticProgram) -> InteriorPoint:
    """No active constraint: the guess from which most problems end within ten rounds of `settle`."""
    n = len(program.q)
    nothing = np.zeros(n, dtype=bool)
    return InteriorPoint(np.zeros(n), nothing, nothing, np.zeros(len(program.h), dtype=bool))


@dataclass(frozen=True)
class Stationary:
    """Exact minimiser on an active set.

    Parameters
    ----------
    x : array of shape (n,)
        It may break constraints outside the set.
    gradient : array of shape (n,)
        Of the Lagrangian without bounds: the multiplier of an active bound.
    rows : array
        Multipliers of the active rows of `G`.
    """

    x: FloatArray
    gradient: FloatArray
    rows: FloatArray


Minimiser: TypeAlias = Callable[[QuadraticProgram, BoolArray, BoolArray, BoolArray], Stationary]


def settle(program: QuadraticProgram, start: InteriorPoint, minimise: Minimiser | None = None) -> FloatArray | None:
    """Exact minimiser on an active set that explains itself, from a first guess.

    On an active set the minimiser is a linear system, free of a solver's
    tolerance. Constraints it breaks join the set, those with a multiplier of the
    wrong sign leave it (the primal-dual active set method of Hintermueller, Ito
    and Kunisch, SIAM Journal on Optimization 13, 2002). Once a set comes
    back, only the worst offender moves at a time.

    Parameters
    ----------
    program : QuadraticProgram
        The problem.
    start : InteriorPoint
        First guess of the active set.
    minimise : callable, optional
        Minimiser on an active set; `on_active_set` by default.

    Returns
    -------
    array of shape (n,) or None
        None where no set settled. A settled point is the optimum up to rounding,
        unless rows contradict each other on the set: certify it.
    """
    solve = on_active_set if minimise is None else minimise
    zero, upper, row = start.at_zero, start.at_upper, start.at_row
    seen: set[bytes] = set()
    careful = False
    for _ in range(_ROUNDS):
        found = solve(program, zero, upper, row)
        key = zero.tobytes() + upper.tobytes() + row.tobytes()
        careful = careful or key in seen
        flips = _contradictions(program, found.x, zero, upper, row)
        if not any(flip.any() for flip in flips):
            flips = _flips(program, found, zero, upper, row, one=careful)
        if not any(flip.any() for flip in flips):
            return found.x
        seen.add(key)
        zero, upper, row = zero ^ flips[0], upper ^ flips[1], row ^ flips[2]
        upper &= ~zero
    return None


def _contradictions(
    program: QuadraticProgram, x: FloatArray, zero: BoolArray, upper: BoolArray, row: BoolArray
) -> tuple[BoolArray, BoolArray, BoolArray]:
    """Find the bounds to let go where active rows have no free weight left to hold with equality."""
    balance, load = program.A @ x - program.b, program.G @ x - program.h
    over = (program.A[balance > _BROKEN] > 0.0).any(axis=0) | (program.G[row & (load > _BROKEN)] > 0.0).any(axis=0)
    under = (program.A[balance < -_BROKEN] > 0.0).any(axis=0)
    return zero & under, upper & over, row & (load < -_BROKEN)


def _flips(
    program: QuadraticProgram, found: Stationary, zero: BoolArray, upper: BoolArray, row: BoolArray, *, one: bool
) -> tuple[BoolArray, BoolArray, BoolArray]:
    """Find what must join or leave the active set; with `one`, the worst of it."""
    pressure = np.zeros(len(row))
    pressure[row] = found.rows
    wrong_zero = np.where(zero, -found.gradient, -found.x)
    wrong_upper = np.where(upper, found.gradient, found.x - program.upper)
    wrong_row = np.where(row, -pressure, program.G @ found.x - program.h)
    wrong_zero[upper], wrong_upper[zero] = -np.inf, -np.inf
    limit = _SIGN
    if one:
        limit = max(_SIGN, max(float(wrong.max(initial=-np.inf)) for wrong in (wrong_zero, wrong_upper, wrong_row)))
        return wrong_zero >= limit, wrong_upper >= limit, wrong_row >= limit
    return wrong_zero > limit, wrong_upper > limit, wrong_row > limit


def on_active_set(program: QuadraticProgram, zero: BoolArray, upper: BoolArray, row: BoolArray) -> Stationary:
    """Minimiser of the program with the active constraints as equalities."""
    held = Held(program, zero, upper, row)
    x, multipliers = held.minimise(-program.q, held.target)
    gradient = program.P @ x + program.q + held.rows.T @ multipliers
    return Stationary(x, gradient, multipliers[len(program.b) :])


class Held:
    """An active set as equations, factored once.

    Parameters
    ----------
    program : QuadraticProgram
        The problem.
    zero, upper : boolean arrays of shape (n,)
        Active bounds.
    row : boolean array of shape (k,)
        Active inequalities.
    """

    def __init__(self, program: QuadraticProgram, zero: BoolArray, upper: BoolArray, row: BoolArray) -> None:
        self.free = ~(zero | upper)
        self.rows = np.vstack([program.A, program.G[row]])
        self.fixed = np.where(upper, program.upper, 0.0)
        self.target = np.concatenate([program.b, program.h[row]])
        self._pull = program.P[self.free] @ self.fixed
        self._block = program.P[np.ix_(self.free, self.free)]
        self._reduced = self.rows[:, self.free]
        self._factor = self._factored()

    def minimise(self, reward: FloatArray, target: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Minimise ``½x'Px - reward'x`` on the set, with its equations equal to `target`; x and their multipliers."""
        return self._solve(reward[self.free] - self._pull, target - self.rows @ self.fixed, self.fixed)

    def direction(self, reward: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Rate at which x and the multipliers move as ``reward`` is added to the linear term."""
        return self._solve(reward[self.free], np.zeros(len(self.rows)), np.zeros(len(self.free)))

    def _factored(self) -> Any:
        from scipy.linalg import LinAlgError, cho_factor

        try:
            return cho_factor(self._block, check_finite=False)
        except LinAlgError:
            return None

    def _solve(self, cost: FloatArray, target: FloatArray, fixed: FloatArray) -> tuple[FloatArray, FloatArray]:
        from scipy.linalg import cho_solve

        x, rows = fixed.copy(), self._reduced
        if self._factor is None:
            m = len(cost)
            system = np.block([[self._block, rows.T], [rows, np.zeros((len(rows), len(rows)))]])
            solved = np.linalg.lstsq(system, np.concatenate([cost, target]), rcond=None)[0]
            x[self.free] = solved[:m]
            return x, solved[m:]
        solved = cho_solve(self._factor, np.column_stack([cost, rows.T]), check_finite=False)
        unconstrained, response = solved[:, 0], solved[:, 1:]
        # Least squares, since rows repeat where a full cluster has no free member.
        multipliers = np.linalg.lstsq(rows @ response, rows @ unconstrained - target, rcond=None)[0]
        x[self.free] = unconstrained - response @ multipliers
        return x, multipliers
