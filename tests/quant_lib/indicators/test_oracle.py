"""Every indicator against a slow version of its textbook definition."""

import numpy as np
import pytest

from quant_lib import indicators as ta


@pytest.fixture
def columns(bars):
    return tuple(bars[name].to_numpy() for name in ("high", "low", "close", "volume"))


def assert_same(actual, expected, rtol=1e-9, atol=1e-9):
    assert np.array_equal(np.isnan(actual), np.isnan(expected))
    assert np.isfinite(actual).any()
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol)


@pytest.mark.parametrize("length", [1, 2, 3, 10, 50, 200])
@pytest.mark.parametrize("kind", ["sma", "ema", "rma", "wma"])
def test_averages(kind, length, columns, oracle):
    close = columns[2]
    assert_same(getattr(ta, kind)(close, length), getattr(oracle, kind)(close, length))


@pytest.mark.parametrize("length", [2, 9, 20])
def test_hull_average(length, columns, oracle):
    assert_same(ta.hma(columns[2], length), oracle.hma(columns[2], length))


@pytest.mark.parametrize("length", [1, 20])
def test_volume_weighted_average(length, columns, oracle):
    assert_same(ta.vwma(columns[2], columns[3], length), oracle.vwma(columns[2], columns[3], length))


@pytest.mark.parametrize("length", [1, 2, 9, 20, 52])
def test_extremes_are_exact(length, columns, oracle):
    high, low = columns[:2]
    np.testing.assert_array_equal(ta.highest(high, length), oracle.over(length, np.max, high))
    np.testing.assert_array_equal(ta.lowest(low, length), oracle.over(length, np.min, low))


def test_extremes_find_the_highest_again_after_it_leaves_a_falling_window(oracle):
    x = np.r_[np.arange(50.0, 0.0, -1.0), np.arange(50.0), np.full(20, 7.0)]
    np.testing.assert_array_equal(ta.highest(x, 7), oracle.over(7, np.max, x))
    np.testing.assert_array_equal(ta.lowest(x, 7), oracle.over(7, np.min, x))


@pytest.mark.parametrize("length", [1, 2, 5, 30])
def test_median_is_exact(length, columns, oracle):
    x = np.round(columns[2])  # whole numbers repeat, so equal values leave the window one at a time
    np.testing.assert_array_equal(ta.rolling_median(x, length), oracle.over(length, np.median, x))


@pytest.mark.parametrize(("length", "ddof"), [(2, 1), (20, 0), (119, 1), (120, 1)])
def test_standard_deviation(length, ddof, columns, oracle):
    returns = np.r_[np.nan, np.diff(np.log(columns[2]))]
    expected = oracle.over(length, lambda w: w.std(ddof=ddof), returns)
    assert_same(ta.rolling_std(returns, length, ddof), expected)


def test_rsi(columns, oracle):
    assert_same(ta.rsi(columns[2]), oracle.rsi(columns[2], 14))


def test_stochastic(columns, oracle):
    made, (k, d) = ta.stochastic(*columns[:3]), oracle.stochastic(*columns[:3], 14, 3, 3)
    assert_same(made.k, k)
    assert_same(made.d, d)


def test_stochastic_rsi(columns, oracle):
    strength = oracle.rsi(columns[2], 14)
    made, (k, d) = ta.stoch_rsi(columns[2]), oracle.stochastic(strength, strength, strength, 14, 3, 3)
    assert_same(made.k, k)
    assert_same(made.d, d)


def test_williams(columns, oracle):
    assert_same(ta.williams_r(*columns[:3]), oracle.williams_r(*columns[:3], 14))


def test_cci(columns, oracle):
    assert_same(ta.cci(*columns[:3]), oracle.cci(*columns[:3], 20))


def test_true_range_and_its_average(columns, oracle):
    assert_same(ta.true_range(*columns[:3]), oracle.true_range(*columns[:3]))
    assert_same(ta.atr(*columns[:3]), oracle.atr(*columns[:3], 14))


def test_directional_movement(columns, oracle):
    made, (plus, minus, adx) = ta.dmi(*columns[:3]), oracle.dmi(*columns[:3], 14)
    assert_same(made.plus, plus)
    assert_same(made.minus, minus)
    assert_same(made.adx, adx)


def test_awesome(columns, oracle):
    assert_same(ta.awesome(*columns[:2]), oracle.awesome(*columns[:2]))


def test_macd(columns, oracle):
    line = oracle.ema(columns[2], 12) - oracle.ema(columns[2], 26)
    made = ta.macd(columns[2])
    assert_same(made.line, line)
    assert_same(made.signal, oracle.ema(line, 9))
    assert_same(made.hist, line - oracle.ema(line, 9))


def test_bull_and_bear_power(columns, oracle):
    high, low, close, _ = columns
    middle = oracle.ema(close, 13)
    made = ta.bull_bear(high, low, close)
    assert_same(made.bull, high - middle)
    assert_same(made.bear, low - middle)
    assert_same(made.total, high + low - 2.0 * middle)


@pytest.mark.parametrize("lengths", [(7, 14, 28), (1, 2, 3), (4, 16, 8), (5, 15, 63)])
def test_ultimate(lengths, columns, oracle):
    assert_same(ta.ultimate(*columns[:3], lengths), oracle.ultimate(*columns[:3], lengths))


def test_ichimoku(columns, oracle):
    high, low = columns[:2]
    made = ta.ichimoku(high, low)
    conversion, base = oracle.midpoint(high, low, 9), oracle.midpoint(high, low, 26)
    assert_same(made.conversion, conversion)
    assert_same(made.base, base)
    assert_same(made.lead1, (conversion + base) / 2.0)
    assert_same(made.lead2, oracle.midpoint(high, low, 52))


def test_momentum(columns):
    close = columns[2]
    expected = np.r_[np.full(10, np.nan), close[10:] - close[:-10]]
    np.testing.assert_array_equal(ta.momentum(close), expected)


def test_donchian_leaves_the_current_bar_out(columns, oracle):
    high, low = columns[:2]
    upper, lower = ta.donchian(high, low, 20)
    np.testing.assert_array_equal(upper, np.r_[np.nan, oracle.over(20, np.max, high)[:-1]])
    np.testing.assert_array_equal(lower, np.r_[np.nan, oracle.over(20, np.min, low)[:-1]])
    assert (high[20:] > upper[20:]).any()  # a breakout can happen
