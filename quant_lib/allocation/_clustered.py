"""Two levels: weights over clusters, inverse variance within each (semantics 8.2)."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from quant_lib.allocation._covariance import VOLATILITY_FLOOR, estimate_covariance
from quant_lib.allocation._errors import InfeasibleCapsError
from quant_lib.allocation._limits import Limits, Relaxation
from quant_lib.allocation._problem import Problem, Solution

FloatArray = npt.NDArray[np.float64]

_FULL = 1e-12


def clustered_problem(problem: Problem) -> tuple[Problem, FloatArray]:
    """Pose the problem over cluster streams.

    A cluster's stream is its members weighted by inverse variance; its weight is
    bounded by the cluster cap, and by the asset cap over its largest member.

    Parameters
    ----------
    problem : Problem
        Over atoms.

    Returns
    -------
    Problem
        Over clusters ``cluster_0`` …, each a cluster of its own.
    array of shape (n, k)
        Share of each atom in each cluster; columns sum to 1.

    Raises
    ------
    InfeasibleCapsError
        The caps leave too little room and the policy is ``refuse``.
    """
    groups, k = problem.limits.groups, problem.limits.n_clusters
    variance = np.maximum(problem.returns.var(axis=0, ddof=1), VOLATILITY_FLOOR**2)
    shares = np.where(groups[:, None] == np.arange(k)[None, :], (1.0 / variance)[:, None], 0.0)
    shares /= shares.sum(axis=0)
    streams = problem.returns @ shares
    request = problem.request
    covariance = estimate_covariance(
        streams,
        ann=request.ann,
        kappa_max=request.kappa_max,
        ladder=request.shrinkage_ladder,
        estimator=request.covariance,
    )
    labels = tuple(f"cluster_{i}" for i in range(k))
    held = problem.facts.previous
    facts = dataclasses.replace(
        problem.facts,
        previous=None if held is None else np.bincount(groups, weights=held, minlength=k).astype("float64"),
        factors=None,
    )
    limits = _cluster_limits(problem, shares.max(axis=0))
    asked = dataclasses.replace(request, no_trade_band=0.0)
    return Problem(labels, streams, covariance, limits, asked, facts), shares


def _cluster_limits(problem: Problem, largest: FloatArray) -> Limits:
    limits, k = problem.limits, len(largest)
    cap, cluster_cap, gross = limits.asset_cap, limits.cluster_cap, limits.gross
    ceilings = np.minimum(cap / largest, cluster_cap)
    relaxations = limits.relaxations
    capacity = float(ceilings.sum())
    if capacity < gross * (1.0 - _FULL):
        factor = _smallest_factor(cap / largest, cluster_cap, gross)
        wide = (cap * factor[0], cluster_cap * factor[1])
        if problem.request.cap_policy == "refuse":
            raise InfeasibleCapsError(len(limits.groups), k, cap, cluster_cap, gross, capacity, *wide)
        reason = f"{k} clusters shared by inverse variance cannot hold {gross:g} under it"
        if problem.request.cap_policy == "cash":
            gross = capacity
            relaxations += (Relaxation("gross_target", limits.gross, capacity, reason),)
        else:
            told = (("asset_cap", cap, wide[0]), ("cluster_cap", cluster_cap, wide[1]))
            relaxations += tuple(Relaxation(name, old, new, reason) for name, old, new in told if new > old)
            cap, cluster_cap = wide
            ceilings = np.minimum(cap / largest, cluster_cap)
    return Limits(cap, cluster_cap, gross, np.arange(k, dtype="int64"), relaxations, ceilings=ceilings)


def _smallest_factor(rooms: FloatArray, cluster_cap: float, gross: float) -> tuple[float, float]:
    """Factors of asset and cluster cap at which clusters hold the gross: the asset cap's where that is enough."""
    if len(rooms) * cluster_cap >= gross:
        return _level(rooms, cluster_cap, gross), 1.0
    wide = gross / len(rooms)
    return _level(rooms, wide, gross), wide / cluster_cap


def _level(rooms: FloatArray, cluster_cap: float, gross: float) -> float:
    """Smallest factor f >= 1 with ``sum(min(f rooms, cluster_cap)) >= gross``: piecewise linear, so exact."""
    for f in np.sort(np.append(cluster_cap / rooms, 1.0)):
        full = f * rooms >= cluster_cap * (1.0 - _FULL)
        if f >= 1.0 and float(np.where(full, cluster_cap, f * rooms).sum()) >= gross * (1.0 - _FULL):
            below = cluster_cap / rooms > f * (1.0 + _FULL)
            before = ~below & (cluster_cap / rooms < f * (1.0 - _FULL))
            open_rooms = float(rooms[~before].sum())
            exact = (gross - cluster_cap * float(before.sum())) / open_rooms if open_rooms > 0.0 else float(f)
            return max(1.0, min(exact, float(f)))
    return float((cluster_cap / rooms).max())


def expand(problem: Problem, clustered: Problem, shares: FloatArray, solution: Solution) -> Solution:
    """Atom weights behind cluster weights, under the atoms' limits as relaxed for the clusters."""
    inner = solution.limits or clustered.limits
    outer = Limits(
        inner.asset_cap, inner.cluster_cap, inner.gross, problem.limits.groups, relaxations=inner.relaxations
    )
    roles = tuple(solution.roles[k] for k in problem.limits.groups) if solution.roles else ()
    return dataclasses.replace(
        solution,
        weights=shares @ solution.weights,
        backend=f"clusters/{solution.backend}",
        limits=outer,
        roles=roles,
    )
