"""Every filter operation against a plain-Python reading of its definition."""

import datetime as dt
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_resources.market.clock import DAY
from quant_resources.market.screener import ScanRefusedError, read_request, scan
from quant_resources.market.screener._column import nothing, numbers, objects
from quant_resources.market.screener._filters import OPERATIONS

NOW = dt.datetime(2024, 5, 15, 9, 30, tzinfo=dt.UTC).timestamp()
N = 12

NAMES = [f"{base}{quote}" for base in ("BTC", "ETH", "PEPE", "XRP") for quote in ("USDT", "USDC", "TRY")]
CLOSE = [5.0, 3.0, None, 7.5, 5.0, 0.0, -2.0, 8.0, 5.0, None, 1.0, 4.0]
BEFORE = [4.0, 3.0, 2.0, 8.0, 6.0, 0.0, -1.0, None, 5.0, 1.0, 1.0, 3.0]
EMA50 = [4.5, 3.0, 1.0, 7.0, 5.5, None, -2.0, 8.5, 5.0, 2.0, 0.5, 5.0]
EMA50_BEFORE = [4.5, 2.0, 1.0, 9.0, 5.5, 1.0, -2.0, 8.5, 5.0, 2.0, 1.5, 3.0]
KIND = ["spot", "spot", "swap", None, "spot", "swap", "spot", "spot", "swap", "spot", None, "spot"]
SPECS = [
    ("crypto",), ("crypto", "defi"), (), ("crypto", "perpetual"), ("perpetual",), None,
    ("a",), (), ("crypto",), ("b", "c"), ("defi",), ("crypto",),
]  # fmt: skip
FLAG = [True, False, None, True, True, False, False, None, True, False, True, False]
DAYS_AGO = [0, 1, 2, None, 5, 8, 14, 15, 30, 45, -1, 60]


