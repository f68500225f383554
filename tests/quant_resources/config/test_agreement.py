"""The configuration speaks the words of the library it configures."""

from __future__ import annotations

import dataclasses
from typing import get_args

from quant_lib.allocation import AllocationRequest
from quant_lib.contracts import HEALTH_STATUSES, INSTRUMENTS
from quant_lib.health import HealthRules
from quant_lib.objectives import SUPPORTED, EngineName, RiskProfile
from quant_lib.selection import LIVE_COLUMNS, RATINGS, VENDOR_COLUMNS, ScreenRules
from quant_resources.config import (
    SCREEN_FIELDS,
    HealthConfig,
    SelectionConfig,
)
from quant_resources.config._fields import NUMERIC_FIELDS, OPERATIONS
from quant_resources.config._selection import (
    AdvancedTrendConfig,
    DarwinianConfig,
    HealthVeto,
    Metadata,
    PercentileConfig,
    PredictabilityConfig,
    RankSignal,
    Rating,
    SelectionEngine,
    Signal,
    TrendRegimeConfig,
)
from quant_resources.config._sleeve import AllocationConfig, RiskConfig
from quant_resources.config._sleeve_rules import _NOT_IN_V4
from quant_resources.config._types import Direction
from quant_resources.config._universe import AssetType


def test_health_thresholds_are_those_of_the_library() -> None:
    """Same names, same defaults, same units."""
    assert HealthRules(**HealthConfig().model_dump()) == HealthRules()


def test_engines_and_risk_profiles_are_known() -> None:
    assert set(get_args(EngineName)) | {"market"} == set(SUPPORTED)
    assert set(get_args(RiskProfile)) == {profile for profiles in SUPPORTED.values() for profile in profiles}
    for engine, profiles in SUPPORTED.items():
        for profile in profiles:
            AllocationRequest(risk_profile=profile, engine=engine, ann=365.0)


def test_defaults_of_the_request_are_those_of_the_file() -> None:
    asked = AllocationRequest(risk_profile="hrp", ann=365.0)
    for section in (RiskConfig(), AllocationConfig()):
        for name in set(type(section).model_fields) & {field.name for field in dataclasses.fields(asked)}:
            assert getattr(section, name) == getattr(asked, name), name


def test_fields_can_be_judged_on_past_days() -> None:
    live = {name for name, field in SCREEN_FIELDS.items() if field.live_only}
    assert live == set(LIVE_COLUMNS)
    assert set(SCREEN_FIELDS) - live <= set(VENDOR_COLUMNS)
    for field in NUMERIC_FIELDS:
        ScreenRules(direction="LONG", filters=((field, "greater", 0.0),), sort_by=field, sort_order="desc")


def test_operations_are_those_of_the_screen() -> None:
    import numpy as np
    import pandas as pd

    from quant_lib.selection._filters import judge_filter

    frame = pd.DataFrame({"adx": [10.0, np.nan, 30.0], "ticker": ["AUSDT", "BUSDC", "CUSDT"]})
    for operation in OPERATIONS:
        text = operation in ("match", "nmatch")
        value: object = "USDT$" if text else (15.0, 35.0) if operation.endswith("in_range") else 30.0
        judged = judge_filter(frame, ("name" if text else "ADX", operation, value))
        assert len(judged.keep) == 3, operation


def test_vocabularies() -> None:
    assert set(get_args(HealthVeto)) == set(HEALTH_STATUSES) - {"healthy"}
    assert get_args(AssetType) == INSTRUMENTS.column("asset_type").isin
    assert set(get_args(Rating)) <= set(RATINGS)
    assert get_args(Direction) == ("LONG", "SHORT")


def test_engines_signals_and_metadata_of_selection_are_those_of_the_library() -> None:
    from quant_lib.selection import ENGINES, WEIGHT_SETS, scored_features
    from quant_lib.selection.matrix import SOURCES, STRATEGIES
    from quant_lib.selection.vetoes import _METADATA

    fields = SelectionConfig.model_fields
    assert set(get_args(SelectionEngine)) == set(ENGINES)
    assert set(get_args(Signal)) == set(scored_features())
    assert set(get_args(Signal)) - _NOT_IN_V4 == set(ENGINES["v4"].names)
    assert set(get_args(RankSignal)) <= set(SOURCES)
    assert set(get_args(fields["weight_set"].annotation)) == set(WEIGHT_SETS)
    assert set(get_args(get_args(fields["strategy"].annotation)[0])) == set(STRATEGIES)
    assert set(get_args(Metadata)) == _METADATA


def test_filters_and_their_defaults_are_those_of_the_library() -> None:
    from quant_lib.selection import AdvancedTrend, Percentile, Predictability, TrendRegime

    assert Predictability(**PredictabilityConfig().model_dump()) == Predictability()
    assert TrendRegime(**TrendRegimeConfig().model_dump()) == TrendRegime()
    assert AdvancedTrend(**AdvancedTrendConfig().model_dump()) == AdvancedTrend()
    assert Percentile(**PercentileConfig().model_dump()) == Percentile()


def test_selection_defaults_are_those_of_the_library() -> None:
    from quant_lib.selection.rules import SelectionRules
    from quant_lib.selection.vetoes import VetoRules

    config, rules, vetoes = SelectionConfig(), SelectionRules(), VetoRules()
    assert set(config.vetoes) == set(vetoes.health_statuses)
    assert config.turnover_min == vetoes.turnover_min
    assert config.rating == vetoes.rating
    assert config.cluster_threshold == rules.cluster_threshold
    assert (config.min_winners, config.max_winners) == (rules.min_winners, rules.max_winners)
    assert (config.max_stage, config.scarcity, config.max_clusters) == (
        rules.max_stage,
        rules.scarcity,
        rules.max_clusters,
    )
    assert (config.engine, config.liquidity_scale) == (rules.engine, rules.liquidity_scale)
    assert DarwinianConfig().required == vetoes.required_metadata
    assert DarwinianConfig().survival_min == vetoes.survival_min
    assert config.dominant_signal_weight == rules.dominant_weight
