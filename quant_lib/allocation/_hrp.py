"""Hierarchical risk parity (semantics 8.5).

Source: Lopez de Prado, "Building diversified portfolios that outperform out of
sample", Journal of Portfolio Management 42 (2016); Ward's tree on correlation
distances in place of the paper's single linkage unless asked otherwise.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def hrp_weights(Sigma: FloatArray, correlation: FloatArray, linkage: Literal["ward", "single"] = "ward") -> FloatArray:
    """Weights by recursive bisection of the leaf order.

    Parameters
    ----------
    Sigma : array of shape (n, n), n >= 2
        Covariance with a positive diagonal.
    correlation : array of shape (n, n)
        Its correlations; the tree is built on ``sqrt((1 - rho) / 2)``.
    linkage : {"ward", "single"}
        Linkage of the tree.

    Returns
    -------
    array of shape (n,)
        Positive, sum 1.
    """
    order = leaf_order(correlation, linkage)
    # In leaf order every cluster is a slice, which costs no copy.
    sorted_Sigma = np.ascontiguousarray(Sigma[np.ix_(order, order)])
    inverse = 1.0 / np.diag(sorted_Sigma)
    shares = np.ones(len(Sigma))
    pending = [(0, len(Sigma))]
    while pending:
        start, stop = pending.pop()
        middle = start + (stop - start) // 2
        if middle == start:
            continue
        v_left = _cluster_variance(sorted_Sigma[start:middle, start:middle], inverse[start:middle])
        v_right = _cluster_variance(sorted_Sigma[middle:stop, middle:stop], inverse[middle:stop])
        alpha = 1.0 - v_left / (v_left + v_right)
        shares[start:middle] *= alpha
        shares[middle:stop] *= 1.0 - alpha
        pending += [(start, middle), (middle, stop)]
    weights = np.empty(len(Sigma))
    weights[order] = shares
    return weights


def leaf_order(correlation: FloatArray, linkage: Literal["ward", "single"]) -> npt.NDArray[np.int64]:
    """Leaves of the correlation tree, left to right.

    Parameters
    ----------
    correlation : array of shape (n, n)
        Correlations.
    linkage : {"ward", "single"}
        Linkage of the tree.

    Returns
    -------
    array of shape (n,)
        Positions of the assets.
    """
    from scipy.cluster.hierarchy import leaves_list
    from scipy.cluster.hierarchy import linkage as build_tree

    distance = np.sqrt(np.clip(0.5 * (1.0 - correlation), 0.0, None))
    condensed = distance[np.triu_indices(len(distance), k=1)]
    return np.asarray(leaves_list(build_tree(condensed, method=linkage)), dtype="int64")


def _cluster_variance(block: FloatArray, inverse: FloatArray) -> float:
    """Variance of the inverse-variance portfolio of a cluster."""
    return float(inverse @ block @ inverse) / float(inverse.sum()) ** 2
