from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from quant_lib.allocation import (
    ENGINES,
    SUPPORTED,
    AllocationFailedError,
    AllocationInputError,
    AllocationRequest,
    InfeasibleCapsError,
    InvalidRequestError,
    NonFiniteReturnsError,
    Problem,
    Solution,
    SolverError,
    UnsupportedAllocationError,
    allocate,
    supported_profiles,
)
from quant_lib.allocation import _custom as custom
from quant_lib.allocation import _engines as engines
from quant_lib.contracts import ALLOCATIONS, WEIGHTS

PROFILES = ("equal_weight", "hrp", "min_variance")


def request(risk_profile: str = "min_variance", **changes: object) -> AllocationRequest:
    return AllocationRequest(**({"risk_profile": risk_profile, "ann": 365} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("risk_profile", PROFILES)
@pytest.mark.parametrize("gross", [1.0, 0.4])
def test_every_profile_is_valid_and_explains_itself(risk_profile: str, gross: float, market, groups_of) -> None:
    returns = market(20)
    clusters = groups_of(returns, 6)
    found = allocate(returns, clusters, request(risk_profile, asset_cap=0.15, cluster_cap=0.3, gross_target=gross))
    w = found.weights
    assert (found.status, found.fallback, found.engine, found.risk_profile) == ("solved", False, "custom", risk_profile)
    assert found.backend.startswith("custom/")
    assert [attempt.outcome for attempt in found.attempts] == ["solved"]
    assert list(w.index) == list(returns.columns)
    assert w.min() >= 0.0
    assert w.max() <= 0.15 + 1e-9
    assert w.groupby(clusters).sum().max() <= 0.3 + 1e-9
    assert found.gross == pytest.approx(gross, abs=1e-12)
    assert found.cash == pytest.approx(1.0 - gross, abs=1e-12)
    assert found.risk_contributions.sum() == pytest.approx(1.0, abs=1e-12)
    assert found.max_cluster_weight == pytest.approx(w.groupby(clusters).sum().max(), abs=1e-15)
    assert found.effective_n == pytest.approx(w.sum() ** 2 / (w**2).sum(), rel=1e-12)
    assert found.kappa is not None
    assert found.kappa <= 15_000
    assert abs(found.slacks["budget"]) < 1e-12
    assert found.warnings == ()


def test_equal_weight_is_equal_and_risk_figures_follow_the_covariance(market, groups_of) -> None:
    returns = market(5)
    found = allocate(returns, groups_of(returns, 5), request("equal_weight", covariance="sample"))
    np.testing.assert_allclose(found.weights, 0.2, atol=1e-15)
    Sigma = returns.cov() * 365
    portfolio = returns.mean(axis=1)
    assert found.expected_volatility == pytest.approx(portfolio.std() * np.sqrt(365), rel=1e-12)
    want = 0.2 * (Sigma @ found.weights) / (portfolio.var() * 365)
    np.testing.assert_allclose(found.risk_contributions, want, rtol=1e-10)


def test_equal_weight_leaves_no_cash_behind_when_the_cap_is_small(market, groups_of) -> None:
    returns = market(4)
    found = allocate(returns, groups_of(returns, 4), request("equal_weight", asset_cap=0.1, cluster_cap=0.1))
    assert found.gross == pytest.approx(1.0)
    assert found.asset_cap == 0.25
    assert {r.limit for r in found.relaxations} == {"asset_cap", "cluster_cap"}
    assert len(found.warnings) == 2


def test_min_variance_has_the_least_variance(market, groups_of) -> None:
    returns = market(20)
    clusters = groups_of(returns, 6)
    volatility = {p: allocate(returns, clusters, request(p)).expected_volatility for p in PROFILES}
    assert volatility["min_variance"] < volatility["hrp"] < volatility["equal_weight"]
    found = allocate(returns, clusters, request("min_variance"))
    assert found.objective == pytest.approx(found.expected_volatility**2, rel=1e-12)


def test_hrp_notes_what_the_caps_moved(market, groups_of) -> None:
    returns = market(12)
    loose = allocate(returns, groups_of(returns, 12), request("hrp", asset_cap=1.0, cluster_cap=1.0))
    cap = float(loose.weights.max()) * 0.7
    tight = allocate(returns, groups_of(returns, 12), request("hrp", asset_cap=cap, cluster_cap=1.0))
    assert loose.attempts[0].note == ""
    assert tight.attempts[0].note.startswith("caps moved")
    free = tight.weights < cap - 1e-9
    ratio = tight.weights[free] / loose.weights[free]
    np.testing.assert_allclose(ratio, ratio.iloc[0], rtol=1e-12)


def test_nothing_to_allocate_is_cash() -> None:
    found = allocate(pd.DataFrame(index=pd.date_range("2022-01-01", periods=30)), pd.Series(dtype="int64"), request())
    assert (found.status, found.backend, found.fallback) == ("cash", "cash", False)
    assert (found.gross, found.cash) == (0.0, 1.0)
    assert found.kappa is None
    assert found.weights_frame().empty
    assert found.summary()["n_assets"] == 0


@pytest.mark.parametrize("risk_profile", PROFILES)
def test_one_atom_gets_everything(risk_profile: str, market, groups_of) -> None:
    returns = market(1)
    found = allocate(returns, groups_of(returns, 1), request(risk_profile, gross_target=0.2))
    assert found.weights.tolist() == pytest.approx([0.2])
    assert found.risk_contributions.tolist() == pytest.approx([1.0])
    assert found.expected_volatility == pytest.approx(0.2 * returns.iloc[:, 0].std() * np.sqrt(365))
    assert found.fallback == (risk_profile == "hrp")


@pytest.mark.parametrize("n", [1, 2])
def test_hierarchical_is_skipped_below_three_and_never_keeps_the_name(n: int, market, groups_of) -> None:
    returns = market(n)
    found = allocate(returns, groups_of(returns, n), request("hrp"))
    assert found.fallback
    assert found.backend.startswith("custom/newton")
    assert found.solved_profile == "erc"
    assert [(a.risk_profile, a.outcome) for a in found.attempts] == [("hrp", "skipped"), ("erc", "solved")]
    assert "a tree needs 3" in found.attempts[0].note


def test_three_atoms_are_a_tree(market, groups_of) -> None:
    returns = market(3)
    assert not allocate(returns, groups_of(returns, 3), request("hrp", asset_cap=1.0, cluster_cap=1.0)).fallback


@pytest.mark.parametrize("risk_profile", PROFILES)
def test_duplicate_asset_shares(risk_profile: str, market, groups_of) -> None:
    returns = market(6)
    returns["atom_zzz"] = returns["atom_000"]
    clusters = groups_of(returns, 7)
    found = allocate(returns, clusters, request(risk_profile, covariance="sample", asset_cap=1.0, cluster_cap=1.0))
    assert found.kappa_raw == np.inf
    assert found.shrinkage == 0.01
    if risk_profile != "hrp":  # bisection is not symmetric in its leaves
        assert found.weights["atom_zzz"] == pytest.approx(found.weights["atom_000"], abs=1e-10)


def test_dead_stream_is_capped_and_told(market, groups_of) -> None:
    returns = market(6)
    returns["atom_002"] = 0.0
    found = allocate(returns, groups_of(returns, 6), request(covariance="sample", asset_cap=0.2))
    assert found.weights["atom_002"] == pytest.approx(0.2, abs=1e-9)
    assert any("floor" in warning and "atom_002" in warning for warning in found.warnings)
    assert any("condition number" in warning for warning in found.warnings)
    assert found.gross == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("risk_profile", PROFILES)
def test_more_atoms_than_sessions(risk_profile: str, market, groups_of) -> None:
    returns = market(30, sessions=10)
    for estimator in ("ledoit_wolf", "sample"):
        found = allocate(returns, groups_of(returns, 10), request(risk_profile, covariance=estimator))
        assert found.gross == pytest.approx(1.0, abs=1e-12)
        assert found.kappa is not None
        assert found.kappa <= 15_000


@pytest.mark.parametrize("risk_profile", PROFILES)
@pytest.mark.parametrize("scale", [0.01, 0.5, 3.0])
def test_weights_do_not_depend_on_the_unit_of_returns(risk_profile: str, scale: float, market, groups_of) -> None:
    returns = market(15)
    clusters = groups_of(returns, 5)
    base, scaled = (allocate(x, clusters, request(risk_profile)) for x in (returns, returns * scale))
    np.testing.assert_allclose(scaled.weights, base.weights, atol=1e-10)
    assert scaled.expected_volatility == pytest.approx(base.expected_volatility * scale, rel=1e-9)


@pytest.mark.parametrize("risk_profile", PROFILES)
def test_gross_target_scales_weights_when_caps_are_slack(risk_profile: str, market, groups_of) -> None:
    returns = market(15)
    clusters = groups_of(returns, 5)
    full, half = (
        allocate(returns, clusters, request(risk_profile, asset_cap=1.0, cluster_cap=1.0, gross_target=gross))
        for gross in (1.0, 0.5)
    )
    np.testing.assert_allclose(half.weights * 2.0, full.weights, atol=1e-10)
    assert half.effective_n == pytest.approx(full.effective_n, rel=1e-9)


def test_missing_return_names_its_column(market, groups_of) -> None:
    returns = market(5)
    returns.iloc[3, 1] = np.nan
    returns.iloc[7, 4] = np.inf
    with pytest.raises(NonFiniteReturnsError, match="2 missing or infinite returns in atom_001, atom_004"):
        allocate(returns, groups_of(returns, 2), request())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda r, c: (r.iloc[:1], c), "1 sessions"),
        (lambda r, c: (r, c.drop("atom_002")), "no cluster: atom_002"),
        (lambda r, c: (pd.concat([r, r[["atom_001"]]], axis=1), c), "atoms repeat: atom_001"),
        (lambda r, c: (pd.concat([r, r.iloc[:1]]), c), "sessions repeat"),
        (lambda r, c: (r, pd.concat([c, c.iloc[:1]])), "cluster labels repeat: atom_000"),
    ],
)
def test_inputs_that_do_not_fit(spoil, message: str, market, groups_of) -> None:
    returns = market(4)
    with pytest.raises(AllocationInputError, match=message):
        allocate(*spoil(returns, groups_of(returns, 2)), request())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("asset_cap", 0.0),
        ("asset_cap", 1.5),
        ("cluster_cap", float("nan")),
        ("gross_target", -0.1),
        ("ann", 0.0),
        ("ann", float("inf")),
        ("kappa_max", 0.5),
        ("shrinkage_ladder", ()),
        ("shrinkage_ladder", (0.5, 0.1)),
        ("shrinkage_ladder", (0.0, 1.5)),
        ("cap_policy", "ignore"),
        ("covariance", "magic"),
        ("linkage", "median"),
    ],
)
def test_request_out_of_range(field: str, value: object) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        request(**{field: value})
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("engine", "risk_profile"), [("custom", "market"), ("market", "hrp"), ("adaptive", "erc"), ("nobody", "hrp")]
)
def test_unsupported_pair_names_what_is_supported(engine: str, risk_profile: str, market, groups_of) -> None:
    returns = market(4)
    with pytest.raises(UnsupportedAllocationError) as caught:
        allocate(returns, groups_of(returns, 2), request(risk_profile, engine=engine))
    assert caught.value.supported == supported_profiles() == {name: SUPPORTED[name] for name in ENGINES}
    for name in (engine, risk_profile, "adaptive: adaptive; custom: adaptive, barbell"):
        assert name in str(caught.value)


