import numpy as np
import pandas as pd
import pytest

from quant_lib.regime import forward_returns, study_regimes


def dated(values):
    return pd.Series(np.asarray(values, dtype="float64"), index=pd.date_range("2020-01-01", periods=len(values)))


def test_a_forward_return_starts_after_its_session():
    ahead = forward_returns(dated([0.5, 0.1, -0.2, 0.3]), 2)
    assert ahead.iloc[0] == pytest.approx(1.1 * 0.8 - 1.0)
    assert ahead.iloc[1] == pytest.approx(0.8 * 1.3 - 1.0)
    assert ahead.iloc[2:].isna().all()


def test_counts_add_up_and_figures_are_those_of_the_days():
    rng = np.random.default_rng(0)
    returns = dated(rng.normal(0, 0.02, 400))
    states = pd.DataFrame({"regime": np.where(np.arange(400) % 100 < 30, "CRISIS", "NORMAL")}, index=returns.index)
    table = study_regimes(returns, states, horizons=(5,), resamples=200).set_index("state")
    assert table.loc["ALL", "n"] == 395 == table.loc[["CRISIS", "NORMAL"], "n"].sum()
    assert (table.loc["CRISIS", "episodes"], table.loc["NORMAL", "episodes"]) == (4, 4)
    ahead = forward_returns(returns, 5)
    own = ahead[(states["regime"] == "CRISIS") & ahead.notna()]
    assert table.loc["CRISIS", "mean"] == pytest.approx(own.mean())
    assert table.loc["CRISIS", "win_rate"] == pytest.approx((own > 0).mean())
    assert (table["mean_low"] < table["mean"]).all()
    assert (table["mean"] < table["mean_high"]).all()


def test_intervals_of_overlapping_returns_cover_the_truth():
    """600 independent days hold 30 independent 20-day returns: intervals cover in 82 of 100 series, never as few as
    a bootstrap of single days would (about 40)."""
    hits = 0
    for seed in range(40):
        returns = dated(np.random.default_rng(seed).normal(0.0, 0.01, 600))
        states = pd.DataFrame({"regime": "NORMAL"}, index=returns.index)
        row = study_regimes(returns, states, horizons=(20,), resamples=200).iloc[0]
        hits += row["mean_low"] <= 0.0 <= row["mean_high"]
    assert hits >= 30


def test_a_handful_of_days_has_no_interval_and_equal_inputs_give_equal_rows():
    returns = dated(np.random.default_rng(1).normal(0, 0.01, 120))
    states = pd.DataFrame({"quadrant": ["CRISIS"] * 10 + ["NORMAL"] * 110}, index=returns.index)
    one, two = (study_regimes(returns, states, horizons=(5,), resamples=100) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)
    crisis = one.set_index("state").loc["CRISIS"]
    assert crisis["n"] == 10
    assert pd.isna(crisis["mean_low"])


def test_a_state_leans_only_where_the_whole_interval_does():
    rng = np.random.default_rng(5)
    label = np.repeat(["DOWN", "FLAT", "UP"], 200)
    drift = np.repeat([-0.01, 0.0, 0.01], 200)
    returns = dated(drift + rng.normal(0.0, 0.01, 600))
    states = pd.DataFrame({"regime": label}, index=returns.index)
    table = study_regimes(returns, states, horizons=(5,), resamples=300).set_index("state")
    assert table["leans"].to_dict() == {"ALL": "", "DOWN": "SHORT", "FLAT": "", "UP": "LONG"}
    assert table.loc["UP", "mean_low"] > 0.0 > table.loc["DOWN", "mean_high"]
    own = forward_returns(returns, 5)[label == "UP"].dropna()
    assert table.loc["UP", ["p05", "median", "p95"]].tolist() == pytest.approx(np.quantile(own, [0.05, 0.5, 0.95]))


def test_the_study_is_of_the_days_that_have_a_future_and_a_state():
    returns = dated(np.random.default_rng(2).normal(0, 0.01, 120))
    states = pd.DataFrame({"regime": "NORMAL"}, index=returns.index[40:])
    row = study_regimes(returns, states, horizons=(10,), resamples=50).iloc[0]
    assert (row["n"], row["episodes"]) == (70, 1)
    assert row["mean"] == pytest.approx(forward_returns(returns, 10)[40:110].mean())
