"""One allocation, from returns to validated weights."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.allocation._covariance import VOLATILITY_FLOOR, Covariance, estimate_covariance
from quant_lib.allocation._engines import Engine, Problem, Solution, find_engine
from quant_lib.allocation._errors import (
    AllocationFailedError,
    AllocationInputError,
    NonFiniteReturnsError,
    SolverError,
)
from quant_lib.allocation._limits import CAP_TOLERANCE, effective_limits, project_to_limits
from quant_lib.allocation._request import AllocationRequest
from quant_lib.allocation._result import Allocation, Attempt, content_hash

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def allocate(returns: pd.DataFrame, clusters: pd.Series, request: AllocationRequest) -> Allocation:
    """Allocate capital to synthetic long streams.

    Columns and sessions are sorted first, so that neither their order nor that
    of `clusters` changes a bit of the result.

    Parameters
    ----------
    returns : DataFrame, shape (T, n)
        Complete simple returns of each atom, index of sessions, columns of atom
        ids. No column at all is a valid decision: cash.
    clusters : Series of int
        Cluster of each atom; labels beyond the columns of `returns` are ignored.
    request : AllocationRequest
        Engine, risk profile and limits.

    Returns
    -------
    Allocation
        Non-negative weights within both caps to 1e-9 and summing to the gross
        target. A fallback is marked as one and names its own backend.

    Raises
    ------
    UnsupportedAllocationError
        The engine does not solve the risk profile or one of the fallbacks.
    NonFiniteReturnsError
        A return is missing or infinite; it names the columns.
    AllocationInputError
        Names or sessions repeat, a cluster is missing, or T < 2.
    InfeasibleCapsError
        The caps leave too little room and the policy is ``refuse``.
    AllocationFailedError
        The risk profile and every fallback failed.
    """
    engine = find_engine(request.engine, request.risk_profile, *(request.fallbacks or ()))
    _validate_labels(returns, clusters)
    ordered = _sorted(returns)
    labels = tuple(str(label) for label in ordered.columns)
    own = clusters.reindex(ordered.columns).astype("int64")
    X = ordered.to_numpy(dtype="float64")
    cluster_of: IntArray = np.asarray(own, dtype=np.int64)
    inputs = _inputs_hash(labels, X, cluster_of, request)
    if not labels:
        return _cash(request, own, inputs)
    _validate_values(ordered, X)
    groups = np.unique(cluster_of, return_inverse=True)[1].astype("int64")
    covariance = estimate_covariance(
        X,
        ann=request.ann,
        kappa_max=request.kappa_max,
        ladder=request.shrinkage_ladder,
        estimator=request.covariance,
    )
    problem = Problem(labels, X, covariance, effective_limits(request, groups), request)
    solution, attempts = _solve(engine, problem)
    return _assemble(problem, solution, attempts, own, inputs)


def _sorted(returns: pd.DataFrame) -> pd.DataFrame:
    ordered = returns if returns.columns.is_monotonic_increasing else returns.sort_index(axis=1)
    return ordered if ordered.index.is_monotonic_increasing else ordered.sort_index()


def _validate_labels(returns: pd.DataFrame, clusters: pd.Series) -> None:
    for name, index in (("atoms", returns.columns), ("cluster labels", clusters.index), ("sessions", returns.index)):
        if index.has_duplicates:
            repeated = tuple(sorted({str(label) for label in index[index.duplicated()]}))
            raise AllocationInputError(f"{name} repeat", repeated)
    cluster = pd.to_numeric(clusters.reindex(returns.columns), errors="coerce")
    if cluster.isna().any():
        raise AllocationInputError("atoms have no cluster", tuple(sorted(map(str, cluster.index[cluster.isna()]))))


def _validate_values(ordered: pd.DataFrame, X: FloatArray) -> None:
    wrong = ~np.isfinite(X)
    if wrong.any():
        columns = tuple(str(ordered.columns[int(i)]) for i in np.flatnonzero(wrong.any(axis=0)))
        raise NonFiniteReturnsError(columns, int(wrong.sum()))
    if len(X) < 2:
        raise AllocationInputError(f"{len(X)} sessions of returns, a variance needs 2")


def _solve(engine: Engine, problem: Problem) -> tuple[Solution, tuple[Attempt, ...]]:
    """Try the requested profile, then its fallbacks; every attempt is recorded."""
    request = problem.request
    chain = engine.fallbacks(request.risk_profile) if request.fallbacks is None else request.fallbacks
    attempts: list[Attempt] = []
    for risk_profile in (request.risk_profile, *chain):
        try:
            solution = _validated(problem, engine.solve(problem, risk_profile))
        except SolverError as failure:
            skipped = failure.status == "skipped"
            attempts.append(Attempt(risk_profile, failure.backend, "skipped" if skipped else "failed", str(failure)))
            continue
        attempts.append(Attempt(risk_profile, solution.backend, "solved", solution.note))
        return solution, tuple(attempts)
    told = tuple(f"{attempt.risk_profile}: {attempt.note}" for attempt in attempts)
    raise AllocationFailedError(request.engine, request.risk_profile, told)


def _validated(problem: Problem, solution: Solution) -> Solution:
    """Stable-sum and sanity gates of semantics 8.10, then the caps."""
    weights = solution.weights
    if not np.isfinite(weights).all() or float(np.abs(weights).sum()) < 1e-6:
        raise SolverError(solution.backend, "unstable weights", f"they sum to {float(weights.sum())!r}")
    clean = project_to_limits(weights, problem.limits)
    drift = float(np.abs(clean - weights).max())
    if drift > 1e-6:
        raise SolverError(solution.backend, "caps broken", f"weights were {drift:.3g} away from the feasible set")
    violation = problem.limits.violation(clean)
    if violation > CAP_TOLERANCE:
        raise SolverError(solution.backend, "caps broken", f"by {violation:.3g} after projection")
    return Solution(clean, solution.backend, solution.objective, solution.note)


def _assemble(
    problem: Problem, solution: Solution, attempts: tuple[Attempt, ...], clusters: pd.Series, inputs: str
) -> Allocation:
    request, limits, covariance, w = problem.request, problem.limits, problem.covariance, solution.weights
    marginal = covariance.matrix @ w
    variance = float(marginal @ w)
    index = clusters.index
    weights = pd.Series(w, index=index, name="weight")
    cluster_sums = limits.cluster_sums(w)
    return Allocation(
        engine=request.engine,
        risk_profile=request.risk_profile,
        status="solved",
        backend=f"{request.engine}/{solution.backend}",
        fallback=attempts[-1].risk_profile != request.risk_profile,
        attempts=attempts,
        weights=weights,
        risk_contributions=pd.Series(w * marginal / variance, index=index, name="risk_contribution"),
        clusters=clusters.rename("cluster"),
        objective=solution.objective,
        kappa_raw=covariance.kappa_raw,
        kappa=covariance.kappa,
        shrinkage=covariance.shrinkage,
        ledoit_wolf=covariance.ledoit_wolf,
        expected_volatility=float(np.sqrt(variance)),
        effective_n=float(w.sum() ** 2 / (w @ w)),
        max_cluster_weight=float(cluster_sums.max()),
        asset_cap=limits.asset_cap,
        cluster_cap=limits.cluster_cap,
        relaxations=limits.relaxations,
        slacks={
            "asset_cap": limits.asset_cap - float(w.max()),
            "cluster_cap": limits.cluster_cap - float(cluster_sums.max()),
            "budget": float(w.sum()) - limits.gross,
        },
        warnings=_warnings(problem, covariance),
        inputs_hash=inputs,
        weights_hash=content_hash(weights),
    )


def _warnings(problem: Problem, covariance: Covariance) -> tuple[str, ...]:
    told = [
        f"{relaxation.limit} {relaxation.requested:.6g} became {relaxation.effective:.6g}: {relaxation.reason}"
        for relaxation in problem.limits.relaxations
    ]
    if not covariance.bound_met:
        told.append(
            f"condition number {covariance.kappa:.6g} above {problem.request.kappa_max:.6g} at the last shrinkage "
            f"{covariance.shrinkage:g}"
        )
    if covariance.floored:
        dead = ", ".join(problem.labels[i] for i in covariance.floored)
        told.append(f"volatility raised to the floor {VOLATILITY_FLOOR:g} a session: {dead}")
    return tuple(told)


def _cash(request: AllocationRequest, clusters: pd.Series, inputs: str) -> Allocation:
    nothing = pd.Series(dtype="float64", index=clusters.index)
    undefined: dict[str, Any] = dict.fromkeys(
        (
            "objective",
            "kappa_raw",
            "kappa",
            "shrinkage",
            "ledoit_wolf",
            "expected_volatility",
            "effective_n",
            "max_cluster_weight",
            "asset_cap",
            "cluster_cap",
        )
    )
    return Allocation(
        engine=request.engine,
        risk_profile=request.risk_profile,
        status="cash",
        backend="cash",
        fallback=False,
        attempts=(),
        weights=nothing.rename("weight"),
        risk_contributions=nothing.rename("risk_contribution"),
        clusters=clusters.rename("cluster"),
        relaxations=(),
        slacks={},
        warnings=(),
        inputs_hash=inputs,
        weights_hash=content_hash(nothing),
        **undefined,
    )


def _inputs_hash(labels: tuple[str, ...], X: FloatArray, clusters: IntArray, request: AllocationRequest) -> str:
    digest = hashlib.sha256(json.dumps([list(labels), X.shape, asdict(request)], sort_keys=True).encode())
    digest.update(np.ascontiguousarray(X, dtype="<f8").tobytes())
    digest.update(np.ascontiguousarray(clusters, dtype="<i8").tobytes())
    return digest.hexdigest()
