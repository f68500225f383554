"""Holes: filled when the provider has them, remembered with a cause when it has not, never silent."""

import datetime as dt

import pandas as pd
import pytest

from quant_lib.contracts import HEALTH_REGISTRY, OHLCV_FINDINGS, OHLCV_HOLES
from quant_lib.contracts.verdicts import judge_schema
from quant_lib.health import RepairRules
from quant_resources.ingestion import refresh

ON = dt.date(2024, 4, 15)
SYMBOLS = [f"BINANCE:{chr(65 + i)}USDT" for i in range(8)]


@pytest.fixture
def whole(bench):
    return pd.concat([bench.walk(symbol, 120) for symbol in SYMBOLS], ignore_index=True)


def without(frame, symbol, *days):
    out = (frame["symbol"] == symbol) & frame["timestamp"].dt.strftime("%m-%d").isin(days)
    return frame[~out]


@pytest.fixture
def holed(whole):
    """A lost day, a lost run, a dark ticker, and a day the whole venue was down."""
    frame = without(whole, SYMBOLS[0], "02-10")
    frame = without(frame, SYMBOLS[1], "03-01", "03-02", "03-03")
    frame = without(frame, SYMBOLS[2], *[f"02-{d:02d}" for d in range(1, 21)])
    return frame[frame["timestamp"] != "2024-03-15"]


def newest(bench):
    rows = bench.lake.read("ohlcv_holes").sort_values("date", kind="stable")
    return rows.drop_duplicates(["symbol", "from_date"], keep="last").set_index(["symbol", "from_date"])


def test_what_the_provider_has_again_is_filled(bench, whole, holed):
    instruments = bench.catalogue(SYMBOLS, ON)
    bench.ingest(bench.client(bench.source(holed), ON), instruments, ON)
    report = bench.repair(bench.client(bench.source(whole), ON), instruments, ON)
    assert set(report.holes["state"]) == {"filled"}
    assert report.bars_added == 1 + 3 + 20 + 8
    assert judge_schema(OHLCV_HOLES, report.holes).passed
    stored = bench.lake.read("ohlcv")
    assert len(stored) == 106 * len(SYMBOLS)
    audit = bench.audit(instruments, ON)
    assert (audit.health["status"] == "healthy").all()


def test_what_it_has_not_is_remembered_with_its_cause_and_not_asked_for_daily(bench, holed):
    instruments, source = bench.catalogue(SYMBOLS, ON), bench.source(holed)
    client = bench.client(source, ON)
    bench.ingest(client, instruments, ON)
    report = bench.repair(client, instruments, ON)
    causes = newest(bench)["cause"].groupby(level="symbol").agg(lambda c: sorted(set(c))).to_dict()
    assert causes[SYMBOLS[0]] == ["vendor_hole", "venue_outage"]
    assert causes[SYMBOLS[2]] == ["dark", "venue_outage"]
    assert causes[SYMBOLS[5]] == ["venue_outage"]
    assert (newest(bench)["retry_on"] == pd.Timestamp(ON) + pd.Timedelta(days=30)).all()
    asked = bench.servers[-1].counters["create_series"]
    for days in (0, 1, 29):
        again = bench.repair(client, instruments, ON + dt.timedelta(days=days))
        assert (again.remembered, len(again.holes)) == (len(report.holes), 0)
    assert bench.servers[-1].counters["create_series"] == asked
    later = bench.repair(client, instruments, ON + dt.timedelta(days=30))
    assert (later.remembered, set(later.holes["attempts"])) == (0, {2})


def test_the_gap_says_why_it_is_open_and_the_registry_tells_the_life_of_the_symbol(bench, holed):
    instruments = bench.catalogue(SYMBOLS, ON)
    client = bench.client(bench.source(holed), ON)
    bench.ingest(client, instruments, ON)
    bench.repair(client, instruments, ON)
    found = bench.audit(instruments, ON)
    assert judge_schema(OHLCV_FINDINGS, found.findings).passed
    gap = found.findings.query("symbol == @SYMBOLS[0] and rule == 'gap' and n == 1").iloc[0]
    assert gap["message"] == (
        "1 session without a bar; the provider serves both sides and nothing in between (asked 1 time)"
    )
    assert gap["expires_on"].date() == dt.date(2024, 2, 11) + dt.timedelta(days=364)
    answer = bench.lake.query(
        f"select \"check\", message from health_registry where symbol = '{SYMBOLS[0]}' and not passed order by 1"
    ).to_pylist()
    assert [row["check"] for row in answer] == ["gap", "repair"]
    assert answer[1]["message"] == "1 vendor_hole, 1 venue_outage"
    golden = bench.lake.query("select symbol from health_registry group by symbol having bool_and(passed)").to_pylist()
    assert golden == []  # the venue's outage is everybody's


