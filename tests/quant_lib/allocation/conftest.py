from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

Market = Callable[..., pd.DataFrame]


@pytest.fixture(scope="session")
def market() -> Market:
    """Seeded factor market: ``market(n, sessions, seed)``, columns ``atom_000`` …, daily index."""

    def make(n: int, sessions: int = 200, seed: int = 0) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        factors = rng.standard_normal((sessions, 3)) * 0.02
        loadings = rng.uniform(0.0, 1.5, (3, n))
        own = rng.standard_normal((sessions, n)) * rng.uniform(0.01, 0.05, n)
        index = pd.date_range("2022-01-01", periods=sessions, name="bar_date")
        columns = [f"atom_{i:03d}" for i in range(n)]
        return pd.DataFrame(factors @ loadings + own, index=index, columns=columns)

    return make


@pytest.fixture(scope="session")
def groups_of() -> Callable[..., pd.Series]:
    """Round-robin clusters: ``groups_of(returns, k)``."""

    def make(returns: pd.DataFrame, k: int) -> pd.Series:
        return pd.Series(np.arange(returns.shape[1]) % k, index=returns.columns)

    return make
