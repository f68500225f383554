"""Which assets enter the matrix of a decision: each rule, the cost of the join, and who may not change whom."""

import datetime as dt
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_lib.contracts import RETURNS_DROPS, RETURNS_MATRIX
from quant_lib.returns import ReturnsContractError, eligible_returns

LAST = dt.date(2022, 6, 30)


def frame(n_days=400, names="ABC", seed=1):
    rng = np.random.default_rng(seed)
    index = pd.date_range(end=LAST, periods=n_days, name="date").as_unit("us")
    columns = pd.Index([f"X:{name}" for name in names], dtype="str", name="symbol")
    return pd.DataFrame(rng.normal(0, 0.03, (n_days, len(names))), index=index, columns=columns)


def reason(result, symbol):
    rows = result.drops.loc[result.drops["symbol"] == symbol]
    assert len(rows) == 1
    return tuple(rows.iloc[0][["reason", "value", "threshold"]])


def test_complete_assets_all_enter_and_nothing_is_lost():
    wide = frame()
    result = eligible_returns(wide, LAST, 120)
    pd.testing.assert_frame_equal(result.matrix, wide.iloc[-120:], check_exact=True, check_freq=False)
    assert result.drops.empty
    assert result.rows_lost.empty


def test_result_unpacks_as_matrix_and_drops():
    matrix, drops = eligible_returns(frame().assign(**{"X:D": np.nan}), LAST, 120)
    assert matrix.shape == (120, 3)
    assert drops["symbol"].to_list() == ["X:D"]


def test_tables_meet_their_contract():
    wide = frame()
    wide.loc[wide.index[-60], "X:C"] = 9.0
    matrix, drops = eligible_returns(wide, LAST, 120)
    common = {"profile": "p", "date": pd.Timestamp(LAST).as_unit("us")}
    RETURNS_DROPS.pandera_schema().validate(drops.assign(**common))
    long = matrix.rename_axis(index="bar_date").stack().rename("ret").reset_index().assign(**common)
    RETURNS_MATRIX.pandera_schema().validate(long)


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (slice(None), ("no_data", 0.0, 0.9)),
        (slice(-1, None), ("no_current_return", 1.0, 0.0)),
        (slice(-7, None), ("no_current_return", 7.0, 0.0)),
        (slice(None, -89), ("too_young", 89.0, 90.0)),
        (slice(None, -107), ("observed", 107 / 120, 0.9)),
        (slice(-60, -56), ("internal_gap", 4.0, 3.0)),
    ],
)
def test_each_reason_carries_figure_and_limit(spoil, expected):
    wide = frame()
    wide.loc[wide.index[spoil], "X:B"] = np.nan
    result = eligible_returns(wide, LAST, 120)
    found = reason(result, "X:B")
    assert found[0] == expected[0]
    assert found[1:] == pytest.approx(expected[1:])
    assert result.matrix.columns.to_list() == ["X:A", "X:C"]
    pd.testing.assert_frame_equal(result.matrix, wide[["X:A", "X:C"]].iloc[-120:], check_exact=True, check_freq=False)


@pytest.mark.parametrize("spoil", [slice(None, -108), slice(-60, -57), slice(-108, -107)])
def test_limits_are_inclusive(spoil):
    wide = frame()
    wide.loc[wide.index[spoil], "X:B"] = np.nan
    result = eligible_returns(wide, LAST, 120)
    assert result.drops.empty
    assert len(result.matrix) + len(result.rows_lost) == 120


@pytest.mark.parametrize(("value", "limit"), [(5.0001, True), (5.0, False), (-1.0, False)])
def test_return_beyond_the_bound_that_was_not_quarantined_drops_the_asset(value, limit):
    wide = frame()
    wide.loc[wide.index[-50], "X:B"] = value
    result = eligible_returns(wide, LAST, 120)
    assert result.drops["reason"].to_list() == (["return_limit"] if limit else [])
    wide.loc[wide.index[-121], "X:A"] = 50.0  # outside the window: no matter any more
    assert "X:A" in eligible_returns(wide, LAST, 120).matrix


@pytest.mark.parametrize("value", [0.0, 0.001])
def test_asset_that_does_not_vary_is_dropped(value):
    wide = frame().assign(**{"X:B": value})
    assert reason(eligible_returns(wide, LAST, 120), "X:B")[0] == "zero_variance"


