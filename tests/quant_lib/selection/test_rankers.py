"""Rankers: the table of regime fit row by row, ensembles by hand, ties by name, failures that stay failures."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from quant_lib.errors import MissingDataError
from quant_lib.regime import HmmState, Quadrant, Regime, RegimeLabel
from quant_lib.selection import (
    ContradictoryRulesError,
    EnsembleRanker,
    InvalidUniverseError,
    MpsRanker,
    RegimeRanker,
    SelectionRules,
    SignalRanker,
    UnknownSignalError,
    VetoRules,
    infer_strategy,
    select,
)
from quant_lib.selection.rankers import RankContext, normalised_rank, rank_order, regime_fit, volatility_clustering

FREE = VetoRules(rating=None)
LOOSE = {"vetoes": FREE, "min_winners": 0, "top_n": 50, "max_stage": 1}


def regime(quadrant="NORMAL", label="NORMAL"):
    return Regime(RegimeLabel(label), 0.5, Quadrant(quadrant), HmmState.NORMAL, 0.1, known=True)


def ranked(result):
    return result.table[result.table["rank"] > 0].sort_values("rank")["symbol"].tolist()


TREND = {"INFLATIONARY_TREND": 0.6, "EXPANSION": 0.6, "STAGNATION": -0.3, "NORMAL": 0.0, "CRISIS": 0.2}
REVERSION = {"INFLATIONARY_TREND": -0.6, "EXPANSION": 0.0, "STAGNATION": 0.6, "NORMAL": 0.6, "CRISIS": 0.4}


@pytest.mark.parametrize("quadrant", sorted(TREND))
def test_the_table_of_fit_row_by_row(quadrant):
    hurst = np.array([0.5, 0.55, 0.6, 0.9, 0.45, 0.44, 0.1, np.nan])
    wild = np.array([0.5, 0.51, 0.0, np.nan, 0.0, 0.0, 0.6, 0.9])
    trend = regime_fit(hurst, wild, regime(quadrant), "trend_following")
    np.testing.assert_allclose(trend - TREND[quadrant], [0, 0.1, 0.1, 0.4, 0, -0.4, -0.3, 0.1], atol=1e-12)
    mean = regime_fit(hurst, wild, regime(quadrant), "mean_reversion")
    np.testing.assert_allclose(mean - REVERSION[quadrant], [0, 0, -0.4, -0.4, 0, 0.02, 0.4, 0], atol=1e-12)
    quiet = regime_fit(hurst, wild, regime(quadrant, "QUIET"), "mean_reversion")
    np.testing.assert_allclose(quiet - mean, 0.2)
    quiet = regime_fit(hurst, wild, regime(quadrant, "QUIET"), "trend_following")
    np.testing.assert_allclose(quiet, trend)


def test_what_has_no_fit_says_so():
    one = np.array([0.5])
    with pytest.raises(ContradictoryRulesError, match="breakout"):
        regime_fit(one, one, regime(), "breakout")
    with pytest.raises(UnknownSignalError, match="UNKNOWN"):
        regime_fit(one, one, Regime.unknown(), "trend_following")


def test_volatility_clustering_is_the_autocorrelation_of_size():
    rng = np.random.default_rng(0)
    returns = rng.normal(size=(80, 3))
    returns[:, 1] = np.repeat(rng.normal(size=8), 10) * rng.choice([-1, 1], 80)
    returns[:, 2] = 0.01
    found = volatility_clustering(returns)
    size = np.abs(returns)
    for at in (0, 1):
        assert found[at] == pytest.approx(stats.pearsonr(size[:-1, at], size[1:, at])[0])
    assert found[1] > 0.5 > found[0]
    assert np.isnan(found[2])
    assert np.isnan(volatility_clustering(returns[:63])).all()
    assert not np.isnan(volatility_clustering(returns[:64])[0])


def test_a_signal_is_ranked_from_the_end_the_side_asks_for(market):
    for side, first in (("LONG", -1), ("SHORT", 0)):
        made = market(n=5, direction=side)
        made.features["roc_10"] = np.linspace(-5, 5, 5)
        result = select(*made.inputs(), SelectionRules(ranker=SignalRanker("roc"), **LOOSE))
        assert ranked(result)[0] == made.symbols[first]
        np.testing.assert_allclose(
            np.sort(np.abs(result.table["rank_score"])), np.sort(np.abs(made.features["roc_10"]))
        )
    up = select(*market(n=5).inputs(), SelectionRules(ranker=SignalRanker("recommend_all", ascending=True), **LOOSE))
    down = select(*market(n=5).inputs(), SelectionRules(ranker=SignalRanker("recommend_all", ascending=False), **LOOSE))
    assert ranked(up) == ranked(down)[::-1] == sorted(ranked(up), reverse=True)


def test_the_two_ends_of_one_ranking_do_not_overlap(market):
    long, short = market(n=20), market(n=20, direction="SHORT")
    short.features["recommend_all"] = long.features["recommend_all"]
    rules = SelectionRules(ranker=SignalRanker("recommend_all"), **(LOOSE | {"max_winners": 10, "min_winners": 0}))
    rules_of = {side: select(*made.inputs(), rules) for side, made in (("long", long), ("short", short))}
    won = {side: set(found.table.loc[found.table["selected"], "symbol"]) for side, found in rules_of.items()}
    assert len(won["long"]) == len(won["short"]) == 10
    assert not won["long"] & won["short"]


def test_an_unknown_figure_ranks_last(market):
    made = market(n=4)
    made.features["roc_10"] = [1.0, np.nan, 3.0, 2.0]
    result = select(*made.inputs(), SelectionRules(ranker=SignalRanker("roc"), **LOOSE))
    assert [made.symbols.index(symbol) for symbol in ranked(result)] == [2, 3, 0, 1]


def test_ties_go_by_symbol_then_logic_then_direction():
    frame = pd.DataFrame(
        {"symbol": ["B", "A", "A", "A"], "logic": ["x", "y", "x", "x"], "direction": ["LONG", "LONG", "SHORT", "LONG"]}
    )
    assert rank_order(frame, np.zeros(4)).tolist() == [3, 2, 1, 0]
    assert rank_order(frame, np.array([1.0, np.nan, 1.0, 2.0])).tolist() == [3, 2, 0, 1]


def test_normalised_ranks():
    x = np.array([3.0, 1.0, 2.0, 2.0, np.nan])
    np.testing.assert_allclose(normalised_rank(x), [1.0, 0.0, 0.5, 0.5, 0.0])
    assert normalised_rank(np.array([7.0])).tolist() == [1.0]
    assert normalised_rank(np.array([np.nan])).tolist() == [0.0]
    assert normalised_rank(np.array([])).tolist() == []


def test_an_ensemble_averages_ranks_not_units():
    rng = np.random.default_rng(2)
    figures = pd.DataFrame({"momentum": rng.normal(size=6) * 1e6, "adx": rng.uniform(size=6)})
    frame = pd.DataFrame(
        {"symbol": list("ABCDEF"), "logic": "l", "direction": "LONG", "alpha_score": rng.uniform(size=6)}
    )
    mixed = EnsembleRanker(((MpsRanker(), 1.0), (SignalRanker("momentum"), 2.0), (SignalRanker("adx"), 1.0)))
    by_hand = (
        0.25 * normalised_rank(frame["alpha_score"].to_numpy())
        + 0.5 * normalised_rank(figures["momentum"].to_numpy())
        + 0.25 * normalised_rank(figures["adx"].to_numpy())
    )
    np.testing.assert_allclose(mixed.score(frame, RankContext(figures)), by_hand)
    assert mixed.columns == ("momentum", "adx")
    assert not mixed.needs_regime


def test_a_failing_part_fails_the_ensemble(market):
    mixed = EnsembleRanker(((MpsRanker(), 1.0), (RegimeRanker(), 1.0)))
    assert mixed.needs_regime
    frame = pd.DataFrame({"symbol": ["A"], "logic": ["l"], "direction": ["LONG"], "alpha_score": [1.0]})
    with pytest.raises(InvalidUniverseError, match="regime"):
        mixed.score(frame, RankContext(pd.DataFrame(index=frame.index)))
    with pytest.raises(MissingDataError, match="regime"):
        select(*market().inputs(), SelectionRules(ranker=mixed, **LOOSE))


def test_the_regime_ranker_orders_by_fit_and_refuses_the_short_lived(market):
    made = market(n=5)
    made.features["hurst"] = [0.5, 0.6, 0.9, 0.4, 0.8]
    made.spoil("features", made.symbols[4], n_bars=63)
    rules = SelectionRules(ranker=RegimeRanker(), **(LOOSE | {"vetoes": VetoRules(rating=None, min_days=1)}))
    result = select(*made.inputs(), rules, regime=regime("EXPANSION"))
    assert [made.symbols.index(symbol) for symbol in ranked(result)] == [2, 1, 0, 3]
    np.testing.assert_allclose(result.table["rank_score"].dropna(), [0.6, 0.7, 1.0, 0.2])
    assert result.table.set_index("symbol").loc[made.symbols[4], "vetoes"] == "regime_history"
    made.spoil("features", made.symbols[4], n_bars=64)
    assert len(ranked(select(*made.inputs(), rules, regime=regime()))) == 5


def test_an_engine_with_a_regime_factor_uses_the_fit(market):
    made = market(n=4)
    made.features["hurst"] = [0.5, 0.6, 0.7, 0.4]
    calm = select(*made.inputs(), SelectionRules(engine="v3", **LOOSE), regime=regime("NORMAL"))
    bull = select(*made.inputs(), SelectionRules(engine="v3", **LOOSE), regime=regime("EXPANSION"))
    ratio = bull.table["alpha_score"] / calm.table["alpha_score"]
    fit = np.array([0.0, 0.1, 0.3, -0.4])
    np.testing.assert_allclose(ratio, (1.6 + fit) / (1.0 + fit))


@pytest.mark.parametrize("parts", [(), ((MpsRanker(), 0.0),), ((MpsRanker(), -1.0),), ((MpsRanker(), np.nan),)])
def test_an_ensemble_needs_weights(parts):
    with pytest.raises(ContradictoryRulesError, match="ensemble"):
        EnsembleRanker(parts)


def test_one_negative_weight_is_refused_and_a_weight_of_zero_moves_nothing():
    with pytest.raises(ContradictoryRulesError, match="none negative"):
        EnsembleRanker(((MpsRanker(), 1.0), (SignalRanker("momentum"), -0.5)))
    beside = EnsembleRanker(((MpsRanker(), 1.0), (SignalRanker("momentum"), 0.0)))
    scores = np.array([0.1, 0.3, 0.2])
    frame = pd.DataFrame({"symbol": list("ABC"), "logic": "l", "direction": "LONG", "alpha_score": scores})
    context = RankContext(pd.DataFrame({"momentum": [9.0, 1.0, 5.0]}))
    np.testing.assert_array_equal(beside.score(frame, context), normalised_rank(scores))


def test_strategies_are_configured_or_inferred():
    assert infer_strategy("crypto_mean_rev_long") == infer_strategy("meanrev") == "mean_reversion"
    assert infer_strategy("vol_breakout") == "breakout"
    assert infer_strategy("binance_spot_trend_long") == "trend_following"
    assert infer_strategy("meanrev", "trend_following") == "trend_following"
    with pytest.raises(UnknownSignalError, match="carry"):
        infer_strategy("x", "carry")
    with pytest.raises(UnknownSignalError, match="beta"):
        SignalRanker("beta")


def test_persistence_argues_against_mean_reversion(market):
    made = market(n=4)
    made.features["trendiness"] = [0.1, 0.2, 0.3, 0.4]
    only = {name: 0.0 for name in SelectionRules().scoring().names if name != "trendiness"}
    for strategy, order in (("trend_following", [3, 2, 1, 0]), ("mean_reversion", [0, 1, 2, 3])):
        result = select(*made.inputs(), SelectionRules(weights=only, strategy=strategy, **LOOSE))
        assert [made.symbols.index(symbol) for symbol in ranked(result)] == order


def test_dynamic_seats_fall_with_the_correlation_of_the_cluster(market):
    made = market(n=12, groups=[0] * 6 + list(range(1, 7)))
    fixed = select(*made.inputs(), SelectionRules(**(LOOSE | {"top_n": 4, "cluster_threshold": 0.3})))
    assert fixed.table["selected"].sum() == 10  # 4 of the cluster of 6, and every loner
    moved = select(
        *made.inputs(), SelectionRules(dynamic_top_n=True, **(LOOSE | {"top_n": 4, "cluster_threshold": 0.3}))
    )
    assert moved.table["selected"].sum() == 7  # one of the cluster: they are one bet
