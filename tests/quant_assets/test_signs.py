"""The sign gates stop a chain, whatever `strict` says, and pass nothing unchecked."""

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from quant_assets.checks.signs import judge_signs, sign_contracts
from quant_lib.synthesis import flatten, make_atoms, synthetic_returns

DAY = dt.date(2022, 6, 30)
SLEEVE = SimpleNamespace(name="shorts", direction="SHORT", strict=False)


class Stored:
    """Decision tables of one profile and date."""

    def __init__(self, **tables):
        self.tables = tables

    def decision(self, table, profile, date):
        assert (profile, date) == ("shorts", DAY)
        return self.tables[table]


def stored(symbols=("X:A", "X:B_C"), direction="SHORT") -> Stored:
    rng = np.random.default_rng(1)
    days = pd.date_range("2022-01-01", periods=30)
    returns = pd.DataFrame(rng.normal(0, 0.05, (30, len(symbols))), index=days, columns=list(symbols))
    selection = pd.DataFrame(
        {"symbol": list(symbols), "logic": "rating_all", "direction": direction, "cluster": 0, "selected": True}
    )
    atoms = make_atoms(selection)
    streams = synthetic_returns(returns, atoms)
    weights = pd.Series(1.0 / max(1, len(atoms)), index=atoms["atom_id"])
    labels = {"engine": "custom", "risk_profile": "hrp"}
    market = pd.DataFrame(
        {"symbol": ["X:BTC"], "net_weight": [1.0], "direction": ["LONG"], "engine": "market", "risk_profile": "market"}
    )
    return Stored(
        selection=selection,
        atoms=atoms,
        strategy_returns=streams.rename_axis(index="bar_date", columns="atom_id").stack().rename("ret").reset_index(),
        returns_matrix=returns.rename_axis(index="bar_date", columns="symbol").stack().rename("ret").reset_index(),
        weights=weights.rename("weight").rename_axis("atom_id").reset_index().assign(**labels),
        positions=pd.concat([flatten(weights, atoms).positions.assign(**labels), market], ignore_index=True),
    )


def test_both_gates_block_even_where_the_sleeve_is_not_strict():
    assert [(c.asset.path, c.name, c.blocking) for c in sign_contracts(SLEEVE)] == [
        (["shorts", "strategy_returns"], "sign_test", True),
        (["shorts", "weights"], "sign_test", True),
    ]


@pytest.mark.parametrize("flattened", [False, True])
def test_a_correct_chain_passes(flattened):
    verdict = judge_signs(stored(), SLEEVE, DAY, flattened=flattened)
    assert verdict.passed, verdict.failing
    assert verdict.figures["atoms"] == 2


@pytest.mark.parametrize("flattened", [False, True])
def test_all_cash_passes_only_where_nobody_was_recruited(flattened):
    none = stored(symbols=())
    assert judge_signs(none, SLEEVE, DAY, flattened=flattened).passed
    lost = stored()
    for table in ("atoms", "strategy_returns", "weights"):
        lost.tables[table] = lost.tables[table].iloc[:0]
    lost.tables["positions"] = lost.tables["positions"][lost.tables["positions"]["risk_profile"] == "market"]
    verdict = judge_signs(lost, SLEEVE, DAY, flattened=flattened)
    assert not verdict.passed
    assert {"SIGNTEST_NO_ATOMS", "SIGNTEST_MISSING_ATOM"} <= set(verdict.failing["code"])


def test_one_winner_without_its_atom_fails():
    short = stored()
    gone = short.tables["atoms"]["atom_id"].iloc[0]
    for table in ("atoms", "strategy_returns"):
        short.tables[table] = short.tables[table][short.tables[table]["atom_id"] != gone]
    verdict = judge_signs(short, SLEEVE, DAY)
    assert set(verdict.failing["code"]) == {"SIGNTEST_MISSING_ATOM"}


def test_an_atom_nobody_recruited_fails():
    more = stored()
    more.tables["selection"]["selected"] = [True, False]
    assert set(judge_signs(more, SLEEVE, DAY).failing["code"]) == {"SIGNTEST_UNKNOWN_WINNER"}


def test_a_stream_that_is_not_inverted_fails_before_capital_is_divided():
    wrong = stored()
    wrong.tables["strategy_returns"]["ret"] *= -1.0
    assert set(judge_signs(wrong, SLEEVE, DAY).failing["code"]) == {"SIGNTEST_SHORT_NOT_INVERTED"}


def test_a_position_of_the_wrong_sign_fails_in_any_risk_profile():
    wrong = stored()
    for table in ("weights", "positions"):
        own = wrong.tables[table][wrong.tables[table]["risk_profile"] == "hrp"]
        wrong.tables[table] = pd.concat([wrong.tables[table], own.assign(risk_profile="erc")], ignore_index=True)
    at = wrong.tables["positions"].index[-1]
    wrong.tables["positions"].loc[at, ["net_weight", "direction"]] = [0.5, "LONG"]
    verdict = judge_signs(wrong, SLEEVE, DAY, flattened=True)
    assert {"SIGNTEST_PHYSICAL_SIGN"} <= set(verdict.failing["code"])
    assert judge_signs(wrong, SLEEVE, DAY).passed
