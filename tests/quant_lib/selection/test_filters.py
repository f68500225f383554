"""Vendor filters on features: every operation, nothing unknown passes, nothing unmapped is ignored."""

import math
import operator
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_lib.contracts import INSTRUMENTS
from quant_lib.errors import MissingDataError
from quant_lib.features.registry import FEATURES_TABLE
from quant_lib.selection import (
    VENDOR_COLUMNS,
    VENDOR_TYPES,
    NotPointInTimeError,
    ScreenRules,
    UnknownColumnError,
    UnsupportedFilterError,
    screen,
)
from quant_lib.selection._filters import TEXT_COLUMNS, judge_filter

FRAME = pd.DataFrame(
    {
        "recommend_all": [-0.5, 0.0, 0.5, math.nan],
        "close": [1.0, 2.0, 3.0, 4.0],
        "sma_50": [2.0, 2.0, math.nan, 2.0],
        "asset_type": ["spot", "perp", "spot", None],
        "quote": ["USDT", "TRY", "", None],
        "ticker": ["BTCUSDT", "BTCUSDT.P", "BTCTRY", "ETHUSDC"],
        "exchange": ["BINANCE", "BINANCE", "OKX", "OKX"],
    }
)


def passes(column, operation, value):
    return judge_filter(FRAME, (column, operation, value)).keep.tolist()


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("greater", [False, False, True, False]),
        ("above", [False, False, True, False]),
        ("egreater", [False, True, True, False]),
        ("less", [True, False, False, False]),
        ("below", [True, False, False, False]),
        ("eless", [True, True, False, False]),
        ("equal", [False, True, False, False]),
        ("nequal", [True, False, True, False]),
    ],
)
def test_comparisons(operation, expected):
    assert passes("Recommend.All", operation, 0) == expected


def test_ranges_include_their_ends():
    assert passes("Recommend.All", "in_range", [-0.5, 0.0]) == [True, True, False, False]
    assert passes("Recommend.All", "not_in_range", [-0.5, 0.0]) == [False, False, True, False]


def test_a_column_is_compared_with_another():
    assert passes("close", "greater", "SMA50") == [False, False, False, True]
    assert passes("close", "equal", "SMA50") == [False, True, False, False]


@pytest.mark.parametrize(
    ("column", "operation", "value", "expected"),
    [
        ("type", "equal", "spot", [True, False, True, False]),
        ("type", "equal", "swap", [False, True, False, False]),
        ("type", "nequal", "swap", [True, False, True, False]),
        ("type", "in_range", ["swap", "spot"], [True, True, True, False]),
        ("currency", "in_range", ["USDT", "USDC"], [True, False, False, False]),
        ("currency", "not_in_range", ["USDT"], [False, True, False, False]),
        ("currency", "nequal", "TRY", [True, False, False, False]),
        ("currency", "has", "TRY", [False, True, False, False]),
        ("currency", "has_none_of", ["TRY"], [True, False, False, False]),
        ("name", "match", "usdt$", [True, False, False, False]),
        ("name", "match", r"USD[TC](\.P)?$", [True, True, False, True]),
        ("name", "nmatch", r"\.P$", [True, False, True, True]),
        ("exchange", "equal", "OKX", [False, False, True, True]),
    ],
)
def test_text(column, operation, value, expected):
    assert passes(column, operation, value) == expected


@pytest.mark.parametrize(
    "column",
    ["sector", "24h_vol|5", "typespecs", "nonsense"],
)
def test_a_column_without_a_feature_is_an_error_that_names_the_alternatives(column):
    with pytest.raises(UnknownColumnError, match=r"point in time.*Recommend\.All"):
        judge_filter(FRAME, (column, "greater", 0))
    with pytest.raises(UnknownColumnError):
        ScreenRules(direction="LONG", filters=((column, "greater", 0),))
    with pytest.raises(UnknownColumnError):
        ScreenRules(direction="LONG", sort_by=column)


@pytest.mark.parametrize("column", ["Recommend.All|240", "ADX|1W", "market_cap_calc", "category"])
def test_a_column_that_only_a_live_scan_knows_never_passes_in_silence(column):
    with pytest.raises(NotPointInTimeError, match=re.escape(column)):
        judge_filter(FRAME, (column, "greater", 0))


