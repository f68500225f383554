from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog, minimize

from quant_lib.allocation import AllocationRequest, Limits, SolverError, effective_limits, estimate_covariance
from quant_lib.allocation import _min_variance as module
from quant_lib.allocation._min_variance import min_variance, optimality_gap
from quant_lib.allocation._quadratic import InteriorPoint, QuadraticProgram


def random_problem(seed: int) -> tuple[np.ndarray, Limits]:
    """Covariance and limits: singular samples, copies, dead streams, scales apart, clashing and tight caps."""
    rng = np.random.default_rng(seed)
    n, sessions = int(rng.integers(1, 30)), int(rng.integers(2, 300))
    X = rng.standard_normal((sessions, 3)) @ rng.standard_normal((3, n)) * 0.02
    X += rng.standard_normal((sessions, n)) * rng.choice([0.02, 1e-3, 0.0])
    if rng.random() < 0.3:
        X *= 10.0 ** rng.uniform(-2, 0, n)
    if rng.random() < 0.3:
        X[:, rng.integers(n)] = X[:, 0]
    if rng.random() < 0.2:
        X[:, rng.integers(n)] = 0.0
    groups = np.unique(rng.integers(0, int(rng.integers(1, n + 1)), n), return_inverse=True)[1]
    request = AllocationRequest(
        risk_profile="min_variance",
        ann=365,
        asset_cap=float(rng.choice([0.05, 0.1, 0.25, 1.0])),
        cluster_cap=float(rng.choice([0.1, 0.25, 0.5, 1.0])),
        gross_target=float(rng.choice([0.3, 1.0])),
        cap_policy=str(rng.choice(["relax", "cash"])),  # type: ignore[arg-type]
    )
    estimator = "sample" if rng.random() < 0.5 else "ledoit_wolf"
    covariance = estimate_covariance(X, ann=365, estimator=estimator)  # type: ignore[arg-type]
    return covariance.matrix, effective_limits(request, groups.astype("int64"))


def lower_bound(Sigma: np.ndarray, w: np.ndarray, limits: Limits) -> float:
    """Variance no feasible weights can beat: convexity at `w`, the linear part by HiGHS."""
    gradient = Sigma @ w
    members = (limits.groups[None, :] == np.arange(limits.n_clusters)[:, None]).astype(float)
    # A little more room than the limits, so that HiGHS' own tolerance cannot make a tight problem infeasible.
    found = linprog(
        gradient / gradient.max(),
        members,
        np.full(len(members), limits.cluster_cap + 1e-12),
        np.ones((1, len(w))),
        [limits.gross],
        bounds=(0.0, limits.asset_cap + 1e-12),
    )
    return float(2.0 * found.fun * gradient.max() - w @ gradient)


@pytest.mark.parametrize("seed", range(60))
def test_constraints_and_optimum(seed: int) -> None:
    Sigma, limits = random_problem(seed)
    found = min_variance(Sigma, limits)
    variance = found.weights @ Sigma @ found.weights
    assert limits.violation(found.weights) < 1e-9
    assert variance - lower_bound(Sigma, found.weights, limits) <= 1e-5 * variance
    assert found.gap < 1e-7


@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_five_hundred_problems_against_a_second_solver(block: int) -> None:
    cp = pytest.importorskip("cvxpy")
    for seed in range(1000 + 50 * block, 1050 + 50 * block):
        Sigma, limits = random_problem(seed)
        found = min_variance(Sigma, limits)
        assert limits.violation(found.weights) < 1e-6
        n = len(Sigma)
        P = Sigma / np.mean(np.diag(Sigma))
        members = (limits.groups[None, :] == np.arange(limits.n_clusters)[:, None]).astype(float)
        w = cp.Variable(n)
        bounds = [w >= 0, w <= limits.asset_cap, cp.sum(w) == limits.gross, members @ w <= limits.cluster_cap]
        cp.Problem(cp.Minimize(cp.quad_form(w, cp.psd_wrap(P))), bounds).solve(solver=cp.CLARABEL)
        ours, theirs = found.weights @ P @ found.weights, w.value @ P @ w.value
        assert ours <= theirs * (1 + 1e-5) + 1e-9, seed


