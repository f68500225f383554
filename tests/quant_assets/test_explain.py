"""`quant explain` on a stored decision, and that every verdict says what would change it."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

DAY = "2022-06-01"


@pytest.fixture(scope="module")
def selected(request):
    import importlib.util
    from pathlib import Path

    path = Path(__file__).parents[1] / "quant_lib" / "selection" / "conftest.py"
    spec = importlib.util.spec_from_file_location("selection_market", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Market


@pytest.fixture
def stored(selected, tmp_path, monkeypatch):
    """A selection with one of each kind of loser, stored as a sleeve's."""
    import datetime as dt

    import pandas as pd

    from quant_assets.alpha.selected import selection_summary
    from quant_lib.contracts import (
        CANDIDATE_DROPS,
        CANDIDATE_FUNNEL,
        INSTRUMENTS,
        RETURNS_DROPS,
        SELECTION,
        SELECTION_FEATURES,
        SELECTION_SUMMARY,
        SELECTION_VETOES,
    )
    from quant_lib.decision.daily import stamp
    from quant_lib.selection import Predictability, SelectionRules, VetoRules, select
    from quant_resources.lakehouse import Lake

    made = selected(n=8, groups=[0, 0, 0, 1, 1, 2, 3, 4])
    made.spoil("features", made.symbols[3], kurtosis=99.0).spoil("features", made.symbols[5], entropy_noise_pct=0.99)
    rules = SelectionRules(
        vetoes=VetoRules(rating=None), filters=(Predictability(),), top_n=2, min_winners=0, max_stage=1
    )
    found = select(*made.inputs(), rules)
    profile, day = "binance_spot_rating_all_long", dt.date.fromisoformat(DAY)
    monkeypatch.setenv("QUANT_HOME", str(tmp_path))
    lake = Lake(tmp_path / "lakehouse")
    drops = pd.DataFrame(
        {"symbol": ["BINANCE:XUSDT"], "step": ["turnover"], "reason": ["too small"], "value": [1.0], "threshold": [2.0]}
    )
    funnel = pd.DataFrame(
        {"step_no": [1], "step": ["turnover"], "rows_in": [9], "rows_out": [8], "rule": ["at least 2 dollars"]}
    )
    listed = {**{c.name: None for c in INSTRUMENTS.columns}, "date": pd.Timestamp(day), "symbol": "KRAKEN:ELSEUSD"}
    blank = {"string": "", "bool": True, "int64": 0, "float64": 0.0}
    for column in INSTRUMENTS.columns:
        if listed[column.name] is None and not column.nullable:
            listed[column.name] = column.isin[0] if column.isin else blank[column.type]
    lake.replace(INSTRUMENTS, pd.DataFrame([listed]).astype(INSTRUMENTS.pandas_types()), date=day)
    frames = (
        (SELECTION, found.table),
        (SELECTION_FEATURES, found.features),
        (SELECTION_VETOES, found.vetoes),
        (SELECTION_SUMMARY, selection_summary(found, None)),
        (CANDIDATE_DROPS, drops),
        (CANDIDATE_FUNNEL, funnel),
        (RETURNS_DROPS, drops.drop(columns="step").iloc[:0]),
    )
    for spec, frame in frames:
        rows = stamp(frame, spec, profile, day)
        spec.pandera_schema().validate(rows)
        lake.replace(spec, rows, date=day, profile=profile)
    return made, found, lake


def explain(symbol, *options):
    from quant_assets.cli.main import app

    arguments = ["explain", symbol, "--profile", "binance_spot_rating_all_long", "--date", DAY, *options]
    return CliRunner().invoke(app, arguments)


