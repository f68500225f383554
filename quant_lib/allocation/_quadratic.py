"""Small dense convex quadratic programs: Clarabel, then exact points on guessed active sets.

Clarabel is called directly. A modelling layer costs several milliseconds and
most of a second of import for each of some hundred solves of a walk-forward,
and adds nothing to a problem that is already in standard form.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quant_lib.allocation._errors import SolverError

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

MAX_ITERATIONS = 200
_TIME_LIMIT_S = 20.0
_TOLERANCE = 1e-10
_POLISH_ROUNDS = 12
_SIGN = 1e-12


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


def polish_points(program: QuadraticProgram, start: InteriorPoint) -> Iterator[FloatArray]:
    """Exact minimisers on active sets near the interior point's, each a better guess.

    On an active set the minimiser is a linear system, free of the solver's
    tolerance. Constraints it breaks join the set, those with a multiplier of the
    wrong sign leave it. The caller decides which point to keep.

    Parameters
    ----------
    program : QuadraticProgram
        The problem.
    start : InteriorPoint
        First guess of the active set.

    Yields
    ------
    array of shape (n,)
        Candidate; it may break constraints that were not in its active set.
    """
    zero, upper, row = start.at_zero, start.at_upper, start.at_row
    for _ in range(_POLISH_ROUNDS):
        x, multipliers = _on_active_set(program, zero, upper, row)
        yield x
        gradient = program.P @ x + program.q + program.A.T @ multipliers[0] + program.G[row].T @ multipliers[1]
        keep_row = np.zeros_like(row)
        keep_row[row] = multipliers[1] > -_SIGN
        next_zero = np.where(zero, gradient > -_SIGN, x < -_SIGN)
        next_upper = np.where(upper, gradient < _SIGN, x > program.upper + _SIGN) & ~next_zero
        next_row = np.where(row, keep_row, program.G @ x > program.h + _SIGN)
        changed = (next_zero != zero).any() or (next_upper != upper).any() or (next_row != row).any()
        if not changed:
            return
        zero, upper, row = next_zero, next_upper, next_row


def _on_active_set(
    program: QuadraticProgram, zero: BoolArray, upper: BoolArray, row: BoolArray
) -> tuple[FloatArray, tuple[FloatArray, FloatArray]]:
    """Minimiser with the active constraints as equalities, and the multipliers of `A` and of the active rows of `G`."""
    free = ~(zero | upper)
    x = np.where(upper, program.upper, 0.0)
    rows = np.vstack([program.A, program.G[row]])
    target = np.concatenate([program.b, program.h[row]]) - rows @ x
    n_free, m = int(free.sum()), len(program.b)
    system = np.block(
        [[program.P[np.ix_(free, free)], rows[:, free].T], [rows[:, free], np.zeros((len(rows), len(rows)))]]
    )
    cost = -(program.q + program.P @ x)[free]
    # Least squares, since rows repeat where a full cluster has no free member.
    solved = np.linalg.lstsq(system, np.concatenate([cost, target]), rcond=None)[0]
    x[free] = solved[:n_free]
    return x, (solved[n_free : n_free + m], solved[n_free + m :])
