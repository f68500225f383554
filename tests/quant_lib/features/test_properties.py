"""Properties of whole rows of features over generated markets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_lib.features import FEATURES, FEATURES_TABLE, compute_features
from tests.examples import examples

PRICE_UNIT = {"quote currency"}
VOLUME_TOO = {"value_traded", "turnover"}
NAMES = [feature.name for feature in FEATURES]


@given(seed=st.integers(0, 10_000), days=st.integers(1, 260))
@settings(max_examples=examples(25))
def test_every_row_keeps_the_contract(market, seed, days):
    made = compute_features(market(symbols=2, days=days, seed=seed))
    FEATURES_TABLE.pandera_schema().validate(made)
    assert not np.isinf(made.select_dtypes("number").to_numpy(float)).any()
    known = made.dropna(subset=["donchian_upper_20"])
    assert (known["donchian_lower_20"] <= known["donchian_upper_20"]).all()
    votes = made.dropna(subset=["recommend_ma"])
    ballots = votes["recommend_ma"] * votes["n_votes_ma"]
    np.testing.assert_allclose(ballots, ballots.round(), atol=1e-9)


@given(seed=st.integers(0, 10_000), factor=st.sampled_from([1e-8, 1e-3, 0.1, 3.0, 1e6]))
@settings(max_examples=examples(20))
def test_a_change_of_price_unit_changes_prices_only(market, seed, factor):
    bars = market(symbols=1, days=260, seed=seed)
    scaled = bars.assign(**{name: bars[name] * factor for name in ("high", "low", "close")})
    before, after = compute_features(bars, names=NAMES), compute_features(scaled, names=NAMES)
    for feature in FEATURES:
        unit = factor if feature.unit in PRICE_UNIT else 1.0
        # Differences of prices lose digits to cancellation: judged against the price, not against themselves.
        slack = 1e-9 * unit * bars["close"].max() if feature.unit in PRICE_UNIT else 1e-7
        np.testing.assert_allclose(
            after[feature.name], before[feature.name] * unit, rtol=1e-9, atol=slack, err_msg=feature.name
        )


@given(seed=st.integers(0, 10_000), factor=st.sampled_from([1e-6, 0.5, 1e9]))
@settings(max_examples=examples(10))
def test_a_change_of_volume_unit_changes_turnover_only(market, seed, factor):
    bars = market(symbols=1, days=260, seed=seed)
    before = compute_features(bars, names=NAMES)
    after = compute_features(bars.assign(volume=bars["volume"] * factor), names=NAMES)
    for name in NAMES:
        unit = factor if name in VOLUME_TOO | {"volume"} else 1.0
        np.testing.assert_allclose(after[name], before[name] * unit, rtol=1e-9, err_msg=name)


@pytest.mark.parametrize("price", [1e-9, 0.1, 7.0, 1e9])
def test_a_market_that_stands_still_says_nothing(market, price):
    bars = market(symbols=1, days=260, volume_gap=False)
    made = compute_features(bars.assign(high=price, low=price, close=price), names=NAMES).iloc[-1]
    assert made["recommend_ma"] == made["recommend_all"] == made["recommend_other"] == 0.0
    assert made[["sma_50", "sma_200", "vwma_20", "ema_200", "hma_9", "donchian_upper_20"]].eq(price).all()
    assert (
        made[["atr_14", "macd", "macd_hist", "momentum", "volatility", "volatility_d", "change", "bb_width_20"]]
        .eq(0.0)
        .all()
    )
    assert made[["adx_14", "stoch_k", "stoch_rsi_k", "cci_20", "willr_14", "uo"]].isna().all()
