"""Synthetic bars for feature tests."""

import numpy as np
import pandas as pd
import pytest


def make_market(symbols=4, days=320, seed=0, volume_gap=True):
    """Random walks with fat tails on a tick; some bars without range, some without volume, one without any."""
    rng = np.random.default_rng(seed)
    parts = []
    for number in range(symbols):
        tick = 10.0 ** -(number % 4)
        close = np.round(100.0 * np.exp(np.cumsum(rng.standard_t(4, days) * 0.03)) / 0.01) * 0.01 * tick + 0.01 * tick
        previous = np.r_[close[0], close[:-1]]
        quiet = rng.random(days) < 0.05
        high = np.where(
            quiet, np.maximum(close, previous), np.maximum(close, previous) * (1 + rng.exponential(0.02, days))
        )
        low = np.where(
            quiet, np.minimum(close, previous), np.minimum(close, previous) / (1 + rng.exponential(0.02, days))
        )
        volume = rng.lognormal(8, 1, days)
        volume[rng.random(days) < 0.03] = 0.0
        if volume_gap:
            volume[rng.random(days) < 0.01] = np.nan
        first = pd.Timestamp("2020-01-01") + pd.Timedelta(days=int(rng.integers(0, 30)))
        parts.append(
            pd.DataFrame(
                {
                    "symbol": f"BINANCE:S{number:02d}USDT",
                    "date": pd.date_range(first, periods=days).as_unit("us"),
                    "open": previous,
                    "high": high,
                    "low": low,
                    "close": close,
                    "volume": volume,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="session")
def market():
    return make_market


@pytest.fixture(scope="session")
def bars():
    return make_market()


@pytest.fixture(scope="session")
def segments(bars):
    """The second symbol falls into three segments, the others into one."""
    number = pd.Series(np.zeros(len(bars), np.int64), index=bars.index)
    second = np.flatnonzero(bars["symbol"] == "BINANCE:S01USDT")
    number.iloc[second[90:]] = 1
    number.iloc[second[200:]] = 2
    return number
