"""Each hard veto bites on its own, on what is not known too, and never gives way."""

import json
import math

import numpy as np
import pytest

from quant_lib.contracts import HEALTH_STATUSES
from quant_lib.selection import HARD_VETOES, ContradictoryRulesError, SelectionRules, Veto, VetoRules, select
from quant_lib.selection.vetoes import Verdict

BAD = "BINANCE:C002USDT"
ALL_STATUSES = ("toxic", "stale", "stalled", "sparse", "gappy")

SPOILT = [
    ("toxic", "health", {"status": "toxic", "max_abs_return": 7.5}, 7.5, None),
    ("stale", "health", {"status": "stale", "staleness": 3}, 3.0, None),
    ("stalled", "health", {"status": "stalled"}, 0.0, None),
    ("sparse", "health", {"status": "sparse", "n_missing": 60}, 60.0, None),
    ("gappy", "health", {"status": "gappy", "longest_gap": 2}, 2.0, None),
    ("missing_metadata", "instruments", {"tick_size_source": "default"}, 0.01, None),
    ("missing_metadata", "instruments", {"tick_size_source": "missing", "tick_size": np.nan}, None, None),
    ("missing_metadata", "instruments", {"tick_size": np.nan}, None, None),
    ("missing_metadata", "instruments", {"tick_size": 0.0}, 0.0, None),
    ("liquidity", "candidates", {"turnover": 999_999.0}, 999_999.0, 1e6),
    ("direction", "features", {"recommend_all": -0.2}, -0.2, 0.0),
    ("direction", "features", {"recommend_all": 0.0}, 0.0, 0.0),
    ("direction", "features", {"recommend_all": np.nan}, None, 0.0),
    ("history", "features", {"n_bars": 251}, 251.0, 252.0),
    ("history", "features", {"n_bars": np.nan}, None, 252.0),
    ("survival", "features", {"survival": 0.05}, 0.05, 0.1),
]


def outcome(market, vetoes=None, **rules):
    limits = VetoRules(health_statuses=ALL_STATUSES, **rules)
    return select(*market.inputs(), SelectionRules(vetoes=limits), vetoes=vetoes)


def row(result, symbol=BAD):
    return result.table.set_index("symbol").loc[symbol]


def without(name):
    return tuple(veto for veto in HARD_VETOES if veto.name != name)


@pytest.mark.parametrize(("veto", "frame", "figures", "value", "threshold"), SPOILT)
def test_each_veto_bites_alone_and_its_removal_lets_the_symbol_in(market, veto, frame, figures, value, threshold):
    spoilt = market().spoil(frame, BAD, **figures)
    result = outcome(spoilt)
    bad = row(result)
    assert bad["vetoes"] == veto
    assert json.loads(bad["veto_detail"]) == {veto: {"threshold": threshold, "value": value}}
    assert (bad["selected"], bad["rank"], bad["stage"], bad["cluster"]) == (False, 0, 0, -1)
    assert np.isnan(bad["alpha_score"])
    assert bad["reason"].startswith(f"vetoed: {veto} (")
    assert (result.table["vetoes"] != "").sum() == 1
    assert result.summary["vetoes"] == {veto: 1}
    assert row(outcome(spoilt, without(veto)))["selected"]


def test_what_is_not_known_at_all_never_passes(market):
    for frame, vetoes in (
        ("health", "unassessed"),
        ("instruments", "missing_metadata"),
        ("features", "direction,history"),
    ):
        assert row(outcome(market().forget(frame, BAD)))["vetoes"] == vetoes
    poor = market().spoil("candidates", BAD, turnover=np.nan, value_traded=np.nan)
    poor.spoil("features", BAD, turnover=np.nan, value_traded=np.nan)
    assert row(outcome(poor))["vetoes"] == "liquidity"
    assert json.loads(row(outcome(poor))["veto_detail"])["liquidity"]["value"] is None


def test_a_symbol_without_returns_is_out(market):
    spoilt = market()
    spoilt.returns = spoilt.returns.drop(columns=BAD)
    bad = row(outcome(spoilt))
    assert bad["vetoes"] == "no_returns"
    assert (bad["rank"], bad["blocked_by"]) == (0, "hard")


