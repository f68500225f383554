"""Every allocation of a decision: the sleeve's own, the baselines, what is held, what can be traded."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from quant_lib.contracts import ALLOCATIONS, POSITIONS, WEIGHTS
from quant_lib.contracts import _sleeve_contracts as contracts
from quant_lib.decision import Known, SleeveRules, allocate_all
from quant_lib.decision.allocating import held_atoms
from quant_lib.decision.daily import stamp
from quant_lib.regime import HmmState, Quadrant, Regime, RegimeLabel
from quant_lib.synthesis import make_atoms, sign_test, synthetic_returns
from quant_resources.config import load_project

ROOT = Path(__file__).resolve().parents[3]
NORMAL = Regime(RegimeLabel.NORMAL, 0.5, Quadrant.NORMAL, HmmState.NORMAL, 0.5, known=True)
SESSIONS = pd.date_range("2022-01-01", periods=252, unit="us", name="bar_date")
BENCHMARK = "BINANCE:BTCUSDT"


@pytest.fixture(scope="module", params=["LONG", "SHORT"])
def sleeve(request) -> tuple[SleeveRules, pd.DataFrame, pd.DataFrame, Known]:
    """Rules of a shipped sleeve, atoms, their streams, and what is known beside."""
    from quant_assets.sleeve_rules import sleeve_rules

    project = load_project(ROOT / "configs", environment={})
    rules = sleeve_rules(project, project.sleeves[f"binance_spot_rating_all_{request.param.lower()}"])
    rng = np.random.default_rng(5)
    symbols = [f"BINANCE:A{i:02d}USDT" for i in range(18)]
    market = rng.standard_normal(252) * 0.02
    own = np.outer(market, rng.uniform(0.5, 1.5, 18)) + rng.standard_normal((252, 18)) * 0.02
    own += 0.003 if request.param == "LONG" else -0.003
    returns = pd.DataFrame(own, index=SESSIONS, columns=symbols)
    winners = pd.DataFrame({"symbol": symbols, "logic": "rating_all", "direction": request.param, "cluster": 0})
    atoms = make_atoms(winners)
    quotes = pd.DataFrame({"symbol": [*symbols, BENCHMARK], "price": 100.0, "lot_size": 0.01, "min_notional": 10.0})
    known = Known(regime=NORMAL, benchmark=pd.Series(market, index=SESSIONS), quotes=quotes)
    return rules, atoms, synthetic_returns(returns, atoms), known


def stamped(frame: pd.DataFrame, spec) -> pd.DataFrame:
    return stamp(frame, spec, "sleeve", pd.Timestamp("2022-09-09").date())


def test_rows_meet_their_contracts_and_each_other(sleeve) -> None:
    rules, atoms, streams, known = sleeve
    made = allocate_all(streams, atoms, rules, known)
    tables = {spec.name: stamped(getattr(made, spec.name), spec) for spec in (ALLOCATIONS, WEIGHTS, POSITIONS)}
    for spec in (ALLOCATIONS, WEIGHTS, POSITIONS):
        spec.pandera_schema().validate(tables[spec.name])
    assert contracts.weights_are_conserved(tables["allocations"], tables["weights"], tables["positions"]).passed
    assert contracts.caps_hold(tables["allocations"], tables["weights"]).passed
    assert contracts.market_holds_the_benchmark(tables["positions"], BENCHMARK).passed
    solved = made.allocations.set_index("risk_profile")
    assert (solved["status"] == "solved").all()
    assert not solved["fallback"].any()
    assert solved.loc[["market", "benchmark"], "engine"].tolist() == ["market", "market"]
    market = made.positions[made.positions["risk_profile"] == "market"]
    assert market[["symbol", "net_weight", "direction"]].to_numpy().tolist() == [[BENCHMARK, 1.0, "LONG"]]
    assert (made.positions["order_weight"].abs() <= made.positions["weight"] + 1e-12).all()
    assert (made.positions["quantity"] > 0).all()


def test_signs_are_those_of_the_sleeve_whatever_the_profile(sleeve) -> None:
    rules, atoms, streams, known = sleeve
    made = allocate_all(streams, atoms, rules, known)
    own = made.positions["risk_profile"] != "market"
    side = 1.0 if rules.direction == "LONG" else -1.0
    assert (np.sign(made.positions.loc[own, "net_weight"]) == side).all()
    factor = atoms.set_index("atom_id")["factor"]
    raw = streams.mul(factor.reindex(streams.columns), axis="columns")
    raw.columns = atoms.set_index("atom_id").loc[raw.columns, "symbol"]
    found = sign_test(
        streams,
        raw,
        atoms,
        direction=rules.direction,
        weights=made.weights[made.weights["risk_profile"] != "market"],
        positions=made.positions[own],
    )
    assert found.passed, found.to_frame()


def test_a_planted_cap_breach_and_a_wrong_baseline_are_found(sleeve) -> None:
    rules, atoms, streams, known = sleeve
    made = allocate_all(streams, atoms, rules, known)
    weights = made.weights.copy()
    row = weights.index[weights["risk_profile"] == "hrp"][0]
    weights.loc[row, "weight"] = 0.5
    assert not contracts.caps_hold(made.allocations, weights).passed
    positions = made.positions.copy()
    positions.loc[positions["risk_profile"] == "market", "symbol"] = "BINANCE:ETHUSDT"
    assert not contracts.market_holds_the_benchmark(positions, BENCHMARK).passed


def test_a_book_less_net_than_promised_is_found(sleeve) -> None:
    rules, atoms, streams, known = sleeve
    net = -0.6 if rules.direction == "SHORT" else 0.6
    requests = tuple(
        dataclasses.replace(
            one, gross_target=0.6, net_target=net if one.risk_profile in ("min_variance", "max_sharpe") else None
        )
        for one in rules.requests
    )
    few = atoms.head(6)
    for book in (atoms, few):
        made = allocate_all(streams[book["atom_id"]], book, dataclasses.replace(rules, requests=requests), known)
        solved = made.allocations
        assert (solved["status"] == "solved").all()
        assert contracts.net_is_kept(solved, net, 0.6).passed
        own = solved[solved["engine"] != "market"]
        assert (own["net"] * np.sign(net) > 0.0).all()
        less = solved.assign(net=solved["net"] * 0.99)
        assert not contracts.net_is_kept(less, net, 0.6).passed
        assert contracts.net_is_kept(less, None, 0.6).passed


def test_without_the_benchmark_the_market_is_cash_and_nothing_else(sleeve) -> None:
    rules, atoms, streams, _ = sleeve
    made = allocate_all(streams, atoms, rules)
    market = made.allocations.set_index("risk_profile").loc["market"]
    assert (market["status"], market["gross"], market["cash"]) == ("cash", 0.0, 1.0)
    assert "market" not in set(made.positions["risk_profile"])


def test_what_is_held_lowers_turnover_where_it_is_penalised(sleeve) -> None:
    rules, atoms, streams, known = sleeve
    held = pd.Series(atoms["factor"].to_numpy() / len(atoms), index=atoms["symbol"])
    beside = {(request.engine, request.risk_profile): held for request in rules.requests}
    known = dataclasses.replace(known, held=beside)
    free = allocate_all(streams, atoms, rules, known).allocations.set_index("risk_profile")["turnover"]
    dear = dataclasses.replace(
        rules,
        requests=tuple(dataclasses.replace(request, turnover_penalty=True) for request in rules.requests),
    )
    paid = allocate_all(streams, atoms, dear, known).allocations.set_index("risk_profile")["turnover"]
    assert free.drop("market").notna().all()
    assert paid["min_variance"] < free["min_variance"]
    assert paid["hrp"] == free["hrp"]


def test_held_symbols_are_held_atoms_on_their_own_side() -> None:
    winners = pd.DataFrame(
        {
            "symbol": ["X:A", "X:A", "X:B", "X:C"],
            "logic": ["one", "two", "one", "one"],
            "direction": ["SHORT", "SHORT", "SHORT", "LONG"],
            "cluster": 0,
        }
    )
    atoms = make_atoms(winners)
    found = held_atoms(pd.Series({"X:A": -0.4, "X:B": 0.3, "X:D": 0.2}), atoms)
    by_symbol = found.groupby(atoms.set_index("atom_id")["symbol"]).agg(list)
    assert by_symbol["X:A"] == [0.2, 0.2]
    assert by_symbol["X:B"] == [0.0]
    assert by_symbol["X:C"] == [0.0]


@pytest.mark.parametrize("n", [1, 2, 3, 6, 14])
def test_a_book_of_few_winners_holds_cash_rather_than_break_a_cap(sleeve, n: int) -> None:
    rules, atoms, streams, known = sleeve
    few = atoms.head(n)
    requests = tuple(dataclasses.replace(one, asset_cap=0.05, cluster_cap=0.06) for one in rules.requests)
    tight = dataclasses.replace(rules, requests=requests)
    made = allocate_all(streams[few["atom_id"]], few, tight, known)
    assert made.allocations["sparse"].all()
    own = made.allocations[~made.allocations["engine"].eq("market")]
    assert (own[["asset_cap", "cluster_cap"]] == [0.05, 0.06]).all(axis=None)
    weights = made.weights[made.weights["engine"] != "market"]
    sums = weights.groupby(["risk_profile", "cluster"])["weight"].sum()
    assert weights["weight"].max() <= 0.05 + 1e-9
    assert sums.max() <= 0.06 + 1e-9
    assert (own["gross"] <= n / rules.selection.min_winners + 1e-12).all()
    assert own.loc[own["risk_profile"] == "hrp", "relaxations"].str.contains("gross_target").all()
    # The policy that invests all of it in what there is relaxes them, on the record.
    ssp = dataclasses.replace(tight, selection=dataclasses.replace(tight.selection, scarcity="ssp"))
    full = allocate_all(streams[few["atom_id"]], few, ssp, known).allocations
    full = full[full["engine"] != "market"]
    np.testing.assert_allclose(full["gross"], 1.0, atol=1e-9)
    assert full["relaxations"].str.contains("asset_cap").all()
