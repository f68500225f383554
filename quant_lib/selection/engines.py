"""The scoring engines a profile may name (semantics 5.4 and 5.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from quant_lib.selection._errors import ContradictoryRulesError, UnknownSignalError
from quant_lib.selection.scoring import Engine, ScoreFeature, engine_weights

__all__ = ["DEFAULT_ENGINE", "ENGINES", "WEIGHT_SETS", "engine_named", "scored_features"]

DEFAULT_ENGINE = "v4"

_FLAT = MappingProxyType(
    {
        "momentum": 1.5,
        "stability": 1.0,
        "liquidity": 0.5,
        "antifragility": 0.5,
        "survival": 1.0,
        "efficiency": 0.5,
        "entropy": 1.0,
        "trendiness": 0.5,
        "adx": 1.0,
        "recommend_all": 1.0,
        "recommend_ma": 1.0,
        "skew": 0.5,
        "kurtosis": 1.0,
        "cvar": 1.0,
    }
)

LOG_MPS: tuple[ScoreFeature, ...] = (
    ScoreFeature("momentum", "rank", 1.7469, directional=True),
    ScoreFeature("stability", "rank", 0.0458),
    ScoreFeature("liquidity", "cdf_absolute", 0.2946),
    ScoreFeature("antifragility", "rank", 0.6263),
    ScoreFeature("survival", "cdf_absolute", 1.4),
    ScoreFeature("efficiency", "cdf_absolute", 1.5348),
    ScoreFeature("entropy", "rank_desc", 0.0322),
    ScoreFeature("trendiness", "rank", 0.3485),
    ScoreFeature("adx", "cdf_relative", 1.0),
    ScoreFeature("recommend_all", "rank", 1.0, directional=True),
    ScoreFeature("recommend_ma", "rank", 1.0, directional=True),
    ScoreFeature("skew", "rank_desc", 0.5),
    ScoreFeature("kurtosis", "rank_desc", 0.5),
    ScoreFeature("cvar", "cdf_relative", 1.0),
)
"""The production score (semantics 5.4). Its weights are priors from a search on 2025 data, not estimates of anything.

