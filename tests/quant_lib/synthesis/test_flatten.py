from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_lib.contracts import POSITIONS
from quant_lib.synthesis import ConservationError, Flattened, UnknownAtomError, flatten, make_atoms
from quant_lib.synthesis import _flatten as module
from tests.examples import examples


def book(*rows: tuple[str, str, str, float]) -> tuple[pd.Series, pd.DataFrame]:
    frame = pd.DataFrame(rows, columns=["symbol", "logic", "direction", "weight"])
    atoms = make_atoms(frame.assign(cluster=0))
    keyed = frame.merge(atoms, on=["symbol", "logic", "direction"])
    return keyed.set_index("atom_id")["weight"].astype("float64"), atoms


def test_signs_follow_direction() -> None:
    flat = flatten(*book(("X:A", "l", "LONG", 0.3), ("X:B", "l", "SHORT", 0.7)))
    positions = flat.positions.set_index("symbol")
    assert positions["net_weight"].to_dict() == {"X:A": 0.3, "X:B": -0.7}
    assert positions["weight"].to_dict() == {"X:A": 0.3, "X:B": 0.7}
    assert positions["direction"].to_dict() == {"X:A": "LONG", "X:B": "SHORT"}
    assert (flat.gross_before, flat.gross_after) == (1.0, 1.0)
    assert flat.net == pytest.approx(-0.4)
    assert not flat.conflict
    assert flat.conflicts.empty
    assert flat.dropped.empty


def test_atoms_of_one_side_add_up_and_are_listed() -> None:
    weights, atoms = book(
        ("X:A", "rating_all", "LONG", 0.3), ("X:A", "rating_ma", "LONG", 0.2), ("X:B", "l", "LONG", 0.5)
    )
    flat = flatten(weights, atoms)
    row = flat.positions.set_index("symbol").loc["X:A"]
    assert row["net_weight"] == pytest.approx(0.5)
    assert row["atoms"].split(",") == sorted(atoms.loc[atoms["symbol"] == "X:A", "atom_id"])
    assert flat.netting == 0.0


def test_opposite_sides_net_are_reported_and_never_rescaled() -> None:
    flat = flatten(*book(("X:A", "l", "LONG", 0.4), ("X:A", "l", "SHORT", 0.1), ("X:B", "l", "SHORT", 0.5)))
    assert flat.gross_before == pytest.approx(1.0)
    assert flat.gross_after == pytest.approx(0.8)
    assert flat.netting == pytest.approx(0.2)
    assert flat.netting_share == pytest.approx(0.2)
    assert flat.conflict
    assert flat.conflicts.round(12).to_dict("records") == [
        {"symbol": "X:A", "long": 0.4, "short": 0.1, "net_weight": 0.3}
    ]
    assert flat.net == pytest.approx(-0.2)


@pytest.mark.parametrize(("short", "conflict"), [(0.004, False), (0.006, True)])
def test_one_percent_of_gross_is_the_limit(short: float, conflict: bool) -> None:
    flat = flatten(*book(("X:A", "l", "LONG", 1.0 - short), ("X:A", "l", "SHORT", short)))
    assert flat.netting == pytest.approx(2 * short)
    assert flat.conflict is conflict
    assert len(flat.conflicts) == 1


def test_what_has_no_position_is_dropped_with_a_reason() -> None:
    flat = flatten(
        *book(
            ("X:A", "l", "LONG", 0.25),
            ("X:A", "l", "SHORT", 0.25),
            ("X:B", "l", "LONG", 0.0),
            ("X:C", "l", "LONG", 0.5),
        )
    )
    assert flat.positions["symbol"].tolist() == ["X:C"]
    assert dict(flat.dropped[["symbol", "reason"]].to_numpy().tolist()) == {"X:A": "netted_out", "X:B": "zero_weight"}


def test_zero_weight_atom_is_not_behind_a_position() -> None:
    weights, atoms = book(("X:A", "one", "LONG", 0.5), ("X:A", "two", "LONG", 0.0))
    behind = flatten(weights, atoms).positions.loc[0, "atoms"]
    assert behind == weights.index[weights > 0][0]


