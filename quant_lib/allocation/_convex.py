"""Convex problems with more than caps, in cvxpy, compiled once per shape.

Neutrality, a net target and a turnover penalty leave the standard form the own
solver takes. Data enter as parameters under cvxpy's rules for disciplined
parametrised programming, so that a walk-forward canonicalises a problem once for
every shape (atoms, rows) and then only fills in numbers. Everything is in units
of risk before it is solved: a daily covariance as it is costs 1e-3 in weights.
"""

from __future__ import annotations

import importlib
import threading
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from quant_lib.allocation._errors import SolverError

FloatArray = npt.NDArray[np.float64]

_LOCK = threading.Lock()
_TOLERANCES = (1e-10, 1e-8)
"""The second is tried where the first is more than the numbers allow."""
_TIME_LIMIT_S = 20.0
_DUST = 1e-9


@dataclass(frozen=True)
class Rows:
    """The feasible set ``E w = e``, ``G w <= h``, ``0 <= w <= upper``; ``1'w`` is the first row of E.

    Parameters
    ----------
    E, e : arrays of shape (m, n), (m,)
        Equalities.
    G, h : arrays of shape (k, n), (k,)
        Inequalities.
    upper : array of shape (n,)
        Upper bounds.
    """

    E: FloatArray
    e: FloatArray
    G: FloatArray
    h: FloatArray
    upper: FloatArray


@dataclass(frozen=True)
class Trade:
    """What trading away from the weights held costs.

    Parameters
    ----------
    held : array of shape (n,)
        Weights before trading.
    rate : float, a year
        Cost of a unit traded, in the unit of the objective.
    """

    held: FloatArray
    rate: float


def least_variance(Sigma: FloatArray, rows: Rows, trade: Trade | None = None) -> FloatArray:
    """Minimise ``½w'Σw + rate Σ|w - held|`` over the rows.

    Parameters
    ----------
    Sigma : array of shape (n, n)
        Positive definite, a year.
    rows : Rows
        A feasible set.
    trade : Trade, optional
        Turnover penalty.

    Returns
    -------
    array of shape (n,)

    Raises
    ------
    SolverError
        Clarabel did not reach a solution.
    """
    unit, F = _risk_units(Sigma, rows)
    size = float(unit[0] * np.sqrt(Sigma[0, 0]))
    values = _scaled_rows(rows, unit) | {"F": F}
    if trade is not None:
        values |= {"cost": trade.rate * unit / size**2, "cost_held": trade.rate * trade.held / size**2}
    x = _solve("variance", values)
    return _swept(x * unit)


def best_ratio(Sigma: FloatArray, excess: FloatArray, rows: Rows, trade: Trade | None = None) -> FloatArray:
    """Maximise ``(excess'w - rate Σ|w - held|) / sqrt(w'Σw)`` over the rows.

    Parameters
    ----------
    Sigma, rows, trade
        As in `least_variance`.
    excess : array of shape (n,)
        Expected return over the risk-free rate, a year.

    Returns
    -------
    array of shape (n,)

    Raises
    ------
    SolverError
        Clarabel did not reach a solution, as where nothing earns its cost.
    """
    unit, F = _risk_units(Sigma, rows)
    reward = excess * unit
    scale = float(np.abs(reward).max()) or 1.0
    values = _scaled_rows(rows, unit) | {"F": F, "reward": reward / scale}
    if trade is not None:
        values |= {"cost": trade.rate * unit / scale, "cost_held": trade.rate * trade.held / scale}
    y = _solve("ratio", values)
    w = _swept(y * unit)
    return np.asarray(w * (rows.e[0] / w.sum()))


def _swept(w: FloatArray) -> FloatArray:
    """Weights without what an interior point leaves of those that are zero."""
    return np.asarray(np.where(w > _DUST * w.sum(), w, 0.0))


