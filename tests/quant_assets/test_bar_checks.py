"""The contract of the bars judges what a date's ingestion may have touched, and opens nothing else (N30)."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from quant_assets.checks.shared import _filled_bars, judge_bars
from quant_lib.contracts import OHLCV, OHLCV_FETCHES
from quant_resources.lakehouse import Lake
from quant_resources.lakehouse import _reads as lake_module

FIRST, LAST = dt.date(2024, 1, 1), dt.date(2024, 6, 20)
SYMBOL = "X:AUSDT"


def typed(spec, frame):
    plain = {"string": "x", "float64": np.nan, "int64": 0, "bool": False, "date": pd.NaT, "timestamp": pd.NaT}
    for column in spec.columns:
        if column.name not in frame:
            frame[column.name] = column.isin[0] if column.isin else plain[column.type]
    return frame[list(spec.column_names)].astype(spec.pandas_types())


def bars() -> pd.DataFrame:
    dates = pd.date_range(FIRST, LAST, unit="us")
    close = 100.0 + np.arange(len(dates))
    opened = dates.tz_localize("UTC")
    closed = opened + pd.Timedelta(days=1)
    frame = pd.DataFrame({"date": dates, "symbol": SYMBOL, "open": close, "close": close, "volume": 1.0})
    return frame.assign(
        high=close + 1, low=close - 1, open_time=opened, close_time=closed, known_at=closed, ingested_at=closed
    )


def store(lake: Lake, frame: pd.DataFrame, asked: dict[dt.date, dt.date | None]) -> None:
    lake.add_missing(OHLCV, typed(OHLCV, frame))
    for date, oldest in asked.items():
        row = pd.DataFrame({"date": [pd.Timestamp(date)], "symbol": [SYMBOL], "asked_from": [pd.Timestamp(oldest)]})
        lake.replace(OHLCV_FETCHES, typed(OHLCV_FETCHES, row), date=date)


@pytest.fixture
def opened(monkeypatch) -> list[str]:
    """Months of the bar files that are read."""
    months: list[str] = []
    real = lake_module.verified_paths

    def spy(spec, root, files):
        months.extend(file.partition for file in files if spec.name == "ohlcv")
        return real(spec, root, files)

    monkeypatch.setattr(lake_module, "verified_paths", spy)
    return months


@pytest.mark.parametrize(
    ("date", "oldest", "months"),
    [
        (dt.date(2024, 1, 1), None, ["2024-01"]),
        (dt.date(2024, 2, 29), None, ["2024-02"]),
        (dt.date(2024, 4, 15), dt.date(2024, 4, 15), ["2024-04"]),
        (dt.date(2024, 5, 31), dt.date(2024, 3, 7), ["2024-03", "2024-04", "2024-05"]),
        (LAST, FIRST, [f"2024-0{month}" for month in range(1, 7)]),
    ],
    ids=["first, current already", "second", "middle", "a hole asked for again", "last, all history fetched"],
)
def test_files_opened_are_the_months_the_ingestion_asked_for(lake, opened, date, oldest, months):
    store(lake, bars(), {date: oldest})
    assert judge_bars(lake, date).passed
    assert opened == months


@pytest.mark.parametrize("spoil", ["late", "crooked"])
def test_a_bad_bar_among_those_asked_for_fails_and_is_shown(lake, spoil):
    frame = bars()
    bad = frame.index[frame["date"] == pd.Timestamp(2024, 3, 10)]
    if spoil == "late":
        frame.loc[bad, "known_at"] = pd.Timestamp("2024-07-01", tz="UTC")
    else:
        frame.loc[bad, "high"] = frame.loc[bad, "close"] - 0.5
    store(lake, frame, {dt.date(2024, 4, 2): dt.date(2024, 3, 1)})
    verdict = judge_bars(lake, dt.date(2024, 4, 2))
    assert not verdict.passed
    assert verdict.failing["date"].tolist() == [pd.Timestamp(2024, 3, 10)]


@pytest.mark.parametrize(("n_filled", "verdicts"), [(1, [False]), (0, [])], ids=["filled", "still open"])
def test_the_bars_that_filled_a_hole_are_judged_with_it(lake, n_filled, verdicts):
    frame = bars()
    bad = frame.index[frame["date"] == pd.Timestamp(2024, 3, 10)]
    frame.loc[bad, "low"] = frame.loc[bad, "close"] + 0.5
    store(lake, frame, {})
    day = pd.Timestamp(2024, 3, 10)
    hole = pd.DataFrame({"symbol": [SYMBOL], "from_date": [day], "to_date": [day], "n_filled": [n_filled]})
    assert [verdict.passed for verdict in _filled_bars(lake, LAST, hole)] == verdicts
