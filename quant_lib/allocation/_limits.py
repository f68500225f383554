"""Caps: what holds together, and the nearest weights in proportion (semantics 8.4)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from quant_lib.allocation._errors import InfeasibleCapsError
from quant_lib.allocation._request import AllocationRequest

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

CAP_TOLERANCE = 1e-9
_FULL = 1e-12


@dataclass(frozen=True, slots=True)
class Relaxation:
    """A limit that could not be kept as requested."""

    limit: str
    requested: float
    effective: float
    reason: str


@dataclass(frozen=True)
class Limits:
    """The feasible set ``0 <= w <= asset_cap``, sum in each cluster ``<= cluster_cap``, total ``gross``.

    Parameters
    ----------
    asset_cap, cluster_cap, gross : float, fraction of capital
        As enforced, after any relaxation.
    groups : array of shape (n,)
        Cluster of each asset, 0..k-1.
    relaxations : tuple of Relaxation
        What was changed from the request.
    ceilings : array of shape (n,), optional
        Bound of each weight where they differ; `asset_cap` for all by default.
    rooms : array of shape (k,), optional
        Bound of each cluster where they differ; `cluster_cap` for all by default.
    """

    asset_cap: float
    cluster_cap: float
    gross: float
    groups: IntArray
    relaxations: tuple[Relaxation, ...] = ()
    ceilings: FloatArray | None = None
    rooms: FloatArray | None = None

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return int(self.groups.max()) + 1

    @cached_property
    def room(self) -> FloatArray:
        """Bound of each cluster's total."""
        return np.full(self.n_clusters, self.cluster_cap) if self.rooms is None else self.rooms

    @cached_property
    def upper(self) -> FloatArray:
        """Bound of each weight: no asset can exceed its cluster's cap either."""
        own = np.full(len(self.groups), self.asset_cap) if self.ceilings is None else self.ceilings
        return np.minimum(own, self.room[self.groups])

    @cached_property
    def capacity(self) -> float:
        """What the caps leave room for."""
        return float(np.minimum(self.cluster_sums(self.upper), self.room).sum())

    @cached_property
    def single_point(self) -> bool:
        """Whether every weight must be at its bound."""
        return float(self.upper.sum()) <= self.gross * (1.0 + _FULL) and len(self.binding_clusters()) == 0

    def cluster_sums(self, weights: FloatArray) -> FloatArray:
        """Total weight of each cluster."""
        return np.asarray(np.bincount(self.groups, weights=weights, minlength=self.n_clusters))

    def binding_clusters(self) -> IntArray:
        """Clusters whose cap is not already implied by the bounds of their members."""
        held = self.cluster_sums(self.upper)
        return np.asarray(np.flatnonzero(held > self.room * (1.0 + _FULL)), dtype="int64")

    def violation(self, weights: FloatArray) -> float:
        """Largest amount by which weights break a limit, the budget included."""
        return max(
            float(-weights.min()),
            float((weights - self.upper).max()),
            float((self.cluster_sums(weights) - self.room).max()),
            abs(float(weights.sum()) - self.gross),
            0.0,
        )


def effective_limits(request: AllocationRequest, groups: IntArray) -> Limits:
    """Limits that can hold together, by the request's cap policy.

    Asset cap first, ``max(cap, gross / n)``; then the smallest cluster cap at
    which the clusters, each filled up to the asset cap, hold the gross target.

    Parameters
    ----------
    request : AllocationRequest
        Caps, gross target and policy.
    groups : array of shape (n,), n >= 1
        Cluster of each asset, 0..k-1.

    Returns
    -------
    Limits

    Raises
    ------
    InfeasibleCapsError
        The caps leave too little room and the policy is ``refuse``.
    """
    sizes = np.bincount(groups)
    gross, cap, cluster_cap = request.gross_target, request.asset_cap, request.cluster_cap
    capacity = _capacity(sizes, cap, cluster_cap)
    if capacity >= gross * (1.0 - _FULL):
        return Limits(cap, cluster_cap, gross, groups)
    if request.cap_policy == "cash":
        reason = f"caps leave room for {capacity:.6g}, the rest is cash"
        return Limits(cap, cluster_cap, capacity, groups, (Relaxation("gross_target", gross, capacity, reason),))
    wide_cap = max(cap, gross / len(groups))
    wide_cluster_cap = _smallest_cluster_cap(sizes, wide_cap, cluster_cap, gross)
    if request.cap_policy == "refuse":
        raise InfeasibleCapsError(
            len(groups), len(sizes), cap, cluster_cap, gross, capacity, wide_cap, wide_cluster_cap
        )
    relaxations = []
    if wide_cap > cap:
        reason = f"{len(groups)} assets cannot hold {gross:g} under it"
        relaxations.append(Relaxation("asset_cap", cap, wide_cap, reason))
    if wide_cluster_cap > cluster_cap:
        reason = f"{len(sizes)} clusters of at most {wide_cap:.6g} an asset cannot hold {gross:g} under it"
        relaxations.append(Relaxation("cluster_cap", cluster_cap, wide_cluster_cap, reason))
    return Limits(wide_cap, wide_cluster_cap, gross, groups, tuple(relaxations))