def _risk_units(Sigma: FloatArray, rows: Rows) -> tuple[FloatArray, FloatArray]:
    """Find the unit of each weight, and a factor F of the correlations: ``F'F = C``."""
    sigma = np.sqrt(np.diag(Sigma))
    C = Sigma / np.outer(sigma, sigma)
    inverse = 1.0 / sigma**2
    typical = rows.e[0] * inverse / inverse.sum()
    unit = float(np.sqrt(np.sum((typical * sigma) ** 2))) / sigma
    return unit, np.asarray(np.linalg.cholesky(C).T)


def _scaled_rows(rows: Rows, unit: FloatArray) -> dict[str, FloatArray]:
    E, G = rows.E * unit, rows.G * unit
    by_e = np.maximum(np.abs(E).max(axis=1, initial=0.0), 1e-300)
    by_g = np.maximum(np.abs(G).max(axis=1, initial=0.0), 1e-300)
    return {
        "E": E / by_e[:, None],
        "e": rows.e / by_e,
        "G": G / by_g[:, None],
        "h": rows.h / by_g,
        "upper": rows.upper / unit,
    }


def _solve(kind: Literal["variance", "ratio"], values: dict[str, FloatArray]) -> FloatArray:
    n, traded = len(values["upper"]), "cost" in values
    # One compiled problem holds one set of numbers at a time.
    with _LOCK:
        problem, parameters, x = _compiled(kind, n, len(values["e"]), len(values["h"]), traded)
        for name, parameter in parameters.items():
            parameter.value = values[name]
        told, close = "not started", None
        for tolerance in _TOLERANCES:
            told = _attempt(problem, tolerance)
            found = None if x.value is None else np.asarray(x.value, dtype="float64")
            if told == "solved" and found is not None:
                return found
            close = found if told == "nearly solved" and close is None else close
        if close is not None:
            return close
        raise SolverError("cvxpy/clarabel", told, f"{n} weights, {len(values['h'])} rows")


def _attempt(problem: Any, tolerance: float) -> str:
    """Solve at a tolerance; ``solved``, ``nearly solved``, or how it ended."""
    import cvxpy as cp

    try:
        with warnings.catch_warnings():
            # That a solution is inaccurate is handled by who asked, and is no news to a user.
            warnings.filterwarnings("ignore", message="Solution may be inaccurate", category=UserWarning)
            problem.solve(
                solver=cp.CLARABEL,
                tol_gap_abs=tolerance,
                tol_gap_rel=tolerance,
                tol_feas=tolerance,
                time_limit=_TIME_LIMIT_S,
            )
    except cp.SolverError as failure:
        return str(failure)
    known = {cp.OPTIMAL: "solved", cp.OPTIMAL_INACCURATE: "nearly solved"}
    return known.get(problem.status, str(problem.status))


@lru_cache(maxsize=64)
def _compiled(kind: str, n: int, m: int, k: int, traded: bool) -> tuple[Any, dict[str, Any], Any]:
    """Problem, its parameters by name, and its variable."""
    cp: Any = importlib.import_module("cvxpy")
    x, size = cp.Variable(n), cp.Variable(nonneg=True)
    given = {
        "F": cp.Parameter((n, n)),
        "E": cp.Parameter((m, n)),
        "e": cp.Parameter(m),
        "upper": cp.Parameter(n, nonneg=True),
    }
    if k:
        given |= {"G": cp.Parameter((k, n)), "h": cp.Parameter(k)}
    if traded:
        given |= {"cost": cp.Parameter(n, nonneg=True), "cost_held": cp.Parameter(n)}
    total: Any = size if kind == "ratio" else 1.0
    bounds = [x >= 0, x <= total * given["upper"], given["E"] @ x == total * given["e"]]
    if k:
        bounds.append(given["G"] @ x <= total * given["h"])
    traded_away = cp.norm1(cp.multiply(given["cost"], x) - total * given["cost_held"]) if traded else 0.0
    variance = cp.sum_squares(given["F"] @ x)
    if kind == "variance":
        problem = cp.Problem(cp.Minimize(0.5 * variance + traded_away), bounds)
    else:
        given["reward"] = cp.Parameter(n)
        problem = cp.Problem(cp.Minimize(variance), [*bounds, given["reward"] @ x - traded_away >= 1.0])
    assert problem.is_dcp(dpp=True)
    return problem, given, x
