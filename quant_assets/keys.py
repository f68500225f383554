"""Asset keys and groups, named in one place."""

from __future__ import annotations

import dagster as dg

INSTRUMENTS = dg.AssetKey("instruments")
OHLCV = dg.AssetKey("ohlcv")
OHLCV_REPAIR = dg.AssetKey("ohlcv_repair")
OHLCV_HEALTH = dg.AssetKey("ohlcv_health")
FEATURES = dg.AssetKey("features")
TECHNICALS = dg.AssetKey("technicals")

DATAOPS_GROUP = "dataops"
SHARED_KEYS = (INSTRUMENTS, OHLCV, OHLCV_REPAIR, OHLCV_HEALTH, FEATURES)
"""What every sleeve reads."""
DATA_KEYS = (*SHARED_KEYS, TECHNICALS)
"""Every shared fact, those no sleeve depends on included."""

SLEEVE_STEPS = (
    "candidates",
    "foundation",
    "regime",
    "returns_matrix",
    "selection",
    "strategy_returns",
    "weights",
    "backtest",
    "report",
)


def sleeve_key(profile: str, step: str) -> dg.AssetKey:
    """Key of one step of a sleeve's chain."""
    return dg.AssetKey([profile, step])
