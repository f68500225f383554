"""Published wealth of known strategies through our accounting, and the books balance on every bar.

Source: Li and Hoi, "Online portfolio selection: a survey", ACM Computing Surveys 46 (2014), and the toolbox of its
authors: market, best stock and best constant rebalanced portfolio of DJIA and MSCI, without transaction costs.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from quant_lib.backtest import CostModel, ExecutionRules, simulate

START = pd.Timestamp("2000-01-01")


@pytest.fixture(scope="module", params=["djia", "msci"])
def market(request, shared_data: Path) -> tuple[pd.DataFrame, dict]:
    """Daily returns, and what is published about them."""
    folder = shared_data / "reference_olps"
    if not folder.is_dir():
        pytest.skip(f"no reference data at {folder}")
    wealth = pd.read_parquet(folder / f"{request.param}.parquet").drop(columns="t")
    relatives = wealth / wealth.shift(fill_value=1.0)
    sessions = pd.date_range(START + pd.Timedelta(days=1), periods=len(wealth))
    published = json.loads((folder / "published.json").read_text())[request.param]
    return pd.DataFrame(relatives.to_numpy() - 1.0, index=sessions, columns=wealth.columns), published


def final_wealth(returns: pd.DataFrame, weights: np.ndarray, *, rebalanced: bool) -> float:
    target = pd.Series(weights, index=returns.columns)
    days = [START, *returns.index[:-1]] if rebalanced else [START]
    return float(simulate(dict.fromkeys(days, target), returns).daily["nav"].iloc[-1])


def best_constant_weights(returns: pd.DataFrame) -> np.ndarray:
    relatives = 1.0 + returns.to_numpy()
    n = relatives.shape[1]
    found = minimize(
        lambda w: -np.log(relatives @ w).sum(),
        np.full(n, 1.0 / n),
        jac=lambda w: -(relatives / (relatives @ w)[:, None]).sum(axis=0),
        bounds=[(0.0, 1.0)] * n,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1.0, "jac": lambda w: np.ones(n)},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    w = np.clip(found.x, 0.0, None)
    return w / w.sum()


@pytest.mark.shared_data
def test_published_wealth_to_the_printed_decimals(market) -> None:
    returns, published = market
    assert len(returns) == published["days"]
    n = returns.shape[1]
    equal = np.full(n, 1.0 / n)
    best = np.eye(n)[int(np.argmax((1.0 + returns).prod().to_numpy()))]
    reached = {
        "market": final_wealth(returns, equal, rebalanced=False),
        "best_stock": final_wealth(returns, best, rebalanced=False),
        "bcrp": final_wealth(returns, best_constant_weights(returns), rebalanced=True),
    }
    for name, printed in published["published_cumulative_wealth"].items():
        assert f"{reached[name]:.2f}" == f"{printed:.2f}", name
    uniform = final_wealth(returns, equal, rebalanced=True)
    more = published["recomputed"]
    assert f"{uniform:.4f}" == f"{more['uniform_crp_daily_rebalanced']:.4f}"
    assert f"{reached['market']:.4f}" == f"{more['market_buy_and_hold_equal']:.4f}"
    assert f"{reached['bcrp']:.4f}" == f"{more['bcrp']:.4f}"


@st.composite
def books(draw) -> tuple[dict[pd.Timestamp, pd.Series], pd.DataFrame, CostModel]:
    """Random long and short targets, returns with holes, costs."""
    n, sessions = draw(st.integers(1, 5)), draw(st.integers(2, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    index = pd.date_range(START, periods=sessions)
    values = rng.standard_normal((sessions, n)) * draw(st.sampled_from([0.01, 0.1, 0.4]))
    values = np.clip(values, -0.95, 3.0)
    values[rng.random((sessions, n)) < 0.1] = np.nan
    returns = pd.DataFrame(values, index=index, columns=[f"X:{i}" for i in range(n)])
    days = sorted(rng.choice(sessions - 1, size=min(sessions - 1, draw(st.integers(1, 4))), replace=False))
    targets = {index[day]: pd.Series(rng.uniform(-0.6, 0.6, n), index=returns.columns) for day in days}
    costs = CostModel(
        slippage=draw(st.sampled_from([0.0, 0.001])),
        commission=draw(st.sampled_from([0.0, 0.0004])),
        short_borrow=draw(st.sampled_from([0.0, 0.02])),
    )
    return targets, returns, costs


@given(books())
def test_change_in_nav_is_gains_less_costs_on_every_bar(book) -> None:
    """Kept in units and money by a second accountant, who knows nothing of weights."""
    targets, returns, costs = book
    rules = ExecutionRules(max_stale=3, exit_penalty=0.05)
    simulated = simulate(targets, returns, costs=costs, rules=rules)
    daily, weights = simulated.daily, simulated.weights
    nav_before = np.concatenate([[1.0], daily["nav"].to_numpy()[:-1]])
    money = np.zeros(returns.shape[1])  # value of each position, signed
    due = {returns.index[returns.index.searchsorted(day, side="right")]: target for day, target in targets.items()}
    for i, session in enumerate(daily.index):
        r = returns.loc[session].to_numpy()
        trade = 0.0
        if session in due and nav_before[i] > 0.01:
            wanted = due[session].to_numpy() * nav_before[i]
            trade = costs.trade_rate * np.abs(wanted - money).sum()
            money = wanted
        events = daily["events"].iloc[i]
        if "forced_exit" in events:
            out = np.array([f"forced_exit:{name}" in events.split(",") for name in returns.columns])
            trade += (costs.trade_rate + rules.exit_penalty) * np.abs(money[out]).sum()
            money = np.where(out, 0.0, money)
        earned = np.where(np.isnan(r), 0.0, r)
        shorts = money < 0.0
        earned = np.where(shorts & (earned >= 1.0), 1.0, earned)
        borrow = costs.short_borrow / costs.ann * -money[shorts].sum()
        change = float((money * earned).sum()) - trade - borrow
        change = max(change, -nav_before[i])
        assert daily["nav"].iloc[i] - nav_before[i] == pytest.approx(change, abs=1e-10)
        assert daily["cost"].iloc[i] * nav_before[i] == pytest.approx(trade + borrow, abs=1e-10)
        money = np.where(shorts & (earned >= 1.0), 0.0, money * (1.0 + earned))
        if "bankrupt" in events or daily["nav"].iloc[i] <= 0.01:
            break
        np.testing.assert_allclose(weights.loc[session] * daily["nav"].iloc[i], money, atol=1e-10)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_free_and_undrifted_equals_the_closed_form(seed: int, n: int) -> None:
    """Rebalanced every session at no cost, wealth is the product of one plus the weighted returns."""
    rng = np.random.default_rng(seed)
    index = pd.date_range(START + pd.Timedelta(days=1), periods=20)
    returns = pd.DataFrame(rng.uniform(-0.1, 0.1, (20, n)), index=index, columns=[f"X:{i}" for i in range(n)])
    w = rng.dirichlet(np.ones(n))
    wealth = final_wealth(returns, w, rebalanced=True)
    assert wealth == pytest.approx(float(np.prod(1.0 + returns.to_numpy() @ w)), rel=1e-12)
    assert final_wealth(returns, w, rebalanced=False) == pytest.approx(
        float(w @ np.prod(1.0 + returns.to_numpy(), axis=0)), rel=1e-12
    )
