"""Sums that stand for which rows a file holds: the same for any order, another for any other row."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from quant_lib.contracts.witness import witness_by_month

NAMES = ("A", "B", "C", "D")
ROWS = st.lists(
    st.tuples(st.sampled_from(["A", "B", "C"]), st.integers(19_000, 19_090), st.integers(-(2**63), 2**63 - 1)),
    unique_by=lambda row: row[:2],
    min_size=1,
    max_size=30,
)


def witness(rows, names=NAMES):
    codes = np.array([names.index(symbol) for symbol, _, _ in rows], np.int64)
    days = np.array([day for _, day, _ in rows], np.int64).astype("datetime64[D]")
    return witness_by_month(codes, names, days, np.array([value for _, _, value in rows], np.int64))


@given(ROWS, st.randoms())
def test_neither_the_order_of_rows_nor_of_names_matters(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert witness(shuffled) == witness(rows)
    assert witness(rows, ("C", "A", "B")) == witness(rows)


@given(ROWS)
def test_every_month_is_told_by_its_rows_alone(rows):
    months = {}
    for row in rows:
        months.setdefault(str(np.datetime64(row[1], "D").astype("datetime64[M]")), []).append(row)
    assert witness(rows) == {month: witness(mine)[month] for month, mine in months.items()}
    assert {month: n for month, (n, _) in witness(rows).items()} == {m: len(mine) for m, mine in months.items()}


@given(ROWS, st.data())
def test_another_symbol_date_or_fingerprint_is_another_sum(rows, data):
    at = data.draw(st.integers(0, len(rows) - 1))
    symbol, day, value = rows[at]
    for other in (("D", day, value), (symbol, day + 100, value), (symbol, day, value ^ 1)):
        assert witness([*rows[:at], other, *rows[at + 1 :]]) != witness(rows)
    if len(rows) > 1:
        assert witness(rows[:at] + rows[at + 1 :]) != witness(rows)


def test_two_symbols_that_swap_their_fingerprints_are_seen():
    assert witness([("A", 19_000, 5), ("B", 19_000, 7)]) != witness([("A", 19_000, 7), ("B", 19_000, 5)])
    assert witness_by_month(np.array([], int), [], np.array([], "M8[D]"), np.array([], np.int64)) == {}
