"""Ingestion against a real market server: what is stored, what is said, and what an interruption costs."""

import datetime as dt
import random

import numpy as np
import pandas as pd
import pytest

from quant_lib.contracts import OHLCV_FETCHES
from quant_lib.contracts.verdicts import judge_schema
from quant_resources.ingestion import Stored, plan_wants
from quant_resources.lakehouse import Lake
from quant_resources.tradingview import Limits

ON, NEXT = dt.date(2024, 3, 31), dt.date(2024, 4, 1)
SYMBOLS = [f"BINANCE:{chr(65 + i)}USDT" for i in range(12)]


@pytest.fixture
def bars(bench):
    return pd.concat([bench.walk(symbol, 120) for symbol in SYMBOLS], ignore_index=True)


def statuses(report):
    return report.fetches.set_index("symbol")["status"].to_dict()


def test_every_closed_bar_is_stored_once_with_its_three_times(bench, bars):
    instruments = bench.catalogue(SYMBOLS, ON)
    report = bench.ingest(bench.client(bench.source(bars), ON), instruments, ON)
    stored = bench.lake.read("ohlcv")
    assert len(stored) == 91 * len(SYMBOLS)  # of 120 days, those closed at the clock
    assert not stored.duplicated(["date", "symbol"]).any()
    assert (stored["known_at"] == stored["close_time"]).all()
    assert (stored["close_time"] == stored["open_time"] + pd.Timedelta(days=1)).all()
    assert set(statuses(report).values()) == {"fetched"}
    assert judge_schema(OHLCV_FETCHES, report.fetches).passed


def test_asked_again_at_once_it_fetches_nothing(bench, bars):
    instruments = bench.catalogue(SYMBOLS, ON)
    client = bench.client(bench.source(bars), ON)
    bench.ingest(client, instruments, ON)
    before = {table: bench.lake.version(table) for table in bench.lake.tables()}
    asked = bench.servers[-1].counters["create_series"]
    again = bench.ingest(client, instruments, ON)
    assert bench.servers[-1].counters["create_series"] == asked
    assert set(statuses(again).values()) == {"fetched"}  # what the day's first run said of them still holds
    assert {table: bench.lake.version(table) for table in bench.lake.tables()} == before


def test_depth_begins_at_the_listing(bench, bars):
    instruments = bench.catalogue(SYMBOLS[:1], ON, listed_on=pd.Timestamp("2024-03-01"))
    bench.ingest(bench.client(bench.source(bars), ON), instruments, ON)
    assert bench.lake.read("ohlcv_fetches")["asked_from"].tolist() == [pd.Timestamp("2024-03-01")]
    wants = plan_wants(
        Stored({}, {}), SYMBOLS[:1], instruments, _book(instruments), ON, dt.datetime(2024, 4, 1, tzinfo=dt.UTC),
        dt.date(2017, 1, 1),
    )  # fmt: skip
    assert [(w.since, w.until, w.n_bars, w.why) for w in wants] == [(dt.date(2024, 3, 1), ON, 33, "new")]


def _book(instruments):
    from quant_lib.calendars import CalendarBook

    return CalendarBook.of(instruments)


def test_a_history_wanted_from_further_back_is_fetched_deeper(bench, bars):
    instruments, client = bench.catalogue(SYMBOLS[:2], ON), bench.client(bench.source(bars), ON)
    bench.ingest(client, instruments, ON, start=dt.date(2024, 3, 1))
    assert bench.lake.read("ohlcv")["date"].min() == pd.Timestamp("2024-03-01")
    bench.ingest(client, instruments, ON, start=dt.date(2024, 1, 1))
    assert len(bench.lake.read("ohlcv")) == 2 * 91


def test_no_news_of_a_trading_symbol_is_a_failure_and_a_delisted_one_is_complete(bench, bars):
    halted = bars[(bars["symbol"] != SYMBOLS[0]) | (bars["timestamp"] < "2024-03-20")]
    halted = halted[(halted["symbol"] != SYMBOLS[1]) | (halted["timestamp"] < "2024-03-10")]
    client = bench.client(bench.source(halted), ON)
    instruments = bench.catalogue(SYMBOLS[:3], ON)
    gone = instruments["symbol"] == SYMBOLS[1]
    instruments = instruments.assign(
        active=~gone, last_traded_on=pd.Series(pd.Timestamp("2024-03-09"), index=instruments.index).where(gone)
    )
    bench.ingest(client, instruments, ON)
    again = bench.ingest(client, instruments, ON).fetches.set_index("symbol")
    assert again["status"].to_dict() == {SYMBOLS[0]: "no_data", SYMBOLS[1]: "fetched", SYMBOLS[2]: "fetched"}
    assert again.loc[SYMBOLS[0], "message"] == (
        "nothing new since 2024-03-19, expected up to 2024-03-31: halted, delisted or late"
    )