``trendiness`` = clip(2(H - 0.5), -1, 1) stands where the mission had ``hurst_clean``, which scored a random walk best
(D42).
"""

_WITHOUT_SPECTRUM = tuple(f for f in LOG_MPS if f.name not in ("efficiency", "entropy", "trendiness"))
_UNWEIGHTED = tuple(ScoreFeature(f.name, f.method, 1.0, f.directional) for f in _WITHOUT_SPECTRUM)

_LEGACY = (
    ScoreFeature("momentum", "minmax", 0.3, directional=True),
    ScoreFeature("inverse_volatility", "minmax", 0.2),
    ScoreFeature("antifragility", "minmax", 0.2),
    ScoreFeature("liquidity", "minmax", 0.3),
)
# Fragility counts against an asset. The mission subtracted P(-fragility), which rewarded it (D49).
_CARS_2_0 = (
    ScoreFeature("momentum", "rank", 0.4, directional=True),
    ScoreFeature("stability", "rank", 0.2),
    ScoreFeature("antifragility", "rank", 0.2),
    ScoreFeature("liquidity", "rank", 0.2),
    ScoreFeature("fragility", "rank", -0.1),
)
_CARS_2_1 = (
    ScoreFeature("momentum", "logistic", 0.2055, directional=True),
    ScoreFeature("stability", "logistic", 0.0882),
    ScoreFeature("liquidity", "zscore", 0.1697),
    ScoreFeature("antifragility", "rank", 0.0988),
    ScoreFeature("survival", "rank", 0.2273),
    ScoreFeature("efficiency", "rank", 0.1027),
    ScoreFeature("entropy_order", "zscore", 0.0060),
    ScoreFeature("trendiness", "zscore", 0.1018),
)

_V2 = Engine(name="v2", version="cars-2.0/2", features=_CARS_2_0, combine="sum", conditioned=True, seats=3)
_V3 = Engine(
    name="v3",
    version="mps-v3/2",
    features=_UNWEIGHTED,
    regime_factor=True,
    conditioned=True,
    relaxed_hurdle=True,
    seats=5,
    hurdle=0.02,
)
_V3_2 = replace(
    _V3,
    name="v3.2",
    version="log-mps-v3.2/2",
    features=_WITHOUT_SPECTRUM,
    missing=0.5,
    fragility_discount=True,
    hurdle=0.005,
)

ENGINES: Mapping[str, Engine] = MappingProxyType(
    {
        engine.name: engine
        for engine in (
            Engine(name="v4", version="log-mps-v4/2", features=LOG_MPS, relaxes=True, hurdle=0.02),
            Engine(name="v2.0", version="cars-2.0-legacy/1", features=_LEGACY, combine="sum", within_cluster=True),
            Engine(name="legacy", version="cars-2.0-legacy/1", features=_LEGACY, combine="sum", within_cluster=True),
            _V2,
            replace(_V2, name="v2.1", version="cars-2.1/2", features=_CARS_2_1, sigma=3.49, seats=2),
            _V3,
            replace(_V3, name="v3.1", version="mps-v3.1/2", hurdle=0.005),
            _V3_2,
            replace(_V3_2, name="v3.4", version="log-mps-v3.4/2", relaxes=True),
            Engine(name="baseline", version="baseline/1", features=(), combine="constant"),
            Engine(
                name="liquid_htr",
                version="liquid-htr/1",
                features=(ScoreFeature("turnover", "rank", 1.0),),
                combine="sum",
                relaxes=True,
            ),
        )
    }
)
"""Engines by name. v3.1 is v3 with a lower friction hurdle; v3.4 is v3.2 inside the relaxation loop."""

WEIGHT_SETS: Mapping[str, Mapping[str, float] | None] = MappingProxyType({"production": None, "flat": _FLAT})
"""Versions of the weights of v4: the searched ones, and the flat alternative of semantics 5.4."""


def engine_named(
    name: str,
    *,
    weight_set: str = "production",
    overrides: Mapping[str, float] | None = None,
    dominant_signal: str | None = None,
    dominant_weight: float = 3.0,
) -> Engine:
    """Engine of a profile, with its weights.

    Parameters
    ----------
    name : str
        One of `ENGINES`.
    weight_set : str
        One of `WEIGHT_SETS`; another than ``production`` exists for v4 only and shows in the version.
    overrides, dominant_signal, dominant_weight
        As in `engine_weights`. Overridden weights show in the version as ``+custom``.

    Returns
    -------
    Engine

    Raises
    ------
    UnknownSignalError
        No such engine, weight set or feature.
    ContradictoryRulesError
        A weight set for an engine that has no other.
    """
    if name not in ENGINES:
        raise UnknownSignalError(name, tuple(ENGINES), "selection engine")
    if weight_set not in WEIGHT_SETS:
        raise UnknownSignalError(weight_set, tuple(WEIGHT_SETS), "weight set")
    engine = ENGINES[name]
    chosen = WEIGHT_SETS[weight_set]
    version = engine.version
    if chosen is not None:
        if name != DEFAULT_ENGINE:
            raise ContradictoryRulesError("weight_set", f"{weight_set!r} exists for {DEFAULT_ENGINE} only, not {name}")
        engine, version = engine.weighted(chosen), f"{version}+{weight_set}"
    weights = engine_weights(
        engine, overrides=overrides, dominant_signal=dominant_signal, dominant_weight=dominant_weight
    )
    if weights != {f.name: f.weight for f in engine.features}:
        version += "+custom"
    return replace(engine.weighted(weights), version=version)


def scored_features() -> tuple[str, ...]:
    """Names that some engine scores, each once."""
    return tuple(dict.fromkeys(name for engine in ENGINES.values() for name in engine.names))
