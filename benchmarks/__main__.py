"""`make bench`: ours and a named peer on the same inputs in one run, medians and ratio."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from quant_lib.allocation import AllocationRequest, allocate
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


def peer_min_variance(sigma: np.ndarray) -> np.ndarray:
    import cvxpy as cp

    w = cp.Variable(len(sigma))
    scale = 1.0 / float(np.trace(sigma))
    problem = cp.Problem(cp.Minimize(cp.quad_form(w, cp.psd_wrap(sigma * scale))), [cp.sum(w) == 1, w >= 0, w <= 0.25])
    problem.solve(solver=cp.CLARABEL)
    return np.asarray(w.value)


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
    for n in (25, 100):
        returns = pd.DataFrame(
            np.random.default_rng(n).normal(0.0, 0.03, (252, n)), columns=[f"a{i:03d}" for i in range(n)]
        )
        clusters = pd.Series(np.arange(n) % 10, index=returns.columns)
        request = AllocationRequest(risk_profile="min_variance", ann=365.0, cluster_cap=1.0)
        sigma = returns.cov().to_numpy()
        ours = median(lambda: allocate(returns, clusters, request))  # noqa: B023 - timed at once
        peer = median(lambda: peer_min_variance(sigma))  # noqa: B023 - timed at once
        print(
            f"min_variance n={n:<4} whole allocation {ours * 1e3:7.2f} ms   cvxpy solve {peer * 1e3:7.2f} ms   ratio {peer / ours:5.1f}x"
        )


if __name__ == "__main__":
    main()
