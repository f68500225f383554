from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize

from quant_lib.allocation import AllocationRequest, InfeasibleCapsError, Limits, effective_limits, project_to_limits
from tests.examples import examples


def request(asset_cap: float, cluster_cap: float, gross: float = 1.0, policy: str = "relax") -> AllocationRequest:
    return AllocationRequest(
        risk_profile="equal_weight",
        ann=365,
        asset_cap=asset_cap,
        cluster_cap=cluster_cap,
        gross_target=gross,
        cap_policy=policy,  # type: ignore[arg-type]
    )


def largest_gross(asset_cap: float, cluster_cap: float, groups: np.ndarray) -> float:
    """Room under both caps, by linear programming."""
    members = (groups[None, :] == np.unique(groups)[:, None]).astype(float)
    found = linprog(-np.ones(len(groups)), members, np.full(len(members), cluster_cap), bounds=(0.0, asset_cap))
    return float(-found.fun)


@st.composite
def cap_problems(draw: st.DrawFn) -> tuple[AllocationRequest, np.ndarray]:
    n = draw(st.integers(1, 12))
    groups = np.unique(draw(st.lists(st.integers(0, 5), min_size=n, max_size=n)), return_inverse=True)[1]
    caps = st.floats(0.02, 1.0)
    return request(draw(caps), draw(caps), draw(st.floats(0.05, 1.0))), groups.astype("int64")


def test_caps_that_fit_stay() -> None:
    limits = effective_limits(request(0.25, 0.5), np.arange(8) % 4)
    assert (limits.asset_cap, limits.cluster_cap, limits.gross) == (0.25, 0.5, 1.0)
    assert limits.relaxations == ()


def test_asset_cap_below_one_over_n_becomes_one_over_n() -> None:
    limits = effective_limits(request(0.05, 1.0), np.arange(4))
    assert limits.asset_cap == 0.25
    assert [r.limit for r in limits.relaxations] == ["asset_cap"]
    assert limits.relaxations[0].requested == 0.05


def test_cluster_cap_below_one_over_k_becomes_one_over_k() -> None:
    limits = effective_limits(request(1.0, 0.25), np.array([0, 0, 0, 1, 1]))
    assert limits.cluster_cap == 0.5
    assert [r.limit for r in limits.relaxations] == ["cluster_cap"]


def test_caps_that_clash_only_together() -> None:
    # Each alone is feasible (20 x 0.1, 4 x 0.25), together the two small clusters hold 0.1 each: 0.7 in all.
    groups = np.repeat([0, 1, 2, 3], [1, 1, 9, 9])
    limits = effective_limits(request(0.1, 0.25), groups)
    assert limits.asset_cap == 0.1
    assert limits.cluster_cap == pytest.approx(0.4)  # 0.1 + 0.1 + 2 * 0.4 = 1


@settings(max_examples=examples(150), deadline=None)
@given(cap_problems())
def test_relaxation_is_feasible_and_the_smallest(problem: tuple[AllocationRequest, np.ndarray]) -> None:
    asked, groups = problem
    limits = effective_limits(asked, groups)
    assert limits.asset_cap >= asked.asset_cap
    assert limits.cluster_cap >= asked.cluster_cap
    assert largest_gross(limits.asset_cap, limits.cluster_cap, groups) >= asked.gross_target - 1e-6
    if limits.asset_cap > asked.asset_cap:
        assert limits.asset_cap == pytest.approx(asked.gross_target / len(groups))
    if limits.cluster_cap > asked.cluster_cap:
        tighter = limits.cluster_cap * (1 - 1e-4)  # HiGHS is exact to 1e-7
        assert largest_gross(limits.asset_cap, tighter, groups) < asked.gross_target
    if not limits.relaxations:
        assert largest_gross(asked.asset_cap, asked.cluster_cap, groups) >= asked.gross_target - 1e-6


def test_cash_policy_keeps_caps_and_invests_less() -> None:
    groups = np.repeat([0, 1, 2, 3], [1, 1, 9, 9])
    limits = effective_limits(request(0.1, 0.25, policy="cash"), groups)
    assert (limits.asset_cap, limits.cluster_cap) == (0.1, 0.25)
    assert limits.gross == pytest.approx(0.7)
    assert limits.relaxations[0].limit == "gross_target"


