"""Engines of other libraries: each solves what it is listed for, under its own name, and agrees with ours where it must."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from quant_lib.allocation import (
    ENGINES,
    LIBRARIES,
    SUPPORTED,
    AllocationContext,
    AllocationRequest,
    MissingEngineError,
    SolverError,
    UnsupportedAllocationError,
    allocate,
    allocation_pairs,
    unsupported,
)
from quant_lib.allocation import _library as library

SLOW_TO_IMPORT = ("cvxportfolio", "riskfolio")
PAIRS = [
    pytest.param(engine, profile, marks=[pytest.mark.slow] if engine in SLOW_TO_IMPORT else [])
    for engine in LIBRARIES
    for profile in SUPPORTED[engine]
]
# Their solvers' rounding. A tree of distances between distances is another tree (skfolio), so is one whose distance
# matrix is read as observations.
CLOSE = {"min_variance": 3e-4, "max_sharpe": 3e-4, "market_neutral": 3e-4, "erc": 1e-5, "risk_parity": 1e-5}


def request(risk_profile: str, engine: str = "custom", **changes: object) -> AllocationRequest:
    asked = {"risk_profile": risk_profile, "engine": engine, "ann": 365} | changes
    return AllocationRequest(**asked)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def book() -> tuple[pd.DataFrame, pd.Series, AllocationContext]:
    """Streams on both sides of a market, their clusters, the market."""
    rng = np.random.default_rng(3)
    market = rng.standard_normal(250) * 0.02
    beta = np.concatenate([rng.uniform(0.5, 1.5, 7), -rng.uniform(0.5, 1.5, 5)])
    sessions = pd.date_range("2022-01-01", periods=250)
    X = np.outer(market, beta) + rng.standard_normal((250, 12)) * rng.uniform(0.01, 0.04, 12) + 0.002
    returns = pd.DataFrame(X, index=sessions, columns=[f"atom_{i:02d}" for i in range(12)])
    clusters = pd.Series(np.arange(12) % 5, index=returns.columns)
    return returns, clusters, AllocationContext(benchmark=pd.Series(market, index=sessions))


@pytest.mark.parametrize(("engine", "profile"), PAIRS)
@pytest.mark.parametrize("caps", [(1.0, 1.0), (0.15, 0.25)])
def test_every_listed_pair_is_solved_by_its_own_library(engine: str, profile: str, caps, book) -> None:
    pytest.importorskip(LIBRARIES[engine].module)
    returns, clusters, context = book
    limits = {"asset_cap": caps[0], "cluster_cap": caps[1], "neutrality": (0.05,)}
    found = allocate(returns, clusters, request(profile, engine, **limits), context)
    assert (found.status, found.fallback) == ("solved", False), found.attempts
    assert found.backend.startswith(f"{engine}/")
    assert found.weights.max() <= caps[0] + 1e-9
    assert found.weights.groupby(clusters).sum().max() <= caps[1] + 1e-9
    assert found.gross == pytest.approx(1.0, abs=1e-9)
    ours = allocate(returns, clusters, request(profile, **limits), context)
    # Libraries bound the risk budget in the ratio y / sum(y), where a cap also moves those it does not touch.
    bounded = profile in ("erc", "risk_parity") and caps != (1.0, 1.0)
    if bounded:
        assert found.slacks["risk_ratio"] > ours.slacks["risk_ratio"]
        assert "differ by" in found.attempts[0].note
    elif profile in CLOSE:
        assert np.abs(found.weights - ours.weights).max() < CLOSE[profile]
    if profile == "equal_weight":
        np.testing.assert_allclose(found.weights, ours.weights, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("linkage", ["ward", "single"])
def test_the_tree_is_that_of_riskfolio(linkage: str, book) -> None:
    pytest.importorskip("riskfolio")
    returns, clusters, _ = book
    loose = {"asset_cap": 1.0, "cluster_cap": 1.0, "linkage": linkage}
    theirs, ours = (allocate(returns, clusters, request("hrp", e, **loose)).weights for e in ("riskfolio", "custom"))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("engine", ["skfolio", "pyportfolioopt"])
def test_a_tree_needs_three(engine: str, book) -> None:
    pytest.importorskip(LIBRARIES[engine].module)
    returns, clusters, _ = book
    found = allocate(returns.iloc[:, :2], clusters, request("hrp", engine))
    assert found.fallback
    assert [attempt.outcome for attempt in found.attempts] == ["skipped", "skipped", "solved"]
    assert [attempt.backend.split("/")[0] for attempt in found.attempts] == [engine, "custom", "custom"]


def test_a_failing_library_is_replaced_under_another_name(monkeypatch: pytest.MonkeyPatch, book) -> None:
    def broken(problem: object) -> None:
        raise RuntimeError("planted")

    from quant_lib.allocation import _engines

    made = library.LibraryEngine("skfolio", {"min_variance": broken})  # type: ignore[dict-item]
    monkeypatch.setattr(_engines, "ENGINES", dict(ENGINES) | {"skfolio": lambda: made})
    returns, clusters, _ = book
    found = allocate(returns, clusters, request("min_variance", "skfolio"))
    assert (found.engine, found.risk_profile, found.fallback) == ("skfolio", "min_variance", True)
    assert found.backend == "custom/active-set"
    assert [attempt.outcome for attempt in found.attempts] == ["failed", "solved"]
    assert "RuntimeError: planted" in found.attempts[0].note


def test_weights_beyond_the_caps_are_not_taken(book) -> None:
    returns, clusters, _ = book
    from quant_lib.allocation._allocate import _problem
    from quant_lib.allocation._inputs import prepare

    problem = _problem(prepare(returns, clusters), request("min_variance", asset_cap=0.15))
    for wrong in (np.eye(12)[0], np.full(12, np.nan), np.zeros(12), None):
        with pytest.raises(SolverError):
            library.constrained(problem, wrong, "library")


def test_an_engine_without_its_library_names_the_extra(monkeypatch: pytest.MonkeyPatch, book) -> None:
    returns, clusters, _ = book
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for engine, library_of in LIBRARIES.items():
        with pytest.raises(MissingEngineError) as caught:
            allocate(returns, clusters, request("min_variance", engine))
        assert f"quant-assets[{library_of.extra}]" in caught.value.fix
        assert library_of.distribution in str(caught.value)


@pytest.mark.parametrize(
    ("engine", "profile"),
    [("pyportfolioopt", "erc"), ("cvxportfolio", "hrp"), ("cvxportfolio", "max_sharpe"), ("skfolio", "barbell")],
)
def test_pairs_nobody_states_truly_are_refused(engine: str, profile: str, book) -> None:
    returns, clusters, _ = book
    with pytest.raises(UnsupportedAllocationError, match=f"engine '{engine}' does not solve risk profile '{profile}'"):
        allocate(returns, clusters, request(profile, engine))
    assert unsupported([(engine, profile)]) == ((engine, profile),)


def test_a_grid_solves_what_one_engine_owns_once() -> None:
    engines = ("custom", "skfolio", "riskfolio", "adaptive")
    profiles = ("hrp", "barbell", "market", "benchmark", "equal_weight")
    assert allocation_pairs(engines, profiles) == (
        ("custom", "hrp"),
        ("custom", "barbell"),
        ("market", "market"),
        ("market", "benchmark"),
        ("custom", "equal_weight"),
        ("skfolio", "hrp"),
        ("skfolio", "equal_weight"),
        ("riskfolio", "hrp"),
        ("riskfolio", "equal_weight"),
        ("adaptive", "adaptive"),
    )
    assert unsupported(allocation_pairs(engines, profiles)) == (("riskfolio", "equal_weight"),)


def test_the_table_is_what_the_engines_say() -> None:
    assert set(ENGINES) == set(SUPPORTED)
    for name in ENGINES:
        if name not in LIBRARIES or pytest.importorskip(LIBRARIES[name].module):
            assert tuple(sorted(ENGINES[name]().profiles)) == tuple(sorted(SUPPORTED[name]))