def test_unsupported_fallback_is_refused_before_anything_is_solved(market, groups_of) -> None:
    returns = market(4)
    with pytest.raises(UnsupportedAllocationError, match="'market'"):
        allocate(returns, groups_of(returns, 2), request("hrp", fallbacks=("market",)))


def test_refused_caps_are_not_a_reason_to_fall_back(market, groups_of) -> None:
    returns = market(4)
    with pytest.raises(InfeasibleCapsError):
        allocate(returns, groups_of(returns, 4), request(asset_cap=0.1, cap_policy="refuse"))


def failing(status: str):
    def solve(problem: Problem) -> Solution:
        raise SolverError("clarabel", status, "planted")

    return solve


def test_fallback_is_recorded_and_never_wears_the_requested_name(
    monkeypatch: pytest.MonkeyPatch, market, groups_of
) -> None:
    monkeypatch.setitem(custom._PROFILES, "min_variance", failing("MaxIterations"))
    returns = market(6)
    found = allocate(returns, groups_of(returns, 6), request("min_variance", fallbacks=("hrp", "equal_weight")))
    assert (found.risk_profile, found.backend, found.fallback) == ("min_variance", "custom/hrp/ward", True)
    assert [(a.risk_profile, a.outcome) for a in found.attempts] == [("min_variance", "failed"), ("hrp", "solved")]
    assert "MaxIterations: planted" in found.attempts[0].note
    assert found.objective is None


