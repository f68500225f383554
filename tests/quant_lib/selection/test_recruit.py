"""Recruitment: seats, caps, ties, both sides, and no view of tomorrow."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_lib.clustering import cluster_returns
from quant_lib.contracts import SELECTION
from quant_lib.errors import MissingDataError
from quant_lib.selection import (
    ContradictoryRulesError,
    Friction,
    InvalidUniverseError,
    RegimeRanker,
    SelectionRules,
    UnknownSignalError,
    VetoRules,
    engine_named,
    score,
    select,
)
from tests.examples import examples

FREE = VetoRules(rating=None, turnover_min=None)


def winners(result):
    return result.table.loc[result.table["selected"], "symbol"].tolist()


def ranked(result):
    table = result.table[result.table["rank"] > 0]
    return table.sort_values("rank")["symbol"].tolist()


def test_the_table_is_the_selection_contract(market, day):
    spoilt = market().spoil("health", "BINANCE:C001USDT", status="toxic")
    table = select(*spoilt.inputs()).table
    assert list(table.columns) == [name for name in SELECTION.column_names if name not in ("profile", "date")]
    full = table.assign(profile="p", date=day)[list(SELECTION.column_names)].astype(SELECTION.pandas_types())
    SELECTION.pandera_schema().validate(full)
    assert len(table) == len(spoilt.candidates)


def test_figures_are_loaded_not_recomputed(market):
    healthy = market(n=4, sessions=200)
    healthy.features["momentum"] = [0.1, 0.2, 0.3, 0.4]
    healthy.features["volatility"] = 0.7
    table = select(*healthy.inputs()).table.set_index("symbol")
    np.testing.assert_allclose(table["momentum"], [0.1, 0.2, 0.3, 0.4])
    np.testing.assert_allclose(table["volatility"], 0.7)
    np.testing.assert_allclose(table["adx"], healthy.features["adx_14"])
    np.testing.assert_allclose(table["recommend_all"], healthy.features["recommend_all"])
    np.testing.assert_allclose(table["turnover"], healthy.candidates["turnover"])


def test_scores_are_the_engines_over_the_eligible_alone(market):
    healthy = market(n=8)
    healthy.features["adx_14"] = np.linspace(10, 50, 8)
    healthy.features["skew"] = np.linspace(-1, 1, 8)
    healthy.features["antifragility"] = np.linspace(0.2, 1.9, 8)
    healthy.candidates["turnover"] = np.linspace(1e6, 2e7, 8)
    healthy.spoil("health", "BINANCE:C003USDT", status="toxic")
    result = select(*healthy.inputs())
    table = result.table.set_index("symbol")
    left = table[table["vetoes"] == ""]
    own = healthy.features.set_index("symbol").loc[left.index]
    matrix = pd.DataFrame(
        {
            "momentum": own["momentum"],
            "stability": 1 / (own["volatility"] + 1e-9),
            "liquidity": np.minimum(1.0, left["turnover"] / 1e7),
            "antifragility": own["antifragility"],
            "survival": own["survival"],
            "efficiency": own["efficiency"],
            "entropy": own["entropy"],
            "trendiness": own["trendiness"],
            "adx": own["adx_14"],
            "recommend_all": own["recommend_all"],
            "recommend_ma": own["recommend_ma"],
            "skew": own["skew"].abs(),
            "kurtosis": own["kurtosis"],
            "cvar": own["cvar_95"],
        }
    )
    expected = score(engine_named("v4"), matrix, left["direction"])
    np.testing.assert_allclose(left["alpha_score"], expected.alpha)
    long = result.features[result.features["role"] == "score"]
    told = long.pivot(index="symbol", columns="feature", values="probability")
    pd.testing.assert_frame_equal(told[list(matrix)], expected.probabilities, check_names=False)
    total = long.groupby("symbol")["contribution"].sum()
    np.testing.assert_allclose(np.exp(total), expected.alpha)


def test_the_overall_rating_can_be_the_weighted_one(market):
    healthy = market()
    table = select(*healthy.inputs(), SelectionRules(overall_rating="recommend_all_weighted")).table
    np.testing.assert_allclose(table["recommend_all"], healthy.features["recommend_all_weighted"])


def test_each_cluster_fills_its_seats_with_the_best(market):
    grouped = market(n=9, groups=[0, 0, 0, 0, 0, 1, 1, 1, 2])
    result = select(*grouped.inputs(), SelectionRules(top_n=2, min_winners=0, vetoes=FREE))
    table = result.table.set_index("symbol")
    assert result.summary["n_clusters"] == 3
    for cluster, rows in table.groupby("cluster"):
        expected = rows.sort_values("rank").index[:2]
        assert set(rows.index[rows["selected"]]) == set(expected), cluster
    out = table[~table["selected"]]
    assert len(out) == 4
    for symbol, row in out.iterrows():
        assert f"outranked in cluster {row['cluster']} by" in row["reason"], symbol
        assert all(f"{one}" in row["reason"] for one in winners(result) if table.loc[one, "cluster"] == row["cluster"])
    assert set(table.loc[winners(result), "stage"]) == {1}
    assert set(out["stage"]) == {0}


def test_the_cap_keeps_the_best_and_says_who_is_beyond_it(market):
    result = select(*market(n=9).inputs(), SelectionRules(top_n=9, min_winners=0, max_winners=4))
    assert set(winners(result)) == set(ranked(result)[:4])
    out = result.table[~result.table["selected"]]
    assert out["reason"].str.contains("beyond the cap of 4 winners").all()


@pytest.mark.parametrize(("floor", "sparse"), [(6, False), (7, True), (0, False)])
def test_fewer_than_the_floor_is_sparse(market, floor, sparse):
    result = select(*market(n=6).inputs(), SelectionRules(min_winners=floor))
    assert len(winners(result)) == 6
    assert result.sparse is sparse
    assert result.summary["sparse"] is sparse


def test_one_listing_of_each_base(market):
    double = market(n=4)
    double.candidates["base_identity"] = ["AAA", "BBB", "AAA", "CCC"]
    result = select(*double.inputs(), SelectionRules(vetoes=FREE))
    table = result.table.set_index("symbol")
    pair = table.loc[["BINANCE:C000USDT", "BINANCE:C002USDT"]].sort_values("rank")
    assert pair["selected"].tolist() == [True, False]
    assert f"another listing of AAA ranks higher, {pair.index[0]}" in pair["reason"].iloc[1]
    assert table.loc[["BINANCE:C001USDT", "BINANCE:C003USDT"], "selected"].all()


def test_ties_go_by_symbol(market):
    twins = market(n=5, groups=[0, 0, 0, 0, 0])
    for name in twins.returns:
        twins.returns[name] = twins.returns["BINANCE:C000USDT"]
    twins.features["momentum"], twins.features["volatility"] = 0.3, 0.7
    for column in ("recommend_all", "recommend_ma"):
        twins.features[column] = 0.5
    result = select(*twins.inputs(), SelectionRules(top_n=2, min_winners=0))
    assert ranked(result) == sorted(twins.symbols)
    assert winners(result) == sorted(twins.symbols)[:2]
    assert result.table["alpha_score"].nunique() == 1


def test_a_short_sleeve_takes_the_most_bearish(market):
    bears = market(n=8, direction="SHORT", groups=[0] * 8)
    common = bears.returns["BINANCE:C000USDT"].copy()
    for i, name in enumerate(bears.returns):
        bears.returns[name] = common - 0.002 * (8 - i)
    bears.features["momentum"] = np.linspace(-2, -0.5, 8)
    bears.features["volatility"] = 0.7
    result = select(*bears.inputs(), SelectionRules(top_n=3, min_winners=0))
    assert winners(result) == bears.symbols[:3]
    assert (result.table["direction"] == "SHORT").all()
    assert (result.summary["n_long"], result.summary["n_short"]) == (0, 3)
    told = result.features[result.features["feature"] == "recommend_all"]
    assert told.set_index("symbol")["probability"].idxmax() == bears.symbols[0]


def test_long_and_short_of_one_asset_are_two_candidates(market):
    """D22: neither side nor logic is lost, and each side has its own seats."""
    both = market(n=3, groups=[0, 0, 0])
    flipped = both.candidates.assign(direction="SHORT")
    other = both.candidates.assign(logic="rating_ma")
    both.candidates = pd.concat([both.candidates, flipped, other], ignore_index=True)
    result = select(*both.inputs(), SelectionRules(top_n=1, min_winners=0, vetoes=FREE))
    assert len(result.table) == 9
    chosen = result.table[result.table["selected"]]
    assert chosen["direction"].tolist().count("LONG") == chosen["direction"].tolist().count("SHORT") == 1


def test_no_candidates_and_no_survivors_are_valid(market):
    empty = market()
    empty.candidates = empty.candidates.iloc[:0]
    result = select(*empty.inputs())
    assert (len(result.table), result.sparse) == (0, True)
    assert result.table.dtypes.astype(str).to_dict() == {
        name: kind for name, kind in SELECTION.pandas_types().items() if name not in ("profile", "date")
    }
    bear = market()
    bear.features["recommend_all"] = -0.5
    result = select(*bear.inputs())
    assert winners(result) == []
    assert set(result.table["vetoes"]) == {"direction"}


def test_one_survivor_is_its_own_cluster(market):
    result = select(*market(n=1).inputs())
    assert result.table[["selected", "rank", "cluster"]].values.tolist() == [[True, 1, 0]]


def test_the_order_of_rows_and_columns_does_not_matter(market):
    healthy = market(n=12, groups=[0, 1, 2, 3] * 3)
    healthy.spoil("health", "BINANCE:C004USDT", status="stale")
    first = select(*healthy.inputs(), SelectionRules(top_n=1))
    mixed = [frame.sample(frac=1.0, random_state=7) for frame in healthy.inputs()[:4]]
    columns = healthy.returns.sample(frac=1.0, axis=1, random_state=8).sample(frac=1.0, random_state=9)
    again = select(*mixed, columns, SelectionRules(top_n=1))
    pd.testing.assert_frame_equal(first.table, again.table, check_exact=True)
    pd.testing.assert_frame_equal(first.vetoes, again.vetoes, check_exact=True)
    assert json.dumps(first.summary) == json.dumps(again.summary)


def test_other_symbols_in_the_tables_do_not_matter(market):
    """Only candidates are judged and compared: the catalogue may hold the whole market."""
    healthy = market(n=6)
    crowd = market(n=10)
    crowd.candidates = crowd.candidates.iloc[:6]
    crowd.returns[healthy.returns.columns] = healthy.returns
    for frame in ("features", "health", "instruments"):
        rows = getattr(crowd, frame)
        own = getattr(healthy, frame)
        setattr(crowd, frame, pd.concat([own, rows[~rows["symbol"].isin(own["symbol"])]]))
    pd.testing.assert_frame_equal(select(*healthy.inputs()).table, select(*crowd.inputs()).table, check_exact=True)


def test_tomorrow_is_refused(market, day):
    tomorrow = day + pd.Timedelta(days=1)
    late = market()
    late.returns = pd.concat([late.returns, late.returns.tail(1).set_axis([tomorrow])])
    with pytest.raises(InvalidUniverseError, match="beyond the decision date"):
        select(*late.inputs())
    for frame in ("features", "health", "instruments"):
        late = market()
        rows = getattr(late, frame)
        rows.loc[0, "date"] = tomorrow
        with pytest.raises(InvalidUniverseError, match="several dates"):
            select(*late.inputs())
        late = market()
        doubled = pd.concat([getattr(late, frame)] * 2)
        setattr(late, frame, doubled)
        with pytest.raises(InvalidUniverseError, match="a symbol repeats"):
            select(*late.inputs())


def test_sessions_before_the_lookbacks_do_not_matter(market):
    """Clusters read their windows and nothing older."""
    healthy = market(n=6, sessions=300)
    rules = SelectionRules(cluster_lookbacks=(60, 120))
    first = select(*healthy.inputs(), rules).table
    healthy.returns.iloc[:-120] = 0.5
    pd.testing.assert_frame_equal(first, select(*healthy.inputs(), rules).table, check_exact=True)


@pytest.mark.parametrize("spoil", ["gap", "infinite", "repeat"])
def test_returns_must_be_complete(market, spoil):
    spoilt = market()
    if spoil == "repeat":
        spoilt.returns = pd.concat([spoilt.returns, spoilt.returns.iloc[:, :1]], axis=1)
    else:
        spoilt.returns.iloc[5, 2] = np.nan if spoil == "gap" else np.inf
    with pytest.raises(InvalidUniverseError, match="returns"):
        select(*spoilt.inputs())


@pytest.mark.parametrize(
    ("frame", "column"),
    [
        ("features", "n_bars"),
        ("features", "adx_14"),
        ("health", "status"),
        ("instruments", "tick_size_source"),
        ("candidates", "base_identity"),
    ],
)
def test_a_column_that_is_not_there_is_an_error(market, frame, column):
    spoilt = market()
    setattr(spoilt, frame, getattr(spoilt, frame).drop(columns=column))
    with pytest.raises(MissingDataError, match=column.removesuffix("_14")):
        select(*spoilt.inputs())


def test_candidates_need_a_side_and_a_key(market):
    spoilt = market().spoil("candidates", "BINANCE:C001USDT", direction="DISCOVERY")
    with pytest.raises(InvalidUniverseError, match="neither LONG nor SHORT"):
        select(*spoilt.inputs())
    spoilt = market()
    spoilt.candidates = pd.concat([spoilt.candidates, spoilt.candidates.iloc[:1]])
    with pytest.raises(InvalidUniverseError, match="repeats"):
        select(*spoilt.inputs())


@pytest.mark.parametrize(
    ("rules", "error"),
    [
        ({"top_n": 0}, ContradictoryRulesError),
        ({"min_winners": 5, "max_winners": 4}, ContradictoryRulesError),
        ({"max_winners": 0, "min_winners": 0}, ContradictoryRulesError),
        ({"max_stage": 0}, ContradictoryRulesError),
        ({"max_stage": 5}, ContradictoryRulesError),
        ({"strategy": "carry"}, ContradictoryRulesError),
        ({"scarcity": "hope"}, ContradictoryRulesError),
        ({"filters": (Friction(ticket=1.0), Friction(ticket=2.0))}, ContradictoryRulesError),
        ({"engine": "v5"}, UnknownSignalError),
        ({"weight_set": "newest"}, UnknownSignalError),
        ({"engine": "v3.2", "weight_set": "flat"}, ContradictoryRulesError),
        ({"ranker": RegimeRanker(), "strategy": "breakout"}, ContradictoryRulesError),
        ({"liquidity_scale": float("nan")}, ContradictoryRulesError),
        ({"overall_rating": "recommend_ma"}, ContradictoryRulesError),
        ({"dominant_signal": "recommend_other"}, UnknownSignalError),
        ({"weights": {"momentun": 1.0}}, UnknownSignalError),
        ({"weights": {"momentum": -1.0}}, ContradictoryRulesError),
    ],
)
def test_rules_that_make_no_sense_are_refused_when_written(rules, error):
    with pytest.raises(error):
        SelectionRules(**rules)


def recruited_by_hand(table, rules):
    """Sort, keep the first of each base, cut each cluster and side, cut the whole: four plain steps."""
    left = table[table["vetoes"] == ""].sort_values(["alpha_score", "symbol"], ascending=[False, True])
    left = left.drop_duplicates(["base_identity", "logic", "direction"])
    left = left.groupby(["cluster", "direction"], sort=False).head(rules.top_n)
    return set(left["symbol"].head(rules.max_winners))


@settings(max_examples=examples(20))
@given(
    groups=st.lists(st.integers(0, 3), min_size=2, max_size=14),
    bases=st.lists(st.integers(0, 9), min_size=14, max_size=14),
    ratings=st.lists(st.sampled_from([-0.5, 0.1, 0.1, 0.4, 0.9]), min_size=14, max_size=14),
    top_n=st.integers(1, 3),
    cap=st.integers(1, 6),
)
def test_against_recruitment_by_hand(market, groups, bases, ratings, top_n, cap):
    n = len(groups)
    made = market(n=n, groups=groups, seed=sum(groups))
    made.candidates["base_identity"] = [f"B{base}" for base in bases[:n]]
    made.features["recommend_all"] = ratings[:n]
    rules = SelectionRules(top_n=top_n, min_winners=0, max_winners=cap)
    result = select(*made.inputs(), rules)
    table = result.table.merge(made.candidates[["symbol", "base_identity"]], on="symbol")
    assert set(winners(result)) == recruited_by_hand(table, rules)
    assert set(table.loc[table["vetoes"] != "", "symbol"]) == {
        symbol for symbol, rating in zip(made.symbols, ratings, strict=False) if rating <= 0
    }
    left = table[table["vetoes"] == ""]
    assert sorted(left["rank"]) == list(range(1, len(left) + 1))
    if len(left) > 1:
        clusters = cluster_returns(made.returns[left["symbol"].tolist()], threshold=0.7)
        assert left.set_index("symbol")["cluster"].to_dict() == clusters.to_dict()
    assert (table["reason"].str.len() > 10).all()
    assert (table.loc[table["selected"], "reason"].str.contains("recruited")).all()


@pytest.mark.parametrize(("rho", "seats"), [(1.0, 1), (0.6, 2), (0.2, 4), (-0.2, 5), (-0.7, 7)])
def test_seats_fall_with_the_mean_correlation(rho, seats):
    """round(4 (1 - mean) + 0.5), at least one."""
    from quant_lib.selection.recruit import _dynamic

    first, second = np.array([1.0, -1.0, 1.0, -1.0]), np.array([1.0, 1.0, -1.0, -1.0])
    other = rho * first + np.sqrt(1.0 - rho**2) * second
    assert _dynamic(4, pd.DataFrame({"a": first, "b": other})) == seats
