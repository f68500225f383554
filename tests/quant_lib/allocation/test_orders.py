"""Whole lots (semantics 9.4; design 10.12): what is held of a target weight."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_lib.allocation import size_orders


def sized(net: float, *, price=100.0, lot=0.01, least=10.0, capital=1_000.0, min_position=0.0) -> pd.Series:
    positions = pd.DataFrame({"symbol": ["X:A"], "net_weight": [net]})
    quotes = pd.DataFrame({"symbol": ["X:A"], "price": [price], "lot_size": [lot], "min_notional": [least]})
    return size_orders(positions, quotes, capital=capital, min_position=min_position).iloc[0]


@pytest.mark.parametrize(
    ("net", "options", "quantity", "note"),
    [
        (0.1234, {}, 1.23, ""),
        (-0.1234, {}, 1.23, ""),
        (0.3, {"lot": 0.1, "price": 0.3}, 1000.0, ""),
        (0.005, {}, 0.0, "below the exchange's smallest order"),
        (0.02, {"min_position": 0.03}, 0.0, "below the smallest position"),
        (0.5, {"lot": 10.0, "least": 0.0}, 0.0, "less than one lot"),
        (0.1234, {"lot": np.nan}, 1.234, "lot size not known"),
        (0.1234, {"lot": np.nan, "least": np.nan}, 1.234, "lot size and smallest order not known"),
        (0.1, {"price": np.nan}, np.nan, "price not known"),
    ],
)
def test_rounding_towards_zero(net: float, options: dict, quantity: float, note: str) -> None:
    row = sized(net, **options)
    assert row["net_weight"] == net
    assert row["quantity"] == pytest.approx(quantity, nan_ok=True)
    assert row["order_note"] == note
    price = options.get("price", 100.0)
    assert row["order_weight"] == pytest.approx(np.sign(net) * quantity * price / 1_000.0, nan_ok=True)


@given(st.floats(-1.0, 1.0), st.floats(0.01, 1e5), st.sampled_from([1e-5, 0.01, 1.0]), st.floats(1e3, 1e7))
def test_an_order_never_exceeds_its_target_and_misses_less_than_a_lot(
    net: float, price: float, lot: float, capital: float
) -> None:
    row = sized(net, price=price, lot=lot, least=0.0, capital=capital)
    assert abs(row["order_weight"]) <= abs(net) * (1 + 1e-11) + 1e-8 * lot * price / capital + 1e-12
    assert abs(net) - abs(row["order_weight"]) <= lot * price / capital * (1 + 1e-6) + 1e-12
    lots = row["quantity"] / lot
    assert lots == pytest.approx(round(lots), rel=1e-12, abs=1e-6)


def test_without_quotes_nothing_is_sized() -> None:
    positions = pd.DataFrame({"symbol": ["X:A"], "net_weight": [0.5]})
    found = size_orders(positions, None, capital=1.0)
    assert found[["price", "quantity", "order_weight"]].isna().all(axis=None)
    assert found["net_weight"].tolist() == [0.5]
