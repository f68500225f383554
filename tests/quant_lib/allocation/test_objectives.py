"""Each objective is what its name says: closed forms, second solvers, and what must not matter."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_lib.allocation import (
    SUPPORTED,
    AllocationContext,
    AllocationRequest,
    InfeasibleCapsError,
    Limits,
    NonFiniteReturnsError,
    SolverError,
    allocate,
    effective_limits,
    estimate_covariance,
)
from quant_lib.allocation import _erc as erc
from quant_lib.allocation import _max_sharpe as sharpe
from quant_lib.allocation._erc import equal_risk, risk_budget_weights
from quant_lib.allocation._max_sharpe import max_sharpe, sharpe_gap
from quant_lib.allocation._min_variance import cheapest
from quant_lib.regime import HmmState, Quadrant, Regime, RegimeLabel

NORMAL = AllocationContext(regime=Regime(RegimeLabel.NORMAL, 0.5, Quadrant.NORMAL, HmmState.NORMAL, 0.5, known=True))
PROFILES = [profile for profile in SUPPORTED["custom"] if profile not in ("market_neutral", "adaptive")]


def request(risk_profile: str, **changes: object) -> AllocationRequest:
    return AllocationRequest(**({"risk_profile": risk_profile, "ann": 365} | changes))  # type: ignore[arg-type]


def drifting(market, n: int, seed: int = 0, drift: float = 0.002) -> pd.DataFrame:
    """A market whose streams earn on average, so that a Sharpe ratio can be had."""
    return market(n, seed=seed) + drift


def random_limits(rng: np.random.Generator, n: int) -> Limits:
    groups = np.unique(rng.integers(0, int(rng.integers(1, n + 1)), n), return_inverse=True)[1].astype("int64")
    asked = request(
        "erc",
        asset_cap=float(rng.choice([0.05, 0.1, 0.25, 1.0])),
        cluster_cap=float(rng.choice([0.1, 0.25, 0.5, 1.0])),
        gross_target=float(rng.choice([0.3, 1.0])),
    )
    return effective_limits(asked, groups)


# ------------------------------------------------------------------ equal risk contributions


@pytest.mark.parametrize("n", [1, 2, 3, 10, 60])
def test_uncapped_risk_contributions_are_equal(n: int, market) -> None:
    Sigma = estimate_covariance(market(n).to_numpy(), ann=365).matrix
    w = risk_budget_weights(Sigma)
    contributions = w * (Sigma @ w)
    assert contributions.max() / contributions.min() < 1.0 + 1e-9
    assert w.sum() == pytest.approx(1.0, abs=1e-14)


def test_without_correlation_equal_risk_is_inverse_volatility() -> None:
    sigma = np.array([0.1, 0.2, 0.5, 1.3])
    np.testing.assert_allclose(risk_budget_weights(np.diag(sigma**2)), (1 / sigma) / (1 / sigma).sum(), rtol=1e-12)


def test_two_assets_share_risk_whatever_their_correlation() -> None:
    for rho in (-0.9, 0.0, 0.95):
        Sigma = np.array([[0.04, rho * 0.06], [rho * 0.06, 0.09]])
        np.testing.assert_allclose(risk_budget_weights(Sigma), [0.6, 0.4], rtol=1e-12)


@pytest.mark.parametrize("seed", range(80))
def test_capped_contributions_are_equal_where_no_cap_holds_and_lower_elsewhere(seed: int, market) -> None:
    """The bounded risk budget: a cap can only take risk away, and whoever it does not touch carries as much as others."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 40))
    Sigma = estimate_covariance(market(n, seed=seed).to_numpy(), ann=365).matrix
    limits = random_limits(rng, n)
    found = equal_risk(Sigma, limits)
    w = found.weights
    assert limits.violation(w) < 1e-9
    assert w.min() > 0.0
    contributions = w * (Sigma @ w)
    at_cap = w >= limits.upper * (1 - 1e-8)
    full = limits.cluster_sums(w)[limits.groups] >= limits.room[limits.groups] * (1 - 1e-8)
    untouched = ~at_cap & ~full
    if untouched.any():
        level = contributions[untouched]
        assert level.max() / level.min() < 1.001
        assert contributions[~untouched].max(initial=0.0) <= level.min() * (1 + 1e-7)


