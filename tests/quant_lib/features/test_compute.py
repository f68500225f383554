"""`compute_features`: the table it gives, what each column means, what it refuses."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from quant_lib import indicators as ta
from quant_lib.features import FEATURES_TABLE, Feature, FeatureInputError, compute_features


@pytest.fixture(scope="module")
def table(bars, segments):
    return compute_features(bars, segments)


@pytest.fixture(scope="module")
def one(bars):
    """One symbol with known volume throughout, as bars and as features."""
    mine = bars[bars["symbol"] == "BINANCE:S00USDT"].reset_index(drop=True)
    mine["volume"] = mine["volume"].fillna(5.0)
    return mine, compute_features(mine)


def test_it_gives_exactly_the_declared_table(table, bars):
    assert tuple(table.columns) == FEATURES_TABLE.column_names
    assert {name: str(kind) for name, kind in table.dtypes.items()} == FEATURES_TABLE.pandas_types()
    assert len(table) == len(bars)
    FEATURES_TABLE.pandera_schema().validate(table)
    table_as_stored = FEATURES_TABLE.arrow_schema()
    assert set(table_as_stored.names) == set(table.columns)


def test_knowledge_time_is_the_close_of_the_bar(bars):
    mine = bars.head(3)
    assert (compute_features(mine)["knowledge_time"] == mine["date"].dt.tz_localize("UTC") + pd.Timedelta(days=1)).all()
    closed = mine.assign(close_time=mine["date"].dt.tz_localize("America/New_York") + pd.Timedelta(hours=16))
    assert (compute_features(closed)["knowledge_time"] == closed["close_time"]).all()


def test_momentum_and_risk(one):
    mine, made = one
    close = mine["close"]
    returns = close.pct_change()
    expected = {
        "momentum_20": close / close.shift(20) - 1,
        "momentum_60": close / close.shift(60) - 1,
        "momentum_120": close / close.shift(120) - 1,
        "momentum": returns.rolling(120).mean() * 365,
        "volatility": returns.rolling(120).std(ddof=1) * np.sqrt(365),
        "volatility_d": 100 * (mine["high"] - mine["low"]) / mine["low"],
        "value_traded": close * mine["volume"],
        "turnover": (close * mine["volume"]).rolling(30).median(),
        "change": 100 * returns,
        "stability": 1 / (returns.rolling(120).std(ddof=1) * np.sqrt(365) + 1e-9),
        "roc_10": 100 * (close / close.shift(10) - 1),
        "volume_change_pct": (100 * mine["volume"].pct_change(fill_method=None)).replace([np.inf], np.nan),
        "perf_w": 100 * close.pct_change(7),
        "perf_1m": 100 * close.pct_change(30),
        "perf_3m": 100 * close.pct_change(90),
        "perf_6m": 100 * close.pct_change(180),
        "perf_y": 100 * close.pct_change(365),
        "sma200_slope": close.rolling(200).mean().rolling(20).apply(lambda y: np.polyfit(np.arange(20), y, 1)[0]),
        "bb_width_20": 4 * close.rolling(20).std(ddof=0) / close.rolling(20).mean(),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(made[name], values, rtol=1e-9, atol=1e-12, err_msg=name)


def test_trend_columns_are_the_indicators(one):
    mine, made = one
    high, low, close, volume = (mine[name].to_numpy() for name in ("high", "low", "close", "volume"))
    move, line = ta.dmi(high, low, close), ta.macd(close)
    upper, lower = ta.donchian(high, low, 20)
    expected = {
        "sma_50": ta.sma(close, 50),
        "sma_200": ta.sma(close, 200),
        "vwma_20": ta.vwma(close, volume, 20),
        "adx_14": move.adx,
        "dmp_14": move.plus,
        "dmn_14": move.minus,
        "donchian_upper_20": upper,
        "donchian_lower_20": lower,
        "atr_14": ta.atr(high, low, close),
        "rsi_14": ta.rsi(close),
        "macd": line.line,
        "macd_signal": line.signal,
        "macd_hist": line.hist,
    }
    for name, values in expected.items():
        np.testing.assert_array_equal(made[name], values, err_msg=name)


def test_averages_and_oscillators_are_the_indicators(one):
    mine, made = one
    high, low, close = (mine[name].to_numpy() for name in ("high", "low", "close"))
    slow, slow_rsi, lines = ta.stochastic(high, low, close), ta.stoch_rsi(close), ta.ichimoku(high, low)
    expected = {
        "stoch_k": slow.k,
        "stoch_d": slow.d,
        "stoch_rsi_k": slow_rsi.k,
        "stoch_rsi_d": slow_rsi.d,
        "cci_20": ta.cci(high, low, close),
        "ao": ta.awesome(high, low),
        "mom_10": ta.momentum(close),
        "willr_14": ta.williams_r(high, low, close),
        "uo": ta.ultimate(high, low, close),
        "bb_power": ta.bull_bear(high, low, close).total,
        "ichimoku_conv": lines.conversion,
        "ichimoku_base": lines.base,
        "hma_9": ta.hma(close, 9),
        **{f"sma_{n}": ta.sma(close, n) for n in (10, 20, 30, 50, 100, 200)},
        **{f"ema_{n}": ta.ema(close, n) for n in (10, 20, 30, 50, 100, 200)},
    }
    for name, values in expected.items():
        np.testing.assert_array_equal(made[name], values, err_msg=name)


def test_returns_over_a_missing_volume_or_a_flat_market(bars):
    flat = bars.head(260).assign(open=7.0, high=7.0, low=7.0, close=7.0, volume=np.nan)
    last = compute_features(flat).iloc[-1]
    assert last["recommend_ma"] == 0.0  # every average equals the price
    assert last["n_votes_ma"] == 14  # no volume, no volume-weighted average
    assert last["recommend_other"] == 0.0
    assert last["n_votes_other"] == 5  # RSI, AO, momentum, MACD, bull-bear power; the others are shares of no range
    assert np.isnan(last[["vwma_20", "turnover", "value_traded", "adx_14"]].astype(float)).all()
    assert last["momentum"] == last["volatility"] == last["macd_hist"] == 0.0


def test_selection_of_names_gives_the_same_bits(table, bars, segments):
    names = ["recommend_all", "volatility", "n_bars"]
    some = compute_features(bars, segments, names=names)
    assert list(some.columns) == ["date", "symbol", *names, "knowledge_time", "feature_set_version", "bars_digest"]
    pd.testing.assert_frame_equal(some[names], table[names], check_exact=True)


def test_annualisation_is_explicit(bars):
    symbols = bars["symbol"].unique()
    of = dict.fromkeys(symbols, 365.0) | {symbols[0]: 252.0}
    mixed = compute_features(bars, ann=of, names=["momentum", "volatility"])
    crypto, stock = (compute_features(bars, ann=ann, names=["momentum", "volatility"]) for ann in (365.0, 252.0))
    first = mixed["symbol"] == symbols[0]
    for column in ("momentum", "volatility"):
        np.testing.assert_array_equal(mixed[column], np.where(first, stock[column], crypto[column]))
    assert not np.array_equal(stock["volatility"], crypto["volatility"], equal_nan=True)
    with pytest.raises(FeatureInputError, match="no annualisation factor"):
        compute_features(bars, ann={symbols[0]: 252.0})
    with pytest.raises(FeatureInputError, match="not positive"):
        compute_features(bars, ann=0.0)


def test_newest_dates_only_are_bit_equal_to_the_full_run(table, bars, segments):
    since = dt.date(2020, 10, 1)
    short_lived = bars["symbol"] != "BINANCE:S03USDT"
    short_lived |= bars["date"] < "2020-06-01"  # a symbol that ended before gives no rows
    full = compute_features(bars[short_lived], segments[short_lived])
    newest = compute_features(bars[short_lived], segments[short_lived], since=since)
    expected = full[full["date"] >= pd.Timestamp(since)].reset_index(drop=True)
    assert 0 < len(newest) < len(table)
    pd.testing.assert_frame_equal(newest, expected, check_exact=True)
    assert compute_features(bars, since=dt.date(2030, 1, 1)).empty


def test_the_rule_set_changes_the_ratings_and_the_version(table, bars, segments):
    other = compute_features(bars, segments, ruleset="pine3")
    assert set(other["feature_set_version"]) == {"4+pine3"}
    assert not other["recommend_other"].equals(table["recommend_other"])
    assert not other["recommend_ma"].equals(table["recommend_ma"])
    same = [name for name in table.columns if not name.startswith(("recommend", "n_votes", "feature_set"))]
    pd.testing.assert_frame_equal(other[same], table[same], check_exact=True)


def test_ratings_of_young_symbols_are_missing_until_ten_votes(one):
    _, made = one
    rated = made["recommend_ma"].notna()
    assert (rated == (made["n_votes_ma"] >= 10)).all()
    assert rated.idxmax() == 49
    assert (made["recommend_all"].notna() == rated).all()
    assert (made["recommend_all_weighted"].notna() == rated).all()
    assert made["recommend_other"].notna().idxmax() == 11
    assert made.loc[199:, "n_votes_ma"].eq(15).all()
    both = made[rated]
    np.testing.assert_allclose(both["recommend_all"], (both["recommend_ma"] + both["recommend_other"]) / 2, rtol=1e-15)
    weighted = 0.574 * both["recommend_ma"] + 0.3914 * both["recommend_other"]
    np.testing.assert_allclose(both["recommend_all_weighted"], weighted, rtol=1e-12)


def test_own_features_are_computed_beside_the_registered_ones(bars):
    spread = Feature("spread", "High less low", "", ("high", "low"), lambda block: block.high - block.low, 1, 1, "here")
    made = compute_features(bars, names=["close", spread])
    np.testing.assert_array_equal(made["spread"], bars["high"] - bars["low"])


def test_no_bars_give_an_empty_table(bars):
    made = compute_features(bars.head(0))
    assert made.empty
    assert {name: str(kind) for name, kind in made.dtypes.items()} == FEATURES_TABLE.pandas_types()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda b: b.drop(columns="high"), "missing"),
        (lambda b: pd.concat([b, b.iloc[[3]]], ignore_index=True), "the key repeats .BINANCE:S00USDT"),
        (lambda b: b.assign(symbol=b["symbol"].where(b.index != 2)), "no symbol or no date"),
        (lambda b: b.assign(date=b["date"].where(b.index != 2)), "no symbol or no date"),
        (lambda b: b.assign(close=b["close"].where(b.index != 2)), "close is nan"),
        (lambda b: b.assign(low=b["low"].where(b.index != 2, 0.0)), "low is 0.0"),
        (lambda b: b.assign(high=b["high"].where(b.index != 2, np.inf)), "high is inf"),
        (lambda b: b.assign(high=b["high"].where(b.index != 2, b["close"] / 2)), "outside low to high"),
        (lambda b: b.assign(low=b["low"].where(b.index != 2, b["close"] * 2)), "outside low to high"),
        (lambda b: b.assign(volume=b["volume"].where(b.index != 2, -1.0)), "volume is -1.0"),
        (lambda b: b.assign(close_time=pd.Series(pd.NaT, index=b.index, dtype="datetime64[us, UTC]")), "close_time"),
    ],
)
def test_bars_that_are_not_bars_are_refused(bars, spoil, message):
    with pytest.raises(FeatureInputError, match=message):
        compute_features(spoil(bars.head(10)))


@pytest.mark.parametrize(
    ("numbers", "message"),
    [([0, 1, 0, 1, 1], "go back"), ([-1, 0, 0, 0, 0], "negative"), ([0, 0, 0, np.nan, 1], "no segment")],
)
def test_segments_that_do_not_fit_are_refused(bars, numbers, message):
    with pytest.raises(FeatureInputError, match=message):
        compute_features(bars.head(5), pd.Series(numbers))


def test_segments_must_be_aligned(bars):
    with pytest.raises(FeatureInputError, match="index"):
        compute_features(bars.head(5), pd.Series(0, index=range(1, 6)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": ["rsi_15"]}, "rsi_15"),
        ({"names": ["close", "close"]}, "twice"),
        ({"threads": 0}, "threads"),
    ],
)
def test_options_that_mean_nothing_are_refused(bars, options, message):
    with pytest.raises(FeatureInputError, match=message) as caught:
        compute_features(bars.head(5), **options)
    assert caught.value.fix


def test_an_unknown_rule_set_is_refused(bars):
    with pytest.raises(ta.IndicatorInputError, match="ruleset"):
        compute_features(bars.head(5), ruleset="vendor")


@pytest.mark.shared_data
@pytest.mark.parametrize(
    "folder", ["binance_spot_1d_2020_2022", "bybit_perp_1d_2020_2023", "sp500_stocks_1d_2013_2018"]
)
def test_recorded_markets_keep_the_contract(folder, shared_data):
    rows = pd.concat([pd.read_parquet(file) for file in sorted((shared_data / folder).rglob("*.parquet"))])
    rows["date"] = rows["timestamp"].dt.tz_localize(None).dt.normalize().astype("datetime64[us]")
    body = rows[["open", "close"]]
    sound = (
        (body.min(axis=1) >= rows["low"])
        & (body.max(axis=1) <= rows["high"])
        & (rows["low"] > 0)
        & (rows["volume"] >= 0)
    )
    made = compute_features(rows[sound].drop_duplicates(["symbol", "date"]))
    assert len(made) > 50_000
    FEATURES_TABLE.pandera_schema().validate(made)
    assert not np.isinf(made.select_dtypes("number").to_numpy(float)).any()
    assert made.loc[made["n_bars"] >= 250, "recommend_all"].notna().all()
