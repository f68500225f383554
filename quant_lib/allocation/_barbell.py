"""Barbell: a core, and a small equal stake in the most antifragile stream of some clusters (semantics 8.6)."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from quant_lib.allocation._antifragility import antifragility
from quant_lib.allocation._covariance import Covariance
from quant_lib.allocation._engines import Problem, Solution
from quant_lib.allocation._errors import SolverError
from quant_lib.allocation._hrp import hrp_weights
from quant_lib.allocation._limits import Limits, effective_limits, project_to_limits
from quant_lib.regime import AGGRESSOR_SHARE, Regime

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

_HRP_CORE = 10


def barbell(problem: Problem) -> Solution:
    """Solve the barbell.

    The leader of a cluster is its stream of the highest antifragility; the
    clusters with the best leaders give one aggressor each, and the core holds
    all assets of the *other* clusters, by ``hrp`` from ten assets on and by equal
    weight below. Caps hold for the core; where fewer clusters cannot keep them,
    they are relaxed by the request's policy, and that is recorded.

    Raises
    ------
    SolverError
        There is one cluster only, so that nothing could be a core.
    InfeasibleCapsError
        The core's caps leave too little room and the policy is ``refuse``.
    """
    share, regime = aggressor_share(problem.facts.regime)
    leaders = pick_leaders(antifragility(problem.returns), problem.limits.groups, problem.request.max_aggressors)
    if len(leaders) == 0:
        raise SolverError("barbell", "skipped", "one cluster, which cannot be both core and aggressor")
    core = ~np.isin(problem.limits.groups, problem.limits.groups[leaders])
    gross = problem.limits.gross
    weights = np.zeros(len(core))
    limits, weights[core], backend = _core(problem, core, gross * (1.0 - share))
    stake = gross * share / len(leaders)
    weights[leaders] = stake
    roles = tuple("AGGRESSOR" if i in set(leaders.tolist()) else "CORE" if core[i] else "" for i in range(len(core)))
    note = f"{len(leaders)} aggressors share {share:.0%} ({regime}), core {backend} of {int(core.sum())} assets"
    return Solution(
        weights,
        f"barbell/{backend}",
        note=note,
        status="closed form",
        limits=_joint(problem.limits, limits, stake, float(weights.sum())),
        roles=roles,
    )


def aggressor_share(regime: Regime | None) -> tuple[float, str]:
    """Share of capital for aggressors and the words for why."""
    if regime is None or not regime.known:
        return AGGRESSOR_SHARE["NORMAL"], "regime not known, as in NORMAL"
    return AGGRESSOR_SHARE[regime.label], f"regime {regime.label}"


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


def _joint(outer: Limits, core: Limits, stake: float, gross: float) -> Limits:
    """Caps that hold for core and aggressors together."""
    return Limits(
        max(core.asset_cap, stake),
        max(core.cluster_cap, stake),
        gross,
        outer.groups,
        (*outer.relaxations, *core.relaxations),
    )
