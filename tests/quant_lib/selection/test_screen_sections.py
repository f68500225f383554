"""Screens beyond filters: each drops what it says, by the side's sign, and nothing that is unknown on the day passes."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_lib.selection import (
    VENDOR_COLUMNS,
    ContradictoryRulesError,
    MarketCaps,
    NotPointInTimeError,
    RecentPerformance,
    ScreenRules,
    SymbolList,
    TrendScreen,
    screen,
    universe_from_scan,
)
from quant_lib.selection._screens import momentum_composite

DAY = dt.date(2022, 6, 1)


def frame(**columns):
    n = len(next(iter(columns.values())))
    names = list("ABCDE")[:n]
    made = {
        "symbol": [f"BINANCE:{name}USDT" for name in names],
        "date": pd.Timestamp(DAY),
        "exchange": "BINANCE",
        "asset_type": "spot",
        "base": names,
        "quote": "USDT",
        "active": True,
        "close": 10.0,
        "turnover": 5e6,
        "value_traded": 5e6,
        "adx": 25.0,
        "recommend_all": 0.5,
    }
    return pd.DataFrame(made | columns)


def kept(rows, **rules):
    result = screen(rows, ScreenRules(**({"direction": "LONG"} | rules)))
    assert len(result.drops) + len(result.candidates) == len(rows)  # nobody leaves without a reason
    return [symbol.removeprefix("BINANCE:").removesuffix("USDT") for symbol in sorted(result.candidates["symbol"])]


def test_a_trend_screen_asks_the_opposite_of_the_other_side():
    rows = frame(recommend_all=[0.3, 0.0, -0.3, np.nan], perf_w=[1.0, 0.0, -1.0, 5.0])
    trend = TrendScreen(name="trend", recommendation=0.0, momentum=(("Perf.W", 0.0),))
    assert kept(rows, screens=(trend,)) == ["A"]  # momentum is strict, ratings are not
    assert kept(rows, screens=(trend,), direction="SHORT") == ["C"]
    either = TrendScreen(name="trend", logic="OR", recommendation=0.0, momentum=(("Perf.W", 0.0),))
    assert kept(rows, screens=(either,)) == ["A", "B", "D"]


def test_a_market_that_lists_nothing_of_a_universe_proposes_nothing():
    scan = pd.DataFrame(
        {"symbol": pd.Series(dtype="str")} | {name: pd.Series(dtype="float64") for name in VENDOR_COLUMNS}
    )
    rows = universe_from_scan(scan).assign(turnover=np.nan)
    assert screen(rows, ScreenRules(direction="LONG", asset_types=("equity",))).candidates.empty


def test_a_screen_without_a_condition_is_refused():
    with pytest.raises(ContradictoryRulesError, match="no condition"):
        TrendScreen(name="trend")


@pytest.mark.parametrize("column", ["Recommend.All|1W", "ADX|1W"])
def test_a_weekly_screen_of_a_past_day_is_an_error_that_names_the_field(column):
    asked = {"recommendation": 0.0} if column.startswith("Rec") else {"adx": 10.0}
    weekly = TrendScreen(name="confirm", timeframe="weekly", **asked)
    with pytest.raises(NotPointInTimeError, match=column.replace("|", r"\|")):
        kept(frame(perf_w=[1.0]), screens=(weekly,))
    live = frame(recommend_all_1w=[0.1, -0.1], adx_1w=[20.0, 5.0])
    assert kept(live, screens=(weekly,)) == ["A"]


def test_recent_performance_is_judged_by_size():
    rows = frame(perf_1m=[-8.0, 2.0, 30.0, np.nan])
    recent = RecentPerformance(required=("Perf.1M",), abs_min=(("Perf.1M", 5.0),), abs_max=(("Perf.1M", 20.0),))
    assert kept(rows, recent=recent) == ["A"]


def test_the_average_true_range_stands_in_only_where_the_range_is_unknown():
    rows = frame(volatility_d=[3.0, 0.01, np.nan, np.nan], atr_14=[9.0, 0.1, 0.5, 9.0])
    assert kept(rows, volatility_min=0.1, atr_pct_max=10.0) == ["A", "C"]
    assert kept(rows, volatility_min=0.1) == ["A"]


def test_a_venue_s_own_volume_floor_stands_before_the_common_one():
    rows = frame(volume=[50.0, 500.0, np.nan])
    assert kept(rows, volume_min=100.0) == ["B"]
    assert kept(rows, volume_min=100.0, volume_min_per_exchange=(("BINANCE", 10.0),)) == ["A", "B"]


def test_what_is_ensured_stays_whatever_the_screens_say_and_never_where_it_is_not_listed():
    rows = frame(adx=[10.0, 30.0, 5.0], active=[True, True, False])
    ensured = ("BINANCE:AUSDT", "BINANCE:CUSDT")
    assert kept(rows, filters=(("ADX", "greater", 20),), ensure_symbols=ensured) == ["A", "B"]


def test_capitalisation_is_the_larger_of_both_and_never_younger_than_the_day():
    rows = frame(market_cap=[5e9, 1e6, np.nan])
    caps = MarketCaps(known_on=DAY, caps={"B": 2e9, "C": 1e5}, ranks={"A": 1.0, "B": 2.0, "C": 3.0}, floor=1e9)
    assert kept(rows, market_caps=caps) == ["A", "B"]
    ranked = MarketCaps(known_on=DAY, ranks={"A": 1.0, "B": 2.0}, rank_limit=1)
    assert kept(rows, market_caps=ranked) == ["A"]
    late = MarketCaps(known_on=DAY + dt.timedelta(days=1), caps={"A": 1.0}, floor=0.0)
    for unknown in (late, MarketCaps(floor=0.0)):
        with pytest.raises(NotPointInTimeError, match="2022-06-01"):
            kept(rows, market_caps=unknown)


def test_members_are_those_of_the_newest_list_known_by_the_day():
    old = SymbolList("old", dt.date(2020, 1, 1), ("BINANCE:AUSDT", "BINANCE:BUSDT"))
    new = SymbolList("new", dt.date(2022, 6, 2), ("BINANCE:CUSDT",))
    rows = frame(adx=[25.0] * 3)
    assert kept(rows, member_lists=(old, new)) == ["A", "B"]
    assert kept(rows.drop(columns="date"), member_lists=(old, new)) == ["C"]  # live: the newest of all
    with pytest.raises(NotPointInTimeError, match="membership of 2022-06-01"):
        kept(rows, member_lists=(new,))


def test_the_composite_weighs_fields_alike_and_ranks():
    rows = frame(perf_w=[1.0, 2.0, 3.0], perf_1m=[100.0, 300.0, 200.0], perf_3m=[7.0, 7.0, 7.0])
    by_hand = pd.DataFrame(
        {name: (rows[name] - rows[name].mean()) / rows[name].std() for name in ("perf_w", "perf_1m")}
    )
    expected = by_hand.assign(flat=0.0).mean(axis=1)
    assert momentum_composite(rows, ("perf_w", "perf_1m", "perf_3m")) == pytest.approx(expected.to_numpy())
    rules = ScreenRules(
        direction="LONG", sort_by="momentum_composite", composite=("Perf.W", "Perf.1M"), sort_order="desc"
    )
    assert screen(rows, rules).candidates["symbol"].str[8].tolist() == ["B", "C", "A"]


def test_the_perpetual_of_the_base_is_named_first():
    rows = pd.concat([frame(adx=[25.0]), frame(adx=[25.0]).assign(symbol="BINANCE:AUSDT.P", asset_type="perp")])
    rules = ScreenRules(direction="LONG", asset_types=("spot",), perp_counterparts=True)
    assert screen(rows, rules).candidates["alternatives"].tolist() == ["BINANCE:AUSDT.P"]


@settings(max_examples=settings().max_examples // 4)
@given(st.permutations(range(5)), st.lists(st.floats(-50, 50), min_size=5, max_size=5))
def test_no_section_depends_on_the_order_of_rows(order, figures):
    rows = frame(perf_w=figures, perf_1m=figures[::-1])
    rules = ScreenRules(
        direction="LONG",
        screens=(TrendScreen(name="trend", logic="OR", adx=30.0, momentum=(("Perf.W", 0.0),)),),
        recent=RecentPerformance(abs_max=(("Perf.1M", 40.0),)),
        composite=("Perf.W", "Perf.1M"),
        sort_by="momentum_composite",
        sort_order="desc",
    )
    one, other = screen(rows, rules), screen(rows.iloc[list(order)], rules)
    pd.testing.assert_frame_equal(one.candidates, other.candidates)
    pd.testing.assert_frame_equal(one.drops, other.drops)
