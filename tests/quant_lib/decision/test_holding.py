"""What is held before a decision trades: drift as the accounting has it, nothing from later, nothing that ended."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_lib.backtest import ExecutionRules, simulate
from quant_lib.decision import SleeveRules
from quant_lib.decision.holding import carried
from quant_resources.config import load_project

ROOT = Path(__file__).resolve().parents[3]
SINCE, ON = pd.Timestamp("2022-03-01"), pd.Timestamp("2022-03-11")
NO_BAD = pd.DataFrame({"symbol": pd.Series(dtype="str"), "date": pd.Series(dtype="M8[us]"), "known_on": pd.NaT})


@pytest.fixture(scope="module")
def rules() -> SleeveRules:
    from quant_assets.sleeve_rules import sleeve_rules

    project = load_project(ROOT / "configs", environment={})
    return sleeve_rules(project, project.sleeves["binance_spot_rating_all_short"])


def tape(closes: dict[str, np.ndarray]) -> pd.DataFrame:
    """Bars of a series each, the last one on ten days after `ON`."""
    parts = [
        pd.DataFrame(
            {
                "symbol": symbol,
                "date": pd.date_range(end=ON + pd.Timedelta(days=10), periods=len(path)),
                "close": path,
                "segment": 0,
            }
        )
        for symbol, path in closes.items()
    ]
    return pd.concat(parts, ignore_index=True)


def carry(book: pd.Series, bars: pd.DataFrame, rules: SleeveRules, bad: pd.DataFrame = NO_BAD) -> pd.Series:
    return carried({"one": book}, bars, bad, rules, since=SINCE.date(), on=ON.date())["one"]


@settings(max_examples=12)
@given(st.integers(0, 2**32 - 1))
def test_drift_is_money_over_capital(rules: SleeveRules, seed: int) -> None:
    """Units bought at the first close and valued at the last one, by prices alone."""
    rng = np.random.default_rng(seed)
    names = list("abcd")
    bars = tape({name: np.exp(np.cumsum(rng.normal(0, 0.05, 30))) for name in names})
    book = pd.Series(rng.uniform(-0.3, 0.3, 4), index=names)
    price = bars.pivot(index="date", columns="symbol", values="close")
    money = book * price.loc[ON] / price.loc[SINCE]
    capital = 1.0 - book.sum() + money.sum()
    np.testing.assert_allclose(carry(book, bars, rules), money / capital, atol=1e-12)
    returns = price.pct_change().loc[SINCE + pd.Timedelta(days=1) : ON]
    np.testing.assert_allclose(carry(book, bars, rules), simulate({SINCE: book}, returns).weights.iloc[-1], atol=1e-12)


def test_what_comes_later_changes_nothing(rules: SleeveRules) -> None:
    rng = np.random.default_rng(3)
    bars = tape({name: np.exp(np.cumsum(rng.normal(0, 0.05, 30))) for name in "ab"})
    book = pd.Series({"a": -0.5, "b": -0.4})
    noisy = bars.assign(close=bars["close"].where(bars["date"] <= ON, 1e6))
    later = pd.DataFrame({"symbol": ["a"], "date": [ON], "known_on": [ON + pd.Timedelta(days=1)]})
    assert carry(book, bars, rules).equals(carry(book, noisy, rules, later))
    known = later.assign(known_on=ON)
    assert not carry(book, bars, rules).equals(carry(book, bars, rules, known))


def test_a_series_that_broke_is_no_longer_held_and_nothing_crosses_it(rules: SleeveRules) -> None:
    bars = tape({"a": np.r_[np.full(15, 1.0), np.full(15, 1295.0)], "b": np.full(30, 2.0)})
    bars.loc[(bars["symbol"] == "a") & (bars["close"] > 1.0), "segment"] = 1
    found = carry(pd.Series({"a": -0.5, "b": -0.4}), bars, rules)
    assert found.to_dict() == {"a": 0.0, "b": pytest.approx(-0.4, abs=1e-12)}


def test_a_position_without_a_price_is_held_as_long_as_the_accounting_holds_it(rules: SleeveRules) -> None:
    bars = tape({"a": np.full(30, 1.0), "b": np.full(30, 2.0)})
    silent = bars[~((bars["symbol"] == "a") & bars["date"].between(SINCE + pd.Timedelta(days=4), ON))]
    book = pd.Series({"a": 0.5, "b": 0.4})
    patient = dataclasses.replace(rules, execution=ExecutionRules(max_stale=20))
    assert carry(book, silent, patient)["a"] == pytest.approx(0.5)
    assert carry(book, silent, rules)["a"] == 0.0


def test_cash_and_a_decision_of_the_same_close_stay_as_they_are(rules: SleeveRules) -> None:
    bars = tape({"a": np.linspace(1.0, 2.0, 30)})
    cash = pd.Series(dtype="float64")
    found = carried({"a": cash}, bars, NO_BAD, rules, since=SINCE.date(), on=ON.date())
    assert found["a"].empty
    same = carried({"a": pd.Series({"a": 1.0})}, bars, NO_BAD, rules, since=ON.date(), on=ON.date())
    assert same["a"].to_dict() == {"a": 1.0}