@pytest.mark.slow
def test_five_poisoned_symbols_do_not_stop_the_others(bench):
    """N16: 500 symbols, five of them bad: 495 stored, five named, and only those are asked for again."""
    names = [f"BINANCE:A{i:03d}USDT" for i in range(500)]
    bars = pd.concat([bench.walk(name, 20) for name in names], ignore_index=True)
    on = dt.date(2024, 1, 15)
    poison = {
        "missing": (names[3], names[99]),
        "denied": (names[200],),
        "empty": (names[250],),
        "silent": (names[301],),
    }
    source, instruments = bench.source(bars), bench.catalogue(names, on)
    limits = Limits(symbol_timeout=0.5, data_timeout=2.0, attempts=2, backoff_base=0.001, backoff_cap=0.002)
    report = bench.ingest(bench.client(source, on, limits, **poison), instruments, on)
    failed = {s: v for s, v in statuses(report).items() if v != "fetched"}
    assert failed == {names[3]: "invalid_symbol", names[99]: "invalid_symbol", names[200]: "permission_denied",
                      names[250]: "no_data", names[301]: "timeout"}  # fmt: skip
    assert report.fetches.set_index("symbol").loc[list(failed), "message"].str.len().gt(10).all()
    assert bench.lake.read("ohlcv")["symbol"].nunique() == 495
    healed = bench.client(source, on)
    again = bench.ingest(healed, instruments, on)
    assert bench.servers[-1].counters["create_series"] == 5
    assert set(statuses(again).values()) == {"fetched"}
    assert len(bench.lake.read("ohlcv")) == 500 * 15


def test_a_truncated_history_is_said(bench, bars):
    from quant_resources.market import Clock, MarketServer, ServerOptions
    from quant_resources.tradingview import Endpoints, TradingViewClient

    server = MarketServer(bench.source(bars), Clock.as_of(ON), options=ServerOptions(window=30))
    server.start()
    bench.servers.append(server)
    client = TradingViewClient(Endpoints.at(server.url), Limits.loopback(), anonymous=True)
    report = bench.ingest(client, bench.catalogue(SYMBOLS[:2], ON), ON)
    assert report.fetches["history_truncated"].all()
    assert report.rows_added == 60


def test_a_revised_closed_bar_is_logged_and_the_stored_one_stays(bench, bars):
    instruments = bench.catalogue(SYMBOLS[:2], ON)
    early = ON - dt.timedelta(days=5)
    bench.ingest(bench.client(bench.source(bars), early), instruments, early)
    before = bench.lake.read("ohlcv")
    changed = bars.copy()
    at = (changed["symbol"] == SYMBOLS[0]) & (changed["timestamp"] == "2024-03-25")
    changed.loc[at, "close"] *= 1.0001
    report = bench.ingest(bench.client(bench.source(changed), ON), instruments, ON)
    row = bench.lake.read("ohlcv_revisions").iloc[0]
    assert len(report.revised) == 1
    assert (row["symbol"], row["date"].date(), row["field"]) == (SYMBOLS[0], dt.date(2024, 3, 25), "close")
    assert row["served"] / row["stored"] == pytest.approx(1.0001)
    kept = bench.lake.read("ohlcv", until=early)
    pd.testing.assert_frame_equal(kept, before)


def test_a_vendors_split_adjustment_is_one_line_and_rewrites_nothing(bench, bars):
    """N7: raw bytes unchanged, one line that names the factor."""
    instruments = bench.catalogue(SYMBOLS[:2], ON)
    early = ON - dt.timedelta(days=5)
    bench.ingest(bench.client(bench.source(bars), early), instruments, early)
    before = bench.lake.read("ohlcv")
    split = bars.copy()
    at = split["symbol"] == SYMBOLS[0]
    split.loc[at, ["open", "high", "low", "close"]] /= 4.0
    split.loc[at, "volume"] *= 4.0
    report = bench.ingest(bench.client(bench.source(split), ON), instruments, ON)
    assert report.revised[["symbol", "field"]].to_numpy().tolist() == [[SYMBOLS[0], "basis"]]
    assert report.revised["served"].iloc[0] == pytest.approx(0.25)
    pd.testing.assert_frame_equal(bench.lake.read("ohlcv", until=early), before)
    found = bench.audit(instruments, ON)
    registry = bench.lake.read("health_registry").query("check == 'revision' and not passed")
    assert registry["symbol"].tolist() == [SYMBOLS[0]]
    assert registry["message"].tolist() == ["1 basis"]
    assert len(found.health) == 2


class Killed(Exception):
    """The process is gone."""


def killed_after(client, parts):
    """The client of a process that dies when it asks for its n-th part."""
    fetch, asked = client.fetch_bars, iter(range(10**6))

    def dying(requests, **options):
        if next(asked) >= parts:
            raise Killed
        return fetch(requests, **options)

    client.fetch_bars = dying
    return client


