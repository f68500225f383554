"""Each check of the features bites: coverage, knowledge, parity with the vendor; a new feature is an entry and a function."""

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from quant_assets.checks import vendor_parity
from quant_assets.checks.features import judge_features
from quant_assets.checks.vendor_parity import judge_vendor_parity
from quant_assets.dataops.feature_rows import FeatureRules
from quant_lib.calendars import CalendarBook
from quant_lib.contracts import OHLCV, OHLCV_HEALTH, TECHNICALS
from quant_lib.features import FEATURES_TABLE, STRESS_WINDOWS, compute_features
from quant_lib.features.vendor import VENDOR_COLUMNS
from quant_lib.health import HealthRules
from quant_resources.lakehouse import Lake

SYMBOLS = [f"BINANCE:S{k:02d}USDT" for k in range(60)]
LAST = dt.date(2023, 9, 17)
RULES = FeatureRules(HealthRules(), "legacy", STRESS_WINDOWS)


def typed(spec, frame):
    """Fill what the test does not care about and give the table's types."""
    plain = {"string": "x", "int64": 1, "bool": True, "date": pd.Timestamp(LAST)}
    rest = {}
    for column in spec.columns:
        if column.type == "float64":
            rest[column.name] = np.nan if column.nullable else 1.0
        else:
            rest[column.name] = column.isin[0] if column.isin else plain.get(column.type, pd.Timestamp(LAST, tz="UTC"))
    filled = pd.DataFrame({name: frame.get(name, value) for name, value in rest.items()}, index=frame.index)
    return filled.astype(spec.pandas_types())


@pytest.fixture(autouse=True)
def _calendar(monkeypatch):
    book = CalendarBook(dict.fromkeys(SYMBOLS, "24x7"))
    monkeypatch.setattr(vendor_parity, "calendar_book", lambda lake, on, **_: book)


@pytest.fixture(scope="module")
def history():
    """Bars of 60 symbols: 260 days up to the date, and the day after it."""
    rng = np.random.default_rng(7)
    days = pd.date_range(end=LAST + dt.timedelta(days=1), periods=261, unit="us")
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.03, (len(SYMBOLS), len(days))), axis=1)).ravel()
    bars = pd.DataFrame({"symbol": np.repeat(SYMBOLS, len(days)), "date": np.tile(days, len(SYMBOLS)), "close": close})
    return bars.assign(open=close, high=close * 1.01, low=close / 1.01, volume=rng.lognormal(8, 1, close.size))


@pytest.fixture(scope="module")
def day(history):
    """Bars and features of the date."""
    bars = history[history["date"] <= pd.Timestamp(LAST)]
    return bars[bars["date"] == pd.Timestamp(LAST)].reset_index(drop=True), compute_features(bars, since=LAST)


@pytest.fixture
def lake(day, tmp_path):
    bars, rows = day
    made = Lake(tmp_path)
    made.add_missing(OHLCV, typed(OHLCV, bars.copy()))
    made.add_missing(FEATURES_TABLE, rows)
    return made


def test_a_whole_day_passes(lake):
    assert judge_features(lake, LAST).passed


def test_bars_without_features_beyond_a_tenth_fail(lake, day):
    lake.replace(FEATURES_TABLE, day[1].iloc[6:], date=LAST)
    assert judge_features(lake, LAST).passed  # a tenth may have been condemned on the day
    lake.replace(FEATURES_TABLE, day[1].iloc[7:], date=LAST)
    verdict = judge_features(lake, LAST)
    assert not verdict.passed
    assert verdict.figures["without_features"] == 7


def test_features_without_a_bar_fail(lake, day):
    stranger = day[1].iloc[:1].assign(symbol="BINANCE:OLDUSDT")
    lake.replace(FEATURES_TABLE, pd.concat([day[1], stranger]), date=LAST)
    assert not judge_features(lake, LAST).passed


