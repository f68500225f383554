from __future__ import annotations

import numpy as np
import pytest

from quant_lib.allocation import estimate_covariance
from quant_lib.allocation._hrp import hrp_weights, leaf_order


def slow_tree(distance: np.ndarray, linkage: str) -> list[tuple[int, int]]:
    """Agglomerate by the Lance-Williams update, one merge at a time; ids as scipy numbers them."""
    n = len(distance)
    size = dict.fromkeys(range(n), 1)
    d = {(i, j): distance[i, j] for i in range(n) for j in range(i + 1, n)}
    merges = []
    for new in range(n, 2 * n - 1):
        a, b = min(d, key=lambda pair: d[pair])
        merges.append((a, b))
        reach = d.pop((a, b))
        for k in [k for k in size if k not in (a, b)]:
            ka, kb = d.pop((min(a, k), max(a, k))), d.pop((min(b, k), max(b, k)))
            if linkage == "single":
                d[(k, new)] = min(ka, kb)
            else:
                total = size[a] + size[b] + size[k]
                square = (size[a] + size[k]) * ka**2 + (size[b] + size[k]) * kb**2 - size[k] * reach**2
                d[(k, new)] = (square / total) ** 0.5
        size[new] = size.pop(a) + size.pop(b)
    return merges


def slow_leaves(merges: list[tuple[int, int]], n: int) -> list[int]:
    order = [n + len(merges) - 1]
    while any(node >= n for node in order):
        order = [leaf for node in order for leaf in (merges[node - n] if node >= n else (node,))]
    return order


def slow_bisection(Sigma: np.ndarray, order: list[int]) -> dict[int, float]:
    """The paper's recursion, on plain lists."""
    if len(order) == 1:
        return {order[0]: 1.0}

    def variance(items: list[int]) -> float:
        inverse = [1.0 / Sigma[i, i] for i in items]
        w = [value / sum(inverse) for value in inverse]
        pairs = ((a, i, b, j) for a, i in zip(w, items, strict=True) for b, j in zip(w, items, strict=True))
        return sum(a * b * Sigma[i, j] for a, i, b, j in pairs)

    left, right = order[: len(order) // 2], order[len(order) // 2 :]
    share = variance(right) / (variance(left) + variance(right))
    weights = {i: share * w for i, w in slow_bisection(Sigma, left).items()}
    return weights | {i: (1.0 - share) * w for i, w in slow_bisection(Sigma, right).items()}


@pytest.mark.parametrize("linkage", ["ward", "single"])
@pytest.mark.parametrize(("n", "seed"), [(3, 0), (4, 1), (7, 2), (16, 3), (25, 4)])
def test_equals_the_slow_one(n: int, seed: int, linkage: str, market) -> None:
    covariance = estimate_covariance(market(n, seed=seed).to_numpy(), ann=365)
    distance = np.sqrt(0.5 * (1.0 - covariance.correlation))
    order = slow_leaves(slow_tree(distance, linkage), n)
    assert leaf_order(covariance.correlation, linkage).tolist() == order
    want = slow_bisection(covariance.matrix, order)
    have = hrp_weights(covariance.matrix, covariance.correlation, linkage)
    np.testing.assert_allclose(have, [want[i] for i in range(n)], rtol=0, atol=1e-12)
    assert have.sum() == pytest.approx(1.0, abs=1e-14)


def test_two_assets_are_inverse_variance() -> None:
    Sigma = np.array([[0.04, 0.01], [0.01, 0.01]])
    np.testing.assert_allclose(hrp_weights(Sigma, np.array([[1, 0.5], [0.5, 1]])), [0.2, 0.8], atol=1e-15)


def test_two_independent_pairs_by_hand() -> None:
    # Pairs (0, 2) and (1, 3) with correlation 0.8, all variances 1 and 4: each pair splits equally inside,
    # pair variances are 0.9 and 3.6, so the pairs get 0.8 and 0.2.
    C = np.eye(4)
    C[0, 2] = C[2, 0] = C[1, 3] = C[3, 1] = 0.8
    sigma = np.array([1.0, 2.0, 1.0, 2.0])
    np.testing.assert_allclose(hrp_weights(C * np.outer(sigma, sigma), C), [0.4, 0.1, 0.4, 0.1], atol=1e-15)