def test_several_vetoes_are_listed_in_order_with_their_figures(market):
    spoilt = market().spoil("health", BAD, status="stale", staleness=9).spoil("features", BAD, n_bars=5)
    spoilt.spoil("candidates", BAD, turnover=10.0)
    bad = row(outcome(spoilt))
    assert bad["vetoes"] == "stale,liquidity,history"
    detail = json.loads(bad["veto_detail"])
    assert list(detail) == sorted(detail)
    assert detail["liquidity"] == {"threshold": 1e6, "value": 10.0}
    for words in ("staleness 9", "turnover 10 USD below 1,000,000", "5 bars in the current series, 252 needed"):
        assert words in bad["reason"]


def test_veto_rows_go_by_candidate_and_then_by_registry(market):
    spoilt = market().spoil("health", BAD, status="stale").spoil("features", BAD, n_bars=5)
    spoilt.spoil("features", "BINANCE:C001USDT", n_bars=7).spoil("health", "BINANCE:C004USDT", status="toxic")
    rows = outcome(spoilt).vetoes
    found = [(symbol[-7:-4], veto) for symbol, veto in zip(rows["symbol"], rows["veto"], strict=True)]
    assert found == [("001", "history"), ("002", "stale"), ("002", "history"), ("004", "toxic")]
    assert list(rows) == ["symbol", "logic", "direction", "veto", "kind", "source", "value", "threshold", "note"]


def test_a_short_is_judged_by_the_opposite_sign(market):
    good = market(direction="SHORT")
    assert (outcome(good).table["vetoes"] == "").all()
    bad = row(outcome(good.spoil("features", BAD, recommend_all=0.1)))
    assert bad["vetoes"] == "direction"
    assert "SHORT" in bad["reason"]
    assert '"threshold": 0.0' in bad["veto_detail"], "nothing has no sign"
    assert (market(direction="SHORT").candidates["direction"] == "SHORT").all()


@pytest.mark.parametrize(
    ("direction", "figure", "passes"),
    [
        ("LONG", 0.25, True),
        ("LONG", 0.2499, False),
        ("LONG", -0.3, False),
        ("LONG", np.nan, False),
        ("SHORT", -0.25, True),
        ("SHORT", -0.2499, False),
        ("SHORT", 0.3, False),
        ("SHORT", np.nan, False),
    ],
)
def test_the_momentum_floor_counts_for_the_side_and_falls_with_the_unknown(market, direction, figure, passes):
    moved = market(direction=direction)
    moved.features["momentum_60"] = 0.5 if direction == "LONG" else -0.5
    bad = row(outcome(moved.spoil("features", BAD, momentum_60=figure), momentum_min=0.25))
    assert bad["vetoes"] == ("" if passes else "momentum_floor")
    if not passes:
        told = json.loads(bad["veto_detail"])["momentum_floor"]
        worth = figure if direction == "LONG" else -figure
        assert told == {"threshold": 0.25, "value": None if np.isnan(figure) else worth}
        words = "60-bar return is not known" if np.isnan(figure) else f"return for the side {worth:.3g} below 0.25"
        assert words in bad["reason"]
        assert row(outcome(moved))["vetoes"] == "", "without a floor nobody is asked"


@pytest.mark.parametrize(("rating", "passes"), [(0.31, True), (0.3, False)])
def test_the_rating_needs_its_margin_on_both_sides(market, rating, passes):
    for side, sign in (("LONG", 1), ("SHORT", -1)):
        spoilt = market(direction=side)
        spoilt.features["recommend_ma"] = 0.9 * sign
        spoilt.spoil("features", BAD, recommend_ma=sign * rating)
        bad = row(outcome(spoilt, rating="recommend_ma", rating_min=0.3))
        assert (bad["vetoes"] == "") is passes
        if not passes:
            assert json.loads(bad["veto_detail"])["direction"]["threshold"] == sign * 0.3


@pytest.mark.parametrize("overall", ["recommend_all", "recommend_all_weighted"])
def test_the_weighted_rating_can_decide_whatever_selection_reads(market, overall):
    spoilt = market().spoil("features", BAD, recommend_all_weighted=-0.1)
    rules = SelectionRules(overall_rating=overall, vetoes=VetoRules(rating="recommend_all_weighted"))
    assert row(select(*spoilt.inputs(), rules))["vetoes"] == "direction"


def test_a_sleeve_that_is_not_about_ratings_or_turnover_says_so(market):
    spoilt = market().spoil("features", BAD, recommend_all=-0.9).spoil("candidates", BAD, turnover=1.0)
    assert row(outcome(spoilt, rating=None, turnover_min=None))["selected"]


def test_limits_are_inclusive(market):
    edge = market().spoil("features", BAD, n_bars=252).spoil("candidates", BAD, turnover=1e6)
    assert row(outcome(edge))["vetoes"] == ""