def test_a_winner_a_vetoed_and_an_outranked_symbol_are_explained(stored):
    made, found, _ = stored
    table = found.table.set_index("symbol")
    loser = table[table["blocked_by"] == "seat"].index[0]
    for symbol in (loser, made.symbols[3], made.symbols[5], table[table["selected"]].index[0]):
        outcome = explain(symbol, "--json")
        assert outcome.exit_code == 0, outcome.output
        (verdict,) = json.loads(outcome.output)["verdicts"]
        assert verdict["reason"] == table.loc[symbol, "reason"]
        assert verdict["to_be_selected"] == table.loc[symbol, "to_be_selected"]
        assert bool(verdict["to_be_selected"]) != verdict["selected"]
        told = {one["feature"]: one for one in verdict["features"]}
        assert {"momentum", "entropy", "entropy_noise_pct", "kurtosis", "survival"} <= set(told)
        assert (told["momentum"]["probability"] is None) == (verdict["rank"] == 0)
        assert {one["veto"] for one in verdict["vetoes_that_hold"]} == {
            name for kind in ("vetoes", "soft_vetoes") for name in verdict[kind].split(",") if name
        }
    assert "BINANCE:" not in explain(made.symbols[3], "--json").stdout.split('"verdicts"')[1].split("features")[0]


def test_the_gap_is_the_distance_to_the_last_winner_of_the_cluster(stored):
    _, found, _ = stored
    table = found.table
    for row in table[table["blocked_by"] == "seat"].itertuples():
        same = table[(table["cluster"] == row.cluster) & table["selected"]]
        last = same.loc[same["rank"].idxmax()]
        assert row.rank_gap == row.rank - last["rank"] > 0
        assert row.score_needed == last["rank_score"] > row.rank_score
        assert f"climb {row.rank_gap} place{'s' * (row.rank_gap > 1)} above {last['symbol']}" in row.to_be_selected
    hard = table[table["blocked_by"] == "hard"].iloc[0]
    assert hard["to_be_selected"].startswith("clear kurtosis (99, limit 20)")
    soft = table[table["blocked_by"] == "soft"].iloc[0]
    assert soft["to_be_selected"].startswith("clear entropy (0.99, limit 0.95)")


def test_a_dropped_symbol_says_where_and_a_ticker_is_enough(stored):
    outcome = explain("XUSDT")
    assert outcome.exit_code == 0
    assert "dropped at turnover: too small" in outcome.output
    outcome = explain("C999USDT")
    assert outcome.exit_code == 2
    assert "did you mean" in outcome.output


def test_sql_finds_probabilities_and_vetoes(stored):
    _, found, lake = stored
    rows = lake.query(
        "select f.symbol, f.probability, v.veto from selection_features f left join selection_vetoes v using "
        "(profile, date, symbol, logic, direction) where f.feature = 'momentum' order by f.symbol"
    ).to_pandas()
    assert len(rows) == len(found.table)
    assert set(rows["veto"].dropna()) == {"kurtosis", "entropy"}
    summary = lake.query("select * from selection_summary").to_pandas().iloc[0]
    assert json.loads(summary["vetoes"]) == {"entropy": 1, "kurtosis": 1}
    assert (summary["stage"], summary["n_winners"]) == (1, found.table["selected"].sum())
    assert np.isnan(summary["cluster_stability"])


def test_what_a_decision_does_not_have_is_told_apart(stored):
    """No symbol at all, and one of the catalogue."""
    outcome = explain("ZZZZZ")
    assert outcome.exit_code == 2
    assert outcome.output.strip().endswith("nor of the catalogue")
    outcome = explain("KRAKEN:ELSEUSD")
    assert (outcome.exit_code, "the catalogue has KRAKEN:ELSEUSD" in outcome.output) == (2, True)


def test_the_page_reads_in_order_and_shows_large_figures_as_numbers(stored):
    made, found, _ = stored
    table = found.table.set_index("symbol")
    winner = explain(table[table["selected"]].index[0]).output
    assert "of 8 candidates 1 under a hard veto, 1 under a soft one" in winner
    assert winner.index("Scored") < winner.index("Other figures")
    assert "5,000,000" in winner
    vetoed = explain(made.symbols[3]).output
    assert "not selected: a hard veto" in vetoed
    assert "not scored: a hard veto comes before the score" in vetoed
    dropped = explain("XUSDT").output
    assert "to be selected: hold to the rule (at least 2 dollars)" in dropped
