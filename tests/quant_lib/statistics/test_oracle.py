"""Rolling statistics against scipy, statsmodels and the definitions written out plainly."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
import scipy.stats

from quant_lib import statistics as st
from quant_lib.indicators import IndicatorInputError


def _entropy(w, order):
    patterns = Counter(tuple(np.argsort(w[k : k + order], kind="stable")) for k in range(len(w) - order + 1))
    p = np.array(list(patterns.values())) / sum(patterns.values())
    return -(p * np.log(p)).sum() / math.log(math.factorial(order))


def _rescaled(w):
    walk = np.cumsum(w - w.mean())
    return (walk.max() - walk.min()) / w.std()


def _hurst(w):
    x, y = [], []
    for lag in (2**k for k in range(3, 10)):
        if lag <= len(w) // 2:
            parts = [w[len(w) - (k + 1) * lag : len(w) - k * lag] for k in range(len(w) // lag)]
            x.append(math.log(lag))
            y.append(math.log(np.mean([_rescaled(part) for part in parts]) / st.expected_rescaled_range(lag)))
    return min(max(0.5 + np.polyfit(x, y, 1)[0], 0.0), 1.0)


def _haar(w, level=3):
    detail, approximation = 0.0, w
    for _ in range(level):
        even, odd = approximation[::2], approximation[1::2]
        detail += (((even - odd) / math.sqrt(2)) ** 2).sum()
        approximation = (even + odd) / math.sqrt(2)
    return detail / (w**2).sum()


def _acf(w, k):
    d = w - w.mean()
    return (d[k:] * d[: len(d) - k]).sum() / (d**2).sum()


def _ljung_box(w):
    from statsmodels.stats.diagnostic import acorr_ljungbox

    return acorr_ljungbox(w, lags=5)["lb_pvalue"].min()


def _depth(w):
    reached = 0
    while reached < 20 and _acf(w, reached + 1) > 0.02:
        reached += 1
    return reached


def _gain(w):
    beyond = w[w > np.quantile(w, 0.95)]
    return beyond.mean() if beyond.size else 0.0


def _drawdown(p):
    return (p / np.maximum.accumulate(p) - 1.0).min()


def _half_life(p):
    slope = np.polyfit(p[:-1], np.diff(p), 1)[0]
    return min(max(-math.log(2) / slope, 0.5), 500.0) if slope < 0 else 500.0


def _adf(p):
    from statsmodels.tsa.stattools import adfuller

    return adfuller(p, maxlag=1, autolag=None, result_object=False)[1]


WINDOWED = {
    "entropy_5": (120, lambda x, n: st.permutation_entropy(x, n), lambda w: _entropy(w, 5)),
    "entropy_3": (64, lambda x, n: st.permutation_entropy(x, n, 3), lambda w: _entropy(w, 3)),
    "entropy_4": (33, lambda x, n: st.permutation_entropy(x, n, 4), lambda w: _entropy(w, 4)),
    "hurst_120": (120, st.hurst, _hurst),
    "hurst_77": (77, st.hurst, _hurst),
    "efficiency": (120, st.efficiency, lambda w: abs(w.sum()) / np.abs(w).sum()),
    "turbulence": (64, st.turbulence, _haar),
    "skew": (120, lambda x, n: st.moments(x, n).skew, scipy.stats.skew),
    "kurtosis": (120, lambda x, n: st.moments(x, n).kurtosis, scipy.stats.kurtosis),
    "var_95": (120, lambda x, n: st.tails(x, n).var_95, lambda w: np.quantile(w, 0.05)),
    "cvar_95": (120, lambda x, n: st.tails(x, n).cvar_95, lambda w: w[w <= np.quantile(w, 0.05)].mean()),
    "upper_95": (50, lambda x, n: st.tails(x, n).upper_95, lambda w: np.quantile(w, 0.95)),
    "tail_gain": (50, lambda x, n: st.tails(x, n).gain_95, _gain),
    "autocorr_1": (120, lambda x, n: st.autocorrelation(x, n).first_lag, lambda w: np.corrcoef(w[1:], w[:-1])[0, 1]),
    "ljung_box_p": (120, lambda x, n: st.autocorrelation(x, n).ljung_box_p, _ljung_box),
    "memory_depth": (120, lambda x, n: st.autocorrelation(x, n).depth, _depth),
    "slope": (20, st.rolling_slope, lambda w: np.polyfit(np.arange(len(w)), w, 1)[0]),
}


@pytest.mark.parametrize("name", list(WINDOWED))
def test_a_window_of_returns(name, returns, rolling):
    length, made, plain = WINDOWED[name]
    np.testing.assert_allclose(made(returns, length), rolling(length, plain, returns), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", list(WINDOWED))
def test_a_missing_value_hides_its_windows_and_no_other(name, returns):
    length, made, _ = WINDOWED[name]
    spoiled = returns.copy()
    spoiled[200] = np.nan
    whole, holed = made(returns, length), made(spoiled, length)
    touched = np.zeros(len(returns), bool)
    touched[200 : 200 + length] = True
    if name.startswith("hurst_7"):  # 77 values hold nine parts of eight: the oldest five are only judged by no part
        touched[200 + 72 : 200 + length] = np.isnan(holed[200 + 72 : 200 + length])
    assert np.isnan(holed[touched]).all()
    np.testing.assert_array_equal(holed[~touched], whole[~touched])


@pytest.mark.parametrize("name", list(WINDOWED))
def test_a_window_knows_its_values_only(name, returns):
    length, made, _ = WINDOWED[name]
    full = made(returns, length)
    for end in (length, 250, 399):
        assert made(returns[end - length + 1 : end + 1], length)[-1] == full[end]


@pytest.mark.parametrize("name", list(WINDOWED))
def test_series_laid_end_to_end_do_not_mix(name, returns):
    length, made, _ = WINDOWED[name]
    offsets = np.array([0, 10, 10, 150, 400], np.int64)
    calls = {
        "efficiency": lambda x: st.efficiency(x, length, offsets),
        "turbulence": lambda x: st.turbulence(x, length, 3, offsets),
        "slope": lambda x: st.rolling_slope(x, length, offsets),
        "hurst_120": lambda x: st.hurst(x, length, offsets),
        "entropy_5": lambda x: st.permutation_entropy(x, length, 5, offsets),
        "skew": lambda x: st.moments(x, length, offsets).skew,
        "tail_gain": lambda x: st.tails(x, length, offsets).gain_95,
        "ljung_box_p": lambda x: st.autocorrelation(x, length, offsets).ljung_box_p,
    }
    if name not in calls:
        pytest.skip("shares its kernel with another")
    apart = np.concatenate([made(returns[a:b], length) for a, b in itertools.pairwise(offsets)])
    np.testing.assert_array_equal(calls[name](returns), apart)


def test_log_prices(returns, rolling):
    level = np.log(100.0) + np.cumsum(returns)
    made = st.reversion(level, 120)
    np.testing.assert_allclose(made.half_life, rolling(120, _half_life, level), rtol=1e-7)
    np.testing.assert_allclose(made.adf_p[::7], rolling(120, _adf, level)[::7], rtol=1e-6, atol=1e-12)
    price = np.exp(level)
    np.testing.assert_allclose(st.max_drawdown(price, 100), rolling(100, _drawdown, price), rtol=1e-12)


def test_a_reverting_level_is_told_from_a_walk():
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.02, 3000)
    reverting = np.zeros(3000)
    for i in range(1, 3000):
        reverting[i] = 0.8 * reverting[i - 1] + noise[i]
    walk = st.reversion(np.cumsum(noise), 120)
    back = st.reversion(reverting, 120)
    assert np.nanmedian(back.half_life) == pytest.approx(math.log(2) / 0.2, rel=0.25)
    assert np.nanmedian(back.adf_p) < 0.01
    assert 0.2 < np.nanmedian(walk.adf_p) < 0.8


def test_bars_since_the_price_changed_sides():
    price = np.array([1.0, 2.0, 3.0, 3.0, 2.0, 2.0, 4.0, 5.0])
    average = np.array([np.nan, 1.0, 2.0, 3.0, 3.0, 3.0, 3.0, 3.0])
    np.testing.assert_array_equal(st.bars_since_turn(price, average, 1), [1, 0, 1, 2, 0, 1, 0, 1])
    assert np.isnan(st.bars_since_turn(price, average, 4)[:3]).all()


def test_survival_counts_windows_that_are_over_and_known():
    day = np.arange(100, 200, dtype=np.int64)
    moves = np.full(100, 0.01)
    moves[0] = np.nan
    moves[52:56] = 0.0  # days 152 to 155: the second window stands still
    windows = [(90, 95), (110, 119), (150, 159), (195, 205)]
    made = st.survival(moves, day, windows)
    assert np.isnan(made[:19]).all()  # day 119 ends the first window it was there for; the one of day 90 is unknown
    assert (made[19:59] == 1.0).all()
    assert (made[59:] == 0.5).all()
    assert np.isnan(st.survival(moves, day, [])).all()


@pytest.mark.parametrize("name", [name for name in WINDOWED if name not in ("slope",)])
def test_a_market_that_stands_still_has_no_statistics(name):
    length, made, _ = WINDOWED[name]
    values = made(np.zeros(length + 5), length)[length - 1 :]
    still = {"entropy_5": 0.0, "entropy_3": 0.0, "entropy_4": 0.0, "efficiency": 0.0}
    still |= {"var_95": 0.0, "cvar_95": 0.0, "upper_95": 0.0, "tail_gain": 0.0}
    np.testing.assert_array_equal(values, still.get(name, np.nan))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: st.permutation_entropy(x, 120, 9),
        lambda x: st.permutation_entropy(x, 3, 5),
        lambda x: st.hurst(x, 20),
        lambda x: st.turbulence(x, 60),
        lambda x: st.autocorrelation(x, 10),
    ],
)
def test_windows_that_mean_nothing_are_refused(call, returns):
    with pytest.raises(IndicatorInputError):
        call(returns)