class Table:
    """Columns with known values; everything else the vendor knows is null."""

    now = NOW
    today = int(NOW // DAY)

    def __init__(self):
        self.instruments = [Row(name) for name in NAMES]

    def column(self, name, *, translated=False):
        del translated
        values = {
            ("close", 0): CLOSE,
            ("close", 1): BEFORE,
            ("EMA50", 0): EMA50,
            ("EMA50", 1): EMA50_BEFORE,
        }.get((name.base, name.back))
        if values is not None:
            return numbers([math.nan if value is None else value for value in values])
        if name.base == "time":
            return numbers([math.nan if ago is None else NOW - ago * DAY for ago in DAYS_AGO], whole=True)
        texts = {"name": NAMES, "type": KIND, "description": [f"{name} pair" for name in NAMES]}
        if name.base in texts:
            return objects("text", texts[name.base])
        if name.base == "typespecs":
            return objects("set", SPECS)
        if name.base == "is_primary":
            return objects("bool", FLAG)
        return nothing(N)


class Row:
    market = "crypto"
    type = "spot"

    def __init__(self, name):
        self.symbol = f"BINANCE:{name}"


TABLE = Table()


def kept(*filters, **body):
    _, rows = scan(TABLE, read_request("crypto", {"filter": list(filters), **body}))
    return [NAMES.index(symbol.removeprefix("BINANCE:")) for symbol, _ in rows]


def where(test):
    return [row for row in range(N) if test(row)]


def value(right, row, previous=False):
    """The right side in one row: a number, or a column."""
    if right == "EMA50":
        return (EMA50_BEFORE if previous else EMA50)[row]
    if right == "close":
        return (BEFORE if previous else CLOSE)[row]
    return right


COMPARE = {
    "greater": lambda a, b: a > b,
    "egreater": lambda a, b: a >= b,
    "less": lambda a, b: a < b,
    "eless": lambda a, b: a <= b,
    "above": lambda a, b: a > b,
    "below": lambda a, b: a < b,
    "equal": lambda a, b: a == b,
}
RIGHTS = [5, 5.0, -2, 0, 100, "EMA50", "close"]


@pytest.mark.parametrize("operation", COMPARE)
@pytest.mark.parametrize("right", RIGHTS)
def test_comparisons_are_false_on_null(operation, right):
    def holds(row):
        left, other = CLOSE[row], value(right, row)
        return left is not None and other is not None and COMPARE[operation](left, other)

    assert kept({"left": "close", "operation": operation, "right": right}) == where(holds)


@pytest.mark.parametrize("right", RIGHTS)
def test_not_equal_holds_on_null(right):
    equal = kept({"left": "close", "operation": "equal", "right": right})
    assert kept({"left": "close", "operation": "nequal", "right": right}) == where(lambda row: row not in equal)


@pytest.mark.parametrize(("low", "high"), [(3, 5), (5, 3), ("EMA50", 8), (-5, "EMA50")])
def test_ranges_of_numbers_include_their_ends(low, high):
    def inside(row):
        a, b, c = value(low, row), CLOSE[row], value(high, row)
        return None not in (a, b, c) and a <= b <= c

    assert kept({"left": "close", "operation": "in_range", "right": [low, high]}) == where(inside)
    outside = where(lambda row: CLOSE[row] is not None and not inside(row))
    assert kept({"left": "close", "operation": "not_in_range", "right": [low, high]}) == outside


@pytest.mark.parametrize("right", [["spot"], ["spot", "swap"], ["option"], []])
def test_ranges_of_texts_are_membership(right):
    assert kept({"left": "type", "operation": "in_range", "right": right}) == where(lambda row: KIND[row] in right)
    expected = where(lambda row: KIND[row] is not None and KIND[row] not in right)
    assert kept({"left": "type", "operation": "not_in_range", "right": right}) == expected


@pytest.mark.parametrize("right", [["crypto"], ["defi", "c"], ["x"], "crypto"])
def test_sets_intersect(right):
    wanted = {right} if isinstance(right, str) else set(right)

    def touches(row):
        return bool(wanted & set(SPECS[row] or ()))

    assert kept({"left": "typespecs", "operation": "has", "right": right}) == where(touches)
    assert kept({"left": "typespecs", "operation": "has_none_of", "right": right}) == where(
        lambda row: not touches(row)
    )
    if isinstance(right, list):
        assert kept({"left": "typespecs", "operation": "in_range", "right": right}) == where(touches)


@pytest.mark.parametrize(
    ("left", "null"),
    [
        ("close", lambda row: CLOSE[row] is None),
        ("type", lambda row: KIND[row] is None),
        ("typespecs", lambda row: not SPECS[row]),
        ("is_primary", lambda row: FLAG[row] is None),
        ("RSI", lambda row: True),
    ],
)
def test_null(left, null):
    assert kept({"left": left, "operation": "empty"}) == where(null)
    assert kept({"left": left, "operation": "nempty", "right": None}) == where(lambda row: not null(row))


@pytest.mark.parametrize("right", ["EMA50", 5, 0, 3])
def test_crossings_compare_with_the_bar_before(right):
    def sides(row):
        now, then = CLOSE[row], BEFORE[row]
        other, before = value(right, row), value(right, row, previous=True)
        if None in (now, then, other, before):
            return False, False
        return then <= before and now > other, then >= before and now < other

    above = where(lambda row: sides(row)[0])
    below = where(lambda row: sides(row)[1])
    assert kept({"left": "close", "operation": "crosses_above", "right": right}) == above
    assert kept({"left": "close", "operation": "crosses_below", "right": right}) == below
    assert kept({"left": "close", "operation": "crosses", "right": right}) == sorted(above + below)


@pytest.mark.parametrize("pattern", ["USDT$", "^BTC", "usd", "^(BTC|ETH)USD[TC]$", "PE{2}", "X.P", "nothing"])
def test_text_search_is_a_regular_expression_in_any_case(pattern):
    def found(row):
        return re.search(pattern, NAMES[row], re.IGNORECASE) is not None

    assert kept({"left": "name", "operation": "match", "right": pattern}) == where(found)
    assert kept({"left": "name", "operation": "smatch", "right": pattern}) == where(found)
    assert kept({"left": "name", "operation": "nmatch", "right": pattern}) == where(lambda row: not found(row))


def test_text_search_falls_back_to_a_substring_and_looks_in_several_columns():
    assert kept({"left": "name", "operation": "match", "right": "(USDT"}) == []
    assert kept({"left": "description", "operation": "match", "right": "T PAIR"}) == where(
        lambda row: NAMES[row].endswith("T")
    )
    assert kept({"left": "name,description", "operation": "match", "right": "pair$"}) == list(range(N))
    assert kept({"left": "type", "operation": "nmatch", "right": "spot"}) == where(lambda row: KIND[row] != "spot")


@pytest.mark.parametrize("factor", [1.0, 1.05, 0.5])
def test_scaled_comparisons(factor):
    pairs = where(lambda row: CLOSE[row] is not None and EMA50[row] is not None)
    above = [row for row in pairs if CLOSE[row] > EMA50[row] * factor]
    below = [row for row in pairs if CLOSE[row] < EMA50[row] * factor]
    assert kept({"left": "close", "operation": "above%", "right": ["EMA50", factor]}) == above
    assert kept({"left": "close", "operation": "below%", "right": ["EMA50", factor]}) == below


@pytest.mark.parametrize("factors", [[1.2], [0.9, 1.1], [1.1, 0.9], [0.5, 0.8]])
def test_scaled_ranges(factors):
    def inside(row):
        one, two = EMA50[row] * factors[0], EMA50[row] * (factors[1] if len(factors) == 2 else 1.0)
        return min(one, two) <= CLOSE[row] <= max(one, two)

    known = where(lambda row: CLOSE[row] is not None)
    expected = [row for row in known if EMA50[row] is not None and inside(row)]
    assert kept({"left": "close", "operation": "in_range%", "right": ["EMA50", *factors]}) == expected
    outside = [row for row in known if row not in expected]
    assert kept({"left": "close", "operation": "not_in_range%", "right": ["EMA50", *factors]}) == outside


@pytest.mark.parametrize("offsets", [[0, 0], [-1, 0], [-7, -2], [-60, 60], [1, 5]])
def test_calendar_ranges(offsets):
    def away(row, unit):
        if DAYS_AGO[row] is None:
            return None
        today = dt.datetime.fromtimestamp(NOW, dt.UTC).date()
        day = today - dt.timedelta(days=DAYS_AGO[row])
        if unit == "day":
            return (day - today).days
        if unit == "week":
            monday = [one - dt.timedelta(days=one.weekday()) for one in (day, today)]
            return (monday[0] - monday[1]).days // 7
        return (day.year - today.year) * 12 + day.month - today.month

    for unit in ("day", "week", "month"):
        expected = where(
            lambda row, unit=unit: away(row, unit) is not None and offsets[0] <= away(row, unit) <= offsets[1]
        )
        assert kept({"left": "time", "operation": f"in_{unit}_range", "right": offsets}) == expected


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("type", "spot", [row for row in range(N) if KIND[row] == "spot"]),
        ("type", "SPOT", []),
        ("is_primary", True, [row for row in range(N) if FLAG[row] is True]),
        ("is_primary", False, [row for row in range(N) if FLAG[row] is False]),
        ("is_primary", 1, []),
        ("close", "five", []),
    ],
)
def test_equality_is_strict_about_kind_and_case(left, right, expected):
    assert kept({"left": left, "operation": "equal", "right": right}) == expected
    rest = [row for row in range(N) if row not in expected]
    assert kept({"left": left, "operation": "nequal", "right": right}) == rest


