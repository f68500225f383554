"""Each filter exactly at its limits, called alone: what bites, which limit is shown, and in which words."""

import numpy as np
import pandas as pd
import pytest

from quant_lib.selection import AdvancedTrend, Friction, Percentile, Predictability, TrendRegime, VetoRules
from quant_lib.selection.filters import Trail
from quant_lib.selection.filters._base import bounded
from quant_lib.selection.vetoes import HARD_VETOES

FREE = VetoRules(rating=None)


def facts(direction="LONG", **columns):
    size = max((len(np.atleast_1d(values)) for values in columns.values()), default=1)
    return pd.DataFrame({"direction": [direction] * size, **columns})


def verdict_of(chosen, veto, rows):
    (one,) = (found for found in chosen.vetoes() if found.name == veto)
    return one.judge(rows, FREE)


def trail(**values):
    return Trail({name: np.atleast_2d(np.asarray(block, dtype="float64")) for name, block in values.items()})


def test_friction_pays_to_the_last_bit_and_strong_momentum_only_above_one():
    rows = facts(net_momentum=[0.3, 0.3 - 1e-12, 0.0, 0.0, 0.1], momentum=[0.5, 0.5, 1.0, 1.0001, 1.0], eci=0.0)
    found = verdict_of(Friction(ticket=1.0, hurdle=0.3), "friction", rows)
    assert found.bites.tolist() == [False, True, True, False, True]
    assert found.threshold.tolist() == [0.3] * 5
    assert "impact" in found.note[1]


@pytest.mark.parametrize("side", ["LONG", "SHORT"])
def test_friction_turns_momentum_with_the_side(side):
    rows = facts(side, momentum=[1.5, -1.5], net_momentum=0.0, eci=0.0)
    bites = verdict_of(Friction(ticket=1.0, hurdle=0.1), "friction", rows).bites
    assert bites.tolist() == ([False, True] if side == "LONG" else [True, False])


def test_toxic_persistence_asks_for_both():
    rows = facts(hurst=[0.55, 0.56, 0.56, 0.4, np.nan], momentum=[-0.1, 0.0, -0.1, -0.1, -0.1])
    found = verdict_of(Predictability(toxic_persistence=True), "toxic_persistence", rows)
    assert found.bites.tolist() == [False, False, True, False, True]
    shorts = verdict_of(Predictability(toxic_persistence=True), "toxic_persistence", rows.assign(direction="SHORT"))
    assert not shorts.bites[[1, 2]].any()
    assert shorts.value[2] == pytest.approx(0.1)


def test_the_noise_band_is_open_and_the_nearer_edge_is_shown():
    rows = facts(hurst_noise_pct=[0.25, 0.3, 0.5, 0.7, 0.75])
    found = verdict_of(Predictability(hurst_band=(0.25, 0.75)), "hurst", rows)
    assert found.bites.tolist() == [False, True, True, True, False]
    assert found.threshold.tolist() == [0.25, 0.25, 0.75, 0.75, 0.75]


def test_bounds_are_inclusive_and_the_limit_shown_is_the_one_in_reach():
    found = bounded(np.array([0.9, 1.0, 2.0, 2.1]), what="figure", low=1.0, high=2.0)
    assert found.bites.tolist() == [True, False, False, True]
    assert found.threshold.tolist() == [1.0, 2.0, 2.0, 2.0]


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_the_trend_s_source_must_be_beyond_the_band_not_on_it(side):
    # 1.125 and 0.875 are exact, so that the band's edge is met to the bit.
    close = [1.0 + side * 0.125, 1.0 + side * 0.126, 1.0]
    rows = facts("LONG" if side > 0 else "SHORT", close=close)
    ones = np.ones((3, 1))
    chosen = TrendRegime(threshold=0.125, strict_signal=False)
    made = chosen.prepare(rows, trail(close=np.array(close)[:, None], sma_200=ones, vwma_20=ones + side * 0.1))
    assert made["trend_side"].tolist() == [0.0, side, 0.0]
    assert made["trend_gap"].tolist() == pytest.approx([1.0] * 3)
    found = verdict_of(chosen, "trend_regime", rows.assign(**made))
    assert found.bites.tolist() == [True, False, True]
    assert found.threshold.tolist() == [side * 0.125] * 3
    assert f"{side * 0.125:+.2%} needed" in found.note[0]


def test_the_distance_is_a_ratio_of_the_average():
    rows = facts(close=[220.0])
    made = TrendRegime().prepare(rows, trail(close=[[220.0]], sma_200=[[200.0]], vwma_20=[[210.0]]))
    assert made["trend_distance"].tolist() == pytest.approx([0.1])
    assert np.isnan(made["signal_age"]).all()  # one bar cannot have crossed


@pytest.mark.parametrize(("direction", "limit"), [("LONG", 0.5), ("SHORT", -0.5)])
def test_the_slope_must_exceed_its_least_on_the_trade_s_side(direction, limit):
    rows = facts(direction, sma200_slope=[0.5, 0.51, -0.51, -0.5])
    found = verdict_of(TrendRegime(mode="slope", slope_min=0.5), "trend_regime", rows)
    assert found.bites.tolist() == ([True, False, True, True] if limit > 0 else [True, True, False, True])
    assert found.threshold.tolist() == [limit] * 4


def test_without_a_fresh_crossing_the_average_must_be_passed_not_met():
    rows = facts(trend_gap=[1.0, 0.0, -1.0])
    assert verdict_of(TrendRegime(strict_signal=False), "trend_signal", rows).bites.tolist() == [False, True, True]


