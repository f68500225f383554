"""From bars to verdicts: noise is rejected in the stated share, planted trends pass (design 10.14)."""

import numpy as np
import pandas as pd
import pytest

from quant_lib.features import compute_features
from quant_lib.selection import Predictability, VetoRules

DAY = pd.Timestamp("2022-06-01")
COLUMNS = ["entropy_noise_pct", "efficiency_noise_pct", "hurst_noise_pct", "kurtosis", "volatility", "roc_10"]


def features_of(returns):
    """Features on the last day of symbols with these returns, one column each."""
    sessions, n = returns.shape
    close = 100.0 * np.exp(np.cumsum(returns, axis=0))
    days = np.tile(pd.date_range(end=DAY, periods=sessions), n)
    flat = close.T.ravel()
    bars = pd.DataFrame({"symbol": np.repeat([f"S{i:04d}" for i in range(n)], sessions), "date": days, "close": flat})
    bars = bars.assign(high=flat * 1.01, low=flat * 0.99, volume=1e6)
    made = compute_features(bars, names=[*COLUMNS, "volatility_d"], since=DAY.date())
    return made.rename(columns={"roc_10": "roc"}).assign(logic="l", direction="LONG")


def rejected(facts, rules):
    out = np.zeros(len(facts), dtype=bool)
    for veto in rules.vetoes():
        if veto.kind == "soft":
            out |= veto.judge(facts, VetoRules()).bites
    return out


@pytest.fixture(scope="module")
def noise():
    return features_of(np.random.default_rng(42).normal(0.0, 0.03, (150, 900)))


@pytest.mark.parametrize(
    "rules",
    [
        Predictability(),
        Predictability(entropy_max=0.999, efficiency_min=0.01),
        Predictability(entropy_max=0.7, efficiency_min=0.2, hurst_band=(0.4, 0.6)),
    ],
)
def test_white_noise_is_rejected_in_the_stated_share(noise, rules):
    share = rejected(noise, rules).mean()
    # The three tests look at the same returns and so are not quite independent of one another.
    assert share == pytest.approx(rules.noise_share(), abs=0.04)
    for name, expected in (("entropy", 1 - rules.entropy_max), ("efficiency", rules.efficiency_min)):
        (veto,) = [one for one in rules.vetoes() if one.name == name]
        assert veto.judge(noise, VetoRules()).bites.mean() == pytest.approx(expected, abs=0.05)


def test_planted_trends_pass(noise):
    rng = np.random.default_rng(7)
    returns = np.zeros((150, 200))
    shocks = rng.normal(0.0, 0.004, returns.shape)
    for t in range(1, 150):  # persistent moves around a drift: what a trend follower looks for
        returns[t] = 0.85 * returns[t - 1] + 0.0012 + shocks[t]
    trends = features_of(returns)
    assert rejected(trends, Predictability()).mean() <= 0.02
    strict = Predictability(entropy_max=0.5, efficiency_min=0.5, hurst_band=(0.0, 0.9))
    assert rejected(trends, strict).mean() <= 0.1
    assert rejected(noise, strict).mean() >= 0.85