def expression(left, operation, right):
    return {"expression": {"left": left, "operation": operation, "right": right}}


def branch(operator, *operands):
    return {"operator": operator, "operands": list(operands)}


def test_trees_nest_and_join_the_list_by_and():
    big, spot = expression("close", "greater", 4), expression("type", "equal", "spot")
    btc = expression("name", "match", "^BTC")
    tree = branch("or", btc, {"operation": branch("and", big, spot)})

    def holds(row):
        return NAMES[row].startswith("BTC") or (CLOSE[row] is not None and CLOSE[row] > 4 and KIND[row] == "spot")

    assert kept(filter2=tree) == where(holds)
    usdt = {"left": "name", "operation": "match", "right": "USDT$"}
    assert kept(usdt, filter2=tree) == where(lambda row: holds(row) and NAMES[row].endswith("USDT"))
    assert kept(filter2=branch("and")) == list(range(N))


@pytest.mark.parametrize(
    "body",
    [
        {"filter": [{"left": "close", "operation": "greater", "right": "five"}]},
        {"filter": [{"left": "close", "operation": "greater", "right": True}]},
        {"filter": [{"left": "close", "operation": "greater", "right": [1]}]},
        {"filter": [{"left": "close", "operation": "greater"}]},
        {"filter": [{"left": "type", "operation": "greater", "right": 1}]},
        {"filter": [{"left": "close", "operation": "in_range", "right": [1]}]},
        {"filter": [{"left": "close", "operation": "in_range", "right": 5}]},
        {"filter": [{"left": "close", "operation": "match", "right": "5"}]},
        {"filter": [{"left": "name", "operation": "match", "right": 5}]},
        {"filter": [{"left": "close", "operation": "has", "right": 5}]},
        {"filter": [{"left": "typespecs", "operation": "has", "right": 5}]},
        {"filter": [{"left": "typespecs", "operation": "has", "right": ["crypto", {}]}]},
        {"filter": [{"left": "close", "operation": "above%", "right": ["EMA50"]}]},
        {"filter": [{"left": "close", "operation": "in_range%", "right": "EMA50"}]},
        {"filter": [{"left": "close", "operation": "like", "right": 5}]},
        {"filter": [{"left": "close", "operation": None, "right": 5}]},
        {"filter": [{"operation": "equal", "right": 5}]},
        {"filter": ["close"]},
        {"filter": "close"},
        {"filter2": []},
        {"filter2": {"operator": "xor", "operands": []}},
        {"filter2": {"operator": "and", "operands": [{}]}},
        {"filter2": {"operator": "and", "operands": [{"expression": 5}]}},
        {"range": [0]},
        {"range": [-1, 5]},
        {"range": [0, -5]},
        {"range": [0.5, 5]},
        {"range": "all"},
        {"range": [0, True]},
        {"sort": {"sortBy": "close", "sortOrder": "up"}},
        {"sort": {"sortOrder": "asc"}},
        {"sort": {"sortBy": "ticker-view"}},
        {"columns": "close"},
        {"columns": [5]},
        {"symbols": []},
        {"symbols": {"tickers": "BINANCE:BTCUSDT"}},
        {"markets": "crypto"},
        {"price_conversion": {"to_currency": "usd"}},
        [],
        "scan",
    ],
)
def test_what_cannot_be_meant_is_refused(body):
    if isinstance(body, dict) and body.get("sort", {}).get("sortBy") == "ticker-view":
        table = Table()
        table.column = lambda name, translated=False: objects("object", [{}] * N)
    else:
        table = TABLE
    with pytest.raises(ScanRefusedError):
        scan(table, read_request("crypto", body))