def test_default_chain_ends_in_equal_weight(monkeypatch: pytest.MonkeyPatch, market, groups_of) -> None:
    monkeypatch.setitem(custom._PROFILES, "min_variance", failing("NumericalError"))
    returns = market(6)
    found = allocate(returns, groups_of(returns, 6), request("min_variance"))
    assert (found.backend, found.fallback, found.solved_profile) == ("custom/newton", True, "erc")
    monkeypatch.setitem(custom._PROFILES, "erc", failing("NumericalError"))
    found = allocate(returns, groups_of(returns, 6), request("min_variance"))
    assert (found.backend, found.fallback, found.solved_profile) == ("custom/equal_weight", True, "equal_weight")


def test_chain_that_fails_throughout_lists_every_attempt(monkeypatch: pytest.MonkeyPatch, market, groups_of) -> None:
    for risk_profile in PROFILES:
        monkeypatch.setitem(custom._PROFILES, risk_profile, failing("NumericalError"))
    returns = market(6)
    with pytest.raises(AllocationFailedError) as caught:
        allocate(returns, groups_of(returns, 6), request("min_variance", fallbacks=("hrp",)))
    assert [told.split(":")[0].split()[1] for told in caught.value.attempts] == ["min_variance", "hrp"]


@pytest.mark.parametrize(
    ("weights", "status"),
    [
        (np.array([np.nan, 0.5, 0.5, 0.0]), "unstable weights"),
        (np.zeros(4), "unstable weights"),
        (np.array([0.9, 0.1, 0.0, 0.0]), "caps broken"),
    ],
)
def test_an_engine_is_not_believed(
    weights: np.ndarray, status: str, monkeypatch: pytest.MonkeyPatch, market, groups_of
) -> None:
    class Careless:
        profiles = ("min_variance",)

        def fallbacks(self, risk_profile: str) -> tuple[tuple[str, str], ...]:
            return ()

        def solve(self, problem: Problem, risk_profile: str) -> Solution:
            return Solution(weights, "careless")

    monkeypatch.setattr(engines, "ENGINES", dict(ENGINES) | {"careless": Careless})
    returns = market(4)
    with pytest.raises(AllocationFailedError, match=status):
        allocate(returns, groups_of(returns, 4), request(engine="careless", asset_cap=0.5, cluster_cap=0.5))