def test_asset_that_varies_only_on_lost_sessions_is_dropped():
    wide = frame()
    wide["X:B"] = 0.0
    wide.loc[wide.index[-50], "X:B"] = 0.3
    wide.loc[wide.index[-50], "X:C"] = np.nan
    result = eligible_returns(wide, LAST, 120)
    assert reason(result, "X:B")[0] == "zero_variance"
    assert len(result.matrix) == 119


def test_lost_sessions_are_listed_with_who_missed_them():
    wide = frame()
    wide.loc[wide.index[[-50, -30]], "X:B"] = np.nan
    wide.loc[wide.index[-30], "X:A"] = np.nan
    result = eligible_returns(wide, LAST, 120)
    assert len(result.matrix) == 118
    assert result.rows_lost.values.tolist() == [[wide.index[-50], 1, "X:B"], [wide.index[-30], 2, "X:A,X:B"]]
    assert result.rows_lost.dtypes.astype(str).to_list() == ["datetime64[us]", "int64", "str"]


def test_young_asset_leaves_ten_years_of_the_others_bit_equal():
    """N5: an asset of one year joins a universe of ten."""
    wide = frame(3650, "ABCDE")
    on, lookback = LAST, 3650
    alone = eligible_returns(wide, on, lookback)
    joined = eligible_returns(
        wide.assign(**{"X:0YOUNG": wide["X:A"].where(wide.index >= wide.index[-365])}), on, lookback
    )
    pd.testing.assert_frame_equal(alone.matrix, joined.matrix, check_exact=True)
    assert reason(joined, "X:0YOUNG") == ("observed", pytest.approx(0.1), 0.9)
    # In a window it fills it enters, and the others' returns are the same bits.
    short = eligible_returns(wide.assign(**{"X:0YOUNG": wide["X:A"] * 0.5}), on, 250)
    expected = eligible_returns(wide, on, 250).matrix
    pd.testing.assert_frame_equal(short.matrix[expected.columns], expected, check_exact=True)


def test_asset_that_fills_only_most_of_the_window_costs_reported_sessions_not_silent_ones():
    wide = frame(400, "ABCDE")
    wide.loc[: wide.index[-110], "X:C"] = np.nan
    result = eligible_returns(wide, LAST, 120)
    assert result.drops.empty
    assert len(result.matrix) == 109
    assert len(result.rows_lost) == 11
    assert set(result.rows_lost["symbols"]) == {"X:C"}


def test_join_may_cost_a_fifth_and_no_more():
    wide = frame(400, "ABCDEF")
    for i, name in enumerate("ABCDE"):
        wide.loc[wide.index[-118 + 6 * i : -118 + 6 * i + 3], f"X:{name}"] = np.nan
        wide.loc[wide.index[-60 + 6 * i : -60 + 6 * i + 2], f"X:{name}"] = np.nan
    wide.loc[wide.index[-80], "X:C"] = np.nan  # C misses most: 6, the others 5; 26 of 120 in all
    result = eligible_returns(wide, LAST, 120)
    assert reason(result, "X:C") == ("join_loss", pytest.approx(6 / 120), 0.2)
    assert result.matrix.shape == (100, 5)
    assert len(eligible_returns(wide, LAST, 120, max_join_loss=26 / 120).matrix.columns) == 6


def test_equal_costs_are_settled_by_symbol_not_by_column_order():
    wide = frame(400, "DCBA")
    for i, name in enumerate("ABCD"):
        wide.loc[wide.index[-110 + 20 * i : -110 + 20 * i + 3], f"X:{name}"] = np.nan
        wide.loc[wide.index[-100 + 20 * i : -100 + 20 * i + 3], f"X:{name}"] = np.nan
    results = [
        eligible_returns(wide[list(order)], LAST, 120, max_join_loss=0.19) for order in itertools.permutations(wide)
    ]
    assert len(results) == 24
    for result in results:
        assert result.drops["symbol"].to_list() == ["X:A"]
        pd.testing.assert_frame_equal(result.matrix, results[0].matrix, check_exact=True)


def test_session_on_which_the_whole_market_is_missing_is_nobodys_cost():
    wide = frame(400, "ABCD")
    wide.loc[wide.index[-40:-37]] = np.nan
    result = eligible_returns(wide, LAST, 120, max_join_loss=0.0)
    assert result.drops.empty
    assert len(result.matrix) == 117
    assert result.rows_lost["n_missing"].to_list() == [4, 4, 4]