GAPS = [
    ([-1, 1, 1, 1], 2.0),
    ([-1, -1, -1, 1], 0.0),
    ([-1, 0, 0, 1], 0.0),
    ([0, 1, 1, 1], 2.0),
    ([1, 1, 1, 1], np.nan),
    ([-1, 1, 1, 0], np.nan),
    ([-1, 1, -1, 1], 0.0),
    ([-1, 1, 1, -1], np.nan),
]


@pytest.mark.parametrize(("gap", "age"), GAPS)
def test_a_crossing_is_dated_by_the_newest_and_must_still_hold(gap, age):
    average = np.ones((1, 4))
    block = trail(close=average, sma_200=average, vwma_20=average + 0.1 * np.array(gap))
    made = TrendRegime(lookback=3).prepare(facts(close=[1.0]), block)
    np.testing.assert_array_equal(made["signal_age"], [age])
    short = trail(close=average, sma_200=average, vwma_20=average - 0.1 * np.array(gap))
    np.testing.assert_array_equal(
        TrendRegime(lookback=3).prepare(facts("SHORT", close=[1.0]), short)["signal_age"], [age]
    )
    bites = verdict_of(TrendRegime(lookback=2), "trend_signal", facts(signal_age=[age])).bites[0]
    assert bites == (not age < 2)


def test_a_band_expands_against_the_bars_before_it_alone():
    chosen = AdvancedTrend(mode="bb_expansion", lookback=3)
    made = chosen.prepare(facts(), trail(bb_width_20=[[0.1, 0.2, 0.4, 0.8]]))
    assert made["bb_expansion"].tolist() == pytest.approx([4.0])


def test_a_breakout_may_miss_the_channel_by_half_a_percent_and_shows_it():
    rows = pd.DataFrame({"direction": ["LONG", "SHORT"], "donchian_upper_20": 200.0, "donchian_lower_20": 100.0})
    chosen = AdvancedTrend(mode="donchian_breakout")
    veto = chosen.vetoes()[-1]
    near = veto.judge(rows.assign(close=[199.1, 100.4]), FREE)
    far = veto.judge(rows.assign(close=[198.9, 100.6]), FREE)
    assert near.threshold.tolist() == pytest.approx([199.0, 100.5])
    assert not near.bites.any()
    assert far.bites.all()


ALLOWED = [
    lambda: AdvancedTrend(adx_min=0.0),
    lambda: AdvancedTrend(adx_min=100.0),
    lambda: AdvancedTrend(lookback=1),
    lambda: Percentile(share=1.0),
    lambda: Predictability(entropy_max=0.0, efficiency_min=1.0),
    lambda: Predictability(entropy_max=1.0, efficiency_min=0.0),
    lambda: Predictability(hurst_band=(0.0, 1.0)),
    lambda: Predictability(hurst_band=(0.5, 0.5)),
    lambda: TrendRegime(lookback=1),
    lambda: TrendRegime(memory=1),
    lambda: TrendRegime(threshold=0.0),
]


@pytest.mark.parametrize("make", ALLOWED)
def test_the_ends_of_every_range_are_allowed(make):
    assert make().vetoes() is not None


def crossing(vwma, direction="LONG", lookback=5):
    """Age of the crossing of an average that stands at 1."""
    vwma = np.asarray(vwma, dtype="float64")
    made = TrendRegime(lookback=lookback).prepare(
        facts(direction, close=1.0), trail(close=vwma, vwma_20=vwma, sma_200=np.ones(len(vwma)))
    )
    return made["signal_age"][0]


def test_two_bars_are_enough_to_cross_and_one_is_not():
    assert crossing([0.9, 1.1], lookback=1) == 0
    assert crossing([1.1, 0.9], "SHORT", lookback=1) == 0
    assert np.isnan(crossing([1.1], lookback=1))


def test_an_average_that_is_met_is_not_crossed():
    assert np.isnan(crossing([0.9, 0.9, 1.0]))
    assert np.isnan(crossing([1.1, 1.1, 1.0], "SHORT"))
    assert crossing([0.9, 1.0, 1.1]) == 0
    met = trail(close=[1.0], vwma_20=[1.0], sma_200=[1.0])
    for direction in ("LONG", "SHORT"):
        assert TrendRegime(strict_signal=False).prepare(facts(direction, close=1.0), met)["trend_gap"].tolist() == [0.0]
    assert np.isnan(crossing([0.9, 1.0, np.nan, 1.1])), "the bar that crossed is not known"


@pytest.mark.parametrize(("mode", "veto"), [("level", "trend_regime"), ("slope", "trend_regime")])
def test_a_limit_of_nothing_is_shown_without_a_sign(mode, veto):
    rows = facts("SHORT", trend_distance=[0.1], trend_side=[1.0], sma200_slope=[0.1])
    (shown,) = verdict_of(TrendRegime(mode=mode), veto, rows).threshold
    assert shown == 0.0
    assert not np.signbit(shown)


def test_survival_is_hard_at_its_limit_and_what_did_not_live_through_stress_is_not_known_to_have_failed():
    (veto,) = (one for one in HARD_VETOES if one.name == "survival")
    rows = facts(survival=[0.1, 0.0999, 0.0, 1.0, np.nan])
    found = veto.judge(rows, VetoRules(survival_min=0.1))
    assert found.bites.tolist() == [False, True, True, False, False]
    assert found.threshold.tolist() == [0.1] * 5
    assert found.note[2] == "survival probability 0 below 0.1"
    assert veto.kind == "hard"
    assert not veto.judge(rows, VetoRules(survival_min=None)).bites.any()
