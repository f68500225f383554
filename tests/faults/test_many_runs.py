"""Many runs at once on the configuration that ships: no lock is ever missed, and the lake is what one run would make."""

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from quant_lib.contracts import INSTRUMENTS, OHLCV_FETCHES
from quant_resources.lakehouse import Lake

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("_runs.py")
LAST = dt.date(2022, 6, 30)
LOCKED = ("database is locked", "Could not set lock", "IO Error", "disk I/O", "WriteConflict", "Traceback")


@pytest.fixture
def runs(tmp_path):
    """Start processes of `_runs.py` on one home; all are ended with the test."""
    started = []

    def start(*arguments, home=tmp_path / "home"):
        env = {name: value for name, value in os.environ.items() if not name.startswith(("QUANT_", "DAGSTER_"))}
        env |= {"QUANT_HOME": str(home), "QUANT_MARKET_AS_OF": LAST.isoformat(), "PYTHONPATH": str(ROOT)}
        log = (tmp_path / f"run{len(started)}.log").open("w+")
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), *map(str, arguments)], cwd=ROOT, env=env, stdout=log, stderr=log
        )
        started.append((process, log))
        return process

    def logs():
        texts = []
        for process, log in started:
            process.wait(timeout=1_500)
            log.seek(0)
            texts.append(log.read())
        return texts

    yield start, logs
    for process, log in started:
        if process.poll() is None:
            process.kill()
            process.wait()
        log.close()


def assert_no_lock_was_missed(texts):
    for text in texts:
        for words in LOCKED:
            assert words not in text, text[-4_000:]


def test_eight_runs_of_two_hundred_steps_share_one_fresh_home(runs):
    """N28, R21: the home is created by all of them at once, too."""
    start, logs = runs
    processes = [start("steps", 200) for _ in range(8)]
    texts = logs()
    assert [process.returncode for process in processes] == [0] * 8, texts
    assert_no_lock_was_missed(texts)
    assert [text.strip().splitlines()[-1] for text in texts] == ["200"] * 8


def filled(root, days=220):
    """A lake of twelve coins with holes, spikes and a crash, and what ingestion would have said of each date."""
    lake = Lake(root)
    rng = np.random.default_rng(42)
    dates = pd.date_range(end=LAST, periods=days).astype("datetime64[us]")
    symbols = [f"BINANCE:C{k:02}USDT" for k in range(12)]
    rows = []
    for k, symbol in enumerate(symbols):
        close = 100 * np.exp(np.cumsum(rng.normal(0, 0.03, days)))
        close[150 + k] *= 9 if k % 3 == 0 else 1
        rows.append(pd.DataFrame({"symbol": symbol, "date": dates, "close": close}).drop(index=[60 + k, 61 + k]))
    bars = pd.concat(rows, ignore_index=True)
    opened = bars["date"].dt.tz_localize("UTC")
    bars = bars.assign(
        open=bars["close"], high=bars["close"] * 1.01, low=bars["close"] * 0.99, volume=10.0, open_time=opened,
        close_time=opened + pd.Timedelta(days=1), known_at=opened + pd.Timedelta(days=1), source="tradingview",
        ingested_at=pd.Timestamp("2022-07-01", tz="UTC"), is_closed=True,
    )  # fmt: skip
    spec = lake.spec("ohlcv")
    lake.add_missing(spec, bars.astype(spec.pandas_types())[list(spec.column_names)])
    return lake, symbols, [stamp.date() for stamp in dates[-120:]]


def described(lake, symbols, dates):
    """Catalogue and worklist of every date."""
    catalogue = pd.DataFrame({"symbol": symbols})
    for column in INSTRUMENTS.columns:
        if column.name not in catalogue:
            filler = {"string": "x", "float64": np.nan, "bool": True, "date": pd.NaT}.get(column.type, 0)
            catalogue[column.name] = "missing" if column.name.endswith("_source") else filler
    catalogue = catalogue.assign(calendar="24x7", asset_type="spot", exchange="BINANCE", active=True, mode="scanned")
    every = pd.concat([catalogue.assign(date=pd.Timestamp(date)) for date in dates])
    typed = every.astype(INSTRUMENTS.pandas_types())[list(INSTRUMENTS.column_names)]
    lake.replace_dates(INSTRUMENTS, typed, dates=dates)
    fetches = pd.DataFrame(
        {"symbol": symbols, "status": "already_current", "rows_added": 0, "rows_rejected": 0, "attempts": 1,
         "asked_from": pd.NaT, "history_truncated": False, "message": None}
    )  # fmt: skip
    every = pd.concat([fetches.assign(date=pd.Timestamp(date)) for date in dates])
    typed = every.astype(OHLCV_FETCHES.pandas_types())[list(OHLCV_FETCHES.column_names)]
    lake.replace_dates(OHLCV_FETCHES, typed, dates=dates)


def read_until(processes, lake, dates):
    """Query all the time, one connection held open over files of the beginning; return how often and what failed."""
    first = [str(path) for path in sorted((lake.root / "ohlcv").rglob("*.parquet"))]
    reads, errors = 0, []
    with duckdb.connect() as held:
        while any(process.poll() is None for process in processes):
            try:
                n = held.read_parquet(first).aggregate("count(*)").fetchall()[0][0]
                seen = (
                    lake.query("select count(*) as n, count(distinct date) as d from ohlcv_health") if reads else None
                )
                assert n == lake.row_count("ohlcv")
                if seen is not None:
                    assert seen["n"][0].as_py() == 12 * seen["d"][0].as_py()  # a date is there whole, or not at all
            except Exception as error:
                errors.append(error)
            reads += 1
    return reads, errors


def test_a_backfill_of_120_dates_eight_at_once_beside_an_open_reader(runs, tmp_path):
    """N27."""
    start, logs = runs
    lake, symbols, dates = filled(tmp_path / "home" / "lakehouse")
    described(lake, symbols, dates)
    processes = [start("health", *dates[k::8]) for k in range(8)]
    reads, errors = read_until(processes, lake, dates)
    texts = logs()
    assert [process.returncode for process in processes] == [0] * 8, texts
    assert_no_lock_was_missed(texts)
    assert errors == []
    assert reads > 20
    assert lake.dates("ohlcv_health") == dates
    assert lake.verify() == []
    alone, _, _ = filled(tmp_path / "alone")
    described(alone, symbols, dates)
    from quant_assets.configured import load_configured
    from quant_assets.sleeve_rules import health_rules
    from quant_resources.calendars import calendar_book
    from quant_resources.ingestion import audit_date

    rules = health_rules(load_configured()[1])
    for date in dates:
        audit_date(alone, calendar_book(alone, date), date, rules)
    for table in ("ohlcv_health", "ohlcv_findings", "health_registry"):
        assert lake.content_hash(table) == alone.content_hash(table), table
