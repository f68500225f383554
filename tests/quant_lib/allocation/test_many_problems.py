"""Five hundred random problems: singular, infeasible, unbounded, not a number (R22)."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from quant_lib.allocation import (
    Allocation,
    AllocationContext,
    AllocationRequest,
    InfeasibleCapsError,
    NonFiniteReturnsError,
    allocate,
    estimate_covariance,
)
from quant_lib.regime import HmmState, Quadrant, Regime, RegimeLabel

NORMAL = Regime(RegimeLabel.NORMAL, 0.5, Quadrant.NORMAL, HmmState.NORMAL, 0.5, known=True)
PROFILES = ("min_variance", "max_sharpe", "erc", "market_neutral", "hrp", "barbell")
TIME_LIMIT_S = 30.0


def problem(seed: int) -> tuple[pd.DataFrame, pd.Series, AllocationRequest, AllocationContext]:
    """Streams with copies, dead ones, scales far apart, holes; caps that clash; markets that earn nothing."""
    rng = np.random.default_rng(seed)
    n, sessions = int(rng.integers(1, 30)), int(rng.integers(2, 300))
    X = rng.standard_normal((sessions, 3)) @ rng.standard_normal((3, n)) * 0.02
    X += rng.standard_normal((sessions, n)) * rng.choice([0.02, 1e-3, 0.0]) + rng.choice([-0.01, 0.0, 0.002])
    if rng.random() < 0.3:
        X *= 10.0 ** rng.uniform(-2, 0, n)
    if rng.random() < 0.3:
        X[:, rng.integers(n)] = X[:, 0]
    if rng.random() < 0.2:
        X[:, rng.integers(n)] = 0.0
    if rng.random() < 0.1:
        X[rng.integers(sessions), rng.integers(n)] = rng.choice([np.nan, np.inf])
    index = pd.date_range("2022-01-01", periods=sessions)
    returns = pd.DataFrame(X, index=index, columns=[f"a{i:02d}" for i in range(n)])
    clusters = pd.Series(rng.integers(0, int(rng.integers(1, n + 1)), n), index=returns.columns)
    held = rng.random() < 0.5
    request = AllocationRequest(
        risk_profile=str(rng.choice(PROFILES)),
        ann=365,
        asset_cap=float(rng.choice([0.05, 0.1, 0.25, 1.0])),
        cluster_cap=float(rng.choice([0.1, 0.25, 0.5, 1.0])),
        gross_target=float(rng.choice([0.3, 1.0])),
        cap_policy=str(rng.choice(["relax", "cash", "refuse"])),  # type: ignore[arg-type]
        covariance=str(rng.choice(["sample", "ledoit_wolf"])),  # type: ignore[arg-type]
        structure="clusters" if rng.random() < 0.2 else "atoms",
        turnover_penalty=held,
        cost_rate=0.0014,
        no_trade_band=float(rng.choice([0.0, 0.02])),
    )
    previous = pd.Series(rng.dirichlet(np.ones(n)), index=returns.columns) if held else None
    benchmark = pd.Series(rng.standard_normal(sessions) * 0.02, index=index)
    return (
        returns,
        clusters,
        request,
        AllocationContext(regime=NORMAL if seed % 5 else None, benchmark=benchmark, previous=previous),
    )


def feasible(found: Allocation, clusters: pd.Series) -> bool:
    w = found.weights
    assert found.asset_cap is not None
    assert found.cluster_cap is not None
    return bool(
        w.min() >= 0.0
        and w.max() <= found.asset_cap + 1e-6
        and w.groupby(clusters).sum().max() <= found.cluster_cap + 1e-6
        and abs(found.slacks["budget"]) < 1e-6
    )


def second_opinion(returns: pd.DataFrame, clusters: pd.Series, found: Allocation, request: AllocationRequest) -> float:
    """Variance by cvxpy at the limits that were enforced."""
    import cvxpy as cp

    Sigma = estimate_covariance(returns.to_numpy(), ann=365, estimator=request.covariance).matrix
    sigma = np.sqrt(np.diag(Sigma))
    members = (clusters.to_numpy()[None, :] == np.unique(clusters)[:, None]).astype(float)
    y = cp.Variable(len(sigma))
    unit = sigma.min() / sigma
    w = cp.multiply(unit, y)
    rows = [y >= 0, w <= found.asset_cap, cp.sum(w) == found.gross, members @ w <= found.cluster_cap + 1e-12]
    C = Sigma / np.outer(sigma, sigma)
    objective = cp.Minimize(cp.quad_form(y, cp.psd_wrap(C)))
    cp.Problem(objective, rows).solve(solver=cp.CLARABEL, tol_gap_rel=1e-11, tol_gap_abs=1e-13)
    v = unit * y.value
    return float(v @ Sigma @ v)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_five_hundred_problems_end_in_weights_or_in_words(block: int) -> None:
    outcomes: dict[str, int] = {}
    for seed in range(50 * block, 50 * block + 50):
        returns, clusters, request, context = problem(seed)
        started = time.monotonic()
        try:
            found = allocate(returns, clusters, request, context)
        except (NonFiniteReturnsError, InfeasibleCapsError) as error:
            named = type(error).__name__
            assert (named == "NonFiniteReturnsError") == (not np.isfinite(returns.to_numpy()).all())
            outcomes[named] = outcomes.get(named, 0) + 1
            continue
        except Exception as error:
            if request.cap_policy != "refuse" or ("clashes" not in str(error) and "not known" not in str(error)):
                raise AssertionError(f"seed {seed}: {error}") from error
            outcomes["InfeasibleProfileError"] = outcomes.get("InfeasibleProfileError", 0) + 1
            continue
        assert time.monotonic() - started < TIME_LIMIT_S
        outcomes[found.status] = outcomes.get(found.status, 0) + 1
        assert found.weights.notna().all()
        assert found.attempts
        if found.status == "infeasible":
            assert found.attempts[-1].note
            continue
        assert feasible(found, clusters), seed
        plain = found.solved_profile == "min_variance" and "stay" not in found.attempts[-1].note
        if plain and found.backend == "custom/active-set":
            theirs = second_opinion(returns, clusters, found, request)
            assert found.objective is not None
            assert found.objective <= theirs * (1.0 + 1e-5) + 1e-15, seed
    assert outcomes["solved"] > 20