def test_the_registry_is_only_ever_added_to(bench, whole, holed):
    instruments = bench.catalogue(SYMBOLS, ON)
    bench.ingest(bench.client(bench.source(holed), ON), instruments, ON)
    bench.audit(instruments, ON)
    first = bench.lake.read("health_registry")
    assert judge_schema(HEALTH_REGISTRY, first).passed
    assert set(first["audit"]) == {0}
    bench.audit(instruments, ON)
    pd.testing.assert_frame_equal(bench.lake.read("health_registry"), first)
    bench.repair(bench.client(bench.source(whole), ON), instruments, ON)
    bench.audit(instruments, ON)
    after = bench.lake.read("health_registry")
    pd.testing.assert_frame_equal(after[after["audit"] == 0].reset_index(drop=True), first)
    gaps = after.query("check == 'gap' and symbol == @SYMBOLS[0]")
    assert gaps["passed"].tolist() == [False, True]


def test_bounds_newest_first_and_nothing_is_left_out_in_silence(bench, holed):
    instruments = bench.catalogue(SYMBOLS, ON)
    client = bench.client(bench.source(holed), ON)
    bench.ingest(client, instruments, ON)
    rules = RepairRules(max_fills=1, max_depth=60)
    report = bench.repair(client, instruments, ON, rules=rules)
    assert report.holes.query("state != 'deferred'")["from_date"].unique().tolist() == [pd.Timestamp("2024-03-15")]
    assert report.holes.groupby("cause").size().to_dict() == {"beyond_depth": 2, "over_limit": 1, "venue_outage": 8}
    tomorrow = bench.repair(client, instruments, ON + dt.timedelta(days=1), rules=rules)
    assert tomorrow.holes[["symbol", "cause"]].to_numpy().tolist() == [[SYMBOLS[1], "vendor_hole"]]


def test_a_failed_request_is_asked_again_the_next_day(bench, holed):
    instruments, source = bench.catalogue(SYMBOLS[:2], ON), bench.source(holed)
    bench.ingest(bench.client(source, ON), instruments, ON)
    report = bench.repair(bench.client(source, ON, denied=(SYMBOLS[0],)), instruments, ON)
    mine = report.holes[report.holes["symbol"] == SYMBOLS[0]]
    assert set(mine["state"]) == {"failed"}
    assert set(mine["retry_on"]) == {pd.Timestamp("2024-04-16")}
    again = bench.repair(bench.client(source, ON), instruments, ON + dt.timedelta(days=1))
    assert set(again.holes["symbol"]) == {SYMBOLS[0]}


def test_a_hard_refresh_replaces_on_request_and_records_why(bench, whole):
    instruments = bench.catalogue(SYMBOLS[:3], ON)
    bench.ingest(bench.client(bench.source(whole), ON), instruments, ON)
    before = bench.lake.read("ohlcv")
    version = bench.lake.version("ohlcv")
    changed = whole.copy()
    at = changed["symbol"] == SYMBOLS[0]
    changed.loc[at, ["open", "high", "low", "close"]] /= 2.0
    client = bench.client(bench.source(changed), ON, missing=(SYMBOLS[1],))
    report = refresh(bench.lake, client, instruments, SYMBOLS[:2], ON, start=dt.date(2017, 1, 1),
                     now=dt.datetime(2024, 7, 1, tzinfo=dt.UTC), reason="2-for-1 split")  # fmt: skip
    assert set(report.failed) == {SYMBOLS[1]}
    row = report.refreshed.iloc[0]
    assert (row["rows_before"], row["rows_after"], row["rows_changed"], row["reason"]) == (
        106,
        106,
        106,
        "2-for-1 split",
    )
    after = bench.lake.read("ohlcv")
    others = after["symbol"] != SYMBOLS[0]
    pd.testing.assert_frame_equal(
        after[others].reset_index(drop=True), before[before["symbol"] != SYMBOLS[0]].reset_index(drop=True)
    )
    ratio = after.loc[~others, "close"].to_numpy() / before.loc[before["symbol"] == SYMBOLS[0], "close"].to_numpy()
    assert ratio == pytest.approx(0.5)
    pd.testing.assert_frame_equal(bench.lake.read("ohlcv", version=version), before)
    assert len(bench.lake.read("ohlcv_refreshes")) == 1


def registry(bench, on, symbol=SYMBOLS[2], check="repair"):
    rows = bench.lake.read("health_registry", date=on, symbols=[symbol])
    return rows.loc[rows["check"] == check].sort_values("audit").iloc[-1]


def test_a_hole_that_a_refresh_filled_is_open_no_more(bench, whole, holed):
    instruments = bench.catalogue(SYMBOLS, ON)
    client = bench.client(bench.source(holed), ON)
    bench.ingest(client, instruments, ON)
    bench.repair(client, instruments, ON)
    bench.audit(instruments, ON)
    told = registry(bench, ON)
    assert (told["passed"], told["n"], told["message"]) == (False, 2, "1 dark, 1 venue_outage")
    assert (told["from_date"], told["to_date"]) == (pd.Timestamp("2024-02-01"), pd.Timestamp("2024-03-15"))
    refresh(
        bench.lake, bench.client(bench.source(whole), ON), instruments, SYMBOLS, ON,
        start=dt.date(2024, 1, 1), now=dt.datetime(2024, 5, 1, tzinfo=dt.UTC), reason="the vendor found its bars",
    )  # fmt: skip
    audit = bench.audit(instruments, ON)
    assert (audit.health["status"] == "healthy").all()
    assert bool(registry(bench, ON)["passed"])