@pytest.mark.parametrize(
    "name", ["change.5", "RSI|240[1]", "RSI|1D", "RSI|7", "nonsense", "", "name|60", "RSI[3]", "RSI["]
)
@pytest.mark.parametrize("place", ["columns", "filter", "sort", "right"])
def test_unknown_columns_are_named(name, place):
    body = {
        "columns": {"columns": [name]},
        "filter": {"filter": [{"left": name, "operation": "greater", "right": 1}]},
        "sort": {"sort": {"sortBy": name, "sortOrder": "asc"}},
        "right": {"columns": ["close", name, "volume"]},
    }[place]
    with pytest.raises(ScanRefusedError) as refusal:
        scan(TABLE, read_request("crypto", body))
    assert str(refusal.value) == f'Unknown field "{name}"'


def test_unknown_columns_can_be_ignored():
    total, rows = scan(TABLE, read_request("crypto", {"columns": ["nonsense", "close"], "ignore_unknown_fields": True}))
    assert total == N
    assert [row[1][0] for row in rows] == [None] * N


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("nulls_first", [False, True])
@pytest.mark.parametrize("column", ["close", "type", "is_primary", "time", "typespecs"])
def test_sorting_keeps_nulls_apart_and_ties_by_symbol(column, descending, nulls_first):
    values = {"close": CLOSE, "type": KIND, "is_primary": FLAG, "typespecs": [spec or None for spec in SPECS]}.get(
        column
    )
    values = values or [None if ago is None else -ago for ago in DAYS_AGO]
    known = sorted(where(lambda row: values[row] is not None), key=lambda row: values[row], reverse=False)
    if descending:  # a stable descending sort
        known = sorted(where(lambda row: values[row] is not None), key=lambda row: values[row], reverse=True)
    null = where(lambda row: values[row] is None)
    sort = {"sortBy": column, "sortOrder": "desc" if descending else "asc", "nullsFirst": nulls_first}
    assert kept(sort=sort) == (null + known if nulls_first else known + null)


