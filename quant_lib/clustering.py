"""Correlation clusters of return streams (semantics 5.7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.errors import QuantError

FloatArray = npt.NDArray[np.float64]

MIN_LOOKBACK = 20
MAX_SHRINK, SHRINK_STEP = 0.10, 0.01
"""Where raising the shrinkage for the sake of the condition number ends, and its step."""
_MIN_SHARE = 0.8


@dataclass(eq=False)
class ClusteringError(QuantError):
    """Returns that cannot be clustered."""

    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"cannot cluster returns: {self.problem}; {self.remedy}"


def cluster_returns(
    returns: pd.DataFrame,
    *,
    lookbacks: Sequence[int] = (60, 120, 200),
    threshold: float = 0.45,
    max_clusters: int = 25,
    shrink: float = 0.01,
    half_life: float | None = None,
) -> pd.Series:
    """Ward clusters on correlation distances averaged over lookbacks.

    Parameters
    ----------
    returns : DataFrame, shape (n_sessions, n_assets)
        Simple returns, index of sessions, columns of unique names. NaN is a
        missing return; zero is a return like any other.
    lookbacks : sequence of int, in sessions
        Each is cut to the sessions there are; what is then shorter than 20 is
        skipped, it measures noise.
    threshold : float
        Ward distance at which the tree is cut; 0 makes every asset its own
        cluster, subject to `max_clusters`.
    max_clusters : int
        The tree is cut by count instead where the threshold leaves more.
    shrink : float
        Correlations are scaled by ``1 - shrink`` off the diagonal.
    half_life : float, optional
        Exponential weights with this half-life in sessions; equal weights by default.

    Returns
    -------
    Series of int64
        Cluster of each asset, index sorted by name. Labels run from 0 by
        descending size, then by the smallest name in the cluster, so they do not
        depend on the order of columns.

    Raises
    ------
    ClusteringError
        No lookback of at least 20 sessions fits, a name repeats, a return is
        infinite, or a parameter is out of range.
    """
    _validate(returns, lookbacks, threshold, max_clusters, shrink, half_life)
    ordered = returns.sort_index(axis=0).sort_index(axis=1)
    if ordered.shape[1] < 2:
        return pd.Series(0, index=ordered.columns, dtype="int64", name="cluster")
    distance = correlation_distance(
        ordered.to_numpy(dtype="float64"), lookbacks=lookbacks, shrink=shrink, half_life=half_life
    )
    labels = _relabel(_ward_cut(distance, threshold, max_clusters))
    return pd.Series(labels, index=ordered.columns, dtype="int64", name="cluster")


@dataclass(frozen=True, slots=True)
class Conditioning:
    """How far correlations were shrunk, and what that left.

    Parameters
    ----------
    shrink : float
        Correlations are scaled by one less this off the diagonal.
    condition_number : float
        Largest of any lookback after shrinking; infinite where a matrix is not positive definite.
    met : bool
        Whether it is within the bound.
    """

    shrink: float
    condition_number: float
    met: bool


def conditioned_shrink(
    returns: pd.DataFrame,
    *,
    limit: float,
    lookbacks: Sequence[int] = (60, 120, 200),
    shrink: float = 0.01,
    half_life: float | None = None,
) -> Conditioning:
    """Smallest shrinkage in steps of 0.01 that keeps every lookback's correlations within a condition number.

    Shrinking towards the identity moves each eigenvalue to ``(1 - s) e + s``, so one decomposition of each
    lookback serves every step (semantics 5.5).

    Parameters
    ----------
    returns, lookbacks, half_life
        As in `cluster_returns`.
    limit : float
        Largest condition number wanted, at least 1.
    shrink : float
        Where to start. Steps end at 0.10, or here where this is more.

    Returns
    -------
    Conditioning
        Of the last step tried, which need not meet the limit.

    Raises
    ------
    ClusteringError
        As `cluster_returns`, or a limit below 1.
    """
    _validate(returns, lookbacks, 0.0, 1, shrink, half_life)
    if not limit >= 1.0:
        raise ClusteringError(f"limit was {limit!r}", "a condition number is at least 1")
    values = returns.sort_index(axis=0).sort_index(axis=1).to_numpy(dtype="float64")
    if values.shape[1] < 2:
        return Conditioning(shrink, 1.0, met=True)
    windows = [values[-length:] for length in sorted(set(usable_lookbacks(len(values), lookbacks)))]
    spectra = [np.linalg.eigvalsh(_window_correlation(window, half_life)) for window in windows]
    ends = [(float(spectrum[0]), float(spectrum[-1])) for spectrum in spectra]
    steps = range(1 + max(0, round((MAX_SHRINK - shrink) / SHRINK_STEP)))
    for at in (round(shrink + SHRINK_STEP * step, 12) for step in steps):
        worst = max(_condition(least, largest, at) for least, largest in ends)
        if worst <= limit:
            break
    return Conditioning(at, worst, met=worst <= limit)


def _condition(least: float, largest: float, shrink: float) -> float:
    least, largest = ((1.0 - shrink) * end + shrink for end in (least, largest))
    return largest / least if least > 0.0 else float("inf")


def correlation_distance(
    returns: FloatArray, *, lookbacks: Sequence[int], shrink: float = 0.01, half_life: float | None = None
) -> FloatArray:
    """Average over lookbacks of ``sqrt((1 - rho) / 2)``.

    Parameters
    ----------
    returns : array of shape (n_sessions, n_assets)
        Simple returns, NaN where missing, oldest first.
    lookbacks, shrink, half_life
        As in `cluster_returns`. A lookback longer than the history counts as
        the whole history, once for every lookback it stands for.

    Returns
    -------
    array of shape (n_assets, n_assets)
        Symmetric, zero diagonal. A pair with fewer than ``min(20, 0.8 L)``
        common sessions, or without variance, counts as uncorrelated.

    Raises
    ------
    ClusteringError
        No usable lookback.
    """
    lengths = usable_lookbacks(len(returns), lookbacks)
    distances = {length: _one_distance(returns[-length:], shrink, half_life) for length in sorted(set(lengths))}
    average = np.mean([distances[length] for length in lengths], axis=0)
    average = (average + average.T) / 2.0
    np.fill_diagonal(average, 0.0)
    return np.asarray(average, dtype="float64")


def usable_lookbacks(sessions: int, lookbacks: Sequence[int]) -> list[int]:
    """Lookbacks cut to the sessions there are, without those shorter than 20; `ClusteringError` if none is left."""
    lengths = [length for length in (min(int(n), sessions) for n in lookbacks) if length >= MIN_LOOKBACK]
    if not lengths:
        raise ClusteringError(
            f"{sessions} sessions and lookbacks {list(lookbacks)} leave none of at least {MIN_LOOKBACK}",
            "give more history, or lookbacks of 20 sessions and more",
        )
    return lengths


def _window_correlation(window: FloatArray, half_life: float | None) -> FloatArray:
    """Correlations of a lookback, 1 on the diagonal also for a stream that does not move."""
    overlap = min(float(MIN_LOOKBACK), _MIN_SHARE * len(window))
    rho = pairwise_correlation(window, min_overlap=overlap, half_life=half_life)
    np.fill_diagonal(rho, 1.0)
    return rho


def _one_distance(window: FloatArray, shrink: float, half_life: float | None) -> FloatArray:
    rho = (1.0 - shrink) * _window_correlation(window, half_life)
    return np.asarray(np.sqrt(np.clip(0.5 * (1.0 - rho), 0.0, None)))


def pairwise_correlation(window: FloatArray, *, min_overlap: float, half_life: float | None = None) -> FloatArray:
    """Pearson correlation of each pair over the sessions both have.

    Parameters
    ----------
    window : array of shape (n_sessions, n_assets)
        NaN where missing, oldest first.
    min_overlap : float, in sessions
        Fewer common sessions make the correlation undefined.
    half_life : float, optional
        Exponential weights, newest heaviest; equal weights by default.

    Returns
    -------
    array of shape (n_assets, n_assets)
        In [-1, 1]; 0 where undefined (too few sessions, or no variance in them).
    """
    present = ~np.isnan(window)
    mask = present.astype("float64")
    # Centring and scaling first keeps the one-pass sums below from cancelling.
    counts = np.maximum(mask.sum(axis=0), 1.0)
    centred = np.where(present, window, 0.0)
    centred = np.where(present, centred - centred.sum(axis=0) / counts, 0.0)
    spread = np.abs(centred).max(axis=0, initial=0.0)
    size = np.where(present, np.abs(window), 0.0).max(axis=0, initial=0.0)
    # A constant stream leaves only rounding behind; that is no variance.
    live = spread > 1e-12 * size
    scaled = np.where(live, centred / np.where(live, spread, 1.0), 0.0)
    v = _decay(len(window), half_life)[:, None]
    if present.all():
        covariance, variance, overlap = *_complete_moments(scaled, v), np.full(len(spread), float(len(window)))[:, None]
    else:
        covariance, variance, overlap = *_pairwise_moments(scaled, mask, v), mask.T @ mask
    scale = np.sqrt(variance * variance.T)
    defined = (overlap >= min_overlap) & (scale > 1e-12)
    rho = np.where(defined, covariance / np.where(defined, scale, 1.0), 0.0)
    return np.asarray(np.clip(rho, -1.0, 1.0))


def _pairwise_moments(x: FloatArray, mask: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weighted covariance and variance of each pair over the sessions both have; row i, column j: i's over j's."""
    total = mask.T @ (v * mask)
    total = np.where(total > 0.0, total, 1.0)
    sums = (v * x).T @ mask
    squares = (v * x**2).T @ mask
    covariance = (v * x).T @ x / total - (sums / total) * (sums.T / total)
    return covariance, np.clip(squares / total - (sums / total) ** 2, 0.0, None)