def test_cash_is_an_empty_book_that_meets_the_contract() -> None:
    for weights, atoms in (book(), book(("X:A", "l", "LONG", 0.6), ("X:B", "l", "SHORT", 0.4))):
        flat = flatten(weights, atoms)
        types = POSITIONS.pandas_types()
        assert {name: str(kind) for name, kind in flat.positions.dtypes.items()} == {
            name: types[name] for name in flat.positions.columns
        }
        assert flat.gross_after == pytest.approx(weights.sum())
        assert not flat.conflict


@settings(max_examples=examples(80), deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("ABCD"), st.sampled_from(["x", "y_z"]), st.sampled_from(["LONG", "SHORT"])),
        unique=True,
        max_size=12,
    ),
    st.integers(0, 2**32 - 1),
)
def test_capital_is_conserved(keys: list[tuple[str, str, str]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    raw = rng.dirichlet(np.ones(len(keys))) if keys else []
    weights, atoms = book(*((f"X:{s}", logic, d, float(w)) for (s, logic, d), w in zip(keys, raw, strict=True)))
    flat = flatten(weights, atoms)
    signs = atoms.set_index("atom_id")["factor"].reindex(weights.index)
    assert flat.net == pytest.approx(float((weights * signs).sum()), abs=1e-12)
    assert flat.gross_before == pytest.approx(float(weights.sum()), abs=1e-12)
    assert flat.gross_after == pytest.approx(flat.positions["net_weight"].abs().sum(), abs=1e-12)
    assert flat.gross_after <= flat.gross_before + 1e-12
    assert len(flat.positions) + len(flat.dropped) == atoms["symbol"].nunique()
    shuffled = flatten(weights.iloc[::-1], atoms.iloc[::-1])
    pd.testing.assert_frame_equal(shuffled.positions, flat.positions)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda w: pd.concat([w, w.iloc[:1]]), "ids repeat"),
        (lambda w: w.rename({w.index[0]: "atom_of_another_day"}), "do not exist: atom_of_another_day"),
        (lambda w: w.iloc[1:], "atoms without a weight"),
        (lambda w: w - 0.5, "negative or not a number"),
        (lambda w: w * np.nan, "negative or not a number"),
    ],
)
def test_weights_of_other_atoms_are_refused(spoil, message: str) -> None:
    weights, atoms = book(("X:A", "l", "LONG", 0.3), ("X:B", "l", "SHORT", 0.7))
    with pytest.raises(UnknownAtomError, match=message):
        flatten(spoil(weights), atoms)


def test_lost_capital_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    weights, atoms = book(("X:A", "l", "LONG", 0.3), ("X:B", "l", "SHORT", 0.7))
    assemble = module._assemble

    def loses_a_position(books: dict[str, module._Book], limit: float) -> Flattened:
        return assemble(dict(list(books.items())[:-1]), limit)

    monkeypatch.setattr(module, "_assemble", loses_a_position)
    with pytest.raises(ConservationError, match="net exposure"):
        flatten(weights, atoms)


def test_netting_is_reported_as_columns() -> None:
    atoms = make_atoms(
        pd.DataFrame(
            {
                "symbol": ["X:A", "X:A", "X:B"],
                "logic": ["one", "two", "one"],
                "direction": ["LONG", "SHORT", "LONG"],
                "cluster": 0,
            }
        )
    )
    by_name = atoms.set_index(["symbol", "direction"])["atom_id"]
    weights = pd.Series({by_name["X:A", "LONG"]: 0.5, by_name["X:A", "SHORT"]: 0.2, by_name["X:B", "LONG"]: 0.3})
    columns = flatten(weights, atoms).columns()
    assert columns == {
        "gross_before": pytest.approx(1.0),
        "netting_share": pytest.approx(0.4),
        "netting_conflict": True,
        "netted": '{"X:A": [0.5, 0.2]}',
    }
    quiet = pd.Series({by_name["X:A", "LONG"]: 0.7, by_name["X:A", "SHORT"]: 0.0, by_name["X:B", "LONG"]: 0.3})
    assert flatten(quiet, atoms).columns()["netted"] == "{}"
    assert flatten(quiet, atoms).columns()["netting_conflict"] is False