@pytest.mark.parametrize("risk_profile", [*PROFILES, "cash"])
def test_records_meet_their_contracts(risk_profile: str, market, groups_of) -> None:
    returns = market(0 if risk_profile == "cash" else 8)
    asked = request("hrp" if risk_profile == "cash" else risk_profile)
    found = allocate(returns, groups_of(returns, 3), asked)
    stamp = {"profile": "sleeve", "date": pd.Timestamp("2022-06-01")}
    weights = found.weights_frame().assign(**stamp).astype({"profile": "str", "date": "datetime64[us]"})
    WEIGHTS.pandera_schema().validate(weights)
    netting = {"gross_before": 0.9, "netting_share": 0.0, "netting_conflict": False, "netted": "{}"}
    summary = found.summary(gross=0.9, net=-0.9, sparse=True) | stamp | netting
    assert set(summary) == set(ALLOCATIONS.column_names)
    frame = pd.DataFrame([summary])[list(ALLOCATIONS.column_names)].astype(ALLOCATIONS.pandas_types())
    ALLOCATIONS.pandera_schema().validate(frame)
    assert (summary["gross"], summary["net"], summary["sparse"]) == (0.9, -0.9, True)
    assert summary["cash"] == pytest.approx(0.1)
    assert len(json.loads(summary["attempts"])) == (0 if risk_profile == "cash" else 1)


def test_hashes_tell_inputs_and_weights_apart(market, groups_of) -> None:
    returns = market(8)
    clusters = groups_of(returns, 3)
    asked = request("min_variance")
    base = allocate(returns, clusters, asked)
    other_request = allocate(returns, clusters, dataclasses.replace(asked, kappa_max=14_000.0))
    assert other_request.inputs_hash != base.inputs_hash
    assert other_request.weights_hash == base.weights_hash
    nudged = returns.copy()
    nudged.iloc[0, 0] += 1e-15
    assert allocate(nudged, clusters, asked).inputs_hash != base.inputs_hash
    nudged.iloc[0, 0] += 0.05
    assert allocate(nudged, clusters, asked).weights_hash != base.weights_hash
    moved = clusters.copy()
    moved.iloc[0] = 2
    assert allocate(returns, moved, asked).inputs_hash != base.inputs_hash
