"""The reference accounting against closed forms and an independent ledger of dollar positions."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_lib.backtest import CostModel, ExecutionRules, OrphanedWeightsError, simulate


def frame(values, start="2022-01-01", symbols=None):
    values = np.asarray(values, dtype=float)
    symbols = symbols or [f"X:S{i}" for i in range(values.shape[1])]
    return pd.DataFrame(values, index=pd.date_range(start, periods=len(values), unit="us"), columns=symbols)


def day(text):
    return pd.Timestamp(text)


def test_short_only_book_loses_about_one_percent_a_day_and_never_flips():
    returns = frame([[0.0], [0.01], [0.01]])
    result = simulate({day("2022-01-01"): pd.Series({"X:S0": -1.0})}, returns)
    assert result.daily["ret"].iloc[0] == pytest.approx(-0.01, abs=1e-12)
    # -1.01/0.99 of NAV is short on the second day, so +1 % costs 1.0202 %.
    assert result.daily["ret"].iloc[1] == pytest.approx(-0.01 * 1.01 / 0.99, abs=1e-12)
    assert (result.weights["X:S0"] < 0).all()
    assert result.weights["X:S0"].iloc[0] == pytest.approx(-1.01 / 0.99, abs=1e-12)


def test_dollar_neutral_book_with_zero_returns_keeps_gross_and_trades_nothing():
    returns = frame(np.zeros((6, 2)))
    target = pd.Series({"X:S0": 0.5, "X:S1": -0.5})
    result = simulate({day("2022-01-01"): target, day("2022-01-03"): target}, returns, costs=CostModel(slippage=0.01))
    assert result.daily["gross"].tolist() == pytest.approx([1.0 / (1 - 0.01)] * 2 + [1.0 / 1.0] * 3, rel=2e-2)
    free = simulate({day("2022-01-01"): target, day("2022-01-03"): target}, returns)
    assert free.daily["gross"].tolist() == [1.0] * 5
    assert free.daily["turnover"].tolist() == [0.5, 0.0, 0.0, 0.0, 0.0]
    assert (free.daily["ret"] == 0.0).all()


def test_dollar_neutral_book_does_not_lever_up_when_the_net_sum_is_small():
    returns = frame([[0.0, 0.0], [0.01, -0.01]])
    result = simulate({day("2022-01-01"): pd.Series({"X:S0": 0.5, "X:S1": -0.5})}, returns)
    assert result.daily["ret"].iloc[0] == pytest.approx(0.01)
    assert result.weights.iloc[0].tolist() == pytest.approx([0.5 * 1.01 / 1.01, -0.5 * 0.99 / 1.01])


def test_a_decision_earns_from_the_next_session_only():
    returns = frame([[0.5], [0.5], [0.1]])
    result = simulate({day("2022-01-02"): pd.Series({"X:S0": 1.0})}, returns)
    assert result.daily.index.tolist() == [day("2022-01-03")]
    assert result.daily["ret"].tolist() == pytest.approx([0.1])


def test_long_buy_and_hold_equals_the_compounded_return():
    rng = np.random.default_rng(3)
    r = rng.normal(0, 0.05, (200, 1))
    result = simulate({day("2022-01-01"): pd.Series({"X:S0": 1.0})}, frame(r))
    assert result.daily["nav"].iloc[-1] == pytest.approx(np.prod(1 + r[1:, 0]), rel=1e-12)


def test_costs_are_charged_on_traded_notional_in_the_first_earning_session():
    result = simulate(
        {day("2022-01-01"): pd.Series({"X:S0": 0.6, "X:S1": -0.4})},
        frame(np.zeros((3, 2))),
        costs=CostModel(slippage=0.001, commission=0.0004, short_borrow=0.02, ann=365),
    )
    assert result.daily["cost"].iloc[0] == pytest.approx(1.0 * 0.0014 + 0.4 * 0.02 / 365)
    assert result.daily["turnover"].iloc[0] == pytest.approx(0.5 * (0.6 + 0.4 + abs((1 - 0.2) - 1.0)))
    assert result.daily["ret"].iloc[0] == pytest.approx(-result.daily["cost"].iloc[0])


def test_a_short_that_doubles_is_closed_at_the_full_loss_of_its_notional():
    result = simulate({day("2022-01-01"): pd.Series({"X:S0": -0.3})}, frame([[0.0], [4.0], [0.5]]))
    assert result.daily["ret"].tolist() == pytest.approx([-0.3, 0.0])
    assert result.weights["X:S0"].tolist() == [0.0, 0.0]
    assert result.daily["events"].tolist() == ["short_loss_cap:X:S0", ""]


def test_bankruptcy_ends_flat_and_is_flagged_once():
    returns = frame([[0.0], [0.99], [0.99], [0.5]])
    result = simulate(
        {day("2022-01-01"): pd.Series({"X:S0": -1.0}), day("2022-01-03"): pd.Series({"X:S0": -1.0})}, returns
    )
    assert result.daily["nav"].iloc[-1] <= 0.01
    assert result.daily["events"].str.contains("bankrupt").sum() == 1
    assert result.weights.iloc[-1, 0] == 0.0
    assert result.daily["ret"].min() >= -1.0


def test_a_missing_price_holds_the_position_and_books_the_move_when_it_returns():
    returns = frame([[0.0], [np.nan], [np.nan], [-0.2]])
    result = simulate({day("2022-01-01"): pd.Series({"X:S0": 1.0})}, returns)
    assert result.daily["ret"].tolist() == pytest.approx([0.0, 0.0, -0.2])


def test_a_long_silence_forces_the_position_out_with_a_penalty():
    returns = frame([[0.0]] + [[np.nan]] * 8)
    rules = ExecutionRules(max_stale=3, exit_penalty=0.05)
    result = simulate(
        {day("2022-01-01"): pd.Series({"X:S0": 0.5})}, returns, rules=rules, costs=CostModel(slippage=0.01)
    )
    flagged = result.daily["events"][result.daily["events"].ne("")]
    assert flagged.index.tolist() == [day("2022-01-05")]
    assert flagged.tolist() == ["forced_exit:X:S0"]
    assert (result.weights.loc["2022-01-05":, "X:S0"] == 0.0).all()
    first_day_cost = 0.5 * 0.01
    held = 0.5 / (1 - first_day_cost)
    assert result.daily.loc["2022-01-05", "cost"] == pytest.approx(held * 0.06)


def test_a_series_break_is_never_stitched():
    returns = frame([[0.0], [-0.999], [np.nan], [np.nan], [0.0]])
    breaks = frame(np.zeros((5, 1))).astype(bool)
    breaks.iloc[3, 0] = True  # the ticker is back as another asset
    result = simulate({day("2022-01-01"): pd.Series({"X:S0": 0.5})}, returns, breaks=breaks)
    assert result.daily["events"].tolist() == ["", "", "series_break:X:S0", ""]
    assert result.daily["nav"].iloc[-1] < 0.51


def test_target_without_returns_is_an_error():
    with pytest.raises(OrphanedWeightsError, match="X:GONE"):
        simulate({day("2022-01-01"): pd.Series({"X:GONE": 0.1})}, frame(np.zeros((3, 1))))


def ledger(targets, returns, trade_rate, borrow_per_day):
    """Independent oracle: dollars of each position and of cash, no weights carried."""
    cash, positions, navs = 1.0, dict.fromkeys(returns.columns, 0.0), []
    for t, (_, row) in enumerate(returns.iterrows()):
        if t == 0:
            continue
        nav = cash + sum(positions.values())
        previous = returns.index[t - 1]
        if previous in targets:
            traded = 0.0
            for symbol in returns.columns:
                wanted = targets[previous].get(symbol, 0.0) * nav
                traded += abs(wanted - positions[symbol])
                cash -= wanted - positions[symbol]
                positions[symbol] = wanted
            cash -= traded * trade_rate
        cash -= sum(-p for p in positions.values() if p < 0) * borrow_per_day
        for symbol in returns.columns:
            positions[symbol] *= 1.0 + row[symbol]
        navs.append(cash + sum(positions.values()))
    return navs


weights = st.lists(st.floats(-0.5, 0.5), min_size=3, max_size=3)


@settings(max_examples=60)
@given(seed=st.integers(0, 10_000), first=weights, second=weights)
def test_nav_equals_a_ledger_of_dollar_positions(seed, first, second):
    returns = frame(np.random.default_rng(seed).uniform(-0.2, 0.2, (12, 3)))
    targets = {
        returns.index[0]: pd.Series(first, index=returns.columns),
        returns.index[5]: pd.Series(second, index=returns.columns),
    }
    costs = CostModel(slippage=0.001, commission=0.0004, short_borrow=0.02, ann=365)
    result = simulate(targets, returns, costs=costs)
    expected = ledger(targets, returns, costs.trade_rate, 0.02 / 365)
    assert result.daily["nav"].to_numpy() == pytest.approx(expected, rel=1e-10)
    change = result.daily["nav"].diff().fillna(result.daily["nav"] - 1.0)
    before = result.daily["nav"] - change
    assert change.to_numpy() == pytest.approx(
        (before * (result.daily["gross_ret"] - result.daily["cost"])).to_numpy(), abs=1e-10
    )


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), sign=st.sampled_from([1.0, -1.0]))
def test_drift_never_flips_a_position(seed, sign):
    returns = frame(np.random.default_rng(seed).uniform(-0.5, 0.9, (15, 4)))
    target = pd.Series(0.2 * sign, index=returns.columns)
    result = simulate({returns.index[0]: target}, returns)
    assert ((result.weights * sign) >= 0.0).all().all()
