"""The registry declares everything the table and the kernels need, and importing it costs nothing heavy."""

import subprocess
import sys
from pathlib import Path

import pytest

from quant_lib.features import FEATURE_BY_NAME, FEATURE_SET_VERSION, FEATURES, FEATURES_TABLE
from quant_lib.features._kernels import kernel_of
from quant_lib.features.registry import Feature, feature_set_version

ROOT = Path(__file__).parents[3]
COLUMNS = """
date symbol close volume recommend_all recommend_ma recommend_other recommend_all_weighted n_votes_ma n_votes_other
sma_10 sma_20 sma_30 sma_50 sma_100 sma_200 ema_10 ema_20 ema_30 ema_50 ema_100 ema_200 hma_9 vwma_20 sma200_slope
adx_14 dmp_14 dmn_14 donchian_upper_20 donchian_lower_20 bb_width_20 atr_14 ichimoku_conv ichimoku_base
rsi_14 stoch_k stoch_d stoch_rsi_k stoch_rsi_d cci_20 ao mom_10 macd macd_signal macd_hist willr_14 bb_power uo
momentum_20 momentum_60 momentum_120 momentum volatility volatility_d value_traded turnover change stability roc_10
volume_change_pct perf_w perf_1m perf_3m perf_6m perf_y
entropy entropy_noise_pct entropy_3 entropy_3_noise_pct efficiency efficiency_noise_pct hurst hurst_noise_pct trendiness
turbulence turbulence_noise_pct autocorr_1 autocorr_1_noise_pct ljung_box_p memory_depth half_life half_life_noise_pct adf_p trend_duration
skew skew_noise_pct kurtosis kurtosis_noise_pct var_95 var_95_noise_pct cvar_95 cvar_95_noise_pct tail_gain tail_gain_noise_pct max_drawdown_252 survival antifragility n_bars segment
knowledge_time feature_set_version bars_digest
"""


def test_the_table_has_the_columns_others_build_on():
    assert FEATURES_TABLE.column_names == tuple(COLUMNS.split())
    assert FEATURES_TABLE.key == ("date", "symbol")
    assert FEATURES_TABLE.layer == "L1"
    assert FEATURES_TABLE.ownership == "shared"


def test_names_are_unique_and_found_by_name():
    assert len(FEATURE_BY_NAME) == len(FEATURES)
    assert [FEATURE_BY_NAME[f.name] for f in FEATURES] == list(FEATURES)


@pytest.mark.parametrize("feature", FEATURES, ids=[f.name for f in FEATURES])
def test_every_declaration_is_complete(feature):
    assert feature.description
    assert feature.source
    assert isinstance(feature.kernel, str)
    assert callable(kernel_of(feature))
    known = set(FEATURE_BY_NAME) if feature.cross_section else {"high", "low", "close", "volume", "date"}
    assert set(feature.inputs) <= known
    assert feature.inputs or feature.name in {"n_bars", "segment"}
    assert feature.warmup >= 1
    if feature.unbounded:
        assert feature.settle is None or feature.settle > feature.warmup
    else:
        assert feature.settle == feature.warmup
    assert feature.warmup == 1 or feature.nullable


def test_integers_are_never_missing_and_ratings_are_bounded():
    for feature in FEATURES:
        assert feature.type == "float64" or not feature.nullable
        if feature.name.startswith("recommend_"):
            assert -1.0 <= feature.ge < feature.le <= 1.0


def test_the_version_names_the_rule_set():
    assert feature_set_version() == FEATURE_SET_VERSION
    assert feature_set_version("pine3") == f"{FEATURE_SET_VERSION}+pine3"


def test_a_feature_declares_its_column():
    column = FEATURE_BY_NAME["adx_14"].column()
    assert (column.name, column.unit, column.nullable, column.ge, column.le) == ("adx_14", "percent", True, 0.0, 100.0)
    own = Feature("x", "", "", (), lambda block: block.close, 1, 1, "here")
    assert own.column().type == "float64"


def test_importing_the_registry_loads_nothing_heavy():
    code = (
        "import sys, quant_lib.features.registry, quant_lib.features, quant_lib.indicators;"
        "print(sorted({'numba', 'scipy', 'pandas', 'numpy', 'pyarrow'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert loaded.stdout.strip() == "[]"
