"""The walk-forward of one sleeve: 60 symbols, 4 years, a step of 10 sessions, seven risk profiles, two processors.

`python -m benchmarks.tournament` prints wall and processor seconds of this process and of its workers. Bars and
features are made before the clock starts: in a run they are read from the lake.
"""

import os
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from quant_assets.sleeve_rules import sleeve_rules
from quant_lib.backtest import Window
from quant_lib.calendars import CalendarBook
from quant_lib.decision import Choice, History, SleeveRules, choose, walk_forward
from quant_lib.features import compute_features
from quant_lib.health import segment_bars
from quant_resources.compute import LocalCompute
from quant_resources.config import load_project

SYMBOLS, SESSIONS, WARM = 60, 1461, 260
PROFILES = "[hrp, min_variance, max_sharpe, equal_weight, barbell, risk_parity, benchmark]"
SLEEVE = "binance_spot_rating_all_long"


def rules_of() -> SleeveRules:
    """Rules of the shipped sleeve, over four years and seven risk profiles."""
    prefix = f"QUANT_SLEEVES__{SLEEVE.upper()}__"
    values = {"ALLOCATION__RISK_PROFILES": PROFILES, "BACKTEST__HISTORY_DAYS": str(SESSIONS)}
    root = Path(__file__).resolve().parents[1]
    project = load_project(root / "configs", environment={f"{prefix}{name}": value for name, value in values.items()})
    return sleeve_rules(project, project.sleeve(SLEEVE))


def market() -> pd.DataFrame:
    """Closes of a market of three factors whose trends last for weeks, so that some trend is always to be found."""
    rng = np.random.default_rng(60)
    n = SESSIONS + WARM
    index = pd.date_range(end="2023-12-31", periods=n, unit="us")
    names = ["BINANCE:BTCUSDT", *(f"BINANCE:T{i:02d}USDT" for i in range(SYMBOLS - 1))]
    factors = rng.standard_normal((n, 3)) * (0.025, 0.015, 0.01)
    drift = np.repeat(rng.normal(0.0, 0.004, (n // 40 + 1, SYMBOLS)), 40, axis=0)[:n]
    moves = factors @ rng.uniform(0.0, 1.2, (3, SYMBOLS)) + rng.standard_normal((n, SYMBOLS)) * 0.02 + drift
    return pd.DataFrame(20.0 * np.exp(np.cumsum(moves - moves.mean(axis=0), axis=0)), index=index, columns=names)


def history_of(rules: SleeveRules) -> History:
    """Bars, features and catalogue, as a run reads them."""
    closes = market()
    bars = closes.rename_axis(index="date").reset_index().melt("date", var_name="symbol", value_name="close")
    bars = bars.sort_values(["symbol", "date"], ignore_index=True).astype({"symbol": "str"})
    rng = np.random.default_rng(61)
    wide = np.exp(np.abs(rng.normal(0.0, 0.01, len(bars))))
    bars = bars.assign(
        open=bars["close"] / np.exp(rng.normal(0.0, 0.005, len(bars))),
        volume=2e7 / bars["close"] * rng.uniform(0.5, 2.0, len(bars)),
    )
    bars["high"], bars["low"] = bars[["open", "close"]].max(axis=1) * wide, bars[["open", "close"]].min(axis=1) / wide
    listed = pd.DataFrame(
        {
            "date": bars["date"].max(),
            "symbol": sorted(closes.columns),
            "exchange": "BINANCE",
            "asset_type": "spot",
            "base": [symbol.removeprefix("BINANCE:").removesuffix("USDT") for symbol in sorted(closes.columns)],
            "quote": "USDT",
            "tick_size": 0.01,
            "tick_size_source": "vendor",
            "calendar": "24x7",
        }
    )
    marked = bars.assign(segment=segment_bars(bars, rules.health, CalendarBook.of(listed)))
    return History.of(marked, compute_features(marked, marked["segment"]), listed, rules.health)


def timed_choice(history: History, rules: SleeveRules, window: Window) -> tuple[Choice, float]:
    """One window's choice, and the processor seconds it took wherever it ran."""
    started = time.process_time()
    return choose(history, rules, window), time.process_time() - started


def main(workers: int = 0) -> None:
    rules = rules_of()
    history = history_of(rules)
    compute, choosing = LocalCompute.of_machine(workers), []

    def choose_all(_, given, sleeve, windows):
        for choice, seconds in compute.map(timed_choice, (given, sleeve), windows):
            choosing.append(seconds)
            yield choice

    started, used = time.perf_counter(), time.process_time()
    walked = walk_forward(history, rules, history.bars["date"].max().date(), choose_all=choose_all)
    wall, used = time.perf_counter() - started, time.process_time() - used
    here = used - sum(choosing) if compute.workers == 1 else used
    print(
        f"tournament: {SYMBOLS} symbols, {SESSIONS} sessions, {len(walked.windows)} windows, "
        f"{walked.returns['risk_profile'].nunique()} risk profiles, {compute.workers} workers\n"
        f"  {wall:.1f} s wall (target 45), load of the machine {os.getloadavg()[0]:.1f}; processor seconds: "
        f"{sum(choosing):.1f} choosing, {here:.1f} dividing capital, accounting and handing over\n"
        f"  recruited a window: {walked.windows['n_selected'].mean():.1f} of {walked.windows['n_candidates'].mean():.1f}"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
