from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from quant_lib.synthesis import DirectionalSignError, SignTest, flatten, make_atoms, sign_test, synthetic_returns

ENGINE = {"engine": "custom", "risk_profile": "hrp"}


def chain(direction: str | None = None) -> dict[str, Any]:
    """Correct inputs of a whole chain: underscored logics and tickers, jumps above 100 %."""
    rng = np.random.default_rng(0)
    symbols = ["BINANCE:A_BUSDT", "BINANCE:BTCUSDT", "BINANCE:ETHUSDT.P"]
    returns = pd.DataFrame(
        rng.standard_normal((40, 3)) * 0.05, index=pd.date_range("2022-01-01", periods=40), columns=symbols
    )
    returns.iloc[5, 0] = 1.7
    directions = [direction] * 3 if direction else ["SHORT", "LONG", "SHORT"]
    atoms = make_atoms(pd.DataFrame({"symbol": symbols, "logic": "rating_all", "direction": directions, "cluster": 0}))
    weights = pd.Series([0.5, 0.3, 0.2], index=atoms["atom_id"])
    return {
        "streams": synthetic_returns(returns, atoms),
        "returns": returns,
        "atoms": atoms,
        "direction": direction,
        "weights": weights.rename("weight").reset_index().assign(**ENGINE),
        "positions": flatten(weights, atoms).positions.assign(**ENGINE),
    }


def codes(result: SignTest, level: str = "ERROR") -> set[str]:
    return {finding.code for finding in result.findings if finding.level == level}


@pytest.mark.parametrize("direction", [None, "LONG", "SHORT"])
def test_a_correct_chain_passes_and_everything_was_checked(direction: str | None) -> None:
    result = sign_test(**chain(direction))
    assert result.findings == ()
    assert (result.errors, result.warnings, result.passed) == (0, 0, True)
    assert (result.n_atoms_checked, result.n_rows_checked) == (3, 40)
    result.raise_for_errors()


def test_streams_alone_before_optimisation() -> None:
    result = sign_test(**(chain("SHORT") | {"weights": None, "positions": None}))
    assert result.passed
    assert result.n_atoms_checked == 3


def spoil_stream(inputs: dict[str, Any], direction: str, change) -> None:
    atoms = inputs["atoms"]
    atom_id = atoms.loc[atoms["direction"] == direction, "atom_id"].iloc[0]
    inputs["streams"] = inputs["streams"].assign(**{atom_id: change(inputs["streams"][atom_id])})


def long_flipped(inputs: dict[str, Any]) -> None:
    spoil_stream(inputs, "LONG", lambda s: -s)


def short_not_inverted(inputs: dict[str, Any]) -> None:
    spoil_stream(inputs, "SHORT", lambda s: -s)


def short_not_capped(inputs: dict[str, Any]) -> None:
    atoms = inputs["atoms"]
    atom_id = atoms.loc[atoms["symbol"] == "BINANCE:A_BUSDT", "atom_id"].iloc[0]
    inputs["streams"] = inputs["streams"].assign(**{atom_id: -inputs["returns"]["BINANCE:A_BUSDT"]})


def long_has_nan(inputs: dict[str, Any]) -> None:
    spoil_stream(inputs, "LONG", lambda s: s.where(np.arange(len(s)) != 7))


def both_have_nan(inputs: dict[str, Any]) -> None:
    inputs["returns"] = inputs["returns"].copy()
    inputs["returns"].iloc[7] = np.nan
    inputs["streams"] = synthetic_returns(inputs["returns"], inputs["atoms"])


def streams_absent(inputs: dict[str, Any]) -> None:
    inputs["streams"] = None


def returns_absent(inputs: dict[str, Any]) -> None:
    inputs["returns"] = None


def streams_empty(inputs: dict[str, Any]) -> None:
    inputs["streams"] = inputs["streams"].iloc[:0]


def returns_empty(inputs: dict[str, Any]) -> None:
    inputs["returns"] = inputs["returns"].iloc[:, :0]


def disjoint_sessions(inputs: dict[str, Any]) -> None:
    inputs["streams"] = inputs["streams"].set_axis(inputs["streams"].index + pd.Timedelta(days=1000))


