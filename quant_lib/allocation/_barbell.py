"""Barbell: a core, and a small equal stake in the most antifragile stream of some clusters (semantics 8.6)."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from quant_lib.allocation._antifragility import antifragility
from quant_lib.allocation._covariance import Covariance
from quant_lib.allocation._errors import InfeasibleCapsError, SolverError
from quant_lib.allocation._hrp import hrp_weights
from quant_lib.allocation._limits import Limits, Relaxation, effective_limits, project_to_limits
from quant_lib.allocation._problem import Problem, Solution
from quant_lib.regime import Regime, UnknownRegimeError, risk_of

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

_HRP_CORE = 10
_FULL = 1e-12


def barbell(problem: Problem) -> Solution:
    """Solve the barbell.

    The leader of a cluster is its stream of the highest antifragility; the
    clusters with the best leaders give one aggressor each, and the core holds
    all assets of the *other* clusters, by ``hrp`` from ten assets on and by equal
    weight below. Caps hold for core and aggressors; where fewer clusters cannot keep
    them, the request's policy relaxes them or holds cash, and that is recorded.

    Raises
    ------
    SolverError
        The regime is not known, so that it gives no share to the aggressors, or
        there is one cluster only, so that nothing could be a core.
    InfeasibleCapsError
        The caps leave too little room and the policy is ``refuse``.
    """
    share, regime = aggressor_share(problem.facts.regime)
    leaders = pick_leaders(antifragility(problem.returns), problem.limits.groups, problem.request.max_aggressors)
    if len(leaders) == 0:
        raise SolverError("barbell", "skipped", "one cluster, which cannot be both core and aggressor")
    core = ~np.isin(problem.limits.groups, problem.limits.groups[leaders])
    gross = problem.limits.gross
    weights = np.zeros(len(core))
    limits, weights[core], backend = _core(problem, core, gross * (1.0 - share))
    stake, changed = _stake(problem, gross * share, len(leaders))
    weights[leaders] = stake
    roles = tuple("AGGRESSOR" if i in set(leaders.tolist()) else "CORE" if core[i] else "" for i in range(len(core)))
    note = f"{len(leaders)} aggressors share {share:.0%} ({regime}), core {backend} of {int(core.sum())} assets"
    return Solution(
        weights,
        f"barbell/{backend}",
        note=note,
        status="closed form",
        limits=_joint(problem.limits, limits, changed, stake, float(weights.sum())),
        roles=roles,
    )


def aggressor_share(regime: Regime | None) -> tuple[float, str]:
    """Share of what is invested that aggressors hold, and the words for why.

    Raises
    ------
    SolverError
        The regime is not known. A share of our own choosing would be a bet
        nobody asked for, so the chain of semantics 8.8 takes over.
    """
    try:
        risk = risk_of(regime or Regime.unknown())
    except UnknownRegimeError as unknown:
        raise SolverError("barbell", "skipped", "regime not known, which gives aggressors no share") from unknown
    return risk.aggressor_share, f"regime {regime.label if regime else ''}"


def pick_leaders(scores: FloatArray, groups: IntArray, most: int) -> IntArray:
    """Positions of the aggressors: the best stream of each of the best clusters, ties to the first.

    Parameters
    ----------
    scores : array of shape (n,)
        Antifragility.
    groups : array of shape (n,)
        Cluster of each stream, 0..k-1.
    most : int
        Most aggressors; half the clusters is another bound, and one cluster stays core.

    Returns
    -------
    array of int
        Best first.
    """
    n_clusters = int(groups.max()) + 1
    n_aggressors = min(most, max(1, n_clusters // 2), n_clusters - 1)
    leaders = np.array([int(np.flatnonzero(groups == k)[np.argmax(scores[groups == k])]) for k in range(n_clusters)])
    order = np.lexsort((leaders, -scores[leaders]))
    return np.asarray(leaders[order][:n_aggressors], dtype="int64")


def _core(problem: Problem, core: BoolArray, gross: float) -> tuple[Limits, FloatArray, str]:
    groups = np.unique(problem.limits.groups[core], return_inverse=True)[1].astype("int64")
    asked = dataclasses.replace(
        problem.request,
        gross_target=gross,
        asset_cap=problem.limits.asset_cap,
        cluster_cap=problem.limits.cluster_cap,
        net_target=None,
    )
    limits = effective_limits(asked, groups)
    n = int(core.sum())
    if n >= _HRP_CORE:
        covariance: Covariance = problem.covariance
        block = np.ix_(core, core)
        wanted, backend = hrp_weights(covariance.matrix[block], covariance.correlation[block], asked.linkage), "hrp"
    else:
        wanted, backend = np.full(n, 1.0 / n), "equal_weight"
    return limits, project_to_limits(wanted * limits.gross, limits), backend


def _stake(problem: Problem, total: float, n: int) -> tuple[float, tuple[Relaxation, ...]]:
    """Weight of each aggressor; the caps bound it as they bound any other weight."""
    limits, request, stake = problem.limits, problem.request, total / n
    room = min(limits.asset_cap, limits.cluster_cap)
    if stake <= room * (1.0 + _FULL):
        return stake, ()
    if request.cap_policy == "refuse":
        cap, cluster_cap = limits.asset_cap, limits.cluster_cap
        raise InfeasibleCapsError(n, n, cap, cluster_cap, total, n * room, max(cap, stake), max(cluster_cap, stake))
    reason = f"{n} aggressors cannot hold {total:.6g} under it"
    if request.cap_policy == "cash":
        return room, (Relaxation("gross_target", total, n * room, f"{reason}: the caps leave each {room:.6g}"),)
    caps = (("asset_cap", limits.asset_cap), ("cluster_cap", limits.cluster_cap))
    return stake, tuple(Relaxation(name, cap, stake, reason) for name, cap in caps if stake > cap)


def _joint(outer: Limits, core: Limits, changed: tuple[Relaxation, ...], stake: float, gross: float) -> Limits:
    """Caps that hold for core and aggressors together."""
    return Limits(
        max(core.asset_cap, stake) if changed else core.asset_cap,
        max(core.cluster_cap, stake) if changed else core.cluster_cap,
        gross,
        outer.groups,
        (*outer.relaxations, *core.relaxations, *changed),
    )
