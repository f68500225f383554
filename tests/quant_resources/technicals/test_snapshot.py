"""A snapshot asks again for what failed and for nothing else, names every failure, and keeps its manners."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from aiohttp import web

from quant_lib.contracts import TECHNICALS
from quant_lib.technicals import BASE_FIELDS, FIELDS, TIMEFRAMES, columns
from quant_resources.market import Clock, MarketServer, SyntheticSource
from quant_resources.market.screener import parse_column
from quant_resources.technicals import SnapshotRules, take_snapshot
from quant_resources.tradingview import Endpoints, Limits, ScanRequest, TradingViewClient

from .conftest import CLOCK, DAY, SYMBOLS

RULES = SnapshotRules(attempts=3, workers=2, batch=4)


def busy(after: str | None = None) -> web.Response:
    return web.Response(status=429, text="busy", headers={} if after is None else {"Retry-After": after})


def snap(client, symbols=SYMBOLS, rules=RULES):
    pauses: list[float] = []
    return take_snapshot(client, symbols, DAY, rules, clock=CLOCK, pause=pauses.append), pauses


def outcomes(snapshot):
    return dict(zip(snapshot.fetches["symbol"], snapshot.fetches["status"], strict=True))


def test_nineteen_fields_on_eleven_timeframes_and_the_base_fields():
    names = columns()
    assert len(names) == len(FIELDS) * len(TIMEFRAMES) + len(BASE_FIELDS) == 19 * 11 + 10
    assert len({name.lower() for name in names}) == len(names), "DuckDB does not tell cases apart"
    assert names["recommend_all_4h"] == "Recommend.All|240"
    assert names["macd_signal_1d"] == "MACD.signal"
    assert names["perf_ytd"] == "Perf.YTD"
    assert set(names) < set(TECHNICALS.column_names)


def test_only_the_three_minute_columns_are_not_in_the_vendors_tables():
    unknown = {vendor for vendor in columns().values() if parse_column(vendor, "global") is None}
    assert unknown == {f"{field}|3" for field in FIELDS}


def test_a_clean_snapshot_is_one_pass_in_batches(client, desk):
    snapshot, pauses = snap(client, [*SYMBOLS, SYMBOLS[0]])
    assert snapshot.rows["symbol"].tolist() == SYMBOLS
    assert set(outcomes(snapshot).values()) == {"fetched"}
    assert sorted(len(asked.symbols) for asked in desk.asked) == [2, 4]
    assert [(a.idx, a.fetched, a.failed) for a in snapshot.attempts] == [(1, 6, 0)]
    assert pauses == []
    assert (snapshot.rows["market_time"] == CLOCK).all()
    assert snapshot.rows["fetched_at"].notna().all()


def test_only_what_failed_is_asked_again_and_attempts_are_merged(client, desk):
    desk.refuse = lambda number, asked: web.Response(status=503) if number == 0 else None
    snapshot, _ = snap(client, rules=SnapshotRules(attempts=3, workers=1, batch=4))
    first, rest = desk.asked[0].symbols, [symbol for asked in desk.asked[2:] for symbol in asked.symbols]
    assert sorted(rest) == sorted(first)
    assert [(a.idx, a.fetched, a.failed) for a in snapshot.attempts] == [(1, 2, 4), (2, 4, 0)]
    assert snapshot.rows.set_index("symbol")["attempt"].to_dict() == {s: 2 if s in first else 1 for s in SYMBOLS}
    assert set(outcomes(snapshot).values()) == {"fetched"}


def test_every_failure_has_its_name_and_spoils_no_other(client, desk):
    desk.values |= {SYMBOLS[0]: None, SYMBOLS[1]: "n/a"}
    del desk.values[SYMBOLS[2]]
    desk.refuse = lambda number, asked: busy() if asked.symbols == [SYMBOLS[3]] else None
    symbols = [*SYMBOLS[:3], SYMBOLS[4]]
    snapshot, _ = snap(client, symbols)
    assert outcomes(snapshot) == {
        SYMBOLS[0]: "empty",
        SYMBOLS[1]: "malformed",
        SYMBOLS[2]: "not_found",
        SYMBOLS[4]: "fetched",
    }
    assert outcomes(snap(client, [SYMBOLS[3]])[0]) == {SYMBOLS[3]: "rate_limited"}
    told = snapshot.fetches.set_index("symbol")["message"]
    assert told.drop(SYMBOLS[4]).notna().all()
    assert SYMBOLS[2] in told[SYMBOLS[2]]
    evidence = snapshot.coverage("run-1", "dataops")
    assert evidence.failed_symbols == SYMBOLS[:3]
    assert evidence.coverage == pytest.approx(0.25)


def test_a_symbol_the_server_does_not_know_is_confirmed_once_and_left(client, desk):
    snapshot, pauses = snap(client, [*SYMBOLS, "BINANCE:NOSUCHUSDT"])
    singles = [asked for asked in desk.asked if not asked.batch]
    assert [asked.symbols for asked in singles] == [["BINANCE:NOSUCHUSDT"]]
    assert len(snapshot.attempts) == 2
    assert len(pauses) == 1


def test_told_to_slow_down_it_sends_nothing_more_and_waits_as_long_as_told(client, desk):
    desk.refuse = lambda number, asked: busy("7") if number == 0 else None
    snapshot, pauses = snap(client, rules=SnapshotRules(attempts=2, workers=1, batch=1))
    assert [asked.symbols for asked in desk.asked][:1] == [[SYMBOLS[0]]]
    assert len(desk.asked) == 1 + len(SYMBOLS), "the rest of the first attempt was not sent"
    assert pauses == [7.0]
    assert set(outcomes(snapshot).values()) == {"fetched"}


def test_a_pause_longer_than_patience_ends_it(client, desk):
    desk.refuse = lambda number, asked: busy("86400")
    snapshot, pauses = snap(client)
    assert pauses == []
    assert len(snapshot.attempts) == 1
    assert set(outcomes(snapshot).values()) == {"rate_limited"}


def test_what_cannot_get_better_is_not_tried_again(client, desk):
    desk.refuse = lambda number, asked: web.Response(status=403)
    snapshot, pauses = snap(client)
    assert set(outcomes(snapshot).values()) == {"refused"}
    assert len(snapshot.attempts) == 1
    assert pauses == []


def test_the_embedded_market_serves_days_weeks_months_and_nothing_it_would_have_to_invent():
    server = MarketServer(SyntheticSource(seed=11), Clock.as_of(DAY))
    server.start()
    try:
        client = TradingViewClient(Endpoints.at(server.url), Limits.loopback(), anonymous=True)
        symbols = ["BINANCE:BTCUSDT", "BINANCE:ETHUSDT"]
        snapshot = take_snapshot(client, symbols, DAY, SnapshotRules(), clock=client.clock())
        served = client.scan(
            ScanRequest("crypto", ("Recommend.All", "RSI|1W", "close|1M"), symbols=tuple(symbols))
        ).frame.set_index("symbol")
    finally:
        server.stop()
    rows = snapshot.rows.set_index("symbol")
    for ours, theirs in (("recommend_all_1d", "Recommend.All"), ("rsi_1w", "RSI|1W"), ("close_1mo", "close|1M")):
        assert rows[ours].notna().all()
        np.testing.assert_array_equal(rows[ours].loc[symbols], served[theirs].loc[symbols])
    intraday = [name for name in columns() if name.endswith(("_1m", "_3m", "_5m", "m", "h")) and "perf" not in name]
    assert len(intraday) == 8 * len(FIELDS)
    assert rows[intraday].isna().all(axis=None)
    assert snapshot.rows["market_time"].dt.to_pydatetime()[0] == dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
