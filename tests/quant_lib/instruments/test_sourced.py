"""Figures say who vouches for them; a default never counts, and turnover has none."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from quant_lib.contracts import INSTRUMENTS
from quant_lib.instruments import (
    CLASS_DEFAULTS,
    SOURCED_VALUES,
    apply_defaults,
    decimals_of,
    metadata_coverage,
    supply,
    unknown,
)

from .conftest import FIRST, make_rows

ROWS = pd.RangeIndex(3)


def column(*values):
    return pd.DataFrame({"tick_size": list(values)}, index=ROWS)


@pytest.mark.parametrize("order", [("vendor", "exchange", "default"), ("default", "exchange", "vendor")])
def test_the_strongest_source_wins_whatever_the_order(order):
    told = {"vendor": column(0.1, 0.1, np.nan), "exchange": column(0.2, np.nan, np.nan), "default": column(1, 1, 1)}
    known = unknown(ROWS)
    for source in order:
        known = supply(known, told[source], source)
    assert known["tick_size"].tolist() == [0.2, 0.1, 1.0]
    assert known["tick_size_source"].tolist() == ["exchange", "vendor", "default"]
    assert (known["lot_size_source"] == "missing").all()
    assert known["lot_size"].isna().all()


@pytest.mark.parametrize("nonsense", [0.0, -1.0, np.nan, np.inf])
def test_nonsense_says_nothing(nonsense):
    known = supply(unknown(ROWS), column(nonsense, 0.1, 0.1), "exchange")
    assert known["tick_size_source"].tolist() == ["missing", "exchange", "exchange"]


def test_a_fee_may_be_nothing_at_all():
    known = supply(unknown(ROWS), pd.DataFrame({"maker_fee": [0.0, -0.1, 0.001]}, index=ROWS), "exchange")
    assert known["maker_fee_source"].tolist() == ["exchange", "missing", "exchange"]


def test_defaults_of_each_kind_are_those_of_the_table():
    kinds = pd.Series(["spot", "perp", "forex", "forex", "equity"])
    made = apply_defaults(unknown(kinds.index), kinds, pd.Series(["USDT", "USDT", "USD", "JPY", "USD"]))
    assert made["tick_size"].tolist() == [1e-8, 0.01, 1e-5, 1e-3, 0.01]
    assert made["lot_size"].tolist() == [0.001, 0.001, 1000.0, 1000.0, 1.0]
    assert made["price_precision"].tolist() == [8.0, 2.0, 5.0, 3.0, 2.0]
    assert (made["tick_size_source"] == "default").all()
    assert made["min_qty_source"].tolist() == ["default", "default", "missing", "missing", "missing"]
    assert set(CLASS_DEFAULTS) == set(INSTRUMENTS.column("asset_type").isin)


def test_turnover_has_no_default():
    names = {field.name for defaults in CLASS_DEFAULTS.values() for field in dataclasses.fields(defaults)}
    assert names == set(SOURCED_VALUES)
    assert not any("traded" in name or "volume" in name or "turnover" in name for name in names)


@pytest.mark.parametrize(
    ("tick", "decimals"),
    [(1.0, 0), (5.0, 0), (0.25, 2), (0.01, 2), (1e-8, 8), (1 / 32, 5), (1e-12, 12), (np.nan, np.nan)],
)
def test_decimals_of_a_grid(tick, decimals):
    np.testing.assert_equal(decimals_of(pd.Series([tick])).iloc[0], decimals)
    assert np.isnan(decimals_of(pd.Series([1e-13])).iloc[0])


def test_coverage_counts_only_what_somebody_vouches_for():
    vouched = {"tick_size": 0.1, "tick_size_source": "vendor", "price_precision_source": "vendor"}
    rows = make_rows(FIRST, {"B:A": vouched, "B:B": vouched | {"lot_size_source": "exchange"}, "B:C": {}})
    found = metadata_coverage(rows, ["tick_size", "price_precision"])
    assert found.complete_share == pytest.approx(2 / 3)
    assert found.failing[["symbol", "lacking"]].to_numpy().tolist() == [
        ["B:C", "tick_size is default, price_precision is default"]
    ]
    asked = metadata_coverage(rows, ["tick_size"], {"lot_size": rows["symbol"].isin(["B:A", "B:B"])})
    assert asked.failing["symbol"].tolist() == ["B:A", "B:C"]
    assert asked.shares == {"tick_size": pytest.approx(2 / 3), "lot_size": pytest.approx(0.5)}
    assert metadata_coverage(rows.iloc[:0], ["tick_size"]).complete_share == 0.0