def shapley(absent):
    """Shapley value of each asset in the game whose cost is the number of sessions lost, by definition."""
    n = absent.shape[1]
    value = np.zeros(n)
    for order in itertools.permutations(range(n)):
        gone = np.zeros(len(absent), dtype=bool)
        for player in order:
            value[player] += (gone | absent[:, player]).sum() - gone.sum()
            gone |= absent[:, player]
    return value / np.prod(np.arange(1, n + 1))


@pytest.mark.parametrize("seed", range(5))
def test_cost_of_an_asset_is_its_shapley_value(seed):
    rng = np.random.default_rng(seed)
    wide = frame(200, "ABCDE", seed)
    absent = rng.random((99, 5)) < 0.08
    wide.iloc[-100:-1] = wide.iloc[-100:-1].mask(absent)
    result = eligible_returns(wide, LAST, 100, 0.5, 50, 0, max_join_loss=0.9 * absent.any(axis=1).sum() / 100)
    costs = shapley(absent)
    first = f"X:{'ABCDE'[int(np.argmax(np.round(costs, 9)))]}"
    assert not absent.all(axis=1).any()
    assert reason(result, first)[:2] == ("join_loss", pytest.approx(costs.max() / 100))


def test_ticker_reuse_leaves_the_old_assets_returns_out():
    wide = frame()
    start = wide.index[-100]
    wide.loc[start, "X:B"] = np.nan  # what simple_returns leaves at a break
    starts = pd.DataFrame(
        {"symbol": ["X:A", "X:B", "X:B", "X:C"], "start": [wide.index[0], wide.index[0], start, wide.index[0]]}
    )
    assert eligible_returns(wide, LAST, 120).drops.empty  # without the starts the two assets look like one
    result = eligible_returns(wide, LAST, 120, segment_starts=starts)
    assert reason(result, "X:B") == ("observed", pytest.approx(99 / 120), 0.9)
    assert reason(eligible_returns(wide, LAST, 60, min_days=101, segment_starts=starts), "X:B")[:2] == (
        "too_young",
        100.0,
    )
    before = (start - pd.Timedelta(days=1)).date()
    assert "X:B" in eligible_returns(wide, before, 120, segment_starts=starts).matrix  # not known yet
    entered = eligible_returns(wide, LAST, 105, segment_starts=starts)
    assert entered.matrix.index[0] == start + pd.Timedelta(days=1)


def test_segment_starts_must_cover_what_they_judge():
    wide = frame()
    starts = pd.DataFrame({"symbol": ["X:A", "X:C"], "start": wide.index[:1].repeat(2)})
    with pytest.raises(ReturnsContractError, match="X:B"):
        eligible_returns(wide, LAST, 120, segment_starts=starts)
    unlisted = eligible_returns(wide.assign(**{"X:B": np.nan}), LAST, 120, segment_starts=starts)
    assert reason(unlisted, "X:B")[0] == "no_data"


def test_rows_absent_from_the_frame_count_as_missing():
    wide = frame()
    result = eligible_returns(wide.drop(index=wide.index[-60:-56]), LAST, 120)
    assert set(result.drops["reason"]) == {"internal_gap"}
    assert result.matrix.empty
    assert len(eligible_returns(wide.iloc[-50:], LAST, 120, min_days=0).drops) == 3


def test_frame_that_ends_before_the_decision_has_no_current_return():
    result = eligible_returns(frame(), LAST + dt.timedelta(days=1), 120)
    assert set(result.drops["reason"]) == {"no_current_return"}


def test_asset_of_exactly_the_least_age_enters():
    wide = frame()
    wide.loc[wide.index[:-90], "X:B"] = np.nan
    assert "X:B" in eligible_returns(wide, LAST, 90).matrix
    assert reason(eligible_returns(wide, LAST, 90, min_days=91), "X:B") == ("too_young", 90.0, 91.0)


def test_nothing_eligible_is_an_empty_matrix():
    result = eligible_returns(frame() * np.nan, LAST, 120)
    assert result.matrix.shape == (0, 0)
    assert result.drops["reason"].to_list() == ["no_data"] * 3
    assert eligible_returns(frame().iloc[:, :0], LAST, 120).drops.empty
    after = eligible_returns(frame(), LAST + dt.timedelta(days=400), 120)
    assert set(after.drops["reason"]) == {"no_data"}


