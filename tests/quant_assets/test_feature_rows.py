"""Keeping the features table true: a new day, a hole, a repaired bar, a new version; checks of what is stored."""

import datetime as dt
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from quant_assets.checks import features as checks
from quant_assets.checks.look_ahead import judge_look_ahead
from quant_assets.dataops import feature_rows
from quant_assets.dataops.feature_rows import FeatureRules, FeatureVersionError, refresh
from quant_lib.contracts import OHLCV
from quant_lib.features import FEATURES, FEATURES_TABLE, STRESS_WINDOWS
from quant_lib.health import HealthRules
from quant_resources.lakehouse import Lake, SchemaChangedError
from quant_resources.lakehouse import _reads as lake_module

DAYS = 300
START = dt.date(2023, 1, 1)
LAST = START + dt.timedelta(days=DAYS - 1)
RULES = FeatureRules(HealthRules(), "legacy", STRESS_WINDOWS)


def make_bars(symbols=4, seed=0):
    rng = np.random.default_rng(seed)
    parts = []
    for number in range(symbols):
        close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.03, DAYS)))
        days = pd.date_range(START, periods=DAYS, unit="us")
        opened = days.tz_localize("UTC")
        part = pd.DataFrame({"date": days, "symbol": f"BINANCE:S{number}USDT", "open": close, "close": close})
        part["high"], part["low"] = close * (1 + rng.random(DAYS) * 0.02), close / (1 + rng.random(DAYS) * 0.02)
        part["volume"] = rng.lognormal(8, 1, DAYS)
        part["open_time"], part["close_time"] = opened, opened + pd.Timedelta(days=1)
        part["known_at"] = part["ingested_at"] = part["close_time"]
        part["source"] = "test"
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def typed(spec, frame):
    """Fill what the test does not care about and give the table's types."""
    plain = {"string": "x", "float64": 1.0, "int64": 1, "bool": True, "date": pd.Timestamp(START)}
    for column in spec.columns:
        if column.name not in frame:
            value = column.isin[0] if column.isin else plain.get(column.type, pd.Timestamp(START, tz="UTC"))
            frame[column.name] = value
    return frame[list(spec.column_names)].astype(spec.pandas_types())


@pytest.fixture(scope="module", autouse=True)
def _calendar():
    """Every symbol trades every day; the catalogue is not what is tested here."""
    from quant_lib.calendars import CalendarBook

    patch = pytest.MonkeyPatch()
    book = CalendarBook({f"BINANCE:S{k}USDT": "24x7" for k in range(4)})
    for module in (feature_rows, checks, __import__("quant_assets.checks.look_ahead", fromlist=["x"])):
        patch.setattr(module, "calendar_book", lambda lake, on, **_: book)
    yield
    patch.undo()


def lake_of(path, bars):
    lake = Lake(path)
    write_bars(lake, bars)
    return lake


def write_bars(lake, bars):
    frame = typed(OHLCV, bars.copy())
    days = [START + dt.timedelta(days=k) for k in range(DAYS)]
    lake.replace_dates(OHLCV, frame, dates=days)


def run(lake, until=LAST, rules=RULES, symbols=None):
    made = refresh(lake, until, rules, symbols)
    made.store(lake)
    return made


@pytest.fixture(scope="module")
def bars():
    return make_bars()


@pytest.fixture(scope="module")
def original(bars, tmp_path_factory):
    """A lake with bars and their features, made once; nobody writes to it."""
    lake = lake_of(tmp_path_factory.mktemp("full"), bars)
    run(lake)
    return lake


@pytest.fixture(scope="module")
def full(original):
    return original.read("features")


@pytest.fixture
def lake(bars, tmp_path):
    return lake_of(tmp_path, bars)


@pytest.fixture
def filled(original, tmp_path):
    """A lake with bars and their features, byte for byte what `run` makes of them, to do with as one likes."""
    shutil.copytree(original.root, tmp_path / "filled")
    return Lake(tmp_path / "filled")


