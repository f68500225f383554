"""One allocation, from returns to validated weights."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.allocation._band import hold_band
from quant_lib.allocation._clustered import clustered_problem, expand
from quant_lib.allocation._context import AllocationContext
from quant_lib.allocation._covariance import VOLATILITY_FLOOR, Covariance
from quant_lib.allocation._engines import Engine, find_engine
from quant_lib.allocation._errors import AllocationFailedError, InfeasibleProfileError, SolverError
from quant_lib.allocation._inputs import Prepared, prepare
from quant_lib.allocation._limits import CAP_TOLERANCE, effective_limits, project_to_limits
from quant_lib.allocation._problem import Problem, Solution
from quant_lib.allocation._request import AllocationRequest
from quant_lib.allocation._result import Allocation, Attempt, content_hash
from quant_lib.objectives import BASELINES, LIBRARIES

FloatArray = npt.NDArray[np.float64]


def allocate(
    returns: pd.DataFrame,
    clusters: pd.Series,
    request: AllocationRequest,
    context: AllocationContext | None = None,
) -> Allocation:
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
    context : AllocationContext, optional
        Regime, benchmark, what is held.

    Returns
    -------
    Allocation
        Non-negative weights within both caps to 1e-9 and summing to the gross
        target. A fallback is marked as one and names its own backend. Where the
        risk profile's own constraint cannot hold, the status is ``infeasible``
        and everything is cash.

    Raises
    ------
    UnsupportedAllocationError
        The engine does not solve the risk profile or one of the fallbacks.
    MissingEngineError
        The engine's library is not installed.
    NonFiniteReturnsError
        A return is missing or infinite; it names the columns.
    AllocationInputError
        Names or sessions repeat, a cluster is missing, or T < 2.
    InfeasibleCapsError, InfeasibleProfileError
        The limits leave too little room and the policy is ``refuse``.
    AllocationFailedError
        The risk profile and every fallback failed.
    """
    find_engine(request.engine, request.risk_profile, *(request.fallbacks or ()))
    return allocate_prepared(prepare(returns, clusters, context), request)


def allocate_prepared(inputs: Prepared, request: AllocationRequest) -> Allocation:
    """`allocate` on inputs that several requests share."""
    engine = find_engine(request.engine, request.risk_profile, *(request.fallbacks or ()))
    if not inputs.labels:
        return _empty(inputs, request, "cash")
    problem = _problem(inputs, request)
    try:
        solution, attempts = _solve(engine, problem)
    except InfeasibleProfileError as failure:
        if request.cap_policy == "refuse":
            raise
        attempt = Attempt(request.risk_profile, f"{request.engine}/{failure.backend}", "infeasible", str(failure))
        return _empty(inputs, request, "infeasible", (attempt,))
    return _assemble(problem, inputs, solution, attempts)


def _problem(inputs: Prepared, request: AllocationRequest) -> Problem:
    if request.risk_profile in BASELINES:
        # A baseline knows no caps, so that none is relaxed for it either.
        request = dataclasses.replace(request, asset_cap=1.0, cluster_cap=1.0, no_trade_band=0.0, structure="atoms")
    limits = effective_limits(request, inputs.groups)
    if request.net_target is not None and limits.gross < request.gross_target:
        # Caps that leave less than the gross target leave as much less of the net.
        share = limits.gross / request.gross_target
        request = dataclasses.replace(request, gross_target=limits.gross, net_target=request.net_target * share)
    return Problem(inputs.labels, inputs.returns, inputs.covariance(request), limits, request, inputs.facts)


def _solve(engine: Engine, problem: Problem) -> tuple[Solution, tuple[Attempt, ...]]:
    """Try the requested profile, then its fallbacks; every attempt is recorded."""
    request = problem.request
    chain = engine.fallbacks(request.risk_profile)
    if request.fallbacks is not None:
        chain = tuple((request.engine, profile) for profile in request.fallbacks)
    attempts: list[Attempt] = []
    for name, risk_profile in ((request.engine, request.risk_profile), *chain):
        solver = engine if name == request.engine else find_engine(name, risk_profile)
        try:
            solution = _solve_one(solver, problem, name, risk_profile)
        except InfeasibleProfileError:
            raise
        except SolverError as failure:
            skipped = failure.status == "skipped"
            where = f"{name}/{failure.backend}"
            attempts.append(Attempt(risk_profile, where, "skipped" if skipped else "failed", str(failure)))
            continue
        attempts.append(Attempt(risk_profile, f"{solution.engine}/{solution.backend}", "solved", solution.note))
        return solution, tuple(attempts)
    told = tuple(f"{attempt.backend} {attempt.risk_profile}: {attempt.note}" for attempt in attempts)
    raise AllocationFailedError(request.engine, request.risk_profile, told)


def _solve_one(solver: Engine, problem: Problem, name: str, risk_profile: str) -> Solution:
    """One engine on one risk profile, over atoms or over clusters, validated and held within the no-trade band."""
    if problem.request.structure == "clusters":
        clustered, shares = clustered_problem(problem)
        solution = expand(problem, clustered, shares, solver.solve(clustered, risk_profile))
    else:
        solution = solver.solve(problem, risk_profile)
    solution = dataclasses.replace(
        solution, engine=solution.engine or name, risk_profile=solution.risk_profile or risk_profile
    )
    return hold_band(problem, _validated(problem, solution))


