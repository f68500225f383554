from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from quant_lib.allocation import AllocationRequest, allocate

NAMES = sorted(["JCI", "TGT", "CMCSA", "CPB", "MO", "AMZN", "APA", "MMC", "JPM", "ZION"])


@pytest.mark.shared_data
def test_published_minimum_variance(shared_data: Path) -> None:
    """Riskfolio-Lib's published Classic MinRisk MV weights: sample covariance, long only, no caps."""
    folder = shared_data / "reference_riskfolio"
    prices = pd.read_csv(folder / "stock_prices.csv", index_col=0, parse_dates=True)
    published = pd.read_csv(folder / "Classic_MinRisk.csv", index_col=0)["MV"]
    returns = prices.pct_change().dropna().iloc[-200:][NAMES]
    asked = AllocationRequest(risk_profile="min_variance", ann=252, asset_cap=1.0, cluster_cap=1.0, covariance="sample")
    found = allocate(returns, pd.Series(range(len(NAMES)), index=NAMES), asked)
    assert found.shrinkage == 0.0
    pd.testing.assert_series_equal(found.weights, published, check_names=False, rtol=0, atol=1e-6)
    Sigma = returns.cov() * 252
    theirs = published / published.sum()
    assert found.objective is not None
    assert found.objective <= float(theirs @ Sigma @ theirs)
