import numpy as np
import pandas as pd
import pytest


def dated(values, start="2018-01-01") -> pd.Series:
    return pd.Series(np.asarray(values, dtype="float64"), index=pd.date_range(start, periods=len(values), name="date"))


@pytest.fixture(scope="session")
def garch() -> pd.Series:
    """A market whose volatility clusters, 900 sessions."""
    rng = np.random.default_rng(42)
    shocks, variance, out = rng.standard_normal(900), 1.0, []
    for shock in shocks:
        out.append(0.03 * np.sqrt(variance) * shock)
        variance = 0.03 + 0.12 * variance * shock**2 + 0.85 * variance
    return dated(out)


@pytest.fixture(scope="session")
def bitcoin(shared_data) -> pd.Series:
    """Daily returns of BTCUSDT, 2017-08-18 to 2023-12-31."""
    bars = pd.read_parquet(shared_data / "binance_spot_1d_2017_2024" / "ohlcv.parquet")
    own = bars[bars["symbol"] == "BTCUSDT"].sort_values("timestamp")
    close = pd.Series(own["close"].to_numpy(), index=pd.DatetimeIndex(own["timestamp"]).tz_localize(None))
    return (close / close.shift(1) - 1.0).dropna()
