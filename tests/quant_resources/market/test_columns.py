"""The screener's columns against pandas, against the platform's features, and by name."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from quant_lib.features import compute_features
from quant_resources.market import Bars, Clock
from quant_resources.market._view import MarketView
from quant_resources.market.clock import DAY
from quant_resources.market.screener import Snapshot, known_bases, parse_column
from quant_resources.market.screener._names import ColumnName


def column(snapshot, text, market="crypto"):
    return snapshot.column(parse_column(text, market))


def snapshot_of(source, now):
    clock = Clock.at(dt.datetime.fromtimestamp(now, dt.UTC))
    return Snapshot(MarketView(source, clock), now)


@pytest.fixture(scope="module")
def walks(lab):
    """Five random walks of different age with gaps, one of them long dead."""
    rng = np.random.default_rng(5)
    series = {}
    for number, (length, last) in enumerate([(900, 900), (400, 900), (60, 900), (3, 900), (500, 600)]):
        close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.03, length)))
        opened = np.r_[50.0, close[:-1]]
        high = np.maximum(opened, close) * np.exp(np.abs(rng.normal(0.0, 0.01, length)))
        low = np.minimum(opened, close) * np.exp(-np.abs(rng.normal(0.0, 0.01, length)))
        time = lab.DAY_ZERO + DAY * np.arange(last - length, last)
        kept = np.ones(length, bool) if number != 1 else rng.random(length) > 0.02
        kept[-1] = True
        values = np.column_stack([opened, high, low, close, rng.uniform(1e3, 1e5, length)])
        series[f"BINANCE:W{number}USDT"] = Bars(time[kept], values[kept])
    return lab.ListSource(series)


@pytest.fixture(scope="module")
def now(lab):
    return lab.DAY_ZERO + 900 * DAY


@pytest.fixture(scope="module")
def frame(walks):
    parts = [
        pd.DataFrame(bars.values, columns=["open", "high", "low", "close", "volume"]).assign(
            symbol=symbol, date=bars.time.astype("datetime64[s]").astype("datetime64[us]")
        )
        for symbol, bars in walks.series.items()
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(
    ("name", "feature"),
    [
        ("Recommend.All", "recommend_all"),
        ("Recommend.MA", "recommend_ma"),
        ("Recommend.Other", "recommend_other"),
        ("ADX", "adx_14"),
        ("ADX+DI", "dmp_14"),
        ("ADX-DI", "dmn_14"),
        ("ATR", "atr_14"),
        ("RSI", "rsi_14"),
        ("SMA50", "sma_50"),
        ("SMA200", "sma_200"),
        ("EMA200", "ema_200"),
        ("VWMA", "vwma_20"),
        ("HullMA9", "hma_9"),
        ("MACD.macd", "macd"),
        ("MACD.signal", "macd_signal"),
        ("MACD.hist", "macd_hist"),
        ("Stoch.K", "stoch_k"),
        ("Stoch.D", "stoch_d"),
        ("Stoch.RSI.K", "stoch_rsi_k"),
        ("CCI20", "cci_20"),
        ("AO", "ao"),
        ("Mom", "mom_10"),
        ("W.R", "willr_14"),
        ("UO", "uo"),
        ("BBPower", "bb_power"),
        ("Ichimoku.BLine", "ichimoku_base"),
        ("Ichimoku.CLine", "ichimoku_conv"),
        ("Value.Traded", "value_traded"),
        ("Volatility.D", "volatility_d"),
        ("change", "change"),
        ("close", "close"),
        ("volume", "volume"),
    ],
)
def test_columns_are_the_platforms_features_of_the_newest_closed_bar(walks, now, frame, name, feature):
    table = compute_features(frame, names=[feature])
    for back in (0, 1, 2) if parse_column(f"{name}[1]", "crypto") else (0,):
        expected = table.groupby("symbol")[feature].nth(-1 - back)
        by_symbol = pd.Series(expected.to_numpy(), index=table.loc[expected.index, "symbol"])
        suffix = f"[{back}]" if back else ""
        got = column(snapshot_of(walks, now), f"{name}{suffix}").values
        np.testing.assert_array_equal(got, by_symbol.reindex(sorted(walks.series)).to_numpy())


@pytest.mark.parametrize("frame_name", ["1W", "1M"])
def test_coarser_ratings_are_those_of_coarser_bars(walks, now, frame, frame_name):
    rule = {"1W": "W-MON", "1M": "MS"}[frame_name]
    how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    parts = [
        part.set_index("date").resample(rule, closed="left", label="left").agg(how).assign(symbol=symbol)
        for symbol, part in frame.groupby("symbol")
    ]
    coarse = pd.concat(parts).dropna(subset="close").reset_index()
    table = compute_features(
        coarse.assign(date=coarse["date"].astype("datetime64[us]")), names=["recommend_all", "rsi_14"]
    )
    last = table.groupby("symbol").tail(1).set_index("symbol")
    snapshot = snapshot_of(walks, now)
    np.testing.assert_allclose(
        column(snapshot, f"Recommend.All|{frame_name}").values, last["recommend_all"], rtol=1e-12
    )
    np.testing.assert_allclose(column(snapshot, f"RSI|{frame_name}").values, last["rsi_14"], rtol=1e-12)
    closes = coarse.groupby("symbol")["close"].agg(lambda one: one.iloc[-2] if len(one) > 1 else np.nan).to_numpy()
    np.testing.assert_array_equal(column(snapshot, f"close[1]|{frame_name}").values, closes)


LOOK_BACK = {
    "Perf.W": pd.DateOffset(days=7),
    "Perf.5D": pd.DateOffset(days=5),
    "Perf.1M": pd.DateOffset(days=30),
    "Perf.3M": pd.DateOffset(days=90),
    "Perf.6M": pd.DateOffset(days=180),
    "Perf.Y": pd.DateOffset(days=365),
    "Perf.3Y": pd.DateOffset(days=3 * 365),
}


@pytest.mark.parametrize("name", [*LOOK_BACK, "Perf.YTD", "Perf.All"])
def test_performance_is_measured_over_fixed_counts_of_days(walks, now, name):
    expected = []
    for symbol in sorted(walks.series):
        bars = walks.series[symbol]
        close = pd.Series(bars.close, index=pd.to_datetime(bars.time, unit="s"))
        last = close.index[-1]
        if name == "Perf.All":
            base = bars.open[0]
        else:
            start = pd.Timestamp(last.year - 1, 12, 31) if name == "Perf.YTD" else last - LOOK_BACK[name]
            before = close[:start]
            base = before.iloc[-1] if len(before) else np.nan
        expected.append(100.0 * (close.iloc[-1] / base - 1.0))
    np.testing.assert_allclose(column(snapshot_of(walks, now), name).values, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("High.1M", lambda one: one["high"][one.index > one.index[-1] - pd.DateOffset(months=1)].max()),
        ("Low.3M", lambda one: one["low"][one.index > one.index[-1] - pd.DateOffset(months=3)].min()),
        ("High.All", lambda one: one["high"].max()),
        ("Low.All", lambda one: one["low"].min()),
        ("price_52_week_high", lambda one: one["high"][one.index > one.index[-1] - pd.DateOffset(years=1)].max()),
        ("average_volume_10d_calc", lambda one: one["volume"].tail(10).mean() if len(one) >= 10 else np.nan),
        ("average_volume_90d_calc", lambda one: one["volume"].tail(90).mean() if len(one) >= 90 else np.nan),
        ("relative_volume_10d_calc",
         lambda one: one["volume"].iloc[-1] / one["volume"].tail(10).mean() if len(one) >= 10 else np.nan),
        ("volume_change", lambda one: 100.0 * (one["volume"].iloc[-1] / one["volume"].iloc[-2] - 1.0)),
        ("Volatility.W",
         lambda one: 100 * (one["high"] / one["low"] - 1.0)[one.index > one.index[-1] - pd.DateOffset(days=7)].mean()),
        ("change_abs", lambda one: one["close"].iloc[-1] - one["close"].iloc[-2]),
        ("change_from_open", lambda one: 100.0 * (one["close"].iloc[-1] / one["open"].iloc[-1] - 1.0)),
        ("gap", lambda one: 100.0 * (one["open"].iloc[-1] / one["close"].iloc[-2] - 1.0)),
        ("ROC", lambda one: 100.0 * (one["close"].iloc[-1] / one["close"].iloc[-10] - 1.0) if len(one) > 9 else np.nan),
        ("BB.upper",
         lambda one: one["close"].tail(20).mean() + 2 * one["close"].tail(20).std(ddof=0) if len(one) > 19 else np.nan),
        ("DonchCh20.Upper", lambda one: one["high"].tail(20).max() if len(one) > 19 else np.nan),
        ("24h_vol|5", lambda one: one["close"].iloc[-1] * one["volume"].iloc[-1]),
        ("bars_count", len),
        ("first_bar_time", lambda one: one.index[0].timestamp()),
        ("time", lambda one: one.index[-1].timestamp()),
    ],
)  # fmt: skip
def test_statistics_of_the_closed_bars(walks, now, name, read):
    expected = []
    for symbol in sorted(walks.series):
        bars = walks.series[symbol]
        names = ["open", "high", "low", "close", "volume"]
        expected.append(read(pd.DataFrame(bars.values, index=pd.to_datetime(bars.time, unit="s"), columns=names)))
    np.testing.assert_allclose(column(snapshot_of(walks, now), name).values, expected, rtol=1e-10)


def test_on_a_running_day_prices_are_its_open_and_everything_else_is_as_closed(walks, now):
    closed = snapshot_of(walks, now - DAY)
    running = snapshot_of(walks, now - DAY + 3600)
    opens = [bars.open[-1] for bars in list(walks.series.values())[:4]]
    for name in ("open", "high", "low", "close"):
        np.testing.assert_array_equal(column(running, name).values[:4], opens)
    for name in ("Recommend.All", "ADX", "Value.Traded", "volume", "Volatility.D", "Perf.1M", "RSI[1]"):
        np.testing.assert_array_equal(column(running, name).values, column(closed, name).values)
    np.testing.assert_array_equal(column(running, "time").values[:4], [now - DAY] * 4)
    before = column(closed, "close").values
    np.testing.assert_allclose(column(running, "change").values[:4], 100.0 * (opens / before[:4] - 1.0), rtol=1e-12)


def test_what_no_longer_trades_stays_and_says_so(walks, now):
    snapshot = snapshot_of(walks, now)
    assert column(snapshot, "active_symbol").values.tolist() == [True, True, True, True, False]
    assert column(snapshot_of(walks, now - 300 * DAY + 6 * DAY), "active_symbol").values.tolist() == [True, True, True]


def test_a_bar_no_indicator_can_use_does_not_hide_the_other_symbols(lab):
    broken = lab.make_bars([float(price) for price in range(20, 80)])
    broken.values[30, 3] = 0.0
    fine = lab.make_bars([float(price) for price in range(20, 80)])
    source = lab.ListSource({"X:BROKEN": broken, "X:FINE": fine})
    snapshot = snapshot_of(source, lab.DAY_ZERO + 60 * DAY)
    ratings = column(snapshot, "Recommend.All").values
    assert np.isfinite(ratings[1])
    alone = snapshot_of(lab.ListSource({"X:FINE": fine}), lab.DAY_ZERO + 60 * DAY)
    assert ratings[1] == column(alone, "Recommend.All").values[0]


def test_facts_and_labels(walks, now):
    snapshot = snapshot_of(walks, now)
    assert column(snapshot, "name").values[0] == "W0USDT"
    assert column(snapshot, "exchange").values[0] == "BINANCE"
    assert snapshot.column(parse_column("exchange.tr", "crypto"), translated=True).values[0] == "Binance"
    assert column(snapshot, "typespecs").values[0] == ("crypto",)
    assert column(snapshot, "fractional").values[0] == "false"
    assert column(snapshot, "base_currency_id").values[0] == "XTVCW0"
    assert column(snapshot, "ticker-view").values[0]["name"] == "W0USDT"
    labels = column(snapshot, "TechRating_1D").values
    for label, rating in zip(labels, column(snapshot, "Recommend.All").values, strict=True):
        assert (label is None) == np.isnan(rating)
        if label is not None:
            assert ("Buy" in label) == (rating > 0.1)
            assert ("Strong" in label) == (abs(rating) > 0.5)


@pytest.mark.parametrize(
    ("text", "market", "expected"),
    [
        ("RSI", "crypto", ColumnName("RSI")),
        ("RSI[1]|240", "crypto", ColumnName("RSI", 1, "240")),
        ("AO[2]", "crypto", ColumnName("AO", 2)),
        ("close[1]", "crypto", ColumnName("close", 1)),
        ("exchange.tr", "crypto", ColumnName("exchange")),
        ("TechRating_1D.tr", "crypto", ColumnName("TechRating_1D")),
        ("24h_vol|5", "crypto", ColumnName("24h_vol", 0, "5")),
        ("24h_vol|60", "crypto", None),
        ("ADX+DI[1]|1W", "crypto", ColumnName("ADX+DI", 1, "1W")),
        ("market_cap_basic", "crypto", ColumnName("market_cap_basic")),
        ("bid", "crypto", ColumnName("bid")),
        ("bid", "futures", None),
        ("RSI|1D", "crypto", None),
        ("RSI|3", "crypto", None),
        ("rsi", "crypto", None),
        ("description[1]", "crypto", None),
        ("change.5", "crypto", None),
    ],
)
def test_reading_column_names(text, market, expected):
    assert parse_column(text, market) == expected


def test_every_listed_column_can_be_asked_for_on_every_timeframe_it_has(walks, now):
    snapshot = snapshot_of(walks, now)
    answered = 0
    for base in known_bases("crypto"):
        values = column(snapshot, base)
        assert len(values.values) == 5
        answered += not bool(values.null.all())
        for suffix in ("|60", "|1W"):
            name = parse_column(base + suffix, "crypto")
            if name is not None:
                assert len(snapshot.column(name).values) == 5
    assert answered >= 150


def test_intraday_columns_are_null_on_daily_data(walks, now):
    snapshot = snapshot_of(walks, now)
    for name in ("Recommend.All|240", "RSI[1]|60", "close|1", "relative_volume_intraday|5"):
        assert column(snapshot, name).null.all()
    assert column(snapshot, "market_cap_calc").null.all()