@pytest.mark.parametrize("seed", range(5))
def test_slack_caps_equal_the_closed_form(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 12
    # Weak common correlation keeps every weight positive, so that Sigma^-1 1 is the answer.
    C = np.full((n, n), 0.05) + 0.95 * np.eye(n)
    sigma = rng.uniform(0.3, 0.5, n)
    Sigma = C * np.outer(sigma, sigma)
    inverse = np.linalg.solve(Sigma, np.ones(n))
    assert inverse.min() > 0.0
    found = min_variance(Sigma, Limits(1.0, 1.0, 1.0, np.arange(n)))
    np.testing.assert_allclose(found.weights, inverse / inverse.sum(), rtol=0, atol=1e-13)


@pytest.mark.parametrize(("n", "seed"), [(5, 0), (12, 1), (25, 2)])
def test_equals_slsqp(n: int, seed: int, market) -> None:
    covariance = estimate_covariance(market(n, seed=seed).to_numpy(), ann=365).matrix
    limits = effective_limits(
        AllocationRequest(risk_profile="min_variance", ann=365, asset_cap=0.3, cluster_cap=0.4), np.arange(n) % 4
    )
    members = limits.groups[None, :] == np.arange(4)[:, None]
    P = covariance / np.mean(np.diag(covariance))
    second = minimize(
        lambda w: w @ P @ w,
        np.full(n, 1.0 / n),
        jac=lambda w: 2.0 * P @ w,
        method="SLSQP",
        bounds=[(0.0, limits.asset_cap)] * n,
        constraints=[
            {"type": "eq", "fun": lambda w: w.sum() - 1.0, "jac": lambda w: np.ones(n)},
            {
                "type": "ineq",
                "fun": lambda w: limits.cluster_cap - members @ w,
                "jac": lambda w: -members.astype(float),
            },
        ],
        options={"ftol": 1e-16, "maxiter": 1000},
    )
    found = min_variance(covariance, limits)
    np.testing.assert_allclose(found.weights, second.x, rtol=0, atol=1e-6)
    assert found.weights @ P @ found.weights <= second.fun * (1 + 1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_kkt_conditions(seed: int, market) -> None:
    """Marginal risks are equal over free assets, no lower at zero and no higher at the cap."""
    n = 20
    covariance = estimate_covariance(market(n, seed=seed).to_numpy(), ann=365).matrix
    w = min_variance(covariance, Limits(0.15, 1.0, 1.0, np.zeros(n, dtype="int64"))).weights
    marginal = covariance @ w / (w @ covariance @ w)
    zero, full = w == 0.0, w >= 0.15 - 1e-12
    free = ~(zero | full)
    assert zero.any()
    assert free.any()
    level = marginal[free].mean()
    np.testing.assert_allclose(marginal[free], level, rtol=0, atol=1e-9)
    assert (marginal[zero] >= level - 1e-9).all()
    assert (marginal[full] <= level + 1e-9).all()


def test_kkt_with_binding_cluster(market) -> None:
    """Inside a full cluster marginal risks are equal too, and lower than outside."""
    n, groups = 12, np.repeat([0, 1, 2], 4)
    rng = np.random.default_rng(3)
    Sigma = np.diag(np.concatenate([rng.uniform(0.01, 0.02, 4), rng.uniform(0.2, 0.3, 8)]))
    w = min_variance(Sigma, Limits(1.0, 0.5, 1.0, groups)).weights
    assert w[:4].sum() == pytest.approx(0.5, abs=1e-12)
    marginal = Sigma @ w
    np.testing.assert_allclose(marginal[:4], marginal[0], rtol=1e-10)
    np.testing.assert_allclose(marginal[4:], marginal[4], rtol=1e-10)
    assert marginal[0] < marginal[4]
    assert n == len(w)


def test_gap_certifies_the_optimum_and_nothing_else(market) -> None:
    covariance = estimate_covariance(market(10).to_numpy(), ann=365).matrix
    limits = Limits(0.4, 1.0, 1.0, np.zeros(10, dtype="int64"))
    best = min_variance(covariance, limits).weights
    assert optimality_gap(covariance, best, limits) < 1e-12
    other = np.full(10, 0.1)
    gap = optimality_gap(covariance, other, limits)
    excess = 1.0 - (best @ covariance @ best) / (other @ covariance @ other)
    assert gap >= excess / 2.0 > 1e-3


def test_caps_that_leave_no_choice() -> None:
    found = min_variance(np.diag([1.0, 2.0, 3.0, 4.0]), Limits(0.25, 1.0, 1.0, np.zeros(4, dtype="int64")))
    np.testing.assert_array_equal(found.weights, np.full(4, 0.25))
    assert found.backend == "closed"


def test_full_clusters_still_choose_inside() -> None:
    # Both clusters are full; inside each, independent assets share by inverse variance.
    found = min_variance(np.diag([1.0, 3.0, 2.0, 2.0]), Limits(1.0, 0.5, 1.0, np.array([0, 0, 1, 1])))
    np.testing.assert_allclose(found.weights, [0.375, 0.125, 0.25, 0.25], atol=1e-12)


@pytest.mark.parametrize("seed", [19, 31, 46, 67, 88])
def test_bounds_the_caps_imply_do_not_confuse_the_solver(seed: int) -> None:
    """Full clusters with a dead stream: the asset bound repeats the cluster cap, on volatilities 1e5 apart."""
    X = np.random.default_rng(seed).normal(size=(100, 3)) * 0.05
    X[:, 0] = 0.0
    Sigma = estimate_covariance(X, ann=365, estimator="sample").matrix
    weights = min_variance(Sigma, Limits(1.0, 0.25, 0.5, np.array([0, 1, 0]))).weights
    assert weights[1] == pytest.approx(0.25, abs=1e-12)
    # Inside the first cluster asset 2 only hedges asset 1; where it cannot, the dead stream takes all.
    hedge = np.clip(-0.25 * Sigma[1, 2] / Sigma[2, 2], 0.0, 0.25)
    assert weights[2] == pytest.approx(hedge, abs=1e-6)


def test_uncertified_weights_are_an_error_not_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(program: QuadraticProgram) -> InteriorPoint:
        x = np.zeros(len(program.q))
        x[-1] = 1.0
        nothing = np.zeros(len(x), dtype=bool)
        return InteriorPoint(x, nothing, nothing, np.zeros(len(program.h), dtype=bool))

    monkeypatch.setattr(module, "interior_point", wrong)
    monkeypatch.setattr(module, "settle", lambda program, start: None)
    with pytest.raises(SolverError, match="not certified"):
        min_variance(np.diag([1.0, 2.0, 3.0]), Limits(1.0, 1.0, 1.0, np.arange(3)))
