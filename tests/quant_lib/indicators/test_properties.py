"""What must hold for any series: units, missing values, flat and short series, independence of neighbours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from quant_lib import indicators as ta
from tests.examples import examples

# name: (indicator of high, low, close, volume; power of the price unit its value carries)
INDICATORS = {
    "sma": (lambda h, lo, c, v, o=None: ta.sma(c, 10, o), 1),
    "ema": (lambda h, lo, c, v, o=None: ta.ema(c, 10, o), 1),
    "rma": (lambda h, lo, c, v, o=None: ta.rma(c, 10, o), 1),
    "wma": (lambda h, lo, c, v, o=None: ta.wma(c, 10, o), 1),
    "hma": (lambda h, lo, c, v, o=None: ta.hma(c, 9, o), 1),
    "vwma": (lambda h, lo, c, v, o=None: ta.vwma(c, v, 10, o), 1),
    "std": (lambda h, lo, c, v, o=None: ta.rolling_std(c, 10, 1, o), 1),
    "median": (lambda h, lo, c, v, o=None: ta.rolling_median(c, 10, o), 1),
    "highest": (lambda h, lo, c, v, o=None: ta.highest(h, 10, o), 1),
    "lowest": (lambda h, lo, c, v, o=None: ta.lowest(lo, 10, o), 1),
    "donchian": (lambda h, lo, c, v, o=None: ta.donchian(h, lo, 10, o)[0], 1),
    "true_range": (lambda h, lo, c, v, o=None: ta.true_range(h, lo, c, o), 1),
    "atr": (lambda h, lo, c, v, o=None: ta.atr(h, lo, c, 10, o), 1),
    "di_plus": (lambda h, lo, c, v, o=None: ta.dmi(h, lo, c, 10, 10, o).plus, 0),
    "adx": (lambda h, lo, c, v, o=None: ta.dmi(h, lo, c, 10, 10, o).adx, 0),
    "rsi": (lambda h, lo, c, v, o=None: ta.rsi(c, 10, o), 0),
    "stoch": (lambda h, lo, c, v, o=None: ta.stochastic(h, lo, c, 10, 3, 3, o).d, 0),
    "stoch_rsi": (lambda h, lo, c, v, o=None: ta.stoch_rsi(c, 5, 5, 3, 3, o).d, 0),
    "williams": (lambda h, lo, c, v, o=None: ta.williams_r(h, lo, c, 10, o), 0),
    "cci": (lambda h, lo, c, v, o=None: ta.cci(h, lo, c, 10, o), 0),
    "ao": (lambda h, lo, c, v, o=None: ta.awesome(h, lo, o), 1),
    "momentum": (lambda h, lo, c, v, o=None: ta.momentum(c, 10, o), 1),
    "macd": (lambda h, lo, c, v, o=None: ta.macd(c, 5, 10, 4, o).hist, 1),
    "bull": (lambda h, lo, c, v, o=None: ta.bull_bear(h, lo, c, 10, o).total, 1),
    "ultimate": (lambda h, lo, c, v, o=None: ta.ultimate(h, lo, c, (3, 5, 8), o), 0),
    "lead1": (lambda h, lo, c, v, o=None: ta.ichimoku(h, lo, o).lead1, 1),
}  # fmt: skip

every = pytest.mark.parametrize("name", list(INDICATORS))


@st.composite
def candles(draw, min_size=1, max_size=90):
    """Consistent bars: low <= close <= high, all positive; ranges of zero and repeated prices are common."""
    n = draw(st.integers(min_size, max_size))
    cents = st.integers(1, 2_000)
    close = draw(hnp.arrays(np.int64, n, elements=cents))
    above = draw(hnp.arrays(np.int64, n, elements=st.integers(0, 30)))
    below = draw(hnp.arrays(np.int64, n, elements=st.integers(0, 30)))
    volume = draw(hnp.arrays(np.float64, n, elements=st.sampled_from([0.0, 1.0, 10.0, 1e6])))
    c = close / 64.0  # exact in binary, so that equal moves are equal
    return c + above / 64.0, np.maximum(c - below / 64.0, 1.0 / 128.0), c, volume


@every
@given(bars=candles(min_size=60), power=st.integers(-20, 20))
@settings(max_examples=examples(15))
def test_value_follows_the_unit_of_the_price(name, bars, power):
    compute, unit = INDICATORS[name]
    high, low, close, volume = bars
    k = 2.0**power
    np.testing.assert_array_equal(compute(high * k, low * k, close * k, volume), compute(*bars) * k**unit)


@every
@given(bars=candles(min_size=60), missing=st.sets(st.integers(0, 59), min_size=1, max_size=4))
@settings(max_examples=examples(15))
def test_missing_bars_never_become_values_nor_poison_what_follows(name, bars, missing):
    compute, _ = INDICATORS[name]
    columns = [np.r_[column, np.tile(column[:20], 6)] for column in bars]
    rows = sorted(missing)
    for column in columns:
        column[rows] = np.nan
    values = compute(*columns)
    judged = [row + 1 for row in rows] if name == "donchian" else rows  # the channel is of the bars before
    assert np.isnan(values[judged]).all()
    assert not np.isinf(values).any()
    clean = compute(*(np.r_[column, np.tile(column[:20], 6)] for column in bars))
    if np.isfinite(clean[-1]):  # 120 complete bars later there is a value again
        assert np.isfinite(values[-1])


@every
@given(price=st.floats(1e-9, 1e9), size=st.integers(1, 150))
@settings(max_examples=examples(15))
def test_flat_prices_give_the_price_or_nothing_but_never_noise(name, price, size):
    compute, unit = INDICATORS[name]
    flat = np.full(size, price)
    values = compute(flat, flat, flat, np.ones(size))
    known = values[~np.isnan(values)]
    if unit == 0:
        # RSI 100 where nothing fell, as the vendor; a share of no range is missing.
        assert set(known.tolist()) <= ({100.0} if name == "rsi" else set())
    else:
        assert set(known.tolist()) <= {0.0, price}


@every
@given(bars=candles(max_size=40))
@settings(max_examples=examples(15))
def test_short_series_are_missing_not_wrong(name, bars):
    compute, _ = INDICATORS[name]
    values = compute(*bars)
    assert values.shape == bars[2].shape
    longer = compute(*(np.r_[column, column] for column in bars))
    np.testing.assert_array_equal(values, longer[: values.size])  # what is known does not change as bars arrive


@every
@given(parts=st.lists(candles(max_size=50), min_size=1, max_size=4))
@settings(max_examples=examples(10))
def test_series_laid_end_to_end_do_not_touch(name, parts):
    compute, _ = INDICATORS[name]
    offsets = np.cumsum([0, *(part[2].size for part in parts)])
    together = compute(*(np.concatenate(columns) for columns in zip(*parts, strict=True)), offsets)
    np.testing.assert_array_equal(together, np.concatenate([compute(*part) for part in parts]))


@given(bars=candles(min_size=40))
def test_bounded_indicators_stay_in_bounds(bars):
    high, low, close, _ = bars
    move = ta.dmi(high, low, close, 5, 5)
    slack = 1e-9
    for values, least, most in (
        (ta.rsi(close, 5), 0.0, 100.0),
        (move.plus, 0.0, 100.0),
        (move.minus, 0.0, 100.0),
        (move.adx, 0.0, 100.0),
        (ta.stochastic(high, low, close).k, -slack, 100.0 + slack),
        (ta.williams_r(high, low, close), -100.0, 0.0),
        (ta.ultimate(high, low, close), -slack, 100.0 + slack),
    ):
        known = values[~np.isnan(values)]
        assert ((known >= least) & (known <= most)).all()


def test_stochastic_rsi_of_an_rsi_at_rest_is_missing_not_a_place_in_rounding_noise():
    price = np.r_[np.full(20, 10.0), 10.1, 10.0, np.full(80, 10.0)]  # gains and losses then decay at the same rate
    strength = ta.rsi(price)
    assert 0.0 < np.ptp(strength[60:]) < 1e-10
    assert np.isnan(ta.stoch_rsi(price).k[60:]).all()


def test_no_volume_gives_no_volume_weighted_average():
    close = np.arange(1.0, 41.0)
    volume = np.ones(40)
    volume[10:30] = 0.0
    volume[35] = np.nan
    values = ta.vwma(close, volume, 10)
    assert np.isnan(values[19:30]).all()  # windows without any volume
    assert values[18] == close[9]  # only one bar of the window traded
    assert np.isnan(values[35:]).all()
    assert np.isfinite(values[30:35]).all()


@pytest.mark.parametrize("length", [0, -3])
def test_windows_without_bars_are_refused(length):
    with pytest.raises(ta.IndicatorInputError, match="at least 1 bars"):
        ta.sma(np.ones(5), length)


@pytest.mark.parametrize("offsets", [[0, 4], [1, 5], [0, 3, 2, 5], [[0, 5]], []])
def test_offsets_that_are_not_bounds_are_refused(offsets):
    with pytest.raises(ta.IndicatorInputError, match="offsets"):
        ta.sma(np.ones(5), 2, np.array(offsets))


def test_columns_of_unequal_length_are_refused():
    with pytest.raises(ta.IndicatorInputError, match="one value per bar"):
        ta.vwma(np.ones(5), np.ones(4), 2)
    with pytest.raises(ta.IndicatorInputError, match="one value per bar"):
        ta.atr(np.ones(5), np.ones(5), np.ones(4))
    with pytest.raises(ta.IndicatorInputError, match="one dimension"):
        ta.sma(np.ones((5, 2)), 2)


def test_read_only_and_strided_input_is_left_alone():
    x = np.arange(20.0)[::2]
    x.flags.writeable = False
    np.testing.assert_array_equal(ta.sma(x, 2)[1:], x[1:] - 1.0)
