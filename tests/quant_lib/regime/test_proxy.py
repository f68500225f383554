import datetime as dt

import numpy as np
import pandas as pd
import pytest

from quant_lib.calendars import CRYPTO
from quant_lib.contracts import REGIME
from quant_lib.contracts.verdicts import judge_schema
from quant_lib.decision.daily import stamp
from quant_lib.errors import MissingDataError
from quant_lib.regime import (
    ProxyRules,
    Regime,
    detect_regime,
    proxy_members,
    proxy_returns,
    regime_of,
    regime_row,
    turnover_weighted,
    unknown_reading,
)

UNIVERSE = ProxyRules("universe", members=3, exchanges=("BINANCE",), asset_types=("spot",), quotes=("USDT",))
NO_PRINTS = pd.DataFrame(
    {"symbol": pd.Series([], dtype="str"), "date": pd.to_datetime([]), "known_on": pd.to_datetime([])}
)


def market(n=60, symbols=8, seed=1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    days = pd.date_range("2021-01-01", periods=n, name="date").as_unit("us")
    parts = [
        pd.DataFrame(
            {
                "symbol": f"BINANCE:C{i}USDT",
                "date": days,
                "close": 10.0 * np.exp(np.cumsum(rng.normal(0, 0.03, n))),
                "volume": rng.uniform(1, 10 * (i + 1), n),
                "segment": 0,
            }
        )
        for i in range(symbols)
    ]
    return pd.concat(parts, ignore_index=True)


def test_the_index_is_weighted_by_turnover_known_the_day_before():
    bars = market()
    got = proxy_returns(bars, NO_PRINTS, dt.date(2021, 3, 1), ProxyRules("universe", members=6), CRYPTO)
    close, volume = (bars.pivot(index="date", columns="symbol", values=v) for v in ("close", "volume"))
    days, symbols = close.index, close.columns
    for day in days[[25, 40, 59]]:
        at = days.get_loc(day)
        weights = {}
        for symbol in symbols:
            known = [close.loc[d, symbol] * volume.loc[d, symbol] for d in days[max(0, at - 30) : at]]
            weights[symbol] = float(np.median(known))
        top = sorted(weights, key=lambda s: (-weights[s], s))[:6]
        total = sum(weights[s] for s in top)
        expected = sum(weights[s] / total * (close.loc[day, s] / close.iloc[at - 1][s] - 1.0) for s in top)
        assert got[day] == pytest.approx(expected, rel=1e-12)
    assert got.index[0] == days[20]  # 20 bars of turnover are needed, and weights are those of the day before


def test_a_session_s_own_turnover_and_everything_later_change_nothing():
    bars, day = market(), pd.Timestamp("2021-02-20")
    one = proxy_returns(bars, NO_PRINTS, dt.date(2021, 3, 1), UNIVERSE.__class__("universe", members=6))
    loud = bars.copy()
    loud.loc[loud["date"] == day, "volume"] *= np.linspace(1, 1e6, int((loud["date"] == day).sum()))
    other = proxy_returns(loud, NO_PRINTS, dt.date(2021, 3, 1), ProxyRules("universe", members=6))
    assert one[:day].equals(other[:day])
    assert not one[day:].equals(other[day:])
    noise = bars.copy()
    noise.loc[noise["date"] > day, ["close", "volume"]] = 7.0
    cut = proxy_returns(noise, NO_PRINTS, day.date(), ProxyRules("universe", members=6))
    assert cut.equals(one[:day])


def test_a_member_without_a_return_leaves_its_weight_to_the_others():
    bars = market(symbols=6)
    gone = bars[~((bars["symbol"] == "BINANCE:C5USDT") & (bars["date"] == "2021-02-20"))]
    got = proxy_returns(gone, NO_PRINTS, dt.date(2021, 3, 1), ProxyRules("universe", members=6))
    assert np.isfinite(got["2021-02-20"])
    five = proxy_returns(
        bars[bars["symbol"] != "BINANCE:C5USDT"], NO_PRINTS, dt.date(2021, 3, 1), ProxyRules("universe", members=6)
    )
    assert got["2021-02-20"] == pytest.approx(five["2021-02-20"], rel=1e-12)


def test_four_symbols_are_no_market():
    assert proxy_returns(market(symbols=4), NO_PRINTS, dt.date(2021, 3, 1), ProxyRules("universe", members=6)).empty


def test_ties_go_to_the_first_symbol():
    bars = market(symbols=7)
    bars["close"] = bars.groupby("symbol").cumcount().map(lambda i: 1.0 + 0.001 * i)
    bars["volume"] = 5.0
    wide = bars.pivot(index="date", columns="symbol", values="close").pct_change(fill_method=None)
    wide["BINANCE:C6USDT"] = 99.0
    assert turnover_weighted(wide, bars, 6).max() < 1.0


def test_a_basket_counts_its_members_alike_and_chooses_them_by_turnover_of_the_days_before():
    bars = market()
    got = proxy_returns(bars, NO_PRINTS, dt.date(2021, 3, 1), ProxyRules("universe", members=6, equal=True))
    close, volume = (bars.pivot(index="date", columns="symbol", values=v) for v in ("close", "volume"))
    day, before = close.index[40], close.index[10:40]
    usual = (close.loc[before] * volume.loc[before]).median()
    top = usual.sort_values(ascending=False).index[:6]
    assert got[day] == pytest.approx((close.loc[day, top] / close.iloc[39][top] - 1.0).mean(), rel=1e-12)
    weighted, basket = (
        ProxyRules("universe", exchanges=("X",), members=6, equal=alike).label for alike in (False, True)
    )
    assert weighted != basket


def test_a_bad_print_counts_from_the_day_it_was_known():
    bars = market(symbols=1)
    bars["symbol"] = "BINANCE:BTCUSDT"
    bad = pd.DataFrame(
        {"symbol": ["BINANCE:BTCUSDT"], "date": [pd.Timestamp("2021-02-10")], "known_on": [pd.Timestamp("2021-02-12")]}
    )
    proxy = ProxyRules("symbol", "BINANCE:BTCUSDT")
    before, after = (proxy_returns(bars, bad, dt.date(2021, 2, day), proxy) for day in (11, 12))
    assert pd.Timestamp("2021-02-10") in before.index
    assert {pd.Timestamp("2021-02-10"), pd.Timestamp("2021-02-11")}.isdisjoint(after.index)


def test_a_proxy_without_any_bar_is_an_error_and_not_a_short_history():
    with pytest.raises(MissingDataError, match="BINANCE:NOPE"):
        proxy_returns(market(), NO_PRINTS, dt.date(2021, 3, 1), ProxyRules("symbol", "BINANCE:NOPE"))


def test_members_are_those_of_the_universe_delisted_or_not():
    instruments = pd.DataFrame(
        {
            "symbol": ["BINANCE:AUSDT", "BINANCE:BUSDT.P", "BINANCE:CTRY", "BYBIT:AUSDT", "BINANCE:DUSDT"],
            "exchange": ["BINANCE", "BINANCE", "BINANCE", "BYBIT", "BINANCE"],
            "asset_type": ["spot", "perp", "spot", "spot", "spot"],
            "quote": ["USDT", "USDT", "TRY", "USDT", "USDT"],
            "active": [True, True, True, True, False],
        }
    )
    assert proxy_members(instruments, UNIVERSE) == ["BINANCE:AUSDT", "BINANCE:DUSDT"]
    assert proxy_members(instruments, ProxyRules("symbol", "X:Y")) == ["X:Y"]
    with pytest.raises(MissingDataError, match="market proxy"):
        proxy_members(instruments, ProxyRules("universe", exchanges=("NYSE",), asset_types=("equity",)))


def test_a_row_holds_its_contract_and_is_read_back(garch):
    reading = detect_regime(garch)
    rows = stamp(pd.DataFrame([regime_row(reading, "BINANCE:BTCUSDT")]), REGIME, "sleeve", dt.date(2020, 6, 18))
    assert judge_schema(REGIME, rows).passed
    assert regime_of(rows) == reading.regime
    assert rows["vol_ratio_percentile"].iloc[0] == reading.percentiles["vol_ratio"]


def test_an_unknown_row_holds_its_contract_and_stays_unknown():
    reading = unknown_reading(pd.Series(dtype="float64"), "no history")
    rows = stamp(pd.DataFrame([regime_row(reading, "X:Y")]), REGIME, "sleeve", dt.date(2020, 6, 18))
    verdict = judge_schema(REGIME, rows)
    assert verdict.passed, verdict.failing
    assert regime_of(rows) == Regime.unknown()
    with pytest.raises(MissingDataError, match="regime"):
        regime_of(rows.iloc[:0])
