from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_lib.contracts import ATOMS, STRATEGY_RETURNS
from quant_lib.synthesis import AtomError, MissingStreamError, atom_identifier, make_atoms, synthetic_returns
from tests.examples import examples

TEXT = st.text(alphabet="AB_.:1", min_size=1, max_size=5)


def selected(*rows: tuple[str, str, str], cluster: int = 0) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["symbol", "logic", "direction"]).assign(cluster=cluster)


def test_atoms_carry_structured_fields_and_signed_factors() -> None:
    atoms = make_atoms(
        selected(("BINANCE:BTCUSDT", "rating_all", "LONG"), ("BINANCE:1000_CATUSDT.P", "rating_all_ma", "SHORT"))
    )
    by_symbol = atoms.set_index("symbol")
    assert by_symbol["factor"].to_dict() == {"BINANCE:BTCUSDT": 1.0, "BINANCE:1000_CATUSDT.P": -1.0}
    assert by_symbol.loc["BINANCE:1000_CATUSDT.P", "logic"] == "rating_all_ma"
    assert set(by_symbol["timescale"]) == {"1d"}
    assert atoms["atom_id"].str.fullmatch(r"atom_[0-9a-f]{12}").all()
    assert atoms["atom_id"].is_monotonic_increasing


def test_identifier_is_stable() -> None:
    # A stored decision refers to these ids: they may never change.
    assert atom_identifier("BINANCE:BTCUSDT", "rating_all", "LONG", "1d") == "atom_bc122a656714"


@settings(max_examples=examples(200))
@given(st.tuples(TEXT, TEXT, st.sampled_from(["LONG", "SHORT"])), st.tuples(TEXT, TEXT, st.sampled_from(["LONG"])))
def test_identifiers_differ_exactly_when_fields_do(first: tuple[str, ...], second: tuple[str, ...]) -> None:
    assert (atom_identifier(*first) == atom_identifier(*second)) == (first == second)


def test_underscores_cannot_move_between_fields() -> None:
    assert atom_identifier("A_B", "C", "LONG") != atom_identifier("A", "B_C", "LONG")


def test_meets_its_contract_also_when_empty() -> None:
    for rows in (selected(("X:A", "l", "LONG"), ("X:B", "l", "SHORT")), selected()):
        atoms = make_atoms(rows)
        stamped = atoms.assign(profile="sleeve", date=pd.Timestamp("2022-06-01"))
        stamped = stamped.astype({"profile": "str", "date": "datetime64[us]"})
        ATOMS.pandera_schema().validate(stamped)


def test_only_recruited_rows_of_a_selection_are_atoms() -> None:
    rows = selected(("X:A", "l", "LONG"), ("X:B", "l", "LONG")).assign(selected=[True, False])
    rows.loc[1, "cluster"] = -1
    assert make_atoms(rows)["symbol"].tolist() == ["X:A"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (selected(("X:A", "", "LONG")), "logic is missing: X:A"),
        (selected(("X:A", None, "LONG")), "logic is missing"),  # type: ignore[arg-type]
        (selected(("X:A", "l", "long")), "neither LONG nor SHORT"),
        (selected(("X:A", "l", "LONG"), cluster=-1), "cluster is not"),
        (selected(("X:A", "l", "LONG")).assign(cluster=np.nan), "cluster is not"),
        (selected(("X:A", "l", "LONG")).assign(cluster=0.5), "cluster is not"),
        (selected(("X:A", "l", "LONG"), ("X:A", "l", "LONG")), "repeat: X:A l LONG"),
        (selected(("X:A", "l", "LONG")).drop(columns="logic"), "columns missing from the selection are logic"),
    ],
)
def test_nothing_is_assumed_in_place_of_a_field(rows: pd.DataFrame, message: str) -> None:
    with pytest.raises(AtomError, match=message):
        make_atoms(rows)


def returns_of(**columns: list[float]) -> pd.DataFrame:
    frame = pd.DataFrame(columns)
    frame.index = pd.date_range("2022-01-01", periods=len(frame), name="bar_date")
    return frame.rename(columns=lambda name: f"X:{name}")


def test_long_is_the_return_and_short_its_capped_mirror() -> None:
    returns = returns_of(A=[0.01, -0.02, 1.5, 0.0], B=[0.5, -1.0, 3.0, 1.0])
    atoms = make_atoms(selected(("X:A", "l", "LONG"), ("X:A", "l", "SHORT"), ("X:B", "l", "SHORT")))
    streams = synthetic_returns(returns, atoms)
    ids = atoms.set_index(["symbol", "direction"])["atom_id"]
    assert streams[ids["X:A", "LONG"]].tolist() == [0.01, -0.02, 1.5, 0.0]
    assert streams[ids["X:A", "SHORT"]].tolist() == [-0.01, 0.02, -1.0, 0.0]
    assert streams[ids["X:B", "SHORT"]].tolist() == [-0.5, 1.0, -1.0, -1.0]
    assert streams.columns.is_monotonic_increasing
    pd.testing.assert_index_equal(streams.index, returns.index)


def test_a_short_in_a_falling_asset_gains_every_day() -> None:
    returns = returns_of(A=[-0.03] * 60)
    streams = synthetic_returns(returns, make_atoms(selected(("X:A", "momentum", "SHORT"))))
    np.testing.assert_allclose(streams.iloc[:, 0], 0.03)


def test_missing_returns_stay_missing() -> None:
    returns = returns_of(A=[0.01, np.nan, 0.02])
    for direction in ("LONG", "SHORT"):
        streams = synthetic_returns(returns, make_atoms(selected(("X:A", "l", direction))))
        assert streams.iloc[:, 0].isna().tolist() == [False, True, False]


def test_legs_of_a_spread_add_up() -> None:
    returns = returns_of(A=[0.10, 2.0], B=[0.02, 0.0])
    atoms = make_atoms(selected(("X:A", "pair", "SHORT")))
    second = atoms.assign(symbol="X:B", factor=0.5)
    streams = synthetic_returns(returns, pd.concat([atoms.assign(factor=-2.0), second]))
    np.testing.assert_allclose(streams.iloc[:, 0], [-0.2 + 0.01, -2.0], atol=1e-15)


def test_absent_symbol_is_an_error_that_names_it() -> None:
    atoms = make_atoms(selected(("X:A", "l", "LONG"), ("X:Z", "l", "LONG")))
    with pytest.raises(MissingStreamError, match="X:Z"):
        synthetic_returns(returns_of(A=[0.1]), atoms)


def test_no_atoms_make_no_streams() -> None:
    streams = synthetic_returns(returns_of(A=[0.1, 0.2]), make_atoms(selected()))
    assert streams.shape == (2, 0)


@settings(max_examples=examples(50))
@given(st.lists(st.floats(-1.0, 5.0), min_size=1, max_size=20))
def test_streams_stay_within_their_contract(path: list[float]) -> None:
    atoms = make_atoms(selected(("X:A", "l", "LONG"), ("X:A", "l", "SHORT")))
    streams = synthetic_returns(returns_of(A=path), atoms)
    bounds = STRATEGY_RETURNS.column("ret")
    assert streams.to_numpy().min() >= bounds.ge
    assert streams.to_numpy().max() <= bounds.le