def physical_column_absent(inputs: dict[str, Any]) -> None:
    inputs["returns"] = inputs["returns"].drop(columns="BINANCE:BTCUSDT")


def stream_column_absent(inputs: dict[str, Any]) -> None:
    inputs["streams"] = inputs["streams"].iloc[:, 1:]


def stream_of_nobody(inputs: dict[str, Any]) -> None:
    inputs["streams"] = inputs["streams"].assign(atom_other=0.0)


def factor_against_direction(inputs: dict[str, Any]) -> None:
    inputs["atoms"] = inputs["atoms"].assign(factor=-inputs["atoms"]["factor"])


def sleeve_of_the_other_side(inputs: dict[str, Any]) -> None:
    inputs["direction"] = "LONG"


def negative_weight(inputs: dict[str, Any]) -> None:
    inputs["weights"].loc[0, "weight"] = -0.1


def undefined_weight(inputs: dict[str, Any]) -> None:
    inputs["weights"].loc[0, "weight"] = np.nan


def weight_of_nobody(inputs: dict[str, Any]) -> None:
    inputs["weights"].loc[0, "atom_id"] = "atom_other"


def weights_unreadable(inputs: dict[str, Any]) -> None:
    inputs["weights"] = inputs["weights"].rename(columns={"weight": "w"})


def weights_repeat(inputs: dict[str, Any]) -> None:
    inputs["weights"] = pd.concat([inputs["weights"], inputs["weights"].iloc[:1]])


def short_held_long(inputs: dict[str, Any]) -> None:
    inputs["positions"]["net_weight"] = inputs["positions"]["net_weight"].abs()
    inputs["positions"]["direction"] = "LONG"


def label_against_sign(inputs: dict[str, Any]) -> None:
    inputs["positions"]["direction"] = "LONG"


def position_of_nobody(inputs: dict[str, Any]) -> None:
    inputs["positions"].loc[0, "symbol"] = "BINANCE:XUSDT"


def position_halved(inputs: dict[str, Any]) -> None:
    inputs["positions"]["net_weight"] /= 2.0


def position_undefined(inputs: dict[str, Any]) -> None:
    inputs["positions"].loc[0, "net_weight"] = np.nan


def position_absent(inputs: dict[str, Any]) -> None:
    inputs["positions"] = inputs["positions"].iloc[1:]


def other_profile_flipped(inputs: dict[str, Any]) -> None:
    other = {"risk_profile": "min_variance"}
    flipped = inputs["positions"].assign(**other, net_weight=-inputs["positions"]["net_weight"])
    inputs["weights"] = pd.concat([inputs["weights"], inputs["weights"].assign(**other)])
    inputs["positions"] = pd.concat([inputs["positions"], flipped])


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (streams_absent, "SIGNTEST_MISSING_SYNTHETIC"),
        (returns_absent, "SIGNTEST_MISSING_RAW"),
        (streams_empty, "SIGNTEST_EMPTY_SYNTHETIC"),
        (returns_empty, "SIGNTEST_EMPTY_RAW"),
        (disjoint_sessions, "SIGNTEST_NO_ROWS"),
        (physical_column_absent, "SIGNTEST_MISSING_PHYSICAL_COL"),
        (stream_column_absent, "SIGNTEST_MISSING_STREAM"),
        (stream_of_nobody, "SIGNTEST_UNKNOWN_STREAM"),
        (long_flipped, "SIGNTEST_LONG_MISMATCH"),
        (long_has_nan, "SIGNTEST_LONG_MISMATCH"),
        (both_have_nan, "SIGNTEST_LONG_MISMATCH"),
        (both_have_nan, "SIGNTEST_SHORT_NOT_INVERTED"),
        (short_not_inverted, "SIGNTEST_SHORT_NOT_INVERTED"),
        (short_not_capped, "SIGNTEST_SHORT_NOT_INVERTED"),
        (factor_against_direction, "SIGNTEST_FACTOR_MISMATCH"),
        (sleeve_of_the_other_side, "SIGNTEST_WRONG_DIRECTION"),
        (negative_weight, "SIGNTEST_OPTIMIZER_NOT_NORMALIZED"),
        (undefined_weight, "SIGNTEST_OPTIMIZER_NOT_NORMALIZED"),
        (weight_of_nobody, "SIGNTEST_UNKNOWN_ATOM"),
        (weight_of_nobody, "SIGNTEST_MISSING_WEIGHT"),
        (weights_unreadable, "SIGNTEST_OPTIMIZER_PARSE"),
        (weights_repeat, "SIGNTEST_OPTIMIZER_PARSE"),
        (short_held_long, "SIGNTEST_PHYSICAL_SIGN"),
        (label_against_sign, "SIGNTEST_PHYSICAL_SIGN"),
        (position_of_nobody, "SIGNTEST_PHYSICAL_SIGN"),
        (position_undefined, "SIGNTEST_PHYSICAL_SIGN"),
        (position_halved, "SIGNTEST_PHYSICAL_NET"),
        (position_absent, "SIGNTEST_PHYSICAL_NET"),
        (other_profile_flipped, "SIGNTEST_PHYSICAL_SIGN"),
    ],
)
def test_every_fault_is_an_error(spoil, code: str) -> None:
    inputs = chain()
    spoil(inputs)
    result = sign_test(**inputs)
    assert code in codes(result)
    assert not result.passed