def test_codes_are_listed():
    frame = pd.DataFrame({"category": [26.0, 27.0, 30.0, np.nan]})
    assert judge_filter(frame, ("category", "in_range", [26, 27, 44])).keep.tolist() == [True, True, False, False]
    assert judge_filter(frame, ("category", "not_in_range", [26, 27, 44])).keep.tolist() == [False, False, True, False]
    with pytest.raises(UnsupportedFilterError, match="code"):
        judge_filter(frame, ("category", "greater", 26))


def test_a_mapped_column_that_the_frame_lacks_is_an_error():
    with pytest.raises(MissingDataError, match="rsi_14"):
        judge_filter(FRAME, ("RSI", "greater", 30))
    with pytest.raises(MissingDataError, match="base"):
        judge_filter(FRAME, ("base_currency", "equal", "BTC"))


@pytest.mark.parametrize(
    "rule",
    [
        ("close", "crosses", 1),
        ("close", "match", "1"),
        ("close", "has", [1]),
        ("close", "greater", math.nan),
        ("close", "greater", math.inf),
        ("close", "greater", True),
        ("close", "greater", None),
        ("close", "greater", "currency"),
        ("close", "in_range", [2, 1]),
        ("close", "in_range", [1, 2, 3]),
        ("close", "in_range", "ab"),
        ("close", "in_range", 1),
        ("type", "equal", "warrant"),
        ("type", "match", "spot"),
        ("type", "greater", "spot"),
        ("currency", "equal", ["USDT"]),
        ("currency", "in_range", [1, 2]),
        ("currency", "in_range", 7),
        ("name", "match", "("),
        ("name", "match", 7),
    ],
)
def test_an_operation_or_value_that_does_not_fit_is_an_error(rule):
    with pytest.raises(UnsupportedFilterError) as error:
        judge_filter(FRAME, rule)
    assert rule[0] in str(error.value)
    assert rule[1] in str(error.value)


def test_instrument_types_map_into_the_catalogue_s_vocabulary():
    assert set(VENDOR_TYPES.values()) == set(INSTRUMENTS.column("asset_type").isin)


def test_every_figure_a_filter_may_read_is_a_stored_feature():
    stored = {column.name for column in FEATURES_TABLE.columns}
    figures = {name for name in VENDOR_COLUMNS.values() if name not in TEXT_COLUMNS}
    assert {{"adx": "adx_14"}.get(name, name) for name in figures} <= stored


def test_money_is_judged_in_dollars(universe):
    frame = universe(
        {
            "BINANCE:BTCUSDT": {"value_traded": 2e6},
            "BINANCE:USDTTRY": {"close": 30.0, "value_traded": 9e6},
            "BINANCE:AVAXTRY": {"value_traded": 1.5e7},
            "BINANCE:SOLTRY": {"value_traded": 6e7},
        }
    )
    rules = ScreenRules(direction="LONG", filters=(("Value.Traded", "greater", 1e6),))
    result = screen(frame, rules)
    assert set(result.candidates["symbol"]) == {"BINANCE:BTCUSDT", "BINANCE:SOLTRY"}
    drops = result.drops.set_index("symbol")
    assert drops.loc["BINANCE:AVAXTRY", "value"] == pytest.approx(5e5)
    assert drops.loc["BINANCE:AVAXTRY", "threshold"] == 1e6


FIGURES = st.lists(st.one_of(st.just(math.nan), st.integers(-3, 3).map(float)), max_size=12)
PAIRS = [("greater", "eless"), ("egreater", "less"), ("equal", "nequal"), ("in_range", "not_in_range")]
OPERATORS = {"greater": operator.gt, "egreater": operator.ge, "equal": operator.eq}


@given(FIGURES, st.sampled_from(PAIRS), st.integers(-3, 3))
def test_an_operation_and_its_negation_share_out_what_is_known(figures, pair, limit):
    frame = pd.DataFrame({"adx": np.array(figures, dtype="float64")})
    value = [limit, limit + 1] if pair[0] == "in_range" else limit
    first, second = (judge_filter(frame, ("ADX", operation, value)).keep for operation in pair)
    known = ~np.isnan(frame["adx"].to_numpy())
    assert not (first & second).any()
    assert ((first | second) == known).all()
    if pair[0] in OPERATORS:
        expected = [not math.isnan(x) and OPERATORS[pair[0]](x, limit) for x in figures]
        assert first.tolist() == expected
