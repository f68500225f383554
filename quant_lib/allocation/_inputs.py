"""Returns and clusters made ready once, for every request of a decision."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.allocation._context import AllocationContext, Facts, line_up
from quant_lib.allocation._covariance import Covariance, estimate_covariance
from quant_lib.allocation._errors import AllocationInputError, NonFiniteReturnsError
from quant_lib.allocation._request import AllocationRequest

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Prepared:
    """Sorted, validated inputs of a decision. Make it with `prepare`.

    Parameters
    ----------
    labels : tuple of str, length n
        Atom ids in ascending order.
    returns : array of shape (T, n)
        Complete, oldest first.
    clusters : Series of int64, index of labels
        Cluster of each atom, as given.
    groups : array of shape (n,)
        The same as 0..k-1.
    facts : Facts
        Regime, benchmark, what is held.
    hashes : dict of str to str
        SHA-256 of ``returns``, ``clusters`` and ``winners`` (the labels).
    """

    labels: tuple[str, ...]
    returns: FloatArray
    clusters: pd.Series
    groups: IntArray
    facts: Facts
    hashes: dict[str, str]
    _covariances: dict[tuple[object, ...], Covariance] = field(default_factory=dict)

    def covariance(self, request: AllocationRequest) -> Covariance:
        """Conditioned covariance of a request; requests that condition alike share it."""
        key = (request.ann, request.kappa_max, request.shrinkage_ladder, request.covariance)
        if key not in self._covariances:
            self._covariances[key] = estimate_covariance(
                self.returns,
                ann=request.ann,
                kappa_max=request.kappa_max,
                ladder=request.shrinkage_ladder,
                estimator=request.covariance,
            )
        return self._covariances[key]

    def holding(self, previous: pd.Series) -> Prepared:
        """Put other held weights beside the same inputs; everything that was computed is shared.

        Parameters
        ----------
        previous : Series
            As `AllocationContext.previous`.
        """
        held = line_up(AllocationContext(previous=previous), pd.Index([]), pd.Index(self.labels)).previous
        return replace(self, facts=replace(self.facts, previous=held))

    def inputs_hash(self, request: AllocationRequest) -> str:
        """SHA-256 of everything the weights depend on."""
        known = json.dumps([self.hashes, asdict(request), _fact_values(self.facts)], sort_keys=True)
        return hashlib.sha256(known.encode()).hexdigest()


def prepare(returns: pd.DataFrame, clusters: pd.Series, context: AllocationContext | None = None) -> Prepared:
    """Sort, validate and hash the inputs of a decision.

    Columns and sessions are sorted first, so that neither their order nor that
    of `clusters` changes a bit of the result.

    Parameters
    ----------
    returns, clusters, context
        As in `allocate`.

    Returns
    -------
    Prepared

    Raises
    ------
    NonFiniteReturnsError
        A return is missing or infinite; it names the columns.
    AllocationInputError
        Names or sessions repeat, a cluster is missing, or T < 2.
    """
    _validate_labels(returns, clusters)
    ordered = _sorted(returns)
    labels = tuple(str(label) for label in ordered.columns)
    own = clusters.reindex(ordered.columns).astype("int64").rename("cluster")
    X: FloatArray = np.ascontiguousarray(ordered.to_numpy(dtype="float64"))
    if labels:
        _validate_values(ordered, X)
    cluster_of: IntArray = np.asarray(own, dtype=np.int64)
    groups = np.unique(cluster_of, return_inverse=True)[1].astype("int64") if labels else cluster_of
    facts = line_up(context, ordered.index, ordered.columns)
    return Prepared(labels, X, own, groups, facts, _hashes(labels, X, cluster_of))


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


def _hashes(labels: tuple[str, ...], X: FloatArray, clusters: IntArray) -> dict[str, str]:
    winners = hashlib.sha256(json.dumps(list(labels)).encode())
    returns = hashlib.sha256(json.dumps(X.shape).encode())
    returns.update(X.astype("<f8", copy=False).tobytes())
    grouped = hashlib.sha256(clusters.astype("<i8", copy=False).tobytes())
    return {"returns": returns.hexdigest(), "clusters": grouped.hexdigest(), "winners": winners.hexdigest()}


def _fact_values(facts: Facts) -> dict[str, object]:
    """Put what is known beside the returns as text."""
    regime = facts.regime
    arrays = {"benchmark": facts.benchmark, "previous": facts.previous, "factors": facts.factors}
    known: dict[str, object] = {
        name: hashlib.sha256(values.astype("<f8").tobytes()).hexdigest()
        for name, values in arrays.items()
        if values is not None
    }
    if regime is not None:
        known["regime"] = [regime.label, regime.quadrant, regime.known]
    return known