def test_capped_equal_risk_solves_its_convex_problem(market) -> None:
    """At the λ it found, no feasible weights have a lower ½w'Σw - λ Σ ln w: cvxpy on the caps alone."""
    cp = pytest.importorskip("cvxpy")
    n = 12
    Sigma = estimate_covariance(market(n, seed=5).to_numpy(), ann=365).matrix
    P = Sigma / np.mean(np.diag(Sigma))
    limits = Limits(0.11, 0.3, 1.0, np.arange(n, dtype="int64") % 4)
    found = equal_risk(Sigma, limits)
    assert found.n_capped > 0
    w = found.weights
    free = (w < limits.upper * (1 - 1e-8)) & (limits.cluster_sums(w) < limits.room * (1 - 1e-8))[limits.groups]
    level = float((w * (P @ w))[free].mean())
    members = (limits.groups[None, :] == np.arange(4)[:, None]).astype(float)
    x = cp.Variable(n)
    objective = 0.5 * cp.quad_form(x, cp.psd_wrap(P)) - level * cp.sum(cp.log(x))
    cp.Problem(cp.Minimize(objective), [x <= limits.upper, members @ x <= limits.room]).solve(solver=cp.CLARABEL)
    np.testing.assert_allclose(x.value, w, atol=2e-5)
    assert x.value.sum() == pytest.approx(1.0, abs=1e-4)


def test_equal_risk_that_is_not_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erc, "risk_budget_weights", lambda Sigma: np.full(len(Sigma), 1.0 / len(Sigma)))
    with pytest.raises(SolverError, match="not equal"):
        equal_risk(np.diag([0.01, 0.04]), Limits(1.0, 1.0, 1.0, np.arange(2)))


# ------------------------------------------------------------------ largest Sharpe ratio


def test_uncapped_tangency_has_a_closed_form() -> None:
    Sigma = np.array([[0.04, 0.006, 0.0], [0.006, 0.09, 0.01], [0.0, 0.01, 0.16]])
    excess = np.array([0.05, 0.08, 0.12])
    want = np.linalg.solve(Sigma, excess)
    found = max_sharpe(Sigma, excess, Limits(1.0, 1.0, 1.0, np.arange(3)))
    np.testing.assert_allclose(found.weights, want / want.sum(), rtol=1e-12)
    assert found.sharpe == pytest.approx(np.sqrt(excess @ want), rel=1e-12)


@pytest.mark.parametrize("seed", range(40))
def test_certified_and_no_worse_than_random_portfolios(seed: int, market) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 40))
    returns = drifting(market, n, seed).to_numpy()
    Sigma, excess = estimate_covariance(returns, ann=365).matrix, returns.mean(axis=0) * 365
    limits = random_limits(rng, n)
    if float(excess @ cheapest(-excess, limits)) <= 0.0:
        with pytest.raises(SolverError, match="no excess return"):
            max_sharpe(Sigma, excess, limits)
        return
    found = max_sharpe(Sigma, excess, limits)
    assert limits.violation(found.weights) < 1e-9
    assert found.gap < 1e-6
    for _ in range(20):
        other = sharpe.project_to_limits(rng.exponential(size=n), limits)
        ratio = float(excess @ other) / float(np.sqrt(other @ Sigma @ other))
        assert ratio <= found.sharpe * (1 + 1e-6)


@pytest.mark.parametrize(("n", "seed"), [(6, 0), (15, 1), (25, 2)])
def test_max_sharpe_equals_a_second_solver(n: int, seed: int, market) -> None:
    cp = pytest.importorskip("cvxpy")
    returns = drifting(market, n, seed).to_numpy()
    Sigma, excess = estimate_covariance(returns, ann=365).matrix, returns.mean(axis=0) * 365
    limits = Limits(0.25, 0.4, 1.0, np.arange(n, dtype="int64") % 4)
    found = max_sharpe(Sigma, excess, limits)
    sigma = np.sqrt(np.diag(Sigma))
    members = (limits.groups[None, :] == np.arange(4)[:, None]).astype(float)
    y, k = cp.Variable(n), cp.Variable()
    rows = [
        (excess / sigma) @ y == 1,
        k == (1 / sigma) @ y,
        y >= 0,
        y / sigma <= 0.25 * k,
        members @ (y / sigma) <= 0.4 * k,
    ]
    risk = cp.quad_form(y, cp.psd_wrap(Sigma / np.outer(sigma, sigma)))
    tight = {"tol_gap_abs": 1e-12, "tol_gap_rel": 1e-12, "tol_feas": 1e-12}
    cp.Problem(cp.Minimize(risk), rows).solve(solver=cp.CLARABEL, **tight)
    w = y.value / sigma
    np.testing.assert_allclose(found.weights, w / w.sum(), rtol=0, atol=1e-6)