def test_refuse_policy_names_the_clash_and_the_smallest_relaxation() -> None:
    groups = np.repeat([0, 1, 2, 3], [1, 1, 9, 9])
    with pytest.raises(InfeasibleCapsError) as caught:
        effective_limits(request(0.1, 0.25, policy="refuse"), groups)
    assert caught.value.capacity == pytest.approx(0.7)
    assert caught.value.feasible_asset_cap == 0.1
    assert caught.value.feasible_cluster_cap == pytest.approx(0.4)
    assert "asset_cap 0.1" in str(caught.value)
    assert "cluster_cap 0.4" in str(caught.value)


def test_projection_scales_what_fits() -> None:
    limits = Limits(1.0, 1.0, 0.5, np.arange(3))
    np.testing.assert_allclose(project_to_limits(np.array([2.0, 1.0, 1.0]), limits), [0.25, 0.125, 0.125], atol=1e-15)


def test_projection_hands_excess_on_in_proportion() -> None:
    # 0.6 is cut to 0.4; 0.2 goes to 0.3 : 0.1, which become 0.45 -> cut to 0.4, and 0.2.
    limits = Limits(0.4, 1.0, 1.0, np.arange(3))
    np.testing.assert_allclose(project_to_limits(np.array([0.6, 0.3, 0.1]), limits), [0.4, 0.4, 0.2], atol=1e-15)


def test_projection_under_a_cluster_cap_keeps_ratios_on_both_sides_of_it() -> None:
    limits = Limits(1.0, 0.5, 1.0, np.array([0, 0, 1, 1]))
    weights = project_to_limits(np.array([0.6, 0.2, 0.15, 0.05]), limits)
    np.testing.assert_allclose(weights, [0.375, 0.125, 0.375, 0.125], atol=1e-15)


def test_projection_gives_to_zeros_only_when_it_must() -> None:
    limits = Limits(0.4, 1.0, 1.0, np.arange(4))
    weights = project_to_limits(np.array([1.0, 1.0, 0.0, 0.0]), limits)
    np.testing.assert_allclose(weights, [0.4, 0.4, 0.1, 0.1], atol=1e-12)


@settings(max_examples=examples(150), deadline=None)
@given(cap_problems(), st.integers(0, 2**32 - 1), st.sampled_from([1.0, 4.0]))
def test_projection_is_feasible_idempotent_and_keeps_order(
    problem: tuple[AllocationRequest, np.ndarray], seed: int, power: float
) -> None:
    asked, groups = problem
    limits = effective_limits(asked, groups)
    p = np.random.default_rng(seed).uniform(0.0, 1.0, len(groups)) ** power
    weights = project_to_limits(p, limits)
    assert limits.violation(weights) < 1e-12
    np.testing.assert_allclose(project_to_limits(weights, limits), weights, atol=1e-12)
    np.testing.assert_allclose(project_to_limits(p * 1e4, limits), weights, atol=1e-12)
    for i, j in itertools.combinations(range(len(p)), 2):
        if groups[i] == groups[j] and p[i] >= p[j]:
            assert weights[i] >= weights[j] - 1e-12


@pytest.mark.parametrize("seed", range(4))
def test_projection_is_the_least_relative_entropy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = np.array([0, 0, 0, 1, 1, 2])
    limits = Limits(0.3, 0.45, 1.0, groups)
    p = rng.dirichlet(np.full(6, 0.7))
    have = project_to_limits(p, limits)

    def entropy(w: np.ndarray) -> float:
        return float(np.sum(w * np.log(np.maximum(w, 1e-300) / p)))

    members = groups[None, :] == np.arange(3)[:, None]
    found = minimize(
        entropy,
        np.full(6, 1 / 6),
        method="SLSQP",
        bounds=[(1e-12, 0.3)] * 6,
        constraints=[
            {"type": "eq", "fun": lambda w: w.sum() - 1.0},
            {"type": "ineq", "fun": lambda w: 0.45 - members @ w},
        ],
        options={"ftol": 1e-15, "maxiter": 500},
    )
    assert entropy(have) <= found.fun + 1e-9
    np.testing.assert_allclose(have, found.x, atol=1e-5)


def test_violation_sees_every_limit() -> None:
    limits = Limits(0.5, 0.6, 1.0, np.array([0, 0, 1]))
    assert limits.violation(np.array([0.3, 0.3, 0.4])) == 0.0
    assert limits.violation(np.array([-0.1, 0.6, 0.5])) == pytest.approx(0.1)
    assert limits.violation(np.array([0.4, 0.4, 0.2])) == pytest.approx(0.2)
    assert limits.violation(np.array([0.3, 0.3, 0.3])) == pytest.approx(0.1)
    assert limits.violation(np.array([0.0, 0.3, 0.7])) == pytest.approx(0.2)
