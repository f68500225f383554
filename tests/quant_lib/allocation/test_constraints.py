"""Constraints beyond caps: neutrality, net target, turnover, no-trade band; what contradicts is named."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_lib.allocation import (
    AllocationContext,
    AllocationRequest,
    InfeasibleCapsError,
    InfeasibleProfileError,
    InvalidRequestError,
    allocate,
)
from quant_lib.allocation import _convex as convex

SESSIONS = pd.date_range("2022-01-01", periods=200, name="bar_date")


def request(risk_profile: str = "market_neutral", **changes: object) -> AllocationRequest:
    return AllocationRequest(**({"risk_profile": risk_profile, "ann": 365} | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def two_sided() -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    """Six long streams on the market, six short ones against it; their factors; the market."""
    rng = np.random.default_rng(7)
    market = rng.standard_normal(200) * 0.02
    own = rng.standard_normal((200, 12)) * 0.02 + 0.001
    beta = np.concatenate([rng.uniform(0.6, 1.4, 6), -rng.uniform(0.6, 1.4, 6)])
    columns = [f"atom_{i:02d}" for i in range(12)]
    returns = pd.DataFrame(np.outer(market, beta) + own, index=SESSIONS, columns=columns)
    return returns, pd.Series(np.sign(beta), index=columns), pd.Series(market, index=SESSIONS)


def beta_of(weights: pd.Series, returns: pd.DataFrame, market: pd.Series) -> float:
    """By regression of the portfolio, not of its parts."""
    return float(np.polyfit(market, returns @ weights, 1)[0])


# ------------------------------------------------------------------ market neutral


def test_neutral_is_neutral_and_of_the_least_variance(two_sided, groups_of) -> None:
    cp = pytest.importorskip("cvxpy")
    returns, _, market = two_sided
    # Without the constraint this book leans on the market.
    returns = returns.assign(**{name: returns[name] * 3.0 for name in returns.columns[6:]})
    clusters = groups_of(returns, 4)
    found = allocate(returns, clusters, request(), AllocationContext(benchmark=market))
    assert (found.status, found.fallback, found.backend) == ("solved", False, "custom/cvxpy/clarabel")
    assert abs(beta_of(found.weights, returns, market)) <= 0.05 + 1e-9
    assert found.slacks["neutrality"] >= -1e-9
    assert "tolerance 0.05" in found.attempts[0].note
    plain = allocate(returns, clusters, request("min_variance"))
    assert abs(beta_of(plain.weights, returns, market)) > 0.05
    X = returns.to_numpy()
    beta = np.array([np.polyfit(market, X[:, i], 1)[0] for i in range(12)])
    from quant_lib.allocation import estimate_covariance

    P = estimate_covariance(X, ann=365).matrix
    members = (clusters.to_numpy()[None, :] == np.arange(4)[:, None]).astype(float)
    w = cp.Variable(12)
    rows = [w >= 0, w <= 0.25, cp.sum(w) == 1, members @ w <= 0.25, cp.abs(beta @ w) <= 0.05]
    scale = np.mean(np.diag(P))
    cp.Problem(cp.Minimize(cp.quad_form(w, cp.psd_wrap(P / scale))), rows).solve(
        solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12
    )
    np.testing.assert_allclose(found.weights, w.value, atol=2e-6)


def test_a_one_sided_sleeve_is_infeasible_and_says_so(two_sided, groups_of) -> None:
    returns, factors, market = two_sided
    longs = returns[factors.index[factors > 0]]
    context = AllocationContext(benchmark=market)
    found = allocate(longs, groups_of(longs, 3), request(), context)
    assert (found.status, found.backend, found.fallback) == ("infeasible", "cash", False)
    assert (found.weights == 0.0).all()
    assert list(found.weights.index) == list(longs.columns)
    assert found.cash == 1.0
    (attempt,) = found.attempts
    assert attempt.outcome == "infeasible"
    for words in ("|w'beta - 0| <= 0.15 clashes with w >= 0", "gross_target 1", "asset_cap", "the smallest relaxation"):
        assert words in attempt.note
    with pytest.raises(InfeasibleProfileError) as caught:
        allocate(longs, groups_of(longs, 3), request(cap_policy="refuse", cluster_cap=0.5), context)
    # The tolerance it names is enough, and nothing much smaller is.
    needed = float(str(caught.value).rsplit(" ", 1)[1])
    for tolerance, status in ((needed * 1.001, "solved"), (needed * 0.999, "infeasible")):
        asked = request(cluster_cap=0.5, neutrality=(tolerance,))
        assert allocate(longs, groups_of(longs, 3), asked, context).status == status


def test_the_ladder_is_climbed_no_further_than_needed(two_sided, groups_of) -> None:
    returns, factors, market = two_sided
    longs = returns[factors.index[factors > 0]]
    asked = request(neutrality=(0.1, 0.5, 2.0, 3.0), cluster_cap=0.5)
    found = allocate(longs, groups_of(longs, 3), asked, AllocationContext(benchmark=market))
    assert found.status == "solved"
    assert "tolerance 2" in found.attempts[0].note


@pytest.mark.parametrize(
    ("benchmark", "words"),
    [
        (None, "0 sessions of the benchmark, 10 are needed"),
        (pd.Series(0.01, index=SESSIONS[:9]), "9 sessions of the benchmark"),
        (pd.Series(0.0, index=SESSIONS), "the benchmark never moves"),
    ],
)
def test_an_unknown_beta_is_not_taken_for_one(benchmark, words: str, two_sided, groups_of) -> None:
    returns = two_sided[0]
    found = allocate(returns, groups_of(returns, 4), request(), AllocationContext(benchmark=benchmark))
    assert found.status == "infeasible"
    assert words in found.attempts[0].note


# ------------------------------------------------------------------ net target


@pytest.mark.parametrize("profile", ["min_variance", "max_sharpe", "market_neutral"])
@pytest.mark.parametrize("net", [0.0, 0.3, -0.2])
def test_net_target_is_kept(profile: str, net: float, two_sided, groups_of) -> None:
    returns, factors, market = two_sided
    context = AllocationContext(benchmark=market, factors=factors)
    found = allocate(returns, groups_of(returns, 4), request(profile, net_target=net, neutrality=(1.0,)), context)
    assert (found.status, found.fallback) == ("solved", False)
    assert float(factors @ found.weights) == pytest.approx(net, abs=1e-7)
    assert abs(found.slacks["net_target"]) < 1e-7
    assert found.gross == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("engine", ["skfolio", "riskfolio", "pyportfolioopt"])
@pytest.mark.parametrize("profile", ["min_variance", "max_sharpe", "market_neutral"])
def test_net_target_is_kept_by_every_library(engine: str, profile: str, two_sided, groups_of) -> None:
    returns, factors, market = two_sided
    context = AllocationContext(benchmark=market, factors=factors)
    asked = request(profile, engine=engine, net_target=0.2, neutrality=(1.0,))
    found = allocate(returns, groups_of(returns, 4), asked, context)
    assert (found.status, found.fallback, found.backend.split("/")[0]) == ("solved", False, engine)
    assert float(factors @ found.weights) == pytest.approx(0.2, abs=1e-5)


def test_a_book_of_one_side_keeps_its_net_by_its_budget_alone(two_sided, groups_of) -> None:
    """Nothing is left to solve for: the weights and the solver are those without the target."""
    returns, factors, _ = two_sided
    shorts = returns[factors.index[factors < 0]]
    context = AllocationContext(factors=factors[shorts.columns])
    clusters = groups_of(shorts, 3)
    plain = allocate(shorts, clusters, request("min_variance", gross_target=0.6), context)
    found = allocate(shorts, clusters, request("min_variance", gross_target=0.6, net_target=-0.6), context)
    assert found.weights.equals(plain.weights)
    assert found.backend == plain.backend
    assert found.slacks["net_target"] == pytest.approx(0.0, abs=1e-12)


def test_what_the_caps_do_not_hold_scales_the_net_too(two_sided, groups_of) -> None:
    returns, factors, _ = two_sided
    shorts = returns[factors.index[factors < 0]]
    context = AllocationContext(factors=factors[shorts.columns])
    asked = request("min_variance", net_target=-1.0, asset_cap=0.5 / shorts.shape[1], cap_policy="cash")
    found = allocate(shorts, groups_of(shorts, 3), asked, context)
    assert found.status == "solved"
    assert found.gross == pytest.approx(0.5, abs=1e-9)
    assert found.slacks["net_target"] == pytest.approx(0.0, abs=1e-9)


def test_a_library_that_knows_no_turnover_penalty_says_so(two_sided, groups_of) -> None:
    returns, _, _ = two_sided
    held = AllocationContext(previous=pd.Series(1.0 / returns.shape[1], index=returns.columns))
    asked = request("min_variance", engine="skfolio", turnover_penalty=True, cost_rate=0.001)
    found = allocate(returns, groups_of(returns, 4), asked, held)
    assert "skfolio knows no turnover penalty: what is held did not matter to it" in found.warnings


def test_three_contradictions_name_what_clashes_and_the_smallest_relaxation(two_sided, groups_of) -> None:
    returns, factors, market = two_sided
    longs = returns[factors.index[factors > 0]]
    clusters = groups_of(longs, 3)
    with pytest.raises(InfeasibleCapsError) as caps:
        allocate(longs, clusters, request("hrp", asset_cap=0.1, cluster_cap=0.3, cap_policy="refuse"))
    told = str(caps.value)
    for words in (
        "asset_cap 0.1",
        "cluster_cap 0.3",
        "gross_target 1",
        "room for 0.6",
        "0.166667 with cluster_cap 0.333",
    ):
        assert words in told
    refused = {"cap_policy": "refuse", "cluster_cap": 0.5}
    with pytest.raises(
        InfeasibleProfileError, match=r"beta.* clashes with w >= 0.*smallest relaxation is a tolerance of"
    ):
        allocate(longs, clusters, request(**refused), AllocationContext(benchmark=market))
    net = request("min_variance", net_target=-0.5, **refused)
    with pytest.raises(InfeasibleProfileError) as target:
        allocate(longs, clusters, net, AllocationContext(factors=factors[longs.columns]))
    for words in ("net_target -0.5 clashes with gross_target 1", "between 1 and 1", "relaxation is net_target 1"):
        assert words in str(target.value)


def test_a_net_target_is_asked_only_of_what_can_keep_it() -> None:
    with pytest.raises(InvalidRequestError, match="net_target"):
        request("hrp", net_target=0.0)
    with pytest.raises(InvalidRequestError, match="net_target"):
        request("min_variance", net_target=0.5, gross_target=0.4)


# ------------------------------------------------------------------ turnover


def held_at(returns: pd.DataFrame, *weights: float) -> AllocationContext:
    return AllocationContext(previous=pd.Series(weights, index=returns.columns))


@pytest.mark.parametrize("profile", ["min_variance", "max_sharpe"])
def test_a_dearer_trade_is_a_smaller_one(profile: str, two_sided, groups_of) -> None:
    returns = two_sided[0]
    clusters = groups_of(returns, 4)
    context = held_at(returns, *([0.25, 0.0, 0.25] * 4))
    context = dataclasses.replace(context, previous=context.previous / context.previous.sum())
    turnovers = []
    for rate in (0.0, 1e-5, 1e-3, 0.05):
        asked = request(profile, turnover_penalty=True, cost_rate=rate, cluster_cap=1.0)
        found = allocate(returns, clusters, asked, context)
        assert not found.fallback, found.attempts
        turnovers.append(found.turnover)
    assert turnovers == sorted(turnovers, reverse=True)
    assert turnovers[0] > 0.1
    assert turnovers[0] > turnovers[2] > turnovers[3] - 1e-9
    if profile == "min_variance":
        # At five per cent a trade nothing is worth trading.
        assert turnovers[-1] < 1e-6


def test_the_penalty_solves_the_problem_it_states(two_sided, groups_of) -> None:
    """½w'Σw + cost ann / horizon Σ|w - held| is no larger at any feasible point tried."""
    from quant_lib.allocation import estimate_covariance, project_to_limits
    from quant_lib.allocation._limits import effective_limits

    returns = two_sided[0]
    clusters = groups_of(returns, 4)
    asked = request("min_variance", turnover_penalty=True, cost_rate=0.0014, horizon=10)
    held = np.full(12, 1 / 12)
    found = allocate(returns, clusters, asked, held_at(returns, *held))
    Sigma = estimate_covariance(returns.to_numpy(), ann=365).matrix

    def objective(w: np.ndarray) -> float:
        return float(0.5 * w @ Sigma @ w + 0.0014 * 36.5 * np.abs(w - held).sum())

    limits = effective_limits(asked, clusters.to_numpy())
    best = objective(found.weights.to_numpy())
    rng = np.random.default_rng(0)
    plain = allocate(returns, clusters, request("min_variance")).weights.to_numpy()
    for _ in range(200):
        step = rng.uniform() * (project_to_limits(rng.exponential(size=12), limits) - found.weights.to_numpy())
        assert objective(found.weights.to_numpy() + step * rng.choice([1e-3, 0.1, 1.0])) >= best - 1e-9
    assert objective(plain) >= best - 1e-9
    assert objective(held) >= best - 1e-9