def _capacity(sizes: IntArray, asset_cap: float, cluster_cap: float) -> float:
    return float(np.minimum(sizes * asset_cap, cluster_cap).sum())


def _smallest_cluster_cap(sizes: IntArray, asset_cap: float, cluster_cap: float, gross: float) -> float:
    """Smallest cap >= `cluster_cap` whose capacity reaches `gross`; capacity is piecewise linear in the cap."""
    if _capacity(sizes, asset_cap, cluster_cap) >= gross * (1.0 - _FULL):
        return cluster_cap
    room = np.sort(sizes * asset_cap)
    for full in range(len(room)):
        # The `full` smallest clusters hold all they can, the others share the rest equally.
        level = (gross - float(room[:full].sum())) / (len(room) - full)
        if level <= room[full] * (1.0 + _FULL):
            return max(level, cluster_cap)
    return max(float(room[-1]), cluster_cap)


def project_to_limits(proportions: FloatArray, limits: Limits) -> FloatArray:
    """Weights within the limits that keep the given proportions as far as possible.

    The projection in relative entropy: every weight is ``min(cap, lambda p)``
    with one lambda for all, except in a cluster at its cap, which gets its own
    smaller one. Proportions that already fit come back unchanged. (The paper:
    Csiszar, "I-divergence geometry of probability distributions", 1975.)

    Parameters
    ----------
    proportions : array of shape (n,)
        Non-negative, any scale, not all zero. Zeros stay zero unless the others
        cannot hold the gross.
    limits : Limits
        A feasible set.

    Returns
    -------
    array of shape (n,)
        Weights summing to ``limits.gross``.
    """
    p = np.clip(proportions, 0.0, None)
    weights = _fill(p, limits, limits.gross)
    short = limits.gross - float(weights.sum())
    if short > _FULL * limits.gross:
        weights = weights + _fill_rest(weights, limits, short)
    return weights


def _fill(p: FloatArray, limits: Limits, gross: float) -> FloatArray:
    """Fill in proportion until `gross` or until everything with a positive proportion is full."""
    upper = np.where(p > 0.0, limits.upper, 0.0)
    capped = limits.binding_clusters()
    weights = _water_level(p, upper, gross)
    ceilings = np.full(limits.n_clusters, np.inf)
    for _ in range(len(capped)):
        over = [k for k in capped if limits.cluster_sums(weights)[k] > limits.room[k] * (1.0 + _FULL)]
        if not over:
            break
        # Fixing a cluster at its cap only raises the common level, so what is over now stays over.
        ceilings[over] = limits.room[over]
        weights = _refill(p, upper, limits, ceilings, gross)
    return weights


def _refill(p: FloatArray, upper: FloatArray, limits: Limits, ceilings: FloatArray, gross: float) -> FloatArray:
    weights = np.zeros_like(p)
    for k in np.flatnonzero(np.isfinite(ceilings)):
        members = limits.groups == k
        weights[members] = _water_level(p[members], upper[members], float(ceilings[k]))
    free = ~np.isfinite(ceilings[limits.groups])
    if free.any():
        weights[free] = _water_level(p[free], upper[free], gross - float(weights.sum()))
    return weights


def _water_level(p: FloatArray, upper: FloatArray, total: float) -> FloatArray:
    """``min(upper, lambda p)`` with the lambda that sums to `total`, or `upper` where even that is less."""
    if total >= float(upper.sum()):
        return upper.copy()
    if total <= 0.0:
        return np.zeros_like(p)
    positive = p > 0.0
    reach = np.full_like(p, np.inf)
    reach[positive] = upper[positive] / p[positive]
    order = np.argsort(reach, kind="stable")
    # With the first j assets full, lambda solves full_j + lambda * rest_j = total.
    full = np.concatenate(([0.0], np.cumsum(upper[order])[:-1]))
    rest = np.cumsum(p[order][::-1])[::-1]
    level = np.divide(total - full, rest, out=np.full_like(p, np.inf), where=rest > 0.0)
    first = int(np.argmax(level <= reach[order]))
    return np.asarray(np.minimum(upper, level[first] * p), dtype="float64")


def _fill_rest(weights: FloatArray, limits: Limits, short: float) -> FloatArray:
    """Spread what positive proportions could not hold over the room that is left, in proportion to it."""
    slack = np.clip(limits.upper - weights, 0.0, None)
    in_cluster = limits.cluster_sums(slack)
    allowed = np.clip(limits.room - limits.cluster_sums(weights), 0.0, None)
    ratio = np.divide(np.minimum(in_cluster, allowed), in_cluster, out=np.zeros_like(allowed), where=in_cluster > 0.0)
    room = slack * ratio[limits.groups]
    total = float(room.sum())
    return np.asarray(room * min(1.0, short / total) if total > 0.0 else room, dtype="float64")
