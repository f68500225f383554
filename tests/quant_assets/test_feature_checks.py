"""Each check of the features bites: coverage, knowledge, parity with the vendor; a new feature is an entry and a function."""

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from quant_assets.checks.features import judge_features, judge_vendor_parity
from quant_lib.contracts import OHLCV, OHLCV_HEALTH, TECHNICALS
from quant_lib.features import FEATURES_TABLE, compute_features
from quant_lib.features.vendor import VENDOR_COLUMNS
from quant_resources.lakehouse import Lake

SYMBOLS = [f"BINANCE:S{k:02d}USDT" for k in range(60)]
LAST = dt.date(2023, 9, 17)


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


@pytest.fixture(scope="module")
def day():
    """Bars and features of the last of 260 days, 60 symbols."""
    rng = np.random.default_rng(7)
    days = pd.date_range(end=LAST, periods=260, unit="us")
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.03, (len(SYMBOLS), len(days))), axis=1)).ravel()
    bars = pd.DataFrame({"symbol": np.repeat(SYMBOLS, len(days)), "date": np.tile(days, len(SYMBOLS)), "close": close})
    bars = bars.assign(open=close, high=close * 1.01, low=close / 1.01, volume=rng.lognormal(8, 1, close.size))
    rows = compute_features(bars, since=LAST)
    return bars[bars["date"] == pd.Timestamp(LAST)].reset_index(drop=True), rows


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
    verdict = judge_vendor_parity(lake, LAST)
    assert verdict.passed
    assert verdict.figures == {"symbols_compared": len(SYMBOLS), "outside_the_envelope": 0}


@pytest.mark.parametrize(("name", "passed"), [("recommend_ma", False), ("macd", True)])
def test_a_rating_that_differs_from_the_vendors_fails_and_another_figure_warns(lake, day, name, passed):
    vendor_says(lake, day, name)
    verdict = judge_vendor_parity(lake, LAST)
    assert (verdict.passed, verdict.warning) == (passed, True)
    assert verdict.failing.set_index("feature").loc[name, "holds"] == 0.0


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