def test_turnover_falls_back_to_value_traded_and_then_to_dollar_features(market):
    fallback = market().spoil("candidates", BAD, turnover=np.nan)
    fallback.spoil("features", BAD, turnover=np.nan)
    assert row(outcome(fallback, turnover_min=4.5e6))["vetoes"] == "liquidity"  # value traded is 4e6
    assert row(outcome(fallback, turnover_min=4e6))["vetoes"] == ""
    own = market().spoil("candidates", BAD, turnover=np.nan, value_traded=np.nan)
    assert row(outcome(own))["turnover"] == 7e6  # the feature's, in a dollar quote


def test_foreign_features_never_stand_in_for_dollars(market):
    """A turnover in lira is not a turnover in dollars because the candidate lacks one."""
    spoilt = market()
    lira = BAD.replace("USDT", "TRY")
    for frame in ("candidates", "features", "health", "instruments"):
        getattr(spoilt, frame)["symbol"] = getattr(spoilt, frame)["symbol"].replace(BAD, lira)
    spoilt.returns = spoilt.returns.rename(columns={BAD: lira})
    spoilt.spoil("candidates", lira, turnover=np.nan, value_traded=np.nan)
    assert row(outcome(spoilt), lira)["vetoes"] == "liquidity"


def test_several_required_fields(market):
    spoilt = market()
    spoilt.instruments = spoilt.instruments.assign(lot_size=1.0, lot_size_source="exchange")
    rules = {"required_metadata": ("tick_size", "lot_size")}
    assert row(outcome(spoilt, **rules))["vetoes"] == ""
    spoilt.spoil("instruments", BAD, lot_size_source="default", tick_size_source="default")
    bad = row(outcome(spoilt.spoil("instruments", BAD, lot_size=7.0), **rules))
    assert "tick_size is default, lot_size is default" in bad["reason"]
    assert json.loads(bad["veto_detail"])["missing_metadata"]["value"] == 0.01, "the first that is lacking is shown"


def test_gappy_is_left_to_the_returns_matrix_by_default(market):
    spoilt = market().spoil("health", BAD, status="gappy")
    assert select(*spoilt.inputs()).table.set_index("symbol").loc[BAD, "vetoes"] == ""


def test_a_hard_veto_never_gives_way_to_fill_seats(market):
    """D11: one candidate, one veto, an empty and sparse selection."""
    lonely = market(n=1).spoil("health", "BINANCE:C000USDT", status="toxic")
    result = outcome(lonely)
    assert result.table["selected"].sum() == 0
    assert result.sparse
    assert result.stage == 4


def test_the_registry_takes_more(market):
    def judge(facts, rules):
        bites = (facts["symbol"] == BAD).to_numpy()
        figure = np.full(len(facts), 0.5)
        return Verdict(bites, figure, figure, np.full(len(facts), "because", dtype=object))

    extra = Veto("friction", "soft", "an example", judge)
    result = outcome(market(), (*HARD_VETOES, extra))
    assert row(result)["soft_vetoes"] == "friction"
    assert row(result)["reason"].endswith("in spite of friction (because)")
    assert result.vetoes["kind"].tolist() == ["soft"]
    strict = select(*market().inputs(), SelectionRules(max_stage=1), vetoes=(*HARD_VETOES, extra))
    assert (row(strict)["selected"], row(strict)["blocked_by"]) == (False, "soft")
    assert row(strict)["reason"].endswith("vetoed: friction (because)")


def test_every_defect_of_health_has_a_veto():
    assert set(HEALTH_STATUSES) - {"healthy"} <= {veto.name for veto in HARD_VETOES}
    assert {veto.kind for veto in HARD_VETOES} == {"hard"}
    assert all(veto.description for veto in HARD_VETOES)


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ({"health_statuses": ("toxic",)}, "health_statuses"),
        ({"health_statuses": ("toxic", "stale", "healthy")}, "health_statuses"),
        ({"health_statuses": ("toxic", "stale", "unwell")}, "health_statuses"),
        ({"required_metadata": ("price_precision",)}, "required_metadata"),
        ({"rating": "adx"}, "rating"),
        ({"turnover_min": math.nan}, "turnover_min"),
        ({"min_days": math.inf}, "min_days"),
    ],
)
def test_limits_that_make_no_sense_are_refused(rules, field):
    with pytest.raises(ContradictoryRulesError) as error:
        VetoRules(**rules)
    assert error.value.field == field
