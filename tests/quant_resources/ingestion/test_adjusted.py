"""N7: a split arrives; what is stored and what was known yesterday stay, today's view moves by the factor."""

import datetime as dt
import hashlib

import numpy as np
import pandas as pd
import pytest

from quant_lib.contracts import OHLCV_REFRESHES, OHLCV_REVISIONS
from quant_lib.errors import QuantError
from quant_lib.health import BarsContractError, adjusted
from quant_resources.ingestion import adjusted_bars, refresh

BEFORE, ON = dt.date(2024, 3, 26), dt.date(2024, 3, 31)
SPLIT, OTHER = "BINANCE:AUSDT", "BINANCE:BUSDT"
PRICES = ["open", "high", "low", "close"]


@pytest.fixture
def split_market(bench):
    """A lake that ingested until BEFORE, and a market that serves a 4-for-1 split since."""
    bars = pd.concat([bench.walk(symbol, 120) for symbol in (SPLIT, OTHER)], ignore_index=True)
    instruments = bench.catalogue([SPLIT, OTHER], ON)
    bench.ingest(bench.client(bench.source(bars), BEFORE), instruments, BEFORE)
    after = bars.copy()
    at = after["symbol"] == SPLIT
    after.loc[at, PRICES] /= 4.0
    after.loc[at, "volume"] *= 4.0
    return bench, instruments, bench.client(bench.source(after), ON)


def digests(lake):
    return {path: hashlib.sha256(path.read_bytes()).digest() for path in (lake.root / "ohlcv").rglob("*.parquet")}


def test_a_split_moves_only_what_was_known_after_it(split_market):
    bench, instruments, client = split_market
    raw, version, files = bench.lake.read("ohlcv"), bench.lake.version("ohlcv"), digests(bench.lake)
    yesterday = adjusted_bars(bench.lake, [SPLIT, OTHER], BEFORE)
    pd.testing.assert_frame_equal(yesterday, raw)
    bench.ingest(client, instruments, ON)
    now = digests(bench.lake)
    assert {path: now[path] for path in files} == files
    pd.testing.assert_frame_equal(bench.lake.read("ohlcv", version=version), raw)
    pd.testing.assert_frame_equal(bench.lake.read("ohlcv", until=BEFORE), raw)
    pd.testing.assert_frame_equal(adjusted_bars(bench.lake, [SPLIT, OTHER], BEFORE), yesterday)
    lines = bench.lake.read("ohlcv_revisions")
    assert lines[["symbol", "field", "served"]].to_numpy().tolist() == [[SPLIT, "basis", 0.25]]
    today = adjusted_bars(bench.lake, [SPLIT, OTHER], ON)
    old = today["date"] <= pd.Timestamp(BEFORE)
    mine = today["symbol"] == SPLIT
    was = raw.loc[raw["symbol"] == SPLIT]
    assert (today.loc[old & mine, PRICES].to_numpy() == 0.25 * was[PRICES].to_numpy()).all()
    assert (today.loc[old & mine, "volume"].to_numpy() == 4.0 * was["volume"].to_numpy()).all()
    newest = bench.lake.read("ohlcv").set_index(["date", "symbol"])
    rest = today.loc[~(old & mine)].set_index(["date", "symbol"])
    pd.testing.assert_frame_equal(rest, newest.loc[rest.index])
    assert today.loc[mine, "close"].pct_change().abs().max() < 0.2  # one basis, no seam


def test_what_was_told_of_a_split_or_a_revision_is_not_told_again_every_day(bench):
    bars = pd.concat([bench.walk(symbol, 70) for symbol in (SPLIT, OTHER)], ignore_index=True)
    mine, old = bars["symbol"] == SPLIT, bars["timestamp"] < "2024-02-15"
    split = bars.copy()
    split.loc[mine, PRICES] /= 4.0
    split.loc[mine, "volume"] *= 4.0
    revised = split.copy()
    revised.loc[(bars["symbol"] == OTHER) & (bars["timestamp"] == "2024-02-13"), "volume"] += 1.0
    told = {}
    for day in range(13, 20):
        on = dt.date(2024, 2, day)
        market = bars if day < 15 else revised
        instruments = bench.catalogue([SPLIT, OTHER], on)
        report = bench.ingest(bench.client(bench.source(market), on), instruments, on)
        told[day] = report.revised[["symbol", "field"]].to_numpy().tolist()
    assert old.any()
    assert told == {day: [] for day in range(13, 20)} | {15: [[OTHER, "volume"], [SPLIT, "basis"]]}
    assert len(bench.lake.read("ohlcv_revisions")) == 2
    # The next change is news, and so is one that undoes the last.
    on = dt.date(2024, 2, 20)
    again = split.copy()
    again.loc[(bars["symbol"] == OTHER) & (bars["timestamp"] == "2024-02-16"), "volume"] += 2.0
    report = bench.ingest(bench.client(bench.source(again), on), bench.catalogue([SPLIT, OTHER], on), on)
    assert report.revised[["symbol", "field"]].to_numpy().tolist() == [[OTHER, "volume"]]


def test_a_refresh_settles_the_factor(split_market):
    bench, instruments, client = split_market
    bench.ingest(client, instruments, ON)
    view = adjusted_bars(bench.lake, [SPLIT], ON)
    refresh(bench.lake, client, instruments, [SPLIT], ON, start=dt.date(2017, 1, 1),
            now=dt.datetime(2024, 7, 1, tzinfo=dt.UTC), reason="4-for-1 split")  # fmt: skip
    again = adjusted_bars(bench.lake, [SPLIT], ON)
    np.testing.assert_allclose(again[PRICES], view[PRICES], rtol=1e-12)
    np.testing.assert_array_equal(again[PRICES], bench.lake.read("ohlcv", symbols=[SPLIT])[PRICES])