def _complete_moments(x: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the same where nothing is missing: every pair has every session, so one product serves all."""
    total = v.sum()
    mean = (v * x).sum(axis=0)[:, None] / total
    covariance = (v * x).T @ x / total - mean * mean.T
    square = (v * x**2).sum(axis=0)[:, None] / total
    return covariance, np.clip(square - mean**2, 0.0, None)


def _decay(n: int, half_life: float | None) -> FloatArray:
    if half_life is None:
        return np.ones(n)
    return np.asarray(0.5 ** (np.arange(n - 1, -1, -1) / half_life), dtype="float64")


def cluster_stability(before: pd.Series, after: pd.Series) -> float | None:
    """Compare two clusterings by the adjusted Rand index over the assets both have (Hubert and Arabie 1985).

    Parameters
    ----------
    before, after : Series of int
        Cluster of each asset, by name. Labels need not agree: partitions are compared.

    Returns
    -------
    float or None
        1 for the same partition, about 0 for unrelated ones; None with fewer than two common assets.
    """
    common = before.index.intersection(after.index)
    n = len(common)
    if n < 2:
        return None
    table = pd.crosstab(before.loc[common].to_numpy(), after.loc[common].to_numpy()).to_numpy(dtype="float64")
    pairs = (table * (table - 1.0)).sum() / 2.0
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    left, right = (rows * (rows - 1.0)).sum() / 2.0, (columns * (columns - 1.0)).sum() / 2.0
    expected = left * right / (n * (n - 1.0) / 2.0)
    largest = (left + right) / 2.0
    # Both partitions trivial in the same way: nothing to disagree about.
    return 1.0 if largest == expected else float((pairs - expected) / (largest - expected))


def _ward_cut(distance: FloatArray, threshold: float, max_clusters: int) -> npt.NDArray[np.int64]:
    from scipy.cluster.hierarchy import fcluster, linkage

    condensed = distance[np.triu_indices(len(distance), k=1)]
    tree = linkage(condensed, method="ward")
    labels = np.asarray(fcluster(tree, t=threshold, criterion="distance"), dtype="int64")
    if len(np.unique(labels)) > max_clusters:
        labels = np.asarray(fcluster(tree, t=max_clusters, criterion="maxclust"), dtype="int64")
    return labels


def _relabel(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Labels from 0 by descending size, then by first position (names are sorted, so by smallest name)."""
    _, first, inverse, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    rank = np.empty(len(order), dtype="int64")
    rank[order] = np.arange(len(order))
    return np.asarray(rank[inverse], dtype="int64")


def _validate(
    returns: pd.DataFrame,
    lookbacks: Sequence[int],
    threshold: float,
    max_clusters: int,
    shrink: float,
    half_life: float | None,
) -> None:
    if returns.columns.has_duplicates:
        names = sorted(set(returns.columns[returns.columns.duplicated()]))
        raise ClusteringError(f"columns repeat: {', '.join(map(str, names))}", "give each asset one column")
    infinite = np.isinf(returns.to_numpy(dtype="float64")).any(axis=0)
    if infinite.any():
        names = sorted(returns.columns[infinite])
        raise ClusteringError(f"infinite returns in {', '.join(map(str, names))}", "quarantine the bars behind them")
    out_of_range = {
        "lookbacks": (not lookbacks or min(lookbacks, default=1) < 1, lookbacks),
        "threshold": (not threshold >= 0.0, threshold),
        "max_clusters": (max_clusters < 1, max_clusters),
        "shrink": (not 0.0 <= shrink < 1.0, shrink),
        "half_life": (half_life is not None and not half_life > 0.0, half_life),
    }
    for name, (wrong, value) in out_of_range.items():
        if wrong:
            raise ClusteringError(f"{name} was {value!r}", "see the parameter's range")
