"""Barbell, adaptive, tails (semantics 3.12, 7.6, 8.6)."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from scipy.stats import skew

from quant_lib.allocation import (
    AllocationContext,
    AllocationRequest,
    InfeasibleCapsError,
    allocate,
    antifragility,
    stream_tails,
    tail_table,
)
from quant_lib.allocation._barbell import pick_leaders
from quant_lib.contracts import STREAM_TAILS
from quant_lib.decision.daily import stamp
from quant_lib.regime import HmmState, Quadrant, Regime, RegimeLabel


def regime(label: str = "NORMAL", quadrant: str = "NORMAL") -> Regime:
    return Regime(RegimeLabel(label), 0.5, Quadrant(quadrant), HmmState.NORMAL, 0.5, known=True)


NORMAL = AllocationContext(regime=regime())


def request(risk_profile: str = "barbell", **changes: object) -> AllocationRequest:
    return AllocationRequest(**({"risk_profile": risk_profile, "ann": 365} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(("label", "share"), [("QUIET", 0.15), ("NORMAL", 0.10), ("TURBULENT", 0.05), ("CRISIS", 0.03)])
def test_aggressors_hold_the_regime_s_share(label: str, share: float, market, groups_of) -> None:
    returns = market(24)
    clusters = groups_of(returns, 8)
    found = allocate(returns, clusters, request(), AllocationContext(regime=regime(label)))
    aggressors = found.weights[found.roles == "AGGRESSOR"]
    assert len(aggressors) == 4
    assert aggressors.sum() == pytest.approx(share, abs=1e-12)
    np.testing.assert_allclose(aggressors, share / 4, atol=1e-12)
    assert clusters[aggressors.index].is_unique
    core = found.weights[found.roles == "CORE"]
    assert set(clusters[core.index]).isdisjoint(clusters[aggressors.index])
    assert core.sum() == pytest.approx(1.0 - share, abs=1e-12)
    assert found.weights[found.roles == ""].sum() == 0.0
    assert found.backend == "custom/barbell/hrp"
    assert f"regime {label}" in found.attempts[0].note
    score = pd.Series(antifragility(returns.to_numpy()), index=returns.columns)
    for name in aggressors.index:
        assert score[name] == score[clusters[clusters == clusters[name]].index].max()


def test_a_regime_nobody_knows_gives_aggressors_nothing(market, groups_of) -> None:
    returns = market(12)
    clusters = groups_of(returns, 6)
    plain = allocate(returns, clusters, request("hrp"))
    for context in (None, AllocationContext(regime=Regime.unknown())):
        found = allocate(returns, clusters, request(), context)
        assert "the regime is not known" in found.warnings
        assert (found.solved_profile, found.fallback, found.backend) == ("hrp", True, plain.backend)
        assert found.attempts[0].outcome == "skipped"
        assert "regime not known" in found.attempts[0].note
        assert (found.roles == "").all()
        pd.testing.assert_series_equal(found.weights, plain.weights, check_exact=True)


def test_one_cluster_is_no_barbell(market, groups_of) -> None:
    returns = market(8)
    found = allocate(returns, groups_of(returns, 1), request(), NORMAL)
    assert (found.solved_profile, found.fallback) == ("hrp", True)
    assert found.attempts[0].outcome == "skipped"


def test_a_small_core_is_equal_and_its_caps_are_relaxed_on_the_record(market, groups_of) -> None:
    returns = market(6)
    found = allocate(returns, groups_of(returns, 3), request(asset_cap=0.2, cluster_cap=0.25), NORMAL)
    core = found.weights[found.roles == "CORE"]
    assert len(core) == 4
    np.testing.assert_allclose(core, 0.225, atol=1e-12)
    assert {relaxation.limit for relaxation in found.relaxations} >= {"asset_cap", "cluster_cap"}
    assert found.backend == "custom/barbell/equal_weight"


@pytest.mark.parametrize("structure", ["atoms", "clusters"])
@pytest.mark.parametrize("label", ["QUIET", "CRISIS"])
@pytest.mark.parametrize("n", [3, 7, 24])
def test_with_cash_for_what_is_left_no_cap_of_a_barbell_breaks(
    n: int, label: str, structure: str, market, groups_of
) -> None:
    returns = market(n)
    asked = request(asset_cap=0.04, cluster_cap=0.06, cap_policy="cash", structure=structure, gross_target=0.8)
    clusters = groups_of(returns, 3)
    found = allocate(returns, clusters, asked, AllocationContext(regime=regime(label)))
    assert found.solved_profile == "barbell"
    assert found.weights.max() <= 0.04 + 1e-9
    assert found.weights.groupby(clusters).sum().max() <= 0.06 + 1e-9
    assert (found.asset_cap, found.cluster_cap) == (0.04, 0.06)
    assert {relaxation.limit for relaxation in found.relaxations} == {"gross_target"}
    assert found.cash > 0.2


def test_an_aggressor_above_a_cap_is_told_or_refused(market, groups_of) -> None:
    returns = market(24)
    clusters = groups_of(returns, 3)
    tight = {"asset_cap": 0.10, "cluster_cap": 0.5}
    quiet = AllocationContext(regime=regime("QUIET"))
    found = allocate(returns, clusters, request(**tight), quiet)
    stake = found.weights[found.roles == "AGGRESSOR"]
    assert stake.tolist() == [pytest.approx(0.15)]
    told = {relaxation.limit: relaxation for relaxation in found.relaxations}
    assert (told["asset_cap"].requested, told["asset_cap"].effective) == (0.10, pytest.approx(0.15))
    assert found.asset_cap == pytest.approx(0.15)
    with pytest.raises(InfeasibleCapsError, match=r"over 1 assets in 1 clusters"):
        allocate(returns, clusters, request(cap_policy="refuse", **tight), quiet)


def test_leaders_are_at_most_half_the_clusters_and_leave_a_core() -> None:
    scores = np.array([0.1, 0.9, 0.5, 0.5, 0.7])
    groups = np.array([0, 0, 1, 1, 2])
    assert pick_leaders(scores, groups, 5).tolist() == [1]
    assert pick_leaders(np.zeros(4), np.arange(4), 5).tolist() == [0, 1]
    assert pick_leaders(np.arange(20.0), np.arange(20), 5).tolist() == [19, 18, 17, 16, 15]
    assert len(pick_leaders(scores[:2], groups[:2], 5)) == 0


@pytest.mark.parametrize(
    ("quadrant", "solved"),
    [
        ("EXPANSION", "max_sharpe"),
        ("INFLATIONARY_TREND", "barbell"),
        ("STAGNATION", "min_variance"),
        ("CRISIS", "hrp"),
        ("NORMAL", "max_sharpe"),
    ],
)
@pytest.mark.parametrize("engine", ["custom", "adaptive"])
def test_adaptive_solves_the_quadrant_s_profile(quadrant: str, solved: str, engine: str, market, groups_of) -> None:
    returns = market(12) + 0.002
    clusters = groups_of(returns, 4)
    context = AllocationContext(regime=regime(quadrant=quadrant))
    found = allocate(returns, clusters, request("adaptive", engine=engine), context)
    plain = allocate(returns, clusters, request(solved), context)
    assert (found.risk_profile, found.solved_profile, found.fallback) == ("adaptive", solved, False)
    pd.testing.assert_series_equal(found.weights, plain.weights, check_exact=True)
    assert found.backend == plain.backend
    assert found.attempts[0].note.startswith(f"quadrant {quadrant}: {solved}")


def test_adaptive_without_a_regime_takes_the_configured_profile(market, groups_of) -> None:
    returns = market(12)
    found = allocate(returns, groups_of(returns, 4), request("adaptive", adaptive_fallback="hrp"))
    assert (found.solved_profile, found.fallback) == ("hrp", False)
    assert found.attempts[0].note.startswith("regime not known: hrp")


def test_tails_against_a_slow_implementation(market) -> None:
    returns = market(6, sessions=180)
    table = tail_table(returns)
    raw = []
    for name in returns:
        r = returns[name].to_numpy()
        raw.append((skew(r), r[r > np.quantile(r, 0.95)].mean()))
        assert table.loc[name, "cvar_95"] == pytest.approx(r[r <= np.quantile(r, 0.05)].mean())
        assert table.loc[name, "var_95"] == pytest.approx(np.quantile(r, 0.05))
        wealth = np.cumprod(np.append(1.0, 1.0 + r))
        lowest = min(wealth[j] / wealth[: j + 1].max() - 1.0 for j in range(len(wealth)))
        assert table.loc[name, "max_drawdown"] == pytest.approx(lowest)
    skews, gains = np.array(raw).T
    scaled = [(x - x.min()) / (x.max() - x.min() + 1e-9) for x in (skews, gains)]
    np.testing.assert_allclose(table["antifragility"], sum(scaled) * 180 / 252, rtol=1e-9)
    assert table["antifragility"].between(0.0, 2.0).all()


def test_a_stress_period_outside_the_returns_is_unknown_not_failed() -> None:
    index = pd.date_range("2022-01-01", periods=100)
    returns = pd.DataFrame({"a": 0.01, "halted": 0.01}, index=index)
    returns.loc["2022-02-01":"2022-02-10", "halted"] = 0.0
    inside = ("inside", pd.Timestamp("2022-02-01"), pd.Timestamp("2022-02-28"))
    before = ("before", pd.Timestamp("2021-01-01"), pd.Timestamp("2021-02-01"))
    assert tail_table(returns, stress=[inside, before])["survival"].tolist() == [1.0, 0.0]
    assert tail_table(returns, stress=[before])["survival"].isna().all()
    assert tail_table(returns, stress=[before])["fragility"].notna().all()


def test_stored_tails_are_those_of_every_atom_and_name_the_leaders(market, groups_of) -> None:
    returns = market(8)
    stress = [("spring", returns.index[10], returns.index[30])]
    rows = stamp(stream_tails(returns, stress=stress), STREAM_TAILS, "sleeve", dt.date(2022, 6, 30))
    STREAM_TAILS.pandera_schema().validate(rows)
    found = rows.set_index("atom_id")
    pd.testing.assert_series_equal(
        found["fragility"], tail_table(returns, stress=stress)["fragility"], check_names=False, check_index_type=False
    )
    assert (found["survival"] == 1.0).all()
    led = allocate(returns, groups_of(returns, 8), request(), NORMAL)
    leaders = set(led.roles.index[led.roles == "AGGRESSOR"])
    assert leaders == set(found["antifragility"].nlargest(len(leaders)).index)
    empty = stamp(stream_tails(returns.iloc[:, :0]), STREAM_TAILS, "sleeve", dt.date(2022, 6, 30))
    assert empty.empty
    assert list(empty.columns) == list(STREAM_TAILS.column_names)