def test_a_day_at_a_time_equals_everything_at_once(lake, full):
    run(lake, LAST - dt.timedelta(days=3))
    for back in (2, 1, 0):
        made = run(lake, LAST - dt.timedelta(days=back))
        assert made.dates == (LAST - dt.timedelta(days=back),)
        assert made.figures["rows_computed"] == 4
    pd.testing.assert_frame_equal(lake.read("features"), full, check_exact=True)


def test_nothing_to_do_writes_nothing(filled):
    lake = filled
    version = lake.version("features")
    assert run(lake).dates == ()
    assert lake.version("features") == version


def test_a_repaired_bar_recomputes_what_depends_on_it_and_nothing_else(filled, bars, full, tmp_path):
    lake = filled
    repaired = bars.copy()
    row = np.flatnonzero(bars["symbol"] == "BINANCE:S2USDT")[200]
    repaired.loc[row, "high"] *= 1.05
    write_bars(lake, repaired)
    made = run(lake)
    assert made.figures["rows_computed"] == DAYS - 200
    after = lake.read("features")
    mine = (after["symbol"] == "BINANCE:S2USDT") & (after["date"] >= bars.loc[row, "date"])
    pd.testing.assert_frame_equal(after[~mine], full[~mine], check_exact=True)
    assert not after.loc[mine, "atr_14"].equals(full.loc[mine, "atr_14"])
    again = lake_of(tmp_path / "again", repaired)
    run(again)
    pd.testing.assert_frame_equal(after, again.read("features"), check_exact=True)


def test_a_repaired_close_moves_the_cross_section_of_its_dates(filled, bars, tmp_path):
    lake = filled
    repaired = bars.copy()
    row = np.flatnonzero(bars["symbol"] == "BINANCE:S2USDT")[250]
    repaired.loc[row, ["high", "close"]] *= 1.6
    write_bars(lake, repaired)
    run(lake)
    again = lake_of(tmp_path / "again", repaired)
    run(again)
    pd.testing.assert_frame_equal(lake.read("features"), again.read("features"), check_exact=True)


def test_a_new_symbol_and_a_lost_bar(bars, full, tmp_path):
    three = bars[bars["symbol"] != "BINANCE:S3USDT"]
    lake = lake_of(tmp_path, three)
    run(lake)
    write_bars(lake, bars)
    made = run(lake)
    assert made.figures["rows_computed"] == DAYS
    pd.testing.assert_frame_equal(lake.read("features"), full, check_exact=True)
    gone = bars.drop(index=np.flatnonzero(bars["symbol"] == "BINANCE:S0USDT")[-1])
    write_bars(lake, gone)
    made = run(lake)
    assert (made.figures["rows_computed"], made.figures["rows_dropped"]) == (0, 1)
    assert set(lake.read("features", date=LAST)["symbol"]) == {f"BINANCE:S{k}USDT" for k in (1, 2, 3)}


def test_scope_is_explicit_and_others_keep_their_rows(lake, full):
    run(lake, symbols=["BINANCE:S1USDT"])
    assert set(lake.read("features")["symbol"]) == {"BINANCE:S1USDT"}
    made = run(lake)
    assert made.figures["rows_computed"] == 3 * DAYS
    pd.testing.assert_frame_equal(lake.read("features"), full, check_exact=True)


def test_versions_never_mix(lake):
    run(lake, LAST - dt.timedelta(days=1))
    modern = FeatureRules(RULES.health, "pine3", STRESS_WINDOWS)
    with pytest.raises(FeatureVersionError, match="pine3") as caught:
        run(lake, rules=modern)
    assert "recompute" in caught.value.fix
    assert set(lake.read("features")["feature_set_version"]) == {RULES.version}
    again = FeatureRules(RULES.health, "pine3", STRESS_WINDOWS, "recompute")
    with pytest.raises(FeatureVersionError):
        run(lake, rules=again, symbols=["BINANCE:S1USDT"])  # one symbol alone would mix them
    run(lake, START + dt.timedelta(days=100), rules=again)  # an old date: all stored rows are made again all the same
    rows = lake.read("features")
    assert set(rows["feature_set_version"]) == {modern.version}
    assert len(rows) == 4 * (DAYS - 1)


