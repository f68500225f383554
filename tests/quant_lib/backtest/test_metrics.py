"""Metrics against closed forms and pandas."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_lib.backtest import drawdown, performance_metrics


def named(returns, **kwargs):
    series = pd.Series(returns, index=pd.date_range("2021-01-01", periods=len(returns), unit="us"), dtype=float)
    return {m.name: m.value for m in performance_metrics(series, **{"ann": 365.0, **kwargs})}


def test_known_series():
    got = named([0.1, -0.5, 0.2])
    assert got["total_return"] == pytest.approx(1.1 * 0.5 * 1.2 - 1)
    assert got["annualized_return"] == pytest.approx((1.1 * 0.5 * 1.2) ** (365 / 3) - 1)
    assert got["max_drawdown"] == pytest.approx(-0.5)
    assert got["win_rate"] == pytest.approx(2 / 3)
    assert got["omega"] == pytest.approx(0.3 / 0.5)
    assert got["longest_underwater"] == 2
    assert got["sortino"] == pytest.approx(np.mean([0.1, -0.5, 0.2]) * 365 / (math.sqrt(0.25 / 3) * math.sqrt(365)))


def test_the_first_loss_is_a_drawdown():
    assert drawdown(np.array([-0.3, 0.1]))[0] == pytest.approx(-0.3)


def test_volatility_and_sharpe_agree_with_pandas():
    r = np.random.default_rng(1).normal(0.001, 0.02, 500)
    series = pd.Series(r)
    got = named(r)
    assert got["annualized_vol"] == pytest.approx(series.std() * math.sqrt(365), rel=1e-12)
    assert got["sharpe"] == pytest.approx(series.mean() / series.std() * math.sqrt(365), rel=1e-12)
    assert got["skew"] == pytest.approx(series.skew(), rel=0.02)
    assert got["var_95"] == pytest.approx(series.quantile(0.05))
    assert got["cvar_95"] == pytest.approx(series[series <= series.quantile(0.05)].mean())


def test_what_a_flat_series_does_not_define_is_null_not_zero():
    got = named([0.0] * 40)
    assert got["sharpe"] is None
    assert got["omega"] is None
    assert got["calmar"] is None
    assert got["skew"] is None
    assert got["annualized_vol"] == 0.0


def test_figures_are_not_clipped():
    got = named([0.05, 0.051] * 60)
    assert got["sharpe"] > 100
    assert got["annualized_return"] > 1e6


def test_beta_of_a_levered_benchmark():
    rng = np.random.default_rng(5)
    index = pd.date_range("2021-01-01", periods=300, unit="us")
    benchmark = pd.Series(rng.normal(0, 0.03, 300), index=index)
    got = {m.name: m.value for m in performance_metrics(0.5 * benchmark + 0.001, ann=365.0, benchmark=benchmark)}
    assert got["beta"] == pytest.approx(0.5)
    assert got["correlation"] == pytest.approx(1.0)
    assert got["alpha"] == pytest.approx(0.365)


@pytest.mark.parametrize("bad", [[], [0.1, float("nan")]])
def test_missing_returns_are_an_error(bad):
    with pytest.raises(ValueError, match="complete, non-empty"):
        named(bad)


@given(st.lists(st.floats(-0.9, 2.0), min_size=1, max_size=60))
def test_drawdown_is_between_minus_one_and_zero(returns):
    dd = drawdown(np.array(returns))
    assert ((dd <= 1e-12) & (dd >= -1.0)).all()
