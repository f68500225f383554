"""Asset keys and groups, named in one place."""

from __future__ import annotations

import dagster as dg

from quant_lib.address import Address

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

RESEARCH_GROUP = "research"
REGIME_STUDY = dg.AssetKey(["research", "regime_study"])

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


def addressed(address: Address) -> tuple[dg.AssetKey | None, list[str]]:
    """Key at an address, None where there is no such asset, and the names that part of the platform knows."""
    known = {
        "data": {key.path[-1]: key for key in DATA_KEYS},
        "research": {REGIME_STUDY.path[-1]: REGIME_STUDY},
        "alpha": {step: sleeve_key(address.profile or "", step) for step in SLEEVE_STEPS},
    }[address.flow]
    return known.get(address.asset), sorted(known)
