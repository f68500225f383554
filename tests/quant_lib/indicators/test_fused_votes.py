"""The compiled count of the votes against the same rules as arrays, vote by vote, ties and missing figures included."""

import numpy as np
import pytest

from quant_lib import indicators as ta
from quant_lib.indicators import ratings, votes


def _before(x, offsets, bars=1):
    return ta.lag(x, bars, offsets)


def _figures(q, offsets):
    high, low, close = (q[name].to_numpy(float) for name in ("high", "low", "close"))
    return ratings.OscillatorFigures(
        ta.rsi(close, 14, offsets),
        ta.stochastic(high, low, close, offsets=offsets),
        ta.cci(high, low, close, 20, offsets),
        ta.dmi(high, low, close, offsets=offsets),
        ta.awesome(high, low, offsets),
        ta.momentum(close, 10, offsets),
        ta.macd(close, offsets=offsets),
        ta.stoch_rsi(close, offsets=offsets),
        ta.williams_r(high, low, close, 14, offsets),
        ta.bull_bear(high, low, close, offsets=offsets),
        ta.ultimate(high, low, close, offsets=offsets),
    )


def _oscillator_votes(close, trend, f, ruleset, offsets):
    def b(x):
        return _before(x, offsets)

    k, d, sk, sd = f.stochastic.k, f.stochastic.d, f.stoch_rsi.k, f.stoch_rsi.d
    adx, plus, minus = f.movement.adx, f.movement.plus, f.movement.minus
    bull, bear = f.power.bull, f.power.bear
    return [
        votes.vote_rsi(f.rsi, b(f.rsi)),
        votes.vote_stochastic(k, d, b(k), b(d), ruleset),
        votes.vote_cci(f.cci, b(f.cci)),
        votes.vote_adx(adx, plus, minus, b(adx), b(plus), b(minus), ruleset),
        votes.vote_awesome(f.awesome, b(f.awesome), _before(f.awesome, offsets, 2), close),
        votes.vote_momentum(f.momentum, b(f.momentum), close),
        votes.vote_macd(f.macd.line, f.macd.signal, close),
        votes.vote_stoch_rsi(sk, sd, b(sk), b(sd), close, trend, ruleset),
        votes.vote_williams(f.williams_r, b(f.williams_r)),
        votes.vote_bull_bear(bull, bear, b(bull), b(bear), close, trend),
        votes.vote_ultimate(f.ultimate),
    ]


@pytest.mark.parametrize("ruleset", ["legacy", "pine3"])
@pytest.mark.parametrize("tick", [0.01, 5.0])
@pytest.mark.parametrize("seed", range(3))
def test_the_compiled_count_is_the_tally_of_the_votes(ruleset, tick, seed, make_bars):
    q = make_bars(3000, seed=seed, tick=tick)
    offsets = np.array([0, 1, 40, 40, 900, 3000], np.int64)
    high, low, close, volume = (q[name].to_numpy(float) for name in ("high", "low", "close", "volume"))
    f = _figures(q, offsets)
    trend = ta.ema(close, 50, offsets)
    cast = _oscillator_votes(close, trend, f, ruleset, offsets)
    for vote in cast if tick < 1.0 else []:
        assert set(vote[~np.isnan(vote)]) >= {-1.0, 1.0}  # every rule speaks both ways
    expected, expected_count = ratings.tally(cast)
    rating, count = ratings.rate_oscillators(close, trend, f, ruleset, offsets)
    np.testing.assert_array_equal(count, expected_count)
    np.testing.assert_array_equal(rating, expected)

    lines = np.array([*(ta.sma(close, n, offsets) for n in (10, 50)), ta.vwma(close, volume, 20, offsets)])
    cloud = ta.ichimoku(high, low, offsets)
    cast = [*(votes.vote_average(close, line) for line in lines), votes.vote_ichimoku(cloud, close, ruleset, offsets)]
    assert tick > 1.0 or set(cast[-1][~np.isnan(cast[-1])]) >= {-1.0, 1.0}
    expected, expected_count = ratings.tally(cast)
    rating, count = ratings.rate_averages(close, lines, (cloud.conversion, cloud.base, cloud.lead2), ruleset, offsets)
    np.testing.assert_array_equal(count, expected_count)
    np.testing.assert_array_equal(rating, expected)