@pytest.mark.parametrize(
    ("back", "left"),
    [
        ((1, 2, 3), [("02-04", "02-20", 17)]),
        ((20,), [("02-01", "02-19", 20)]),
        ((5, 6), [("02-01", "02-04", 20), ("02-07", "02-20", 14)]),
        ((1, 7, 20), [("02-02", "02-06", 5), ("02-08", "02-19", 12)]),
    ],
)
def test_what_is_left_of_a_hole_filled_in_part_is_remembered_and_told_once(bench, whole, back, left):
    symbol, later = SYMBOLS[2], ON + dt.timedelta(days=31)
    longer = pd.concat([bench.walk(name, 150) for name in SYMBOLS], ignore_index=True)
    days = [f"02-{d:02d}" for d in range(1, 21)]
    instruments = bench.catalogue(SYMBOLS, ON)
    client = bench.client(bench.source(without(whole, symbol, *days)), ON)
    bench.ingest(client, instruments, ON)
    bench.repair(client, instruments, ON)
    instruments = bench.catalogue(SYMBOLS, later)
    rest = [day for day in days if int(day[3:]) not in back]
    client = bench.client(bench.source(without(longer, symbol, *rest)), later)
    bench.ingest(client, instruments, later)
    report = bench.repair(client, instruments, later)
    assert judge_schema(OHLCV_HOLES, report.holes).passed
    assert report.holes["n_filled"].sum() == report.bars_added == len(back)
    assert set(report.holes["attempts"]) == {2}
    asked = bench.servers[-1].counters["create_series"]
    tomorrow = bench.repair(client, instruments, later + dt.timedelta(days=1))
    assert (tomorrow.remembered, len(tomorrow.holes)) == (len(left), 0)
    assert bench.servers[-1].counters["create_series"] == asked
    bench.audit(instruments, later)
    told = registry(bench, later)
    assert (told["n"], told["message"]) == (len(left), f"{len(left)} dark")
    open_rows = newest(bench).loc[symbol].dropna(subset="retry_on")
    found = [
        (f"{first:%m-%d}", f"{row.to_date:%m-%d}", row.n_missing) for first, row in open_rows.sort_index().iterrows()
    ]
    assert found == left


def test_what_is_known_of_holes_is_read_from_the_months_that_can_tell(bench, holed, monkeypatch):
    from quant_lib.calendars import CalendarBook
    from quant_lib.health import find_holes
    from quant_resources.ingestion import newest_holes
    from quant_resources.lakehouse import _reads

    long = pd.concat([bench.walk(symbol, 300) for symbol in SYMBOLS], ignore_index=True)
    gone = pd.MultiIndex.from_frame(long[["symbol", "timestamp"]]).difference(
        pd.MultiIndex.from_frame(holed[["symbol", "timestamp"]])
    )
    at = pd.MultiIndex.from_frame(long[["symbol", "timestamp"]])
    client = bench.client(
        bench.source(long[~(at.isin(gone) & (long["timestamp"] < "2024-04-01"))]), dt.date(2024, 10, 1)
    )
    for day in pd.date_range("2024-04-15", "2024-09-30", freq="15D"):
        instruments = bench.catalogue(SYMBOLS, day.date())
        bench.ingest(client, instruments, day.date())
        bench.repair(client, instruments, day.date())
    on = day.date()
    bars = bench.lake.read("ohlcv", columns=["symbol", "date", "close"], until=on)
    holes = find_holes(bars, on, CalendarBook.of(instruments))
    assert len(holes) == 11
    opened, real = [], _reads.verified_paths

    def spy(spec, root, files):
        opened.extend(file.partition for file in files if spec.name == "ohlcv_holes")
        return real(spec, root, files)

    monkeypatch.setattr(_reads, "verified_paths", spy)
    told = newest_holes(bench.lake, holes)
    assert opened == ["2024-09"], "what was asked for again lately says all"
    everything = newest(bench).sort_index().reset_index()
    columns = list(OHLCV_HOLES.column_names)
    pd.testing.assert_frame_equal(
        told.sort_values(["symbol", "from_date"], ignore_index=True)[columns], everything[columns]
    )
    opened.clear()
    unknown = holes.head(1).assign(symbol="BINANCE:NEWUSDT", to_date=pd.Timestamp("2024-08-03"))
    assert newest_holes(bench.lake, unknown).empty
    assert opened == ["2024-09", "2024-08"], "nobody looked at a hole before it was there"
    assert newest_holes(bench.lake, holes.iloc[:0]).empty
