"""Whatever a client sends, the server answers in the protocol's words and nothing else escapes."""

import datetime as dt
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_resources.market import Clock, Faults
from quant_resources.market._chart import ChartDesk
from quant_resources.market._connection import ProtocolViolationError, _parse
from quant_resources.market._quotes import QuoteDesk
from quant_resources.market._view import MarketView
from quant_resources.market.clock import DAY
from quant_resources.market.faults import FaultPlan
from quant_resources.market.screener import ScanRefusedError, Snapshot, read_request, scan

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(
        ["c", "s", "a", "s1", "1D", "X:A", "=", '={"symbol":"X:A"}', "r,1:2", "", "bar_count", "ALL", "60"]
    ),
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
CHART = """chart_create_session chart_delete_session switch_timezone resolve_symbol create_series modify_series
remove_series request_more_data request_more_tickmarks create_study modify_study remove_study set_future_tickmarks_mode"""
QUOTE = """quote_create_session quote_delete_session quote_set_fields quote_add_symbols quote_remove_symbols
quote_fast_symbols quote_hibernate_all quote_unheard_of"""
methods = st.sampled_from(CHART.split())
quote_methods = st.sampled_from(QUOTE.split())


@pytest.fixture(scope="module")
def view(lab):
    now = dt.datetime.fromtimestamp(lab.DAY_ZERO + 30 * DAY + 99, dt.UTC)
    bars = lab.make_bars([float(price) for price in range(10, 60)])
    return MarketView(lab.ListSource({"X:A": bars, "X:B": bars}), Clock.at(now))


@settings(max_examples=40)
@given(st.lists(st.tuples(methods, st.lists(values, max_size=8)), max_size=6))
def test_any_chart_message_is_answered_in_the_protocols_words(view, messages):
    sent = []
    desk = ChartDesk(view, FaultPlan(Faults()), sent.append)
    for opening in (("chart_create_session", ["c"]), ("resolve_symbol", ["c", "s", "X:A"])):
        desk.handle(*opening)
    desk.handle("create_series", ["c", "a", "s1", "s", "1D", 3])
    for method, params in messages:
        # Sent as JSON, so only what JSON can hold arrives; half of them reach the session that exists.
        desk.handle(method, ["c", *params] if len(params) % 2 else params)
    desk.release()
    for text in sent:
        message = json.loads(text)
        assert isinstance(message["p"], list)
        assert message["m"] in {
            "series_loading", "symbol_resolved", "symbol_error", "timescale_update", "series_completed", "series_error",
            "critical_error", "series_timeframe", "study_error", "study_deleted",
        }  # fmt: skip


@settings(max_examples=30)
@given(st.lists(st.tuples(quote_methods, st.lists(values, max_size=5)), max_size=6))
def test_any_quote_message_is_answered_in_the_protocols_words(view, messages):
    sent = []
    desk = QuoteDesk(view, FaultPlan(Faults()), lambda *texts: sent.extend(texts))
    desk.handle("quote_create_session", ["c"])
    for method, params in messages:
        desk.handle(method, ["c", *params])
    desk.roll()
    assert {json.loads(text)["m"] for text in sent} <= {"qsd", "quote_completed", "critical_error"}


@settings(max_examples=60)
@given(st.text(max_size=60) | values.map(json.dumps))
def test_a_payload_is_a_message_or_a_violation(text):
    try:
        parsed = _parse(text)
    except ProtocolViolationError as error:
        parsed = error.text
    assert parsed == "wrong data" or (isinstance(parsed[0], str) and isinstance(parsed[1], list))


keys = st.sampled_from(
    ["columns", "filter", "filter2", "sort", "range", "symbols", "markets", "price_conversion", "preset"]
)
conditions = st.fixed_dictionaries(
    {
        "left": st.sampled_from(["close", "name", "typespecs", "time", "active_symbol", "ticker-view", "nope"]),
        "operation": st.sampled_from(
            ["greater", "equal", "in_range", "match", "has", "crosses", "above%", "in_day_range", "x"]
        ),
        "right": values | st.sampled_from(["EMA50", ["close", 2], [0, 0], ["a"]]),
    }
)


@settings(max_examples=60)
@given(st.dictionaries(keys, values, max_size=3), st.lists(conditions, max_size=3))
def test_any_request_is_answered_or_refused(view, body, filters):
    snapshot = Snapshot(view, view.now())
    body.setdefault("filter", filters)
    try:
        total, rows = scan(snapshot, read_request("crypto", body))
    except ScanRefusedError as error:
        text, total, rows = error.text, 0, []
    else:
        text = "answered"
    assert text
    assert 0 <= len(rows) <= total <= 2
