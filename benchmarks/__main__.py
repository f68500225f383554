"""`make bench`: ours and a named peer on the same inputs in one run, medians and ratio."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import allocation
from quant_lib.features import compute_features
from quant_lib.features.registry import FEATURES_TABLE
from quant_resources.lakehouse import Lake

RUNS = 5


def median(function: Callable[[], object]) -> float:
    function()
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def bars(symbols: int, days: int) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.03, (symbols, days)), axis=1)).ravel()
    frame = pd.DataFrame(
        {
            "symbol": np.repeat([f"X:S{i:04d}" for i in range(symbols)], days),
            "date": np.tile(pd.date_range("2018-01-01", periods=days, unit="us"), symbols),
            "open": close,
            "high": close * 1.02,
            "low": close * 0.98,
            "close": close,
            "volume": rng.uniform(1e3, 1e6, symbols * days),
        }
    )
    return frame.astype({"symbol": "str"})


def main() -> None:
    history = bars(200, 1500)
    print(f"{'features, 200 symbols x 1,500 days, all columns':<58} {median(lambda: compute_features(history)):8.3f} s")
    rows = compute_features(history)
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder))
        started = time.perf_counter()
        lake.add_missing(FEATURES_TABLE, rows)
        print(f"{'  written to the lakehouse':<58} {time.perf_counter() - started:8.3f} s")
        print(f"{'  read back':<58} {median(lambda: lake.read('features')):8.3f} s")
    allocation.main()


if __name__ == "__main__":
    main()
