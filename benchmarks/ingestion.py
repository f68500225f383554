"""Ingestion against a market server in a process of its own: clean, asked again at once, and over a bad line.

``python -m benchmarks.ingestion [--quick]``
"""

from __future__ import annotations

import argparse
import datetime as dt
import multiprocessing
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from quant_lib.calendars import venue_hours
from quant_lib.contracts import INSTRUMENTS

ON = dt.date(2022, 6, 30)
N_BARS = 502
STORM = {"drop_frames": 0.3, "truncate": 0.05, "disconnect_after": 400, "handshake_429": 0.3, "retry_after": "0.2",
         "seed": 3}  # fmt: skip


def write_market(folder: Path, n_symbols: int) -> None:
    """Random walks of so many coins."""
    rng = np.random.default_rng(42)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.03, (n_symbols, N_BARS)), axis=1))
    opened = np.c_[np.full(n_symbols, 100.0), close[:, :-1]]
    days = pd.date_range(end=ON, periods=N_BARS, tz="UTC")
    frame = pd.DataFrame(
        {
            "symbol": np.repeat([f"A{k:03}USDT" for k in range(n_symbols)], N_BARS),
            "timestamp": np.tile(days, n_symbols),
            "open": opened.ravel(),
            "high": np.maximum(opened, close).ravel() * 1.01,
            "low": np.minimum(opened, close).ravel() * 0.99,
            "close": close.ravel(),
            "volume": rng.uniform(10, 20, close.size),
        }
    )
    frame.to_parquet(folder / "ohlcv.parquet")


def serve(pipe, folder, faults) -> None:
    from quant_resources.market import Clock, Faults, MarketServer, ParquetSource

    with MarketServer(ParquetSource(folder, "BINANCE", "spot"), Clock.as_of(ON), Faults(**faults)) as server:
        pipe.send(server.url)
        pipe.recv()
        pipe.send(dict(server.counters))


@contextmanager
def market(folder: Path, counters: dict, **faults):
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, folder, faults), daemon=True)
    process.start()
    try:
        yield ours.recv()
        ours.send("end")
        counters.update(ours.recv())
    finally:
        process.join(20)


def catalogue(n_symbols: int) -> pd.DataFrame:
    frame = pd.DataFrame({"symbol": [f"BINANCE:A{k:03}USDT" for k in range(n_symbols)]})
    hours = venue_hours("BINANCE", "spot")
    for column in INSTRUMENTS.columns:
        if column.name not in frame:
            filler = {"string": "x", "float64": np.nan, "bool": True, "date": pd.NaT}.get(column.type, 0)
            frame[column.name] = "missing" if column.name.endswith("_source") else filler
    frame = frame.assign(date=pd.Timestamp(ON), exchange="BINANCE", asset_type="spot", calendar=hours.calendar)
    return frame.astype(INSTRUMENTS.pandas_types())[list(INSTRUMENTS.column_names)]


def timed(name: str, folder: Path, lake_folder: Path, n_symbols: int, limits, **faults) -> None:
    from quant_resources.ingestion import ingest
    from quant_resources.lakehouse import Lake
    from quant_resources.tradingview import Endpoints, TradingViewClient

    counters: dict = {}
    with market(folder, counters, **faults) as url:
        client = TradingViewClient(Endpoints.at(url), limits, anonymous=True)
        lake, rows = Lake(lake_folder), catalogue(n_symbols)
        wall, cpu = time.perf_counter(), time.process_time()
        report = ingest(
            lake, client, rows, rows["symbol"].tolist(), ON, start=dt.date(2020, 1, 1), now=pd.Timestamp.now("UTC")
        )
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    bars = lake.read("ohlcv", columns=["symbol", "date"])
    done = report.fetches["status"].isin(["fetched", "already_current"])
    causes = report.fetches.loc[~done, "status"].value_counts().to_dict()
    print(
        f"{name:<58} {wall:7.1f} s wall {cpu:6.1f} s cpu   {int(done.sum())} of {n_symbols} whole {causes or ''} "
        f"{len(bars)} bars, {int(bars.duplicated().sum())} twice, {counters.get('create_series', 0)} series asked"
    )


def main(arguments: list[str] | None = None) -> None:
    from dataclasses import replace

    from quant_resources.tradingview import Limits

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the symbols")
    small = 10 if parser.parse_args(arguments).quick else 1
    patient = Limits.loopback()
    hasty = replace(patient, symbol_timeout=2.0, data_timeout=5.0)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for n in (500 // small, 300 // small):
            (root / f"market{n}").mkdir()
            write_market(root / f"market{n}", n)
        n, m = 500 // small, 300 // small
        timed("warm-up", root / f"market{m}", root / "warm", m, patient)
        timed(f"{n} symbols x {N_BARS} bars, 50 ms late", root / f"market{n}", root / "a", n, patient, latency=0.05)
        timed("the same again at once", root / f"market{n}", root / "a", n, patient, latency=0.05)
        timed(f"{m} symbols, clean line", root / f"market{m}", root / "b", m, hasty)
        timed(f"{m} symbols, 30 % dropped, cut, broken, 429", root / f"market{m}", root / "c", m, hasty, **STORM)
        timed("the same again, clean line", root / f"market{m}", root / "c", m, hasty)


if __name__ == "__main__":
    main()