@settings(max_examples=50)
@given(st.integers(0, 20), st.integers(0, 20))
def test_a_range_is_an_end_index_and_the_total_is_not_cut(first, stop):
    total, rows = scan(TABLE, read_request("crypto", {"columns": ["name"], "range": [first, stop]}))
    assert total == N
    assert [values for _, values in rows] == [[name] for name in NAMES[first:stop]]


def test_rows_without_columns_and_explicit_tickers():
    total, rows = scan(
        TABLE, read_request("crypto", {"symbols": {"tickers": ["BINANCE:XRPTRY", "BINANCE:NOPE", "binance:btcusdt"]}})
    )
    assert total == 2
    assert rows == [("BINANCE:BTCUSDT", []), ("BINANCE:XRPTRY", [])]


@pytest.mark.parametrize(
    ("market", "body", "count"),
    [
        ("crypto", {}, N),
        ("global", {}, N),
        ("america", {}, 0),
        ("global", {"markets": ["crypto"]}, N),
        ("global", {"markets": ["america"]}, 0),
        ("global", {"markets": []}, N),
        ("crypto", {"symbols": {"query": {"types": ["spot"]}}}, N),
        ("crypto", {"symbols": {"query": {"types": ["swap"]}}}, 0),
        ("global", {"symbols": {"symbolset": ["SYML:SP;SPX"]}}, 0),
    ],
)
def test_markets_types_and_index_sets(market, body, count):
    assert scan(TABLE, read_request(market, body))[0] == count


def test_every_operation_of_the_protocol_is_there():
    listed = (
        "greater egreater less eless equal nequal in_range not_in_range empty nempty crosses crosses_above "
        "crosses_below match nmatch smatch has has_none_of above% below% in_range% not_in_range% in_day_range "
        "in_week_range in_month_range above below"
    )
    assert set(OPERATIONS) == set(listed.split())


def test_conditions_do_not_change_the_table():
    before = [np.array(CLOSE, dtype=object).tolist(), list(KIND)]
    kept({"left": "close", "operation": "greater", "right": 1}, sort={"sortBy": "close", "sortOrder": "desc"})
    assert before == [CLOSE, KIND]