def test_problems_are_compiled_once_per_shape(two_sided, groups_of) -> None:
    returns = two_sided[0]
    clusters = groups_of(returns, 4)
    asked = request("min_variance", turnover_penalty=True, cost_rate=0.001)
    allocate(returns, clusters, asked, held_at(returns, *[1 / 12] * 12))
    before = convex._compiled.cache_info()
    for start in (0, 20, 40):
        part = returns.iloc[start : start + 150]
        allocate(part, clusters, asked, held_at(part, *[1 / 12] * 12))
    after = convex._compiled.cache_info()
    assert after.misses == before.misses
    assert after.hits == before.hits + 3


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), band=st.floats(0.0, 0.3), profile=st.sampled_from(["hrp", "erc", "equal_weight"]))
def test_no_trade_band_keeps_small_changes_and_the_limits(seed: int, band: float, profile: str) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 10))
    names = [f"a{i}" for i in range(n)]
    returns = pd.DataFrame(rng.standard_normal((60, n)) * 0.02, columns=names)
    clusters = pd.Series(np.arange(n) % 3, index=names)
    held = pd.Series(rng.dirichlet(np.ones(n)) * rng.uniform(0.8, 1.1), index=names)
    asked = request(profile, no_trade_band=band, asset_cap=0.4, cluster_cap=0.7)
    plain = allocate(returns, clusters, dataclasses.replace(asked, no_trade_band=0.0))
    found = allocate(returns, clusters, asked, AllocationContext(previous=held))
    assert found.gross == pytest.approx(plain.gross, abs=1e-9)
    assert found.weights.max() <= found.asset_cap + 1e-9
    assert found.weights.groupby(clusters).sum().max() <= found.cluster_cap + 1e-9
    traded = (found.weights - held).abs() > 1e-9
    if "stay" in found.attempts[-1].note:
        n_stay = int(found.attempts[-1].note.rsplit(";", 1)[-1].split()[0])
        assert (~traded).sum() >= n_stay > 0
        assert ((found.weights - plain.weights).abs() > 1e-12).any() or traded.any()


def test_no_trade_band_trades_what_is_far_and_leaves_what_is_near(market, groups_of) -> None:
    returns = market(4)
    held = pd.Series([0.26, 0.24, 0.40, 0.10], index=returns.columns)
    loose = request("equal_weight", asset_cap=1.0, cluster_cap=1.0, no_trade_band=0.02)
    found = allocate(returns, groups_of(returns, 4), loose, AllocationContext(previous=held))
    np.testing.assert_allclose(found.weights, [0.26, 0.24, 0.25, 0.25], atol=1e-12)
    assert found.attempts[-1].note == "2 of 4 weights within 0.02 of what is held stay"
    assert found.turnover == pytest.approx(0.15)