def test_nothing_to_earn_falls_back_and_says_so(market, groups_of) -> None:
    returns = market(8) - 0.05
    found = allocate(returns, groups_of(returns, 4), request("max_sharpe"))
    assert (found.fallback, found.solved_profile, found.risk_profile) == (True, "min_variance", "max_sharpe")
    assert found.attempts[0].note.startswith("max_sharpe ended with no excess return: the most the limits allow is -")
    assert found.backend == "custom/active-set"


def test_the_gap_tells_a_worse_portfolio_from_the_best(market) -> None:
    returns = drifting(market, 10).to_numpy()
    Sigma, excess = estimate_covariance(returns, ann=365).matrix, returns.mean(axis=0) * 365
    limits = Limits(0.4, 1.0, 1.0, np.zeros(10, dtype="int64"))
    best = max_sharpe(Sigma, excess, limits)
    other = np.full(10, 0.1)
    assert best.gap < 1e-10
    assert sharpe_gap(Sigma, excess, other, limits) > 1e-3
    assert sharpe_gap(Sigma, -np.abs(excess), other, limits) == np.inf


# ------------------------------------------------------------------ what must not matter


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 14), k=st.integers(1, 6), profile=st.sampled_from(PROFILES))
def test_order_and_unit_do_not_matter(seed: int, n: int, k: int, profile: str) -> None:
    """Permuted columns permute weights bit for bit; a change of unit changes nothing but rounding."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((80, 2)) @ rng.uniform(0, 1, (2, n)) * 0.02 + rng.standard_normal((80, n)) * 0.02 + 0.001
    returns = pd.DataFrame(X, columns=[f"a{i:02d}" for i in range(n)])
    clusters = pd.Series(np.arange(n) % k, index=returns.columns)
    asked = request(profile, asset_cap=0.3, cluster_cap=0.5)
    base = allocate(returns, clusters, asked)
    mixed = allocate(returns[list(rng.permutation(returns.columns))], clusters, asked)
    pd.testing.assert_series_equal(mixed.weights, base.weights, check_exact=True)
    scaled = allocate(returns * 0.01, clusters, asked)
    np.testing.assert_allclose(scaled.weights, base.weights, atol=1e-8)
    assert base.weights.min() >= 0.0
    assert base.gross == pytest.approx(1.0, abs=1e-12)
    assert base.asset_cap is not None
    assert base.cluster_cap is not None
    assert base.weights.max() <= base.asset_cap + 1e-9
    assert base.weights.groupby(clusters).sum().max() <= base.cluster_cap + 1e-9


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_assets(profile: str, n: int, market, groups_of) -> None:
    returns = drifting(market, n, drift=0.01)
    found = allocate(returns, groups_of(returns, n), request(profile), NORMAL)
    assert found.gross == pytest.approx(1.0, abs=1e-12)
    assert found.fallback == (found.solved_profile != profile)
    skipped = {"hrp": n < 3, "barbell": n < 2}.get(profile, False)
    assert found.fallback == skipped
    assert all(attempt.note for attempt in found.attempts[:-1])


@pytest.mark.parametrize("profile", PROFILES)
def test_singular_covariance_is_conditioned_and_recorded(profile: str, market, groups_of) -> None:
    returns = drifting(market, 12)
    returns["atom_zzz"] = returns["atom_000"]
    found = allocate(returns, groups_of(returns, 5), request(profile, covariance="sample"))
    assert found.kappa_raw == np.inf
    assert found.kappa is not None
    assert found.kappa <= 15_000
    assert found.shrinkage == 0.01
    assert found.gross == pytest.approx(1.0, abs=1e-12)
    assert found.summary()["kappa_raw"] is None


@pytest.mark.parametrize("estimator", ["sample", "ledoit_wolf"])
@pytest.mark.parametrize("profile", PROFILES)
def test_a_stream_that_never_moves_is_told_and_keeps_to_the_caps(
    profile: str, estimator: str, market, groups_of
) -> None:
    returns = drifting(market, 8)
    returns["atom_002"] = 0.0
    found = allocate(returns, groups_of(returns, 8), request(profile, covariance=estimator, asset_cap=0.2), NORMAL)
    assert found.status == "solved"
    assert np.isfinite(found.weights).all()
    assert found.asset_cap is not None  # raised, on the record, where half the clusters lead a barbell
    assert (found.asset_cap > 0.2) == (profile == "barbell")
    assert found.weights.between(0.0, found.asset_cap + 1e-9).all()
    assert found.gross == pytest.approx(1.0, abs=1e-12)
    assert np.isfinite(found.risk_contributions).all()
    floored = any("volatility raised to the floor" in warning and "atom_002" in warning for warning in found.warnings)
    assert floored == (estimator == "sample")


@pytest.mark.parametrize("profile", PROFILES)
def test_a_missing_return_is_named_whatever_the_profile(profile: str, market, groups_of) -> None:
    returns = market(5)
    returns.iloc[3, 1] = np.nan
    with pytest.raises(NonFiniteReturnsError, match="atom_001"):
        allocate(returns, groups_of(returns, 2), request(profile))


@pytest.mark.parametrize("profile", PROFILES)
def test_caps_that_clash_are_refused_by_name(profile: str, market, groups_of) -> None:
    returns = drifting(market, 6)
    asked = request(profile, asset_cap=0.3, cluster_cap=0.2, cap_policy="refuse")
    with pytest.raises(
        InfeasibleCapsError, match=r"cluster_cap 0\.2 leave room for 0\.6 of gross_target 1 over 6 assets"
    ):
        allocate(returns, groups_of(returns, 3), asked)


@pytest.mark.parametrize("profile", PROFILES)
def test_copies_share_alike(profile: str, market, groups_of) -> None:
    if profile in ("hrp", "barbell"):
        pytest.skip("a bisection and a choice of leaders are not symmetric in copies")
    returns = drifting(market, 6)
    returns["atom_zzz"] = returns["atom_000"]
    loose = request(profile, covariance="sample", asset_cap=1.0, cluster_cap=1.0)
    found = allocate(returns, groups_of(returns, 7), loose)
    assert found.weights["atom_zzz"] == pytest.approx(found.weights["atom_000"], abs=1e-8)


@pytest.mark.parametrize("profile", ["equal_weight", "hrp", "erc", "min_variance", "max_sharpe", "barbell"])
def test_two_levels_hold_both_caps_and_share_by_inverse_variance(profile: str, market, groups_of) -> None:
    returns = drifting(market, 18)
    clusters = groups_of(returns, 6)
    asked = request(profile, structure="clusters", asset_cap=0.15, cluster_cap=0.3)
    found = allocate(returns, clusters, asked, NORMAL)
    assert found.solved_profile == profile
    assert found.backend.startswith("custom/clusters/")
    assert found.weights.max() <= found.asset_cap + 1e-9
    assert found.weights.groupby(clusters).sum().max() <= found.cluster_cap + 1e-9
    assert found.gross == pytest.approx(1.0, abs=1e-12)
    inside = found.weights * returns.var()
    for _, own in inside.groupby(clusters):
        np.testing.assert_allclose(own, own.iloc[0], rtol=1e-9)


def test_two_levels_relax_what_inverse_variance_cannot_keep(market, groups_of) -> None:
    returns = market(4) * np.array([1.0, 0.05, 1.0, 0.05])
    found = allocate(returns, groups_of(returns, 2), request("min_variance", structure="clusters", asset_cap=0.3))
    assert {relaxation.limit for relaxation in found.relaxations} >= {"asset_cap"}
    assert found.weights.max() <= found.asset_cap + 1e-9
    assert found.gross == pytest.approx(1.0, abs=1e-9)


def test_baselines_know_no_cap(market, groups_of) -> None:
    returns = market(3)
    found = allocate(returns, groups_of(returns, 1), request("benchmark", engine="market", asset_cap=0.1))
    np.testing.assert_array_equal(found.weights, np.full(3, 1 / 3))
    assert (found.relaxations, found.warnings, found.backend) == ((), (), "market/equal_weight")


def test_context_is_part_of_what_is_hashed(market, groups_of) -> None:
    returns = market(4)
    clusters = groups_of(returns, 2)
    base = allocate(returns, clusters, request("erc"))
    held = AllocationContext(previous=pd.Series([0.25], index=["atom_001"]))
    other = allocate(returns, clusters, request("erc"), held)
    assert other.inputs_hash != base.inputs_hash
    assert other.weights_hash == base.weights_hash
    assert base.turnover is None
    assert other.turnover == pytest.approx(0.5 * ((other.weights - [0, 0.25, 0, 0]).abs().sum() + 0.75))
    assert set(base.lineage) == {"returns", "clusters", "winners"}