def test_a_table_of_an_older_feature_set_that_lacks_a_column(lake, full):
    """Columns it has are read; what lacks one is refused by name, and made again whole when asked for."""
    older = replace(FEATURES_TABLE, columns=tuple(c for c in FEATURES_TABLE.columns if c.name != "uo"))
    old = Lake(lake.root, [older])
    rows = full.drop(columns="uo")
    old.replace_dates(older, rows, dates=[day.date() for day in rows["date"].unique()])
    assert lake.read("features", columns=["date", "symbol", "rsi_14"])["rsi_14"].equals(full["rsi_14"])
    with pytest.raises(SchemaChangedError, match="declared but not stored: uo float64"):
        lake.read("features")
    with pytest.raises(FeatureVersionError, match="other columns") as caught:
        run(lake)
    assert "recompute" in caught.value.fix
    again = replace(RULES, on_new_version="recompute")
    with pytest.raises(FeatureVersionError):
        run(lake, rules=again, symbols=["BINANCE:S1USDT"])
    made = run(lake, START + dt.timedelta(days=100), rules=again)
    assert (made.anew, made.figures["rows_computed"]) == (True, len(full))
    pd.testing.assert_frame_equal(lake.read("features"), full, check_exact=True)
    fresh = Lake(lake.root)  # without this process's memory of the log
    assert not fresh.outdated("features")
    assert fresh.verify() == []
    assert fresh.query("select count(uo) n from features").to_pylist() == [{"n": int(full["uo"].notna().sum())}]
    with pytest.raises(SchemaChangedError):
        fresh.read("features", version=0)
    pd.testing.assert_frame_equal(Lake(lake.root, [older]).read("features", version=0), rows)


def test_another_list_of_stress_windows_is_another_version():
    calm = FeatureRules(RULES.health, "legacy", ((dt.date(2023, 3, 1), dt.date(2023, 3, 9)),))
    assert calm.version != RULES.version
    assert calm.version.startswith(RULES.version)


def test_checks_pass_on_what_was_just_computed(filled):
    lake = filled
    assert checks.judge_features(lake, LAST).passed
    verdict = checks.judge_quality(lake, LAST, RULES)
    assert verdict.passed, verdict.message
    assert verdict.figures["stale"] == 0
    assert judge_look_ahead(lake, LAST, RULES).passed


def test_a_bar_repaired_behind_the_back_of_features_is_stale(filled, bars):
    lake = filled
    repaired = bars.copy()
    repaired.loc[np.flatnonzero(bars["symbol"] == "BINANCE:S2USDT")[100], "high"] *= 1.01
    write_bars(lake, repaired)
    verdict = checks.judge_quality(lake, LAST, RULES)
    assert not verdict.passed
    assert verdict.failing["symbol"].tolist() == ["BINANCE:S2USDT"]


@pytest.mark.parametrize(
    ("column", "value"),
    [("rsi_14", 101.0), ("donchian_lower_20", 1e6), ("cvar_95", 0.9), ("macd_hist", 1e3), ("recommend_all", -1.5)],
)
def test_figures_that_cannot_be_are_found(column, value, filled):
    lake = filled
    rows = lake.read("features", date=LAST)
    rows.loc[1, column] = value
    lake.replace(FEATURES_TABLE, rows, date=LAST)
    verdict = checks.judge_features(lake, LAST)
    assert not verdict.passed
    assert len(verdict.failing) == 1