def test_a_killed_run_is_resumed_where_it_was(bench, bars):
    instruments, source = bench.catalogue(SYMBOLS, ON), bench.source(bars)
    with pytest.raises(Killed):
        bench.ingest(killed_after(bench.client(source, ON), 2), instruments, ON, checkpoint_bars=8_000)
    left = bench.lake.read("ohlcv_fetches").set_index("symbol")["status"]
    done = bench.lake.read("ohlcv")["symbol"].nunique()
    assert 0 < done < len(SYMBOLS)
    assert left.value_counts().to_dict() == {"fetched": done, "pending": len(SYMBOLS) - done}
    client = bench.client(source, ON)
    report = bench.ingest(client, instruments, ON)
    assert bench.servers[-1].counters["create_series"] == len(SYMBOLS) - done
    assert set(statuses(report).values()) == {"fetched"}
    assert len(bench.lake.read("ohlcv")) == 91 * len(SYMBOLS)


def test_bars_of_a_killed_run_count_as_asked_for_and_a_deeper_history_is_still_fetched(bench, bars):
    instruments, source = bench.catalogue(SYMBOLS, ON), bench.source(bars)
    client, since, later = bench.client(source, ON), dt.date(2024, 3, 1), bench.catalogue(SYMBOLS, NEXT)
    lost = bench.lake.replace
    bench.lake.replace = lambda spec, rows, **cell: (  # the last thing of the run, telling what came, is lost
        None if spec.name == "ohlcv_fetches" and not rows["status"].eq("pending").any() else lost(spec, rows, **cell)
    )
    bench.ingest(client, instruments, ON, start=since)
    bench.lake.replace = lost
    assert set(bench.lake.read("ohlcv_fetches")["status"]) == {"pending"}
    deeper = bench.ingest(bench.client(source, NEXT), later, NEXT)
    assert bench.lake.read("ohlcv")["date"].min() == pd.Timestamp("2024-01-01")
    assert set(statuses(deeper).values()) == {"fetched"}
    assert deeper.fetches["rows_added"].sum() == deeper.rows_added > 0
    # The same date again keeps what the killed run had asked from.
    rerun = bench.ingest(client, instruments, ON, start=since)
    assert rerun.fetches["asked_from"].dt.date.tolist() == [since] * len(SYMBOLS)


def test_no_news_because_the_bar_was_refused_says_so(bench, bars):
    bench.ingest(bench.client(bench.source(bars), ON), bench.catalogue(SYMBOLS[:1], ON), ON)
    bad = bars.copy()
    bad.loc[(bad["symbol"] == SYMBOLS[0]) & (bad["timestamp"] == pd.Timestamp(NEXT, tz="UTC")), "high"] = 1e-6
    report = bench.ingest(bench.client(bench.source(bad), NEXT), bench.catalogue(SYMBOLS[:1], NEXT), NEXT)
    told = report.fetches.iloc[0]
    assert (told["status"], told["rows_added"], told["rows_rejected"]) == ("no_data", 0, 1)
    assert told["message"] == (f"nothing new since {ON}, expected up to {NEXT}: 1 bar refused, see ohlcv_rejects")


def test_older_bars_that_came_are_counted(bench, bars):
    instruments, client = bench.catalogue(SYMBOLS, ON), bench.client(bench.source(bars), ON)
    bench.ingest(client, instruments, ON, start=dt.date(2024, 3, 1))
    report = bench.ingest(client, instruments, ON, start=dt.date(2024, 1, 1))
    assert report.rows_added == 60 * len(SYMBOLS)
    assert report.fetches["rows_added"].tolist() == [60] * len(SYMBOLS)
    assert set(statuses(report).values()) == {"fetched"}


@pytest.mark.slow
def test_fifty_interruptions_leave_the_lake_an_uninterrupted_run_would(bench, bars, tmp_path):
    """R19."""
    instruments, source = bench.catalogue(SYMBOLS, ON), bench.source(bars)
    client = bench.client(source, ON)
    dates = [ON - dt.timedelta(days=d) for d in (40, 20, 7, 0)]
    for date in dates:
        bench.ingest(client, bench.catalogue(SYMBOLS, date), date)
    whole = bench.lake.content_hash("ohlcv")
    rng, bench.lake, interrupted = random.Random(42), Lake(tmp_path / "other"), 0
    fetch = client.fetch_bars
    queue = list(dates)
    while queue:
        client.fetch_bars = fetch
        parts = rng.randint(0, 2) if interrupted < 50 else 10**6
        try:
            bench.ingest(killed_after(client, parts), bench.catalogue(SYMBOLS, queue[0]), queue[0],
                         checkpoint_bars=rng.choice([1, 3_000, 9_000]), start=dt.date(2024, 1, 1))  # fmt: skip
        except Killed:
            interrupted += 1
        else:
            queue = queue[1:] if interrupted >= 50 else queue
            interrupted += interrupted < 50  # complete already: nothing left to interrupt
    client.fetch_bars = fetch
    assert bench.lake.content_hash("ohlcv") == whole
    assert np.isfinite(bench.lake.read("ohlcv")["close"]).all()
    assert len(instruments) == len(SYMBOLS)
