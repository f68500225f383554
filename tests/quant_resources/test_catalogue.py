"""Rows of the catalogue: listed, delisted, vanished; scanned or reconstructed; the exchange beats the vendor."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from quant_lib.contracts import INSTRUMENTS
from quant_resources.catalogue import build_instruments

DAY = dt.date(2024, 5, 31)
START = dt.date(2020, 1, 1)


def seconds(day):
    return dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp()


def listing(symbol, *, began=START, last=DAY, active=True, kind="spot", **changes):
    row = {
        "symbol": symbol,
        "name": symbol.partition(":")[2],
        "exchange": symbol.partition(":")[0],
        "type": kind,
        "currency": "USDT",
        "description": f"{symbol} somewhere",
        "sector": None,
        "pricescale": 100,
        "minmov": 1,
        "active_symbol": active,
        "first_bar_time": seconds(began),
        "time": seconds(last),
    }
    return row | changes


def build(*rows, on=DAY, scanned=True, **options):
    made = build_instruments(pd.DataFrame(list(rows)), on, scanned_today=scanned, **options)
    INSTRUMENTS.pandera_schema().validate(made)
    return made.set_index("symbol")


def test_what_the_vendor_tells_and_what_is_only_assumed():
    row = build(listing("BINANCE:BTCUSDT")).loc["BINANCE:BTCUSDT"]
    assert (row["tick_size"], row["tick_size_source"]) == (0.01, "vendor")
    assert (row["price_precision"], row["price_precision_source"]) == (2.0, "vendor")
    assert (row["lot_size"], row["lot_size_source"]) == (0.001, "default")
    assert (row["calendar"], row["calendar_source"], row["timezone"]) == ("24x7", "default", "Etc/UTC")
    assert (row["listing"], row["source"], row["data_profile"]) == ("listed", "tradingview", "CRYPTO")
    assert pd.isna(row["delisted_on"])


def test_a_share_trades_by_its_exchange():
    made = build(
        listing("NASDAQ:AAPL", kind="stock", currency="USD", sector="Tech", first_bar_time=seconds(DAY) + 48_600)
    )
    row = made.loc["NASDAQ:AAPL"]
    assert (row["calendar"], row["timezone"], row["session"]) == ("XNYS", "America/New_York", "0930-1600")
    assert row["listed_on"].date() == DAY
    assert row["sector"] == "Tech"


def test_a_symbol_that_stopped_trading_is_delisted_on_its_last_session():
    ended = dt.date(2024, 3, 1)
    row = build(listing("BINANCE:XUSDT", last=ended, active=False)).loc["BINANCE:XUSDT"]
    assert (row["listing"], row["active"], row["delisted_on"].date()) == ("delisted", False, ended)


def test_a_past_day_knows_only_what_had_begun_and_not_what_was_to_end():
    ended, past = dt.date(2024, 3, 1), dt.date(2024, 2, 1)
    made = build(
        listing("BINANCE:XUSDT", last=ended, active=False),
        listing("BINANCE:NEWUSDT", began=dt.date(2024, 4, 1)),
        on=past,
        scanned=False,
    )
    assert list(made.index) == ["BINANCE:XUSDT"]
    row = made.iloc[0]
    assert (row["active"], row["listing"], row["mode"]) == (True, "listed", "reconstructed")
    assert row["last_traded_on"].date() == past
    assert pd.isna(row["delisted_on"])


def test_a_symbol_the_vendor_lists_no_more_stays_and_is_marked():
    before = build(listing("BINANCE:AUSDT"), listing("BINANCE:BUSDT")).reset_index()
    later = DAY + dt.timedelta(days=3)
    made = build(listing("BINANCE:AUSDT", last=later), on=later, last_known=before)
    row = made.loc["BINANCE:BUSDT"]
    assert (row["listing"], row["active"], row["delisted_on"].date()) == ("vanished", False, DAY)
    assert row["tick_size_source"] == "vendor", "what was known of it is kept"
    assert made.loc["BINANCE:AUSDT", "listing"] == "listed"
    past = build(listing("BINANCE:AUSDT", last=later), on=DAY - dt.timedelta(days=30), scanned=False, last_known=before)
    assert (past.loc["BINANCE:BUSDT", "listing"], past.loc["BINANCE:BUSDT", "active"]) == ("listed", True)
    early = build(
        listing("BINANCE:AUSDT", began=dt.date(2019, 1, 1)), on=dt.date(2019, 6, 1), scanned=False, last_known=before
    )
    assert "BINANCE:BUSDT" not in early.index, "it had not begun"


def exchange(*rows):
    plain = {
        "exchange": "BINANCE",
        "quote": "USDT",
        "asset_type": "spot",
        "active": True,
        "timezone": "UTC",
        "provider": "binance",
        "listed_on": pd.NaT,
    }
    return pd.DataFrame([plain | row for row in rows])


def test_the_exchange_beats_the_vendor_and_says_so():
    told = exchange({"symbol": "BINANCE:BTCUSDT", "tick_size": 0.05, "lot_size": 1e-5, "min_notional": 10.0})
    made = build(listing("BINANCE:BTCUSDT"), listing("BINANCE:XUSDT"), exchange=told)
    row = made.loc["BINANCE:BTCUSDT"]
    assert (row["tick_size"], row["tick_size_source"]) == (0.05, "exchange")
    assert (row["lot_size"], row["lot_size_source"]) == (1e-5, "exchange")
    assert (row["price_precision"], row["price_precision_source"]) == (2.0, "vendor")
    assert (row["timezone_source"], row["source"]) == ("exchange", "binance+tradingview")
    other = made.loc["BINANCE:XUSDT"]
    assert not other["active"], "the exchange does not list it"
    assert (other["tick_size_source"], other["source"]) == ("vendor", "tradingview")


def test_a_listing_only_the_exchange_has_is_catalogued():
    told = exchange(
        {"symbol": "BINANCE:BTCUSDT"},
        {"symbol": "BINANCE:NEWUSDT", "tick_size": 0.001, "listed_on": pd.Timestamp("2024-05-01")},
    )
    made = build(listing("BINANCE:BTCUSDT"), exchange=told)
    row = made.loc["BINANCE:NEWUSDT"]
    assert (row["source"], row["active"], row["base"]) == ("binance", True, "NEW")
    assert row["listed_on"] == pd.Timestamp("2024-05-01")
    assert pd.isna(row["last_traded_on"])


def test_an_unknown_kind_of_venue_is_an_error():
    from quant_lib.calendars import UnknownVenueError

    with pytest.raises(UnknownVenueError, match="MARS"):
        build(listing("MARS:X1!", kind="futures"))