def test_holes_and_ends_are_shown(lake):
    from quant_lib.features.quality import find_gaps

    run(lake)
    rows = lake.read("features", since=LAST - dt.timedelta(days=60))
    assert find_gaps(rows).empty
    first = rows["symbol"] == "BINANCE:S0USDT"
    rows.loc[first & (rows["date"] > pd.Timestamp(LAST) - pd.Timedelta(days=4)), "rsi_14"] = np.nan
    rows.loc[first & (rows.index % 3 == 0), "uo"] = np.nan
    found = find_gaps(rows).set_index("feature")["problem"].to_dict()
    assert found == {"rsi_14": "lagging", "uo": "degraded"}


def months_to(last):
    """Labels of the months from the first bar on."""
    return [str(month) for month in pd.period_range(START, last, freq="M")]


@pytest.fixture
def opened(monkeypatch):
    """Table and month of every file that is read, in order, each once."""
    files = {}
    real = lake_module.verified_paths

    def spy(spec, root, wanted):
        files.update(dict.fromkeys((spec.name, file.partition) for file in wanted))
        return real(spec, root, wanted)

    monkeypatch.setattr(lake_module, "verified_paths", spy)
    return files


def opened_of(opened, table):
    return sorted(month for name, month in opened if name == table)


@pytest.mark.parametrize(
    "date", [START, dt.date(2023, 2, 1), dt.date(2023, 6, 15), LAST], ids=["first", "second", "middle", "last"]
)
def test_files_opened_are_the_history_of_the_date_and_no_later_one(date, lake, opened):
    """N31: averages never forget, so bars count from the first one on; of rows, only the month that gets new ones."""
    run(lake, date - dt.timedelta(days=1)) if date > START else None
    opened.clear()
    assert run(lake, date).figures["rows_computed"] == 4
    assert opened_of(opened, "ohlcv") == months_to(date)
    newest = months_to(date - dt.timedelta(days=1))[-1:] if date > START else []
    assert opened_of(opened, "features") == newest


def test_a_date_before_the_newest_reads_no_later_bar(filled, full, opened):
    """Of what is stored later, only the newest month is looked at, for the version of its rows; whole months before it
    are known by their sums."""
    lake = filled
    opened.clear()
    assert run(lake, dt.date(2023, 3, 10)).dates == ()
    assert opened_of(opened, "ohlcv") == months_to(dt.date(2023, 3, 10))
    assert opened_of(opened, "features") == ["2023-03", f"{LAST:%Y-%m}"]


@pytest.mark.parametrize(
    "date", [START, dt.date(2023, 2, 1), dt.date(2023, 6, 15), LAST], ids=["first", "second", "middle", "last"]
)
def test_checks_open_their_month_and_their_window(date, filled, opened):
    """N30: figures and order from the month of the date, holes from 60 days, staleness from the logs."""
    lake = filled
    opened.clear()
    assert checks.judge_features(lake, date).passed
    assert set(opened) == {("features", f"{date:%Y-%m}"), ("ohlcv", f"{date:%Y-%m}")}
    opened.clear()
    assert checks.judge_quality(lake, date, RULES).passed
    assert opened_of(opened, "features") == months_to(date)[-(3 if date.day < 29 else 2) :][:3]
    assert opened_of(opened, "ohlcv") == []


def test_staleness_is_taken_from_the_bars_where_the_logs_cannot_vouch(lake, bars, opened):
    """A bar repaired after a date leaves the date alone; before it, or rows or rules of unknown origin: all bars."""
    date, all_bars = dt.date(2023, 6, 15), months_to(dt.date(2023, 6, 15))

    def judged(rules=RULES):
        opened.clear()
        verdict = checks.judge_quality(lake, date, rules)
        return verdict.figures["stale"], opened_of(opened, "ohlcv")

    def change(day):
        changed = bars.copy()
        changed.loc[(bars["symbol"] == "BINANCE:S2USDT") & (bars["date"] == pd.Timestamp(day)), "high"] *= 1.01
        write_bars(lake, changed)

    run(lake)
    change(dt.date(2023, 7, 1))
    assert judged() == (0, [])
    change(dt.date(2023, 4, 1))
    assert judged() == (1, all_bars)
    run(lake)
    assert judged() == (0, [])
    assert judged(replace(RULES, health=HealthRules(dark_sessions=20))) == (0, all_bars)
    rows = lake.read("features", date=date)
    lake.replace(FEATURES_TABLE, rows.assign(bars_digest=rows["bars_digest"] + (rows.index == 1)), date=date)
    assert judged() == (1, all_bars)
    run(lake, symbols=["BINANCE:S1USDT"])  # vouches for nobody else, and for a wrong row least of all
    assert judged()[1] == all_bars