def test_a_row_known_after_the_close_fails(lake, day):
    rows = day[1].copy()
    rows.loc[rows.index[3], "knowledge_time"] += pd.Timedelta(seconds=1)
    lake.replace(FEATURES_TABLE, rows, date=LAST)
    verdict = judge_features(lake, LAST)
    assert not verdict.passed
    assert "1 rows known after the close" in verdict.message


def vendor_says(lake, day, spoiled=None):
    """Store what the vendor would have told of the day: our figures, one of them turned over."""
    bars, rows = day
    health = pd.DataFrame({"date": pd.Timestamp(LAST), "symbol": SYMBOLS, "status": "healthy"})
    lake.replace(OHLCV_HEALTH, typed(OHLCV_HEALTH, health), date=LAST)
    ours = rows.merge(bars[["symbol", "open", "high", "low"]], on="symbol")
    told = {column: -ours[name] if name == spoiled else ours[name] for name, column in VENDOR_COLUMNS.items()}
    told |= {f"{price}_1d": ours[price] for price in ("open", "high", "low")}
    lake.replace(TECHNICALS, typed(TECHNICALS, ours[["date", "symbol"]].assign(**told)), date=LAST)


def test_parity_with_the_vendor_holds_on_equal_figures(lake, day):
    vendor_says(lake, day)
    verdict = judge_vendor_parity(lake, LAST, RULES)
    assert verdict.passed
    assert verdict.figures == {"symbols_compared": len(SYMBOLS), "bar": "closed", "outside_the_envelope": 0}


@pytest.mark.parametrize(("name", "passed"), [("recommend_ma", False), ("macd", True)])
def test_a_rating_that_differs_from_the_vendors_fails_and_another_figure_warns(lake, day, name, passed):
    vendor_says(lake, day, name)
    verdict = judge_vendor_parity(lake, LAST, RULES)
    assert (verdict.passed, verdict.warning) == (passed, True)
    assert verdict.failing.set_index("feature").loc[name, "holds"] == 0.0


@pytest.fixture
def asked_at_noon(lake, history, day):
    """A vendor asked at noon of the day after: it tells figures of the bar that runs."""
    vendor_says(lake, day)
    past = history[history["date"] < pd.Timestamp(LAST)]
    opened = past["date"].dt.tz_localize("UTC")
    lake.add_missing(OHLCV, typed(OHLCV, past.assign(open_time=opened, close_time=opened + pd.Timedelta(days=1))))
    after = LAST + dt.timedelta(days=1)
    theirs = compute_features(history, since=after).merge(history, on=["date", "symbol"], suffixes=("", "_bar"))
    told = {column: theirs[name] for name, column in VENDOR_COLUMNS.items()}
    told |= {f"{price}_1d": theirs[price] for price in ("open", "high", "low")} | {"change_1d": theirs["change"]}
    noon = pd.Timestamp(after, tz="UTC") + pd.Timedelta(hours=12)
    return typed(TECHNICALS, theirs[["symbol"]].assign(date=pd.Timestamp(LAST), fetched_at=noon, **told))


def test_a_running_bar_is_compared_behind_our_history(lake, asked_at_noon):
    lake.replace(TECHNICALS, asked_at_noon, date=LAST)
    verdict = judge_vendor_parity(lake, LAST, RULES)
    assert verdict.passed
    assert verdict.figures == {"symbols_compared": len(SYMBOLS), "bar": "running", "outside_the_envelope": 0}
    assert verdict.failing["max_relative_error"].max() < 1e-9


def test_a_rating_of_the_running_bar_that_differs_fails(lake, asked_at_noon):
    wrong = asked_at_noon.assign(recommend_ma_1d=-asked_at_noon["recommend_ma_1d"])
    lake.replace(TECHNICALS, wrong, date=LAST)
    assert not judge_vendor_parity(lake, LAST, RULES).passed