def revision(date, seen_on, factor):
    row = {"date": date, "symbol": "X:A", "field": "basis", "stored": 1.0, "served": factor, "seen_on": seen_on}
    return pd.DataFrame([row]).astype(OHLCV_REVISIONS.pandas_types())


NO_REFRESH = pd.DataFrame(columns=list(OHLCV_REFRESHES.column_names)).astype(OHLCV_REFRESHES.pandas_types())


def bars_of(days):
    dates = pd.date_range("2024-01-01", periods=days).astype("datetime64[us]")
    return pd.DataFrame({"symbol": "X:A", "date": dates, **dict.fromkeys(PRICES, 8.0), "volume": 3.0})


def test_factors_of_two_splits_multiply_and_a_repeated_line_counts_once():
    lines = [
        revision("2024-01-03", "2024-01-04", 0.5),
        revision("2024-01-03", "2024-01-05", 0.5),
        revision("2024-01-07", "2024-01-08", 0.25),
    ]
    view = adjusted(bars_of(9), pd.concat(lines), NO_REFRESH, dt.date(2024, 1, 9))
    assert view["close"].tolist() == [1.0] * 3 + [2.0] * 4 + [8.0] * 2
    assert (view["close"] * view["volume"] == 24.0).all()
    earlier = adjusted(bars_of(9), pd.concat(lines), NO_REFRESH, dt.date(2024, 1, 7))
    assert earlier["close"].tolist() == [4.0] * 3 + [8.0] * 4


@pytest.mark.parametrize("factor", [0.0, -1.0, np.inf, np.nan])
def test_a_factor_that_is_none_is_an_error(factor):
    with pytest.raises(BarsContractError, match="X:A 2024-01-03"):
        adjusted(bars_of(5), revision("2024-01-03", "2024-01-04", factor), NO_REFRESH, dt.date(2024, 1, 5))


def rows_of(lake, sql):
    return lake.query(sql).to_pandas()


def test_sql_sees_the_same_bars_as_of_any_date_and_one_line_of_difference(split_market):
    bench, instruments, client = split_market
    raw = bench.lake.read("ohlcv")
    bench.ingest(client, instruments, ON)
    for date in (BEFORE, ON - dt.timedelta(days=2), ON):
        view = rows_of(bench.lake, f"select * from ohlcv_adjusted('{date}') order by date, symbol")
        expected = adjusted_bars(bench.lake, [SPLIT, OTHER], date)
        assert len(view) == len(expected) > 0
        np.testing.assert_allclose(view[[*PRICES, "volume"]], expected[[*PRICES, "volume"]], rtol=1e-15)
        assert view["symbol"].tolist() == expected["symbol"].tolist()
    newest = rows_of(bench.lake, "select count(*) as n, sum(close) as total from ohlcv_adjusted()")
    assert newest["n"].item() == len(bench.lake.read("ohlcv"))
    yesterday = rows_of(bench.lake, f"select close from ohlcv_adjusted('{BEFORE}') order by date, symbol")
    assert (yesterday["close"].to_numpy() == raw["close"].to_numpy()).all()
    lines = rows_of(bench.lake, f"select * from ohlcv_difference('{BEFORE}', '{ON}')")
    assert lines[["symbol", "field", "served", "n_bars"]].to_numpy().tolist() == [[SPLIT, "basis", 0.25, len(raw) // 2]]
    assert rows_of(bench.lake, f"select * from ohlcv_difference('{ON}')").empty


def test_sql_settles_a_refresh_and_refuses_a_factor_that_is_none(split_market, lake):
    bench, instruments, client = split_market
    bench.ingest(client, instruments, ON)
    refresh(bench.lake, client, instruments, [SPLIT], ON, start=dt.date(2017, 1, 1),
            now=dt.datetime(2024, 7, 1, tzinfo=dt.UTC), reason="4-for-1 split")  # fmt: skip
    view = rows_of(bench.lake, f"select close from ohlcv_adjusted('{ON}') where symbol = '{SPLIT}' order by date")
    np.testing.assert_array_equal(view["close"], bench.lake.read("ohlcv", symbols=[SPLIT])["close"])
    wrong = revision("2024-03-20", "2024-03-21", -1.0).assign(symbol=OTHER)
    bench.lake.add_missing(OHLCV_REVISIONS, wrong)
    with pytest.raises(QuantError, match=f"a factor of -1.0 of {OTHER}"):
        rows_of(bench.lake, "select max(close) from ohlcv_adjusted()")


def test_sql_multiplies_two_splits(bench):
    dates = pd.date_range("2024-01-01", periods=9).astype("datetime64[us]")
    walk = bench.walk("BINANCE:CUSDT", 9)
    on = dates[-1].date()
    bench.ingest(bench.client(bench.source(walk), on), bench.catalogue(["BINANCE:CUSDT"], on), on)
    lines = [("2024-01-03", "2024-01-04", 0.5), ("2024-01-03", "2024-01-05", 0.5), ("2024-01-07", "2024-01-08", 0.25)]
    known = pd.concat([revision(*line) for line in lines]).assign(symbol="BINANCE:CUSDT")
    bench.lake.add_missing(OHLCV_REVISIONS, known)
    for day in range(3, 10):
        date = dt.date(2024, 1, day)
        view = rows_of(bench.lake, f"select close, volume from ohlcv_adjusted('{date}') order by date")
        expected = adjusted_bars(bench.lake, ["BINANCE:CUSDT"], date)
        np.testing.assert_allclose(view, expected[["close", "volume"]], rtol=1e-15)