def bytes_read(work):
    """Bytes this process asked the system for while it worked."""

    def asked():
        return int(Path("/proc/self/io").read_text().split("rchar:")[1].split()[0])

    before = asked()
    work()
    return asked() - before


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="the system does not count bytes read")
def test_columns_and_months_not_asked_for_are_not_read(filled):
    """Pruning, counted: a column costs its own bytes, a day those of its month, a count those of the footers."""
    lake = filled
    stored = sum(path.stat().st_size for path in (lake.root / "features").glob("month=*/*.parquet"))
    lake.pin(["features"])  # files are hashed once per process: not what is counted here

    def cost(**options):  # a new session each time: DuckDB remembers what it has read
        return bytes_read(lambda: Lake(lake.root).read("features", **options))

    everything = cost()
    assert everything > 0.9 * stored
    assert cost(columns=["date", "symbol", "rsi_14"]) < 0.35 * everything
    assert cost(date=dt.date(2023, 5, 5)) < 0.35 * everything
    assert bytes_read(lambda: lake.query("select count(*) from features")) < 0.35 * everything


def test_a_young_symbol_leaves_everything_before_its_first_bar_alone(bars, full, tmp_path):
    """N5: figures of the others, those of the cross-section included, are bit-equal before it starts."""
    young = bars["symbol"] != "BINANCE:S3USDT"
    born = pd.Timestamp(START) + pd.Timedelta(days=200)
    lake = lake_of(tmp_path, bars[young | (bars["date"] >= born)])
    run(lake)
    with_it = lake.read("features", until=born.date() - dt.timedelta(days=1))
    three = lake_of(tmp_path / "three", bars[young])
    run(three)
    without = three.read("features", until=born.date() - dt.timedelta(days=1))
    pd.testing.assert_frame_equal(with_it, without, check_exact=True)
    others = [f.name for f in FEATURES if f.stored and not f.cross_section]
    after, whole = lake.read("features"), three.read("features")
    after = after[after["symbol"] != "BINANCE:S3USDT"].reset_index(drop=True)
    pd.testing.assert_frame_equal(after[others], whole[others], check_exact=True)


def test_a_table_has_one_file_a_month_whatever_was_written(lake, bars):
    """R13: nothing to compact. Days, repairs and scoped runs replace the file of their month, in any order."""
    rng = np.random.default_rng(3)
    for _ in range(8):
        until = START + dt.timedelta(days=int(rng.integers(60, 130)))
        run(lake, until, symbols=[None, ["BINANCE:S1USDT"], ["BINANCE:S0USDT", "BINANCE:S2USDT"]][rng.integers(0, 3)])
        changed = bars.copy()
        changed.loc[rng.integers(0, len(bars)), "high"] *= 1.01
        write_bars(lake, changed)
    for table in ("features", "ohlcv"):
        files = lake._log(table).snapshot().files
        assert len({file.partition for file in files}) == len(files)
    before = {
        version: lake.content_hash("features", version=version) for version in range(lake.version("features") + 1)
    }
    assert lake.sweep(older_than=0.0) == []
    for version, content in before.items():  # whatever a decision pinned is there as it was
        assert len(lake.read("features", version=version)) == lake.row_count("features", version=version)
        assert lake.content_hash("features", version=version) == content
    assert lake.verify() == []