def test_newest_session_is_always_common_however_little_else_is():
    wide = frame(400, "AB")
    wide.loc[wide.index[-120:-1:2], "X:A"] = np.nan
    wide.loc[wide.index[-119:-1:2], "X:B"] = np.nan
    result = eligible_returns(wide, LAST, 120, 0.4, 5, max_join_loss=0.999)
    # One session is common, and one return does not vary.
    assert result.drops["reason"].to_list() == ["zero_variance"] * 2
    assert eligible_returns(wide, LAST, 120, 0.4, 5).matrix.shape == (61, 1)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda w: w.replace(w.iloc[-3, 1], np.inf),
        lambda w: w.replace(w.iloc[-3, 1], -1.01),
        lambda w: w.tz_localize("UTC"),
        lambda w: w.iloc[::-1],
        lambda w: pd.concat([w, w.iloc[[-1]]]),
        lambda w: w.set_index(w.index + pd.Timedelta(hours=5)),
        lambda w: w[["X:A", "X:A"]],
        lambda w: w.reset_index(drop=True),
    ],
)
def test_frames_that_are_no_returns_are_refused(spoil):
    with pytest.raises(ReturnsContractError):
        eligible_returns(spoil(frame()), LAST, 120)


@pytest.mark.parametrize(
    "wrong",
    [
        {"lookback": 1},
        {"min_observed": 0.0},
        {"min_observed": 1.1},
        {"max_internal_gap": -1},
        {"min_days": -1},
        {"max_return": 0.0},
        {"max_join_loss": 1.0},
    ],
)
def test_limits_without_meaning_are_refused(wrong):
    with pytest.raises(ReturnsContractError, match="it must be"):
        eligible_returns(frame(), LAST, **{"lookback": 120, **wrong})


HOLES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 39), st.integers(1, 12)), max_size=14)


def with_holes(holes, n_days=40):
    wide = frame(n_days, "ABCDEF")
    for column, begin, length in holes:
        wide.iloc[begin : begin + length, column] = np.nan
    return wide


@given(HOLES)
@settings(max_examples=40)
def test_matrix_is_complete_unpadded_and_accounts_for_everything(holes):
    wide = with_holes(holes)
    result = eligible_returns(wide, LAST, 30, 0.6, 3, 20)
    matrix = result.matrix
    assert matrix.notna().all(axis=None)
    pd.testing.assert_frame_equal(matrix, wide.loc[matrix.index, matrix.columns], check_exact=True, check_freq=False)
    assert sorted([*matrix.columns, *result.drops["symbol"]]) == list(wide.columns)
    if len(matrix.columns):
        window = wide.index[-30:]
        assert sorted([*matrix.index, *result.rows_lost["date"]]) == list(window)
        kept = wide.loc[window, matrix.columns].isna()
        lost = kept.any(axis=1) & ~kept.all(axis=1)
        assert lost.mean() <= 0.2 + 1e-12
        assert matrix.index[-1] == window[-1]


@given(HOLES, st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_later_rows_and_column_order_change_nothing(holes, random):
    wide = with_holes(holes)
    on = wide.index[-5].date()
    expected = eligible_returns(wide.iloc[:-4], on, 30, 0.6, 3, 20)
    order = list(wide.columns)
    random.shuffle(order)
    noisy = wide.copy()
    noisy.iloc[-4:] = 99.0
    result = eligible_returns(noisy[order], on, 30, 0.6, 3, 20)
    pd.testing.assert_frame_equal(result.matrix, expected.matrix, check_exact=True)
    pd.testing.assert_frame_equal(result.drops, expected.drops)
    pd.testing.assert_frame_equal(result.rows_lost, expected.rows_lost)


@given(HOLES)
@settings(max_examples=30)
def test_asset_that_fails_its_own_rules_cannot_change_the_others(holes):
    wide = with_holes(holes)
    result = eligible_returns(wide, LAST, 30, 0.6, 3, 20)
    own = {"no_data", "no_current_return", "too_young", "observed", "internal_gap", "return_limit"}
    failed = result.drops.loc[result.drops["reason"].isin(own), "symbol"]
    alone = eligible_returns(wide.drop(columns=failed), LAST, 30, 0.6, 3, 20)
    pd.testing.assert_frame_equal(result.matrix, alone.matrix, check_exact=True)
