"""Keeping the features table true: a new day, a hole, a repaired bar, a new version; checks of what is stored."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from quant_assets.checks import features as checks
from quant_assets.checks.look_ahead import judge_look_ahead
from quant_assets.dataops import feature_rows
from quant_assets.dataops.feature_rows import FeatureRules, FeatureVersionError, refresh
from quant_lib.contracts import OHLCV
from quant_lib.features import FEATURES_TABLE, STRESS_WINDOWS
from quant_lib.health import HealthRules
from quant_resources.lakehouse import Lake

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
    if made.dates:
        lake.replace_dates(FEATURES_TABLE, made.rows, dates=made.dates)
    return made


@pytest.fixture(scope="module")
def bars():
    return make_bars()


@pytest.fixture(scope="module")
def full(bars, tmp_path_factory):
    lake = lake_of(tmp_path_factory.mktemp("full"), bars)
    run(lake)
    return lake.read("features")


@pytest.fixture
def lake(bars, tmp_path):
    return lake_of(tmp_path, bars)


def test_a_day_at_a_time_equals_everything_at_once(lake, full):
    run(lake, LAST - dt.timedelta(days=3))
    for back in (2, 1, 0):
        made = run(lake, LAST - dt.timedelta(days=back))
        assert made.dates == (LAST - dt.timedelta(days=back),)
        assert made.figures["rows_computed"] == 4
    pd.testing.assert_frame_equal(lake.read("features"), full, check_exact=True)


def test_nothing_to_do_writes_nothing(lake):
    run(lake)
    version = lake.version("features")
    assert run(lake).dates == ()
    assert lake.version("features") == version


def test_a_repaired_bar_recomputes_what_depends_on_it_and_nothing_else(lake, bars, full, tmp_path):
    run(lake)
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


def test_a_repaired_close_moves_the_cross_section_of_its_dates(lake, bars, tmp_path):
    run(lake)
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


def test_another_list_of_stress_windows_is_another_version():
    calm = FeatureRules(RULES.health, "legacy", ((dt.date(2023, 3, 1), dt.date(2023, 3, 9)),))
    assert calm.version != RULES.version
    assert calm.version.startswith(RULES.version)


def test_checks_pass_on_what_was_just_computed(lake):
    run(lake)
    assert checks.judge_features(lake, LAST).passed
    verdict = checks.judge_quality(lake, LAST, RULES)
    assert verdict.passed, verdict.message
    assert verdict.figures["stale"] == 0
    assert judge_look_ahead(lake, LAST, RULES).passed


def test_a_bar_repaired_behind_the_back_of_features_is_stale(lake, bars):
    run(lake)
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
def test_figures_that_cannot_be_are_found(column, value, lake):
    run(lake)
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