@pytest.mark.parametrize("direction", ["LONG", "SHORT"])
def test_a_directional_sleeve_without_atoms_fails(direction: str) -> None:
    inputs = chain(direction)
    result = sign_test(inputs["streams"], inputs["returns"], inputs["atoms"].iloc[:0], direction=direction)
    assert "SIGNTEST_NO_ATOMS" in codes(result)
    assert result.n_atoms_checked == 0


def test_without_a_direction_no_atoms_is_a_warning() -> None:
    inputs = chain()
    result = sign_test(inputs["streams"].iloc[:, :0], inputs["returns"], inputs["atoms"].iloc[:0])
    assert codes(result, "WARN") == {"SIGNTEST_NO_ATOMS"}


def test_fault_in_one_profile_of_many_names_it() -> None:
    inputs = chain("SHORT")
    other_profile_flipped(inputs)
    result = sign_test(**inputs)
    assert all("custom/min_variance" in finding.message for finding in result.findings)


def test_netted_symbol_may_have_either_sign_but_not_a_wrong_size() -> None:
    rows = pd.DataFrame({"symbol": "X:A", "logic": ["a", "b"], "direction": ["LONG", "SHORT"], "cluster": 0})
    atoms = make_atoms(rows)
    returns = pd.DataFrame({"X:A": [0.1, -0.2]})
    weights = pd.Series(
        {a: 0.7 if d == "LONG" else 0.3 for a, d in zip(atoms["atom_id"], atoms["direction"], strict=True)}
    )
    flat = flatten(weights, atoms).positions
    frame = weights.rename_axis("atom_id").rename("weight").reset_index()
    streams = synthetic_returns(returns, atoms)
    assert sign_test(streams, returns, atoms, weights=frame, positions=flat).passed
    flipped = flat.assign(net_weight=-flat["net_weight"], direction="SHORT")
    assert codes(sign_test(streams, returns, atoms, weights=frame, positions=flipped)) == {"SIGNTEST_PHYSICAL_NET"}


def test_sessions_are_joined_not_assumed_aligned() -> None:
    inputs = chain()
    inputs["returns"] = inputs["returns"].iloc[::-1]
    inputs["streams"] = inputs["streams"].iloc[10:]
    result = sign_test(**inputs)
    assert result.passed
    assert result.n_rows_checked == 30


def test_tolerance_is_absolute() -> None:
    inputs = chain()
    inputs["streams"] = inputs["streams"] + 1e-9
    assert not sign_test(**inputs).passed
    assert sign_test(**inputs, atol=1e-8).passed


def test_outcome_can_be_stored_and_raised() -> None:
    inputs = chain("SHORT")
    short_not_inverted(inputs)
    result = sign_test(**inputs, run_id="sleeve@2022-06-01")
    frame = result.to_frame()
    assert list(frame.columns) == ["level", "code", "run_id", "symbol", "message"]
    assert frame["run_id"].unique().tolist() == ["sleeve@2022-06-01"]
    assert frame.loc[0, "symbol"] in inputs["returns"].columns
    with pytest.raises(DirectionalSignError, match="SIGNTEST_SHORT_NOT_INVERTED"):
        result.raise_for_errors()