def _validated(problem: Problem, solution: Solution) -> Solution:
    """Stable-sum and sanity gates of semantics 8.10, then the caps."""
    weights, limits = solution.weights, solution.limits or problem.limits
    if not np.isfinite(weights).all() or float(np.abs(weights).sum()) < 1e-6 or float(weights.sum()) <= 0.0:
        raise SolverError(solution.backend, "unstable weights", f"they sum to {float(weights.sum())!r}")
    clean = project_to_limits(weights, limits)
    drift = float(np.abs(clean - weights).max())
    if drift > 1e-6:
        raise SolverError(solution.backend, "caps broken", f"weights were {drift:.3g} away from the feasible set")
    violation = limits.violation(clean)
    if violation > CAP_TOLERANCE:
        raise SolverError(solution.backend, "caps broken", f"by {violation:.3g} after projection")
    return dataclasses.replace(solution, weights=clean, limits=limits)


def _assemble(problem: Problem, inputs: Prepared, solution: Solution, attempts: tuple[Attempt, ...]) -> Allocation:
    request, covariance, w = problem.request, problem.covariance, solution.weights
    limits = solution.limits or problem.limits
    marginal = covariance.matrix @ w
    variance = float(marginal @ w)
    index = inputs.clusters.index
    weights = pd.Series(w, index=index, name="weight")
    cluster_sums = limits.cluster_sums(w)
    effective_n = float(w.sum() ** 2 / (w @ w))
    held = problem.facts.previous
    return Allocation(
        engine=request.engine,
        risk_profile=request.risk_profile,
        status="solved",
        backend=f"{solution.engine}/{solution.backend}",
        solved_profile=solution.risk_profile or request.risk_profile,
        solver_status=solution.status,
        fallback=len(attempts) > 1,
        attempts=attempts,
        weights=weights,
        risk_contributions=pd.Series(w * marginal / variance, index=index, name="risk_contribution"),
        clusters=inputs.clusters,
        roles=pd.Series(solution.roles or ("",) * len(index), index=index, name="role", dtype="str"),
        objective=solution.objective,
        kappa_raw=covariance.kappa_raw,
        kappa=covariance.kappa,
        shrinkage=covariance.shrinkage,
        ledoit_wolf=covariance.ledoit_wolf,
        expected_volatility=float(np.sqrt(variance)),
        effective_n=effective_n,
        max_cluster_weight=float(cluster_sums.max()),
        turnover=None if held is None else 0.5 * float(np.abs(w - held).sum() + abs(w.sum() - held.sum())),
        asset_cap=limits.asset_cap,
        cluster_cap=limits.cluster_cap,
        relaxations=limits.relaxations,
        slacks={
            "asset_cap": limits.asset_cap - float(w.max()),
            "cluster_cap": limits.cluster_cap - float(cluster_sums.max()),
            "budget": float(w.sum()) - limits.gross,
        }
        | _net_slack(problem, w)
        | dict(solution.slacks),
        warnings=_warnings(problem, solution, covariance),
        lineage=inputs.hashes,
        inputs_hash=inputs.inputs_hash(request),
        weights_hash=content_hash(weights),
    )


def _net_slack(problem: Problem, w: FloatArray) -> dict[str, float]:
    target, factors = problem.request.net_target, problem.facts.factors
    return {} if target is None or factors is None else {"net_target": float(factors @ w) - target}


def _warnings(problem: Problem, solution: Solution, covariance: Covariance) -> tuple[str, ...]:
    limits = solution.limits or problem.limits
    told = [
        f"{relaxation.limit} {relaxation.requested:.6g} became {relaxation.effective:.6g}: {relaxation.reason}"
        for relaxation in limits.relaxations
    ]
    regime = problem.facts.regime
    if problem.request.risk_profile in ("adaptive", "barbell") and (regime is None or not regime.known):
        told.append("the regime is not known")
    if problem.request.turnover_penalty and solution.engine in LIBRARIES:
        told.append(f"{solution.engine} knows no turnover penalty: what is held did not matter to it")
    if not covariance.bound_met:
        told.append(
            f"condition number {covariance.kappa:.6g} above {problem.request.kappa_max:.6g} at the last shrinkage "
            f"{covariance.shrinkage:g}"
        )
    if covariance.floored:
        dead = ", ".join(problem.labels[i] for i in covariance.floored)
        told.append(f"volatility raised to the floor {VOLATILITY_FLOOR:g} a session: {dead}")
    return tuple(told)


def _empty(inputs: Prepared, request: AllocationRequest, status: str, attempts: tuple[Attempt, ...] = ()) -> Allocation:
    """Cash: nothing to allocate to, or no weights that satisfy what was asked."""
    index = inputs.clusters.index
    nothing = pd.Series(0.0, index=index, dtype="float64")
    return Allocation(
        engine=request.engine,
        risk_profile=request.risk_profile,
        status="cash" if status == "cash" else "infeasible",
        backend="cash",
        solved_profile=request.risk_profile,
        solver_status=status,
        fallback=False,
        attempts=attempts,
        weights=nothing.rename("weight"),
        risk_contributions=nothing.rename("risk_contribution"),
        clusters=inputs.clusters,
        roles=pd.Series("", index=index, name="role", dtype="str"),
        relaxations=(),
        slacks={},
        warnings=tuple(attempt.note for attempt in attempts),
        lineage=inputs.hashes,
        inputs_hash=inputs.inputs_hash(request),
        weights_hash=content_hash(nothing),
    )
