"""Ratings of whole series against the published rules written out once more, plainly, on pandas columns."""

import numpy as np
import pandas as pd
import pytest

from quant_lib import indicators as ta
from quant_lib.features import compute_features


def _cast(buy, sell, *needed):
    defined = pd.concat(needed, axis=1).notna().all(axis=1)
    return pd.Series(np.select([buy, sell], [1.0, -1.0], 0.0), index=buy.index).where(defined)


def _moving_average_votes(c, h, lo, v, ruleset):
    votes = {}
    for n in (10, 20, 30, 50, 100, 200):
        for kind in (ta.sma, ta.ema):
            average = pd.Series(kind(c, n))
            votes[f"{kind.__name__}{n}"] = _cast(average < c, average > c, average)
    for name, average in (("vwma", pd.Series(ta.vwma(c, v, 20))), ("hma", pd.Series(ta.hma(c, 9)))):
        votes[name] = _cast(average < c, average > c, average)
    conversion, base = ((h.rolling(n).max() + lo.rolling(n).min()) / 2 for n in (9, 26))
    lead1, lead2 = (conversion + base) / 2, (h.rolling(52).max() + lo.rolling(52).min()) / 2
    if ruleset == "legacy":
        buy = (lead1 > lead2) & (c > lead1) & (c < base) & (c.shift() < conversion) & (c > conversion)
        sell = (lead2 > lead1) & (c < lead2) & (c > base) & (c.shift() > conversion) & (c < conversion)
        votes["ichimoku"] = _cast(buy, sell, lead1, lead2, c.shift())
    else:
        span1, span2 = lead1.shift(26), lead2.shift(26)
        buy = (span1 > span2) & (base > span1) & (conversion > base) & (c > conversion)
        sell = (span1 < span2) & (base < span1) & (conversion < base) & (c < conversion)
        votes["ichimoku"] = _cast(buy, sell, span1, span2)
    return votes


def _oscillator_votes(c, h, lo, ruleset):
    legacy = ruleset == "legacy"
    trend = pd.Series(ta.ema(c, 50))
    down, up = c < trend, c > trend
    votes = {}
    for name, values, low, high in (
        ("rsi", ta.rsi(c), 30, 70),
        ("cci", ta.cci(h, lo, c), -100, 100),
        ("williams", ta.williams_r(h, lo, c), -80, -20),
    ):
        x = pd.Series(values)
        votes[name] = _cast((x < low) & (x > x.shift()), (x > high) & (x < x.shift()), x, x.shift())
    for name, made, gate_buy, gate_sell in (
        ("stoch", ta.stochastic(h, lo, c), True, True),
        ("stoch_rsi", ta.stoch_rsi(c), down, up),
    ):
        k, d = pd.Series(made.k).round(9), pd.Series(made.d).round(9)  # figures that differ by rounding are equal
        buy, sell = (k < 20) & (d < 20) & (k > d) & gate_buy, (k > 80) & (d > 80) & (k < d) & gate_sell
        if legacy:
            buy, sell = buy & (k.shift() < d.shift()), sell & (k.shift() > d.shift())
        votes[name] = _cast(buy, sell, k, d, d.shift(), *([trend] if name == "stoch_rsi" else []))
    move = ta.dmi(h, lo, c)
    adx, plus, minus = pd.Series(move.adx), pd.Series(move.plus), pd.Series(move.minus)
    if legacy:
        buy = (adx > 20) & (plus.shift() < minus.shift()) & (plus > minus)
        sell = (adx > 20) & (plus.shift() > minus.shift()) & (plus < minus)
        votes["adx"] = _cast(buy, sell, adx, plus.shift())
    else:
        rising = adx > adx.shift()
        votes["adx"] = _cast((adx > 20) & rising & (plus > minus), (adx > 20) & rising & (plus < minus), adx.shift())
    ao = pd.Series(ta.awesome(h, lo))
    ao1, ao2 = ao.shift(), ao.shift(2)
    buy = ((ao > 0) & (ao1 <= 0)) | ((ao > 0) & (ao1 > 0) & (ao > ao1) & (ao2 > ao1))
    sell = ((ao < 0) & (ao1 >= 0)) | ((ao < 0) & (ao1 < 0) & (ao < ao1) & (ao2 < ao1))
    votes["ao"] = _cast(buy, sell, ao, ao1)
    mom = c.diff(10)
    votes["mom"] = _cast(mom > mom.shift(), mom < mom.shift(), mom, mom.shift())
    line = ta.macd(c)
    votes["macd"] = _cast(
        pd.Series(line.line > line.signal), pd.Series(line.line < line.signal), pd.Series(line.signal)
    )
    bull, bear = h - ta.ema(c, 13), lo - ta.ema(c, 13)
    buy, sell = up & (bear < 0) & (bear > bear.shift()), down & (bull > 0) & (bull < bull.shift())
    votes["power"] = _cast(buy, sell, bull.shift(), trend)
    uo = pd.Series(ta.ultimate(h, lo, c))
    votes["uo"] = _cast(uo > 70, uo < 30, uo)
    return votes


@pytest.fixture(scope="module")
def history():
    """A long random walk off the tick, so that no two figures tie by construction."""
    rng = np.random.default_rng(5)
    n = 6000
    close = 100.0 * np.exp(np.cumsum(rng.standard_t(4, n) * 0.02))
    high, low = close * (1 + rng.exponential(0.02, n)), close / (1 + rng.exponential(0.02, n))
    dates = pd.date_range("2005-01-01", periods=n).as_unit("us")
    return pd.DataFrame(
        {"symbol": "X:A", "date": dates, "high": high, "low": low, "close": close, "volume": rng.lognormal(8, 1, n)}
    )


@pytest.mark.parametrize("ruleset", ["legacy", "pine3"])
def test_ratings_follow_the_published_rules(ruleset, history):
    c, h, lo, v = (history[name] for name in ("close", "high", "low", "volume"))
    ma, other = (
        pd.DataFrame(_moving_average_votes(c, h, lo, v, ruleset)),
        pd.DataFrame(_oscillator_votes(c, h, lo, ruleset)),
    )
    assert (ma.shape[1], other.shape[1]) == (15, 11)
    for votes in (ma, other):
        for name in votes:  # every rule both buys and sells somewhere, so none is judged by its silence
            assert set(votes[name].dropna()) >= {-1.0, 1.0}, name
    made = compute_features(history, ruleset=ruleset)
    np.testing.assert_array_equal(made["n_votes_ma"], ma.notna().sum(axis=1))
    np.testing.assert_array_equal(made["n_votes_other"], other.notna().sum(axis=1))
    expected_ma = ma.mean(axis=1).where(ma.notna().sum(axis=1) >= 10)
    expected_other = other.mean(axis=1)
    np.testing.assert_allclose(made["recommend_ma"], expected_ma, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(made["recommend_other"], expected_other, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(made["recommend_all"], (expected_ma + expected_other) / 2, rtol=1e-12, atol=1e-15)
