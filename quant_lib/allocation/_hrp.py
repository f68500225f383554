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
    weights = np.ones(len(Sigma))
    pending = [order]
    while pending:
        items = pending.pop()
        if len(items) < 2:
            continue
        left, right = items[: len(items) // 2], items[len(items) // 2 :]
        v_left, v_right = _cluster_variance(Sigma, left), _cluster_variance(Sigma, right)
        alpha = 1.0 - v_left / (v_left + v_right)
        weights[left] *= alpha
        weights[right] *= 1.0 - alpha
        pending += [left, right]
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


def _cluster_variance(Sigma: FloatArray, items: npt.NDArray[np.int64]) -> float:
    """Variance of the inverse-variance portfolio of `items`."""
    block = Sigma[np.ix_(items, items)]
    inverse = 1.0 / np.diag(block)
    w = inverse / inverse.sum()
    return float(w @ block @ w)
