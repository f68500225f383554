"""The configuration speaks the words of the library it configures."""

from __future__ import annotations

import dataclasses
from typing import get_args

from quant_lib.allocation import AllocationRequest
from quant_lib.contracts import HEALTH_STATUSES, INSTRUMENTS
from quant_lib.health import HealthRules
from quant_lib.objectives import SUPPORTED, EngineName, RiskProfile
from quant_lib.selection import RATINGS, VENDOR_COLUMNS, ScreenRules
from quant_resources.config import (
    SCREEN_FIELDS,
    HealthConfig,
    SelectionConfig,
)
from quant_resources.config._fields import NUMERIC_FIELDS, OPERATIONS
from quant_resources.config._sleeve import AllocationConfig, HealthVeto, Rating, RiskConfig, Signal
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
    assert set(SCREEN_FIELDS) <= set(VENDOR_COLUMNS)
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


def test_signals_are_those_the_selection_table_holds() -> None:
    from quant_lib.contracts import SELECTION
    from quant_lib.selection.scoring import SCORE_FEATURES

    scored = {feature.name for feature in SCORE_FEATURES}
    stored = {name.removeprefix("p_") for name in SELECTION.column_names if name.startswith("p_")}
    assert set(get_args(Signal)) == scored & stored


def test_selection_defaults_are_those_of_the_library() -> None:
    from quant_lib.selection.recruit import SelectionRules
    from quant_lib.selection.vetoes import VetoRules

    config, rules, vetoes = SelectionConfig(), SelectionRules(), VetoRules()
    assert set(config.vetoes) == set(vetoes.health_statuses)
    assert config.turnover_min == vetoes.turnover_min
    assert config.rating == vetoes.rating
    assert config.cluster_threshold == rules.cluster_threshold
    assert (config.min_winners, config.max_winners) == (rules.min_winners, rules.max_winners)
    assert config.feature_lookback == rules.feature_lookback
    assert config.dominant_signal_weight == rules.dominant_weight
