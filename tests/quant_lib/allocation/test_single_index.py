"""The guess from one factor: exact where there is one, never more than a guess where there is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_lib.allocation import AllocationRequest, effective_limits
from quant_lib.allocation import _max_sharpe as sharpe
from quant_lib.allocation import _min_variance as variance
from quant_lib.allocation._quadratic import cold_start
from quant_lib.allocation._single_index import single_index_support


def one_factor(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    loading = rng.uniform(0.6, 1.6, n)
    own = rng.uniform(0.3, 0.6, n)
    return np.outer(loading, loading) + np.diag(own), rng.uniform(0.1, 1.0, n)


def long_only(P: np.ndarray, reward: np.ndarray) -> np.ndarray:
    """Slow and independent: coordinate ascent of reward'x - x'Px/2 over x >= 0."""
    x = np.zeros(len(P))
    for _ in range(5_000):
        before = x.copy()
        for i in range(len(P)):
            x[i] = max(0.0, x[i] + (reward[i] - P[i] @ x) / P[i, i])
        if np.abs(x - before).max() < 1e-12:
            break
    return x


@pytest.mark.parametrize("seed", range(5))
def test_nearly_all_of_a_one_factor_market_is_guessed(seed: int) -> None:
    P, reward = one_factor(seed, 30)
    truth = long_only(P, reward) > 1e-10
    guess = single_index_support(P, reward)
    assert 2 < truth.sum() < 28
    assert (truth != guess).sum() <= 2


@given(seed=st.integers(0, 10_000), n=st.integers(2, 40), cap=st.sampled_from([0.08, 0.2, 1.0]))
def test_the_guess_changes_no_optimum(seed: int, n: int, cap: float) -> None:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((80, 3)) @ rng.standard_normal((3, n)) + rng.standard_normal((80, n)) * rng.uniform(0.2, 2)
    Sigma, excess = np.cov(X, rowvar=False) + 1e-3 * np.eye(n), rng.uniform(0.05, 1.0, n) - 0.3 * (seed % 2)
    groups = np.unique(rng.integers(0, 4, n), return_inverse=True)[1].astype("int64")
    asked = AllocationRequest(risk_profile="min_variance", ann=365, asset_cap=cap, cluster_cap=0.4)
    limits = effective_limits(asked, groups)
    with pytest.MonkeyPatch.context() as patch:
        guessed = variance.min_variance(Sigma, limits).weights
        best = (
            sharpe.max_sharpe(Sigma, excess, limits).weights
            if excess @ sharpe.cheapest(-excess, limits) > 0.0
            else None
        )
        for module in (sharpe, variance):
            patch.setattr(module, "single_index_start", lambda program, reward: cold_start(program))
        np.testing.assert_allclose(guessed, variance.min_variance(Sigma, limits).weights, atol=1e-7)
        if best is not None:
            np.testing.assert_allclose(best, sharpe.max_sharpe(Sigma, excess, limits).weights, atol=1e-6)


def test_nothing_to_weigh_is_no_guess() -> None:
    assert not single_index_support(np.eye(3), np.array([-1.0, -1.0, 0.0])).any()
    assert single_index_support(np.zeros((2, 2)) + np.eye(2), np.ones(2)).all()
