"""Where a ticker's series ends, and which bars are bad prints."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from quant_lib.health import BarsContractError, HealthRules, quarantine_bars, segment_bars, segment_starts


def numbers(bars, rules=None):
    return segment_bars(bars, rules).to_list()


def bad_days(bars, rules=None):
    """Place of each quarantined bar, and of the bar that showed it."""
    place = {date: i for i, date in enumerate(bars["date"])}
    found = quarantine_bars(bars, rules)
    return [(place[row.date], place[row.known_on]) for row in found.itertuples()]


def test_unbroken_series_is_one_segment(make_bars, wobble):
    assert numbers(make_bars(wobble(50))) == [0] * 50


@pytest.mark.parametrize("missing", [1, 2, 3, 7, 13])
def test_halt_with_a_plausible_price_does_not_break(make_bars, wobble, missing):
    assert numbers(make_bars(wobble(60), gaps={40: missing})) == [0] * 60


@pytest.mark.parametrize("missing", [14, 18, 400])
def test_weeks_in_the_dark_break_whatever_the_price(make_bars, wobble, missing):
    assert numbers(make_bars(wobble(60), gaps={40: missing})) == [0] * 40 + [1] * 20


@pytest.mark.parametrize("factor", [6.01, 1294.4, 1 / 6.01, 0.0005])
def test_redenomination_across_one_missing_session_breaks(make_bars, wobble, factor):
    prices = np.concatenate([wobble(40), wobble(20, 100.0 * factor)])
    assert numbers(make_bars(prices, gaps={40: 1})) == [0] * 40 + [1] * 20


@pytest.mark.parametrize(("factor", "broken"), [(2.9, False), (1 / 2.9, False), (3.2, True), (1 / 3.2, True)])
def test_ratio_over_missing_sessions_of_a_calm_asset(make_bars, wobble, factor, broken):
    prices = np.concatenate([wobble(40), wobble(20)[:1] * factor])
    assert numbers(make_bars(prices, gaps={40: 2}))[-1] == int(broken)


def test_volatile_asset_may_move_further_over_missing_sessions(make_bars):
    swings = 100.0 * np.exp(0.15 * (-1.0) ** np.arange(40))  # |log return| is 0.3 every day
    prices = np.append(swings, swings[-1] * 4.0)
    assert numbers(make_bars(prices, gaps={40: 2}))[-1] == 0
    # Four times passes because 6 sigma sqrt(3) is far above it; with fewer than 20 returns log 3 decides alone.
    assert numbers(make_bars(prices[-20:], gaps={19: 2}))[-1] == 1


def test_volatility_is_the_scaled_median_of_the_last_sixty_returns(make_bars):
    rng = np.random.default_rng(5)
    steps = rng.normal(0, 0.18, 100)
    prices = np.exp(np.cumsum(steps))
    sigma = np.median(np.abs(np.diff(np.log(prices))[-60:])) / 0.6744897501960817
    limit = 6.0 * sigma * np.sqrt(2.0)
    assert np.log(3.0) < limit < np.log(6.0)  # else the test shows nothing
    for side, broken in ((0.999, 0), (1.001, 1)):
        bars = make_bars(np.append(prices, prices[-1] * np.exp(limit * side)), gaps={100: 1})
        assert numbers(bars)[-1] == broken


def test_crash_then_dark_then_another_asset_under_the_same_ticker_breaks(make_bars, wobble):
    crashed = np.array([1.0, 0.0005, 0.00004, 0.0001])
    prices = np.concatenate([wobble(40, 80.0), crashed, wobble(30, 9.0)])
    bars = make_bars(prices, gaps={44: 17})
    assert numbers(bars) == [0] * 44 + [1] * 30
    assert bad_days(bars) == []  # the crash was real: its returns stay


def test_crash_without_missing_sessions_is_a_loss_not_a_break(make_bars, wobble):
    bars = make_bars(np.concatenate([wobble(40), wobble(20, 0.05)]))
    assert numbers(bars) == [0] * 60
    assert bad_days(bars) == []


@pytest.mark.parametrize("factor", [20.0, 1 / 20.0, 1e6, 1e-6])
def test_single_bad_print_is_quarantined_and_does_not_break(make_bars, wobble, factor):
    prices = wobble(60)
    prices[30] *= factor
    bars = make_bars(prices)
    assert numbers(bars) == [0] * 60
    # A high print is known at once, a low one when the price is back.
    assert bad_days(bars) == [(30, 30 if factor > 1 else 31)]


@pytest.mark.parametrize("factor", [20.0, 1 / 20.0])
def test_three_bad_prints_in_a_row_are_quarantined(make_bars, wobble, factor):
    prices = wobble(60)
    prices[30:33] *= factor
    bars = make_bars(prices)
    assert numbers(bars) == [0] * 60
    assert bad_days(bars) == [(30, 30 if factor > 1 else 33), (31, 33), (32, 33)]


def test_bad_prints_that_alternate_with_good_bars(make_bars, wobble):
    prices = wobble(60)
    prices[[30, 32]] *= 20.0
    prices[[40, 42]] /= 20.0
    bars = make_bars(prices)
    assert numbers(bars) == [0] * 60
    assert [day for day, _ in bad_days(bars)] == [30, 32, 40, 42]


def test_high_print_followed_by_a_low_one(make_bars, wobble):
    prices = wobble(60)
    prices[30] *= 20.0
    prices[31] /= 20.0
    bars = make_bars(prices)
    assert bad_days(bars) == [(30, 30), (31, 32)]
    assert numbers(bars) == [0] * 60


def test_second_jump_on_top_of_the_first_is_measured_from_the_last_good_bar(make_bars, wobble):
    prices = wobble(60)
    prices[30] *= 7.0
    prices[31] *= 140.0
    bars = make_bars(prices)
    assert bad_days(bars) == [(30, 30), (31, 31)]
    assert numbers(bars) == [0] * 60


@pytest.mark.parametrize(("factor", "broken"), [(5.9, 0), (6.1, 1)])
def test_quarantine_limit_breaks_over_missing_sessions_however_volatile(make_bars, factor, broken):
    swings = 100.0 * np.exp(0.3 * (-1.0) ** np.arange(40))
    assert numbers(make_bars(np.append(swings, swings[-1] * factor), gaps={40: 1}))[-1] == broken


def test_level_that_stays_is_another_series_from_the_fourth_bar(make_bars, wobble):
    prices = np.concatenate([wobble(40), wobble(20, 100_000.0)])
    bars = make_bars(prices)
    assert bad_days(bars) == [(40, 40)]
    assert numbers(bars) == [0] * 43 + [1] * 17


def test_jump_of_exactly_the_limit_is_kept(make_bars):
    bars = make_bars([1.0, 1.0, 6.0, 6.0, 6.0, 6.0, 6.0])
    assert bad_days(bars) == []
    assert bad_days(make_bars([1.0, 1.0, 6.001, 6.0, 6.0])) == [(2, 2)]


def test_bad_print_after_a_gap_breaks_and_is_quarantined_when_the_price_returns(make_bars, wobble):
    prices = wobble(60)
    prices[30] *= 50.0
    bars = make_bars(prices, gaps={30: 2})
    assert numbers(bars) == [0] * 30 + [1] * 30  # on that day nothing tells it from another asset
    assert bad_days(bars) == [(30, 31)]


def test_price_before_the_dark_says_nothing_about_bad_prints_after_it(make_bars):
    bars = make_bars([1.0] * 10 + [8.0, 2.5, 2.5], gaps={10: 30})
    assert bad_days(bars) == []


def test_each_symbol_is_judged_alone(make_bars, wobble):
    broken = make_bars(np.concatenate([wobble(40), wobble(20, 1e5)]), gaps={40: 3}, symbol="BINANCE:BUSDT")
    whole = make_bars(wobble(60), symbol="BINANCE:CUSDT")
    both = pd.concat([whole, broken], ignore_index=True)
    expected = pd.concat([segment_bars(whole), segment_bars(broken)], ignore_index=True)
    pd.testing.assert_series_equal(segment_bars(both), expected)


def test_result_follows_the_callers_index_and_order(make_bars, wobble):
    bars = make_bars(np.concatenate([wobble(40), wobble(20, 1e5)]), gaps={40: 3})
    shuffled = bars.sample(frac=1.0, random_state=3)
    assert not shuffled.index.is_monotonic_increasing
    pd.testing.assert_series_equal(segment_bars(shuffled).sort_index(), segment_bars(bars))
    pd.testing.assert_frame_equal(quarantine_bars(shuffled), quarantine_bars(bars))


def test_missing_days_of_a_closed_market_are_no_gap(make_bars, wobble, weekdays):
    bars = make_bars(wobble(30))
    bars = bars.loc[bars["date"].dt.day_of_week < 5]
    assert set(segment_bars(bars, HealthRules(dark_sessions=1), weekdays)) == {0}
    assert set(segment_bars(bars, HealthRules(dark_sessions=1))) != {0}


def test_segment_starts_list_each_series(make_bars, wobble):
    bars = make_bars(np.concatenate([wobble(40), wobble(20, 1e5)]), gaps={40: 3})
    starts = segment_starts(bars, segment_bars(bars))
    assert starts["segment"].to_list() == [0, 1]
    assert starts["start"].dt.date.to_list() == [dt.date(2021, 1, 1), dt.date(2021, 1, 1) + dt.timedelta(days=43)]


def test_empty_bars_give_empty_answers(make_bars):
    empty = make_bars([1.0]).iloc[:0]
    assert segment_bars(empty).empty
    assert quarantine_bars(empty).empty
    assert segment_starts(empty, segment_bars(empty)).empty


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda b: b.drop(columns="close"), "no column close"),
        (lambda b: b.assign(close=0.0), "not positive and finite"),
        (lambda b: b.assign(close=float("nan")), "not positive and finite"),
        (lambda b: b.assign(date=b["date"].dt.tz_localize("UTC")), "not session labels"),
        (lambda b: b.assign(date=b["date"] + pd.Timedelta(hours=5)), "no session of calendar 24x7"),
        (lambda b: b.assign(date=pd.NaT), "without a date"),
        (lambda b: pd.concat([b, b.iloc[:1]]), "share symbol and date"),
        (lambda b: b.assign(symbol=pd.Series([None] * len(b), dtype="str")), "without a symbol"),
    ],
)
def test_bars_that_break_their_contract_are_refused(make_bars, wobble, change, words):
    with pytest.raises(BarsContractError, match=words) as caught:
        segment_bars(change(make_bars(wobble(5))))
    assert caught.value.fix
