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
        self.features = pd.DataFrame(
            {
                "date": DAY,
                "symbol": self.symbols,
                "recommend_all": sign * strength,
                "recommend_all_weighted": sign * strength / 2,
                "recommend_ma": sign * strength,
                "recommend_other": 0.1,
                "adx_14": 25.0,
                "volatility_d": 3.0,
                "close": 1.0,
                "turnover": 7e6,
                "value_traded": 6e6,
                "n_bars": 400,
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
