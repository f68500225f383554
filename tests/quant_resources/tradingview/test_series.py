"""The conversation about one symbol, without a socket: bars read, hostile messages survived."""

from __future__ import annotations

import asyncio

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_resources.tradingview import BarRequest, TradingViewError
from quant_resources.tradingview._bars import (
    UnreadableBarsError,
    bars_frame,
    has_hole,
    index_span,
    merge_blocks,
    parse_block,
)
from quant_resources.tradingview._series import Series

METHODS = [
    "timescale_update",
    "du",
    "series_completed",
    "symbol_resolved",
    "symbol_error",
    "series_error",
    "critical_error",
    "series_loading",
    "series_timeframe",
]

SCALARS = st.sampled_from(
    [None, True, 0, -1, 2**63, 1.5, 1e100, 1e308, "", "x", "sds_1", "s1", "invalid symbol", "limit", [], {}, [[]], [{}]]
)
BARS = st.lists(st.fixed_dictionaries({"i": SCALARS, "v": st.lists(SCALARS, min_size=4, max_size=7)}), max_size=3)
BLOCKS = st.fixed_dictionaries(
    {"sds_1": SCALARS | st.fixed_dictionaries({"s": BARS | SCALARS}, optional={"t": SCALARS})}
)
GOOD = st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True).map(
    lambda times: {"sds_1": {"s": [{"i": k, "v": [float(t), 1, 2, 3, 4, 5]} for k, t in enumerate(times)], "t": "s1"}}
)
PARAMS = st.lists(SCALARS | BLOCKS | GOOD, max_size=5)


def new_series(loop, n=5):
    return Series(BarRequest("X:A", n), "cs_1", loop.create_future(), 0.1, loop.call_later)


CONVERSATIONS = st.lists(st.tuples(st.sampled_from(METHODS), PARAMS), max_size=6)


@settings(max_examples=200, deadline=None)
@given(CONVERSATIONS)
def test_no_message_makes_it_fall_over(messages):
    check_conversation(messages)


@pytest.mark.slow
@settings(max_examples=5_000, deadline=None)
@given(CONVERSATIONS)
def test_no_message_makes_it_fall_over_exhaustively(messages):
    check_conversation(messages)


def check_conversation(messages):
    loop = asyncio.new_event_loop()
    try:
        series = new_series(loop)
        for method, params in messages:
            answer = series.receive(method, ["cs_1", *params])
            assert answer is None or answer.startswith("~m~")
        if series.outcome.done():
            error = series.outcome.exception()
            assert error is None or isinstance(error, TradingViewError)
            if error is None:
                bars = series.outcome.result().bars
                assert bars.shape[1] == 6
                assert (np.diff(bars[:, 0]) > 0).all()
    finally:
        loop.close()


def test_nothing_happens_after_the_end():
    loop = asyncio.new_event_loop()
    try:
        series = new_series(loop)
        series.receive("symbol_error", ["cs_1", "sds_sym_1", "invalid symbol"])
        first = series.outcome.exception()
        series.receive("critical_error", ["cs_1", "exceed limit of series"])
        assert series.receive("series_completed", ["cs_1", "sds_1", "streaming", "s1", {}]) is None
        assert series.outcome.exception() is first
    finally:
        loop.close()


# -- blocks ------------------------------------------------------------------------------------------------------------


def row(time, *values):
    return {"i": 0, "v": [time, *values]}


def test_a_mix_of_bars_with_and_without_volume():
    bars = parse_block({"s": [row(1.0, 1, 2, 3, 4), row(2.0, 1, 2, 3, 4, 5), row(3.0, 1, 2, 3, 4, 5, 6)]})
    assert bars.shape == (3, 6)
    assert list(np.isnan(bars[:, 5])) == [True, False, False]
    assert list(bars[1:, 5]) == [5.0, 5.0]


def test_null_and_not_available_become_nan():
    bars = parse_block({"s": [row(1.0, None, 1e100, -1e100, 1e308, 5)]})
    assert list(np.isnan(bars[0])) == [False, True, True, True, True, False]


def test_no_bars():
    assert parse_block({}).shape == (0, 6)
    assert parse_block({"s": []}).shape == (0, 6)
    assert merge_blocks([]).shape == (0, 6)
    assert len(bars_frame(merge_blocks([]))) == 0
    assert str(bars_frame(merge_blocks([]))["open_time"].dtype) == "datetime64[us, UTC]"


@pytest.mark.parametrize("values", [(1, 2, 3), ("x", 1, 2, 3, 4), ([1], 2, 3, 4, 5), ({}, 1, 2, 3, 4)])
def test_what_is_no_bar_is_an_error(values):
    with pytest.raises(UnreadableBarsError):
        parse_block({"s": [row(1.0, *values)]})
    with pytest.raises(UnreadableBarsError):
        parse_block({"s": [row(1.0, 1, 2, 3, 4), row(1.0, *values)]})


@pytest.mark.parametrize("time", [float("inf"), -1e11, 253_402_300_800.0, 1e100, None])
def test_what_is_no_time_is_an_error(time):
    with pytest.raises(UnreadableBarsError):
        parse_block({"s": [row(time, 1, 2, 3, 4, 5)]})


def test_times_before_1970_are_times():
    frame = bars_frame(parse_block({"s": [row(-3_124_224_000.0, 1, 2, 3, 4, 5)]}))
    assert frame["open_time"][0] == pd.Timestamp("1870-12-31", tz="UTC")


@given(st.lists(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 99)), min_size=1, max_size=20), max_size=5))
def test_merging_agrees_with_a_dictionary(blocks):
    expected = {}
    arrays = []
    for block in blocks:
        expected.update(dict(block))
        arrays.append(np.array([[time, value, 0, 0, 0, 0] for time, value in block], dtype=float))
    merged = merge_blocks(arrays)
    assert [(int(bar[0]), int(bar[1])) for bar in merged] == sorted(expected.items())


@pytest.mark.parametrize(
    ("spans", "hole"),
    [
        ([], False),
        ([(0, 4)], False),
        ([(0, 4), (-3, -1)], False),
        ([(0, 4), (-8, -6)], True),
        ([(0, 4), (3, 3), (4, 5)], False),
        ([(0, 4), (6, 6)], True),
        ([(0, 9), (2, 3), (5, 12)], False),
        ([(-4, -1)], True),
        ([(-8, -5), (-4, -1)], True),
    ],
)
def test_holes(spans, hole):
    assert has_hole(spans) is hole


def test_index_span():
    assert index_span({"s": [{"i": -2}, {"i": -1}]}) == (-2, -1)
    for entries in ([{"i": 0}, {"i": 2}], [{"i": "0"}], [{}]):
        with pytest.raises(UnreadableBarsError):
            index_span({"s": entries})