def test_figures_of_the_closed_bar_beside_a_quote_of_the_next_are_compared(lake, day, asked_at_noon):
    """The embedded market knows only the open of the day that runs; everything but the price is of the closed bar."""
    opened = asked_at_noon.set_index("symbol")["open_1d"]
    vendor_says(lake, day)
    told = lake.read("technicals", date=LAST)
    price = told["symbol"].map(opened)
    told["change_1d"] = (price / told["close_1d"] - 1.0) * 100.0
    for name in ("open_1d", "high_1d", "low_1d", "close_1d"):
        told[name] = price
    told["fetched_at"] = asked_at_noon["fetched_at"].iloc[0]
    lake.replace(TECHNICALS, told, date=LAST)
    verdict = judge_vendor_parity(lake, LAST, RULES)
    assert verdict.passed
    assert verdict.figures == {"symbols_compared": len(SYMBOLS), "bar": "closed", "outside_the_envelope": 0}
    compared = verdict.failing.set_index("feature")["n"]
    assert (compared["close"], compared["change"], compared["rsi_14"]) == (0, 0, len(SYMBOLS))


@pytest.mark.parametrize("what", ["another day", "another close before", "no snapshot"])
def test_what_cannot_be_compared_says_why(lake, asked_at_noon, what):
    told = asked_at_noon
    if what == "another day":
        told = told.assign(fetched_at=told["fetched_at"] + pd.Timedelta(days=1))
    elif what == "another close before":
        told = told.assign(change_1d=told["change_1d"] + 0.01)
    lake.replace(TECHNICALS, told.head(0) if what == "no snapshot" else told, date=LAST)
    verdict = judge_vendor_parity(lake, LAST, RULES)
    assert (verdict.passed, verdict.warning, verdict.figures) == (True, True, {"symbols_compared": 0})
    assert verdict.message.startswith("not compared: ")
    assert "aterialise technicals" in verdict.message


ADD_ONE = """
import importlib
from pathlib import Path
import sys
from quant_lib.features import _catalogue, registry
from quant_lib.features._declare import window
from quant_lib.features import _definitions

def double_close(block):
    return 2.0 * block.close

_definitions.double_close = double_close  # one function
entry = window("double_close", "Twice the close", "quote currency", ("close",), "double_close", 1, "test", gt=0.0)
_catalogue.CATALOGUE = (*_catalogue.CATALOGUE, entry)  # one entry
importlib.reload(registry)

import numpy as np, pandas as pd
from quant_lib.contracts.verdicts import judge_schema
from quant_lib.features._compute import compute_features
from quant_resources.lakehouse import Lake
from tools.reference import render_features

assert registry.FEATURES_TABLE.column("double_close").unit == "quote currency"
bars = pd.DataFrame({"symbol": "X:A", "date": pd.date_range("2023-01-01", periods=70, unit="us"), "volume": 1.0})
bars["close"] = bars["high"] = bars["low"] = np.linspace(10.0, 20.0, 70)
rows = compute_features(bars)
assert rows["double_close"].equals(2.0 * rows["close"])
lake = Lake(Path(sys.argv[1]))
lake.add_missing(registry.FEATURES_TABLE, rows)
stored = lake.read("features")
assert judge_schema(registry.FEATURES_TABLE, stored).passed
assert not judge_schema(registry.FEATURES_TABLE, stored.assign(double_close=-1.0)).passed
assert "| `double_close` | Twice the close | quote currency | close | 1 | 1 |" in render_features()
print("everything came from the entry")
"""


def test_a_new_feature_is_one_entry_and_one_function(tmp_path):
    """Column, values, bounds and the generated page all come from the entry; in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", ADD_ONE, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONPATH": "."},
    )
    assert done.stdout == "everything came from the entry\n", done.stderr[-2000:]


def test_the_generated_page_has_every_feature():
    from quant_lib.features import FEATURES
    from tools.reference import render_features

    page = render_features()
    assert sum(feature.stored for feature in FEATURES) >= 60
    for feature in FEATURES:
        assert f"| `{feature.name}`" in page
        assert feature.description
