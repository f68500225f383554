"""Small universes, written the way a person would list them."""

import numpy as np
import pandas as pd
import pytest

from quant_lib.symbols import parse_symbol

DAY = pd.Timestamp("2022-06-01")


QUIET = {
    "active": True,
    "close": 1.0,
    "turnover": 5e6,
    "value_traded": 5e6,
    "volatility_d": 3.0,
    "recommend_all": 0.5,
    "recommend_ma": 0.5,
    "recommend_other": 0.1,
    "adx": 25.0,
}


PREDICTABLE = {
    "entropy": 0.8,
    "entropy_noise_pct": 0.3,
    "efficiency": 0.3,
    "efficiency_noise_pct": 0.9,
    "hurst": 0.7,
    "hurst_noise_pct": 0.9,
    "trendiness": 0.4,
    "survival": 0.9,
    "antifragility": 0.2,
    "skew": 0.1,
    "tail_gain": 0.05,
    "kurtosis": 2.0,
    "cvar_95": -0.05,
    "volatility_d": 3.0,
    "volume_change_pct": 5.0,
    "roc_10": 4.0,
}
"""Figures of an asset no filter of the default chain objects to."""

TRENDING_UP = {
    "close": 1.2,
    "adx_14": 25.0,
    "dmp_14": 30.0,
    "dmn_14": 10.0,
    "sma_50": 1.1,
    "vwma_20": 1.1,
    "sma_200": 1.0,
    "sma200_slope": 0.001,
    "donchian_upper_20": 1.2,
    "donchian_lower_20": 1.0,
    "bb_width_20": 0.2,
}
TRENDING_DOWN = TRENDING_UP | {
    "close": 0.8,
    "dmp_14": 10.0,
    "dmn_14": 30.0,
    "sma_50": 0.9,
    "vwma_20": 0.9,
    "sma200_slope": -0.001,
    "donchian_upper_20": 1.0,
    "donchian_lower_20": 0.8,
}


def _universe(rows, **everywhere):
    """A universe from {symbol: {column: value}}; columns not given take quiet defaults."""
    made = []
    for symbol, figures in rows.items():
        one = parse_symbol(symbol)
        identity = {"exchange": one.exchange, "base": one.base, "quote": one.quote}
        kind = {"asset_type": "perp" if one.perp else "spot"}
        made.append({"symbol": symbol, **identity, **kind, **QUIET, **everywhere, **figures})
    return pd.DataFrame(made)


class Market:
    """Inputs of `select` for `n` healthy coins that pass every veto, to be spoilt one at a time."""

    def __init__(self, n=6, sessions=130, seed=0, groups=None, direction="LONG"):
        rng = np.random.default_rng(seed)
        self.symbols = [f"BINANCE:C{i:03d}USDT" for i in range(n)]
        groups = list(range(n)) if groups is None else groups
        common = {g: rng.normal(0, 0.03, sessions) for g in sorted(set(groups))}
        noise = rng.normal(0, 0.001, (n, sessions))
        data = {s: common[g] + noise[i] for i, (s, g) in enumerate(zip(self.symbols, groups, strict=True))}
        self.returns = pd.DataFrame(data, index=pd.date_range(end=DAY, periods=sessions))
        sign = 1.0 if direction == "LONG" else -1.0
        strength = np.linspace(0.9, 0.1, n) if n > 1 else np.array([0.5])
        self.candidates = pd.DataFrame(
            {
                "symbol": self.symbols,
                "logic": "rating_all",
                "direction": direction,
                "base_identity": [f"C{i:03d}" for i in range(n)],
                "turnover": 5e6,
                "value_traded": 4e6,
            }
        )
        recent = self.returns.tail(120)
        self.features = pd.DataFrame(
            {
                "date": DAY,
                "symbol": self.symbols,
                "segment": 0,
                "recommend_all": sign * strength,
                "recommend_all_weighted": sign * strength / 2,
                "recommend_ma": sign * strength,
                "recommend_other": 0.1,
                "momentum": recent.mean().to_numpy() * 365,
                "volatility": recent.std(ddof=1).to_numpy() * np.sqrt(365),
                "momentum_60": sign * 0.2,
                "turnover": 7e6,
                "value_traded": 6e6,
                "n_bars": 400,
                **PREDICTABLE,
                **(TRENDING_UP if direction == "LONG" else TRENDING_DOWN),
            }
        )
        self.health = pd.DataFrame(
            {
                "date": DAY,
                "symbol": self.symbols,
                "status": "healthy",
                "max_abs_return": 0.2,
                "staleness": 0,
                "n_missing": 0,
                "longest_gap": 0,
            }
        )
        self.instruments = pd.DataFrame(
            {"date": DAY, "symbol": self.symbols, "tick_size": 0.01, "tick_size_source": "vendor"}
        )

    def spoil(self, frame, symbol, **figures):
        """Change figures of one symbol in one frame."""
        table = getattr(self, frame)
        for name, value in figures.items():
            table[name] = table[name].astype("object")
            table.loc[table["symbol"] == symbol, name] = value
            table[name] = table[name].infer_objects()
        return self

    def forget(self, frame, symbol):
        """Take one symbol out of one frame."""
        table = getattr(self, frame)
        setattr(self, frame, table[table["symbol"] != symbol].reset_index(drop=True))
        return self

    def inputs(self):
        return self.candidates, self.features, self.health, self.instruments, self.returns


@pytest.fixture(scope="session")
def universe():
    return _universe


@pytest.fixture(scope="session")
def market():
    return Market


@pytest.fixture(scope="session")
def day():
    return DAY
