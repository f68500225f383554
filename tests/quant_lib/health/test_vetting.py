"""The door: refused bars, open bars, times of a bar, rewritten history."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_lib.contracts import OHLCV, OHLCV_REJECTS, OHLCV_REVISIONS
from quant_lib.health import BarsContractError, revisions, split_closed, stamp_bars, vet_bars
from tests.examples import examples

UTC = dt.UTC
REJECT_COLUMNS = [name for name in OHLCV_REJECTS.column_names if name != "rejected_on"]


def validate(spec, frame, absent):
    """Check a frame against its table, with the columns the caller adds filled in."""
    spec.pandera_schema().validate(frame.assign(**{absent: pd.Timestamp("2022-01-01").as_unit("us")}))


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        ({"open": 0.0}, ["low_above_body", "non_positive_price"]),
        ({"low": -1.0}, ["non_positive_price"]),
        ({"open": 0.0, "low": 0.0}, ["non_positive_price"]),
        ({"close": np.nan}, ["non_finite_price"]),
        ({"high": np.inf}, ["non_finite_price"]),
        ({"high": 1.0}, ["high_below_body"]),
        ({"low": 1e6}, ["low_above_body"]),
        ({"volume": -1e-9}, ["negative_volume"]),
        ({"volume": np.inf}, ["non_finite_volume"]),
        ({"date": pd.Timestamp("2021-01-05 05:00")}, ["off_session"]),
        ({"high": 1.0, "volume": -1.0}, ["high_below_body", "negative_volume"]),
    ],
)
def test_each_rule_refuses_the_bar_that_breaks_it(make_bars, wobble, change, reasons):
    served = make_bars(wobble(9))
    for name, value in change.items():
        served.loc[4, name] = value
    good, rejects = vet_bars(served)
    assert rejects["reason"].to_list() == reasons
    assert list(rejects.columns) == REJECT_COLUMNS
    validate(OHLCV_REJECTS, rejects, "rejected_on")
    pd.testing.assert_frame_equal(good, served.drop(index=4).reset_index(drop=True))


def test_volume_may_be_missing_or_zero(make_bars, wobble):
    served = make_bars(wobble(3)).assign(volume=[np.nan, 0.0, 5.0])
    good, rejects = vet_bars(served)
    assert len(good) == 3
    assert rejects.empty
    assert list(rejects.columns) == REJECT_COLUMNS


def test_flat_bars_at_one_price_are_sound(make_bars):
    served = make_bars([2.0, 2.0]).assign(open=2.0, high=2.0, low=2.0)
    assert vet_bars(served)[1].empty


def test_identical_copies_leave_one_and_a_record(make_bars, wobble):
    bars = make_bars(wobble(5)).assign(volume=[1.0, 2.0, np.nan, 4.0, 5.0])
    served = pd.concat([bars, bars.iloc[[2, 2, 4]]])
    good, rejects = vet_bars(served)
    pd.testing.assert_frame_equal(good, bars)
    assert rejects["reason"].to_list() == ["duplicate", "duplicate"]
    assert rejects["date"].to_list() == bars["date"].iloc[[2, 4]].to_list()


def test_conflicting_copies_are_all_refused_because_nothing_tells_which_is_right(make_bars, wobble):
    bars = make_bars(wobble(5))
    other = bars.iloc[[2]].assign(close=bars["close"].iloc[2] * 1.001)
    good, rejects = vet_bars(pd.concat([bars, other, bars.iloc[[2]]]))
    pd.testing.assert_frame_equal(good, bars.drop(index=2).reset_index(drop=True))
    assert rejects["reason"].to_list() == ["conflicting_duplicate", "conflicting_duplicate_2", "duplicate"]
    assert set(rejects["close"].iloc[:2]) == {bars["close"].iloc[2], other["close"].iloc[0]}


def test_copy_that_breaks_a_rule_does_not_cost_the_sound_one(make_bars, wobble):
    bars = make_bars(wobble(5))
    good, rejects = vet_bars(pd.concat([bars.iloc[[3]].assign(high=0.5), bars]))
    pd.testing.assert_frame_equal(good, bars)
    assert rejects["reason"].to_list() == ["high_below_body"]


def test_different_bars_refused_for_one_reason_on_one_day_keep_a_row_each(make_bars, wobble):
    bars = make_bars(wobble(1))
    served = pd.concat([bars.assign(volume=-1.0), bars.assign(volume=-2.0)])
    rejects = vet_bars(served)[1]
    assert rejects["reason"].to_list() == ["negative_volume", "negative_volume_2"]
    assert rejects["volume"].to_list() == [-2.0, -1.0]
    validate(OHLCV_REJECTS, rejects, "rejected_on")


def test_session_label_comes_from_the_opening_instant(make_bars, wobble):
    bars = make_bars(wobble(4))
    served = bars.drop(columns="date").assign(open_time=bars["date"].dt.tz_localize("UTC"))
    served.loc[2, "open_time"] += pd.Timedelta(hours=5)
    good, rejects = vet_bars(served.assign(note="kept"))
    assert good["date"].to_list() == bars["date"].iloc[[0, 1, 3]].to_list()
    assert good["note"].to_list() == ["kept"] * 3
    assert rejects[["date", "reason"]].values.tolist() == [[bars["date"].iloc[2], "misaligned_open"]]


def test_other_calendars_refuse_days_they_are_closed(make_bars, wobble, weekdays):
    good, rejects = vet_bars(make_bars(wobble(7)), weekdays)  # 2021-01-01 is a Friday
    assert len(good) == 5
    assert rejects["reason"].to_list() == ["off_session"] * 2


@pytest.mark.parametrize(
    "change",
    [
        lambda b: b.drop(columns="volume"),
        lambda b: b.drop(columns="date"),
        lambda b: b.assign(symbol=None),
        lambda b: b.assign(date=pd.NaT),
        lambda b: b.drop(columns="date").assign(open_time=b["date"]),
    ],
)
def test_bars_that_could_not_even_be_rejected_are_an_error(make_bars, wobble, change):
    with pytest.raises(BarsContractError):
        vet_bars(change(make_bars(wobble(3))))


PRICE = st.sampled_from([1.0, 1.5, 2.0, 0.0, -1.0, np.nan, np.inf])
ROW = st.tuples(st.sampled_from("AB"), st.integers(0, 2), PRICE, PRICE, PRICE, PRICE, PRICE)


@given(st.lists(ROW, min_size=1, max_size=12), st.randoms(use_true_random=False))
@settings(max_examples=examples(40))
def test_every_served_bar_is_stored_once_or_rejected(rows, random):
    random.shuffle(rows)
    served = pd.DataFrame(rows, columns=["symbol", "day", "open", "high", "low", "close", "volume"])
    served["date"] = np.datetime64("2021-01-01") + served["day"].to_numpy(dtype="timedelta64[D]")
    served = served.astype({"date": "datetime64[us]"})
    good, rejects = vet_bars(served)
    assert not good.duplicated(["symbol", "date"]).any()
    assert not rejects.duplicated(["date", "symbol", "reason"]).any()
    body = good[["open", "close"]]
    assert (good[["open", "high", "low", "close"]] > 0).all(axis=None)
    assert (good["high"] >= body.max(axis=1)).all()
    assert (good["low"] <= body.min(axis=1)).all()
    values = ["symbol", "date", "open", "high", "low", "close", "volume"]
    seen = pd.concat([good[values], rejects[values]]).drop_duplicates()
    whole = served[values].drop_duplicates()
    assert len(seen) == len(whole) == len(whole.merge(seen, on=values))


# --- open and closed ---


def opened(*texts):
    return pd.DataFrame({"open_time": pd.to_datetime(list(texts), utc=True), "close": 1.0})


def test_bar_is_closed_when_its_day_is_over_to_the_microsecond():
    served = opened("2022-01-01", "2022-01-02")
    midnight = dt.datetime(2022, 1, 3, tzinfo=UTC)
    closed, still_open = split_closed(served, midnight)
    assert (len(closed), len(still_open)) == (2, 0)
    closed, still_open = split_closed(served, midnight - dt.timedelta(microseconds=1))
    assert closed.index.to_list() == [0]
    assert still_open.index.to_list() == [1]


def test_clock_is_an_instant_whatever_its_zone():
    served = opened("2022-01-01", "2022-01-02")
    kolkata = dt.timezone(dt.timedelta(hours=5, minutes=30))
    closed, _ = split_closed(served, dt.datetime(2022, 1, 3, 5, 30, tzinfo=kolkata))
    assert len(closed) == 2
    with pytest.raises(BarsContractError, match="no time zone"):
        split_closed(served, dt.datetime(2022, 1, 3))  # noqa: DTZ001
    with pytest.raises(BarsContractError, match="not instants"):
        split_closed(served.assign(open_time=served["open_time"].dt.tz_localize(None)), dt.datetime.now(UTC))


@pytest.mark.parametrize("days", [1 / 24, 1, 7])
def test_bars_stamped_at_their_open_are_known_at_their_close(make_bars, wobble, days):
    """N2: intraday, daily and weekly bars of a provider that stamps the open."""
    interval = dt.timedelta(days=days)
    bars = make_bars(wobble(5)).drop(columns="date")
    first = pd.Timestamp("2021-01-04", tz="UTC")
    bars["open_time"] = [first + i * interval for i in range(5)]
    stamped = stamp_bars(bars, source="fixture", ingested_at=dt.datetime(2022, 1, 1, tzinfo=UTC), interval=interval)
    assert (stamped["known_at"] == stamped["close_time"]).all()
    assert (stamped["close_time"] == stamped["open_time"] + interval).all()
    assert list(stamped.columns) == list(OHLCV.column_names)
    if days == 1:
        OHLCV.pandera_schema().validate(stamped)
        midnight = stamped["date"].dt.tz_localize("UTC")
        assert (stamped["known_at"] == midnight + interval).all()
    # A bar is never known while it is open: at each instant the closed ones are those already known.
    for clock in stamped["close_time"] - pd.Timedelta(microseconds=1):
        closed, _ = split_closed(stamped, clock.to_pydatetime(), interval)
        assert (closed["known_at"] <= clock).all()
        assert len(closed) == (stamped["known_at"] <= clock).sum()


# --- revisions ---


def test_revisions_list_what_changed_beyond_rounding(make_bars, wobble):
    stored = make_bars(wobble(6))
    served = stored.copy()
    served.loc[1, "close"] *= 1.0 + 0.9e-6
    served.loc[2, "close"] *= 1.0 + 1.1e-6
    served.loc[3, ["high", "volume"]] = [500.0, np.nan]
    served = pd.concat([served.iloc[1:], make_bars([3.0], symbol="BINANCE:NEWUSDT")])
    found = revisions(stored, served)
    assert list(found.columns) == [name for name in OHLCV_REVISIONS.column_names if name != "seen_on"]
    validate(OHLCV_REVISIONS, found, "seen_on")
    assert found[["date", "field"]].values.tolist() == [
        [stored["date"][2], "close"],
        [stored["date"][3], "high"],
        [stored["date"][3], "volume"],
    ]
    assert found["stored"].to_list() == [stored["close"][2], stored["high"][3], stored["volume"][3]]
    assert np.isnan(found["served"].iloc[2])


def test_equal_and_disjoint_bars_have_no_revisions(make_bars, wobble):
    bars = make_bars(wobble(6)).assign(volume=[np.nan, 0.0, 1.0, 2.0, 3.0, 4.0])
    assert revisions(bars, bars.sample(frac=1.0, random_state=1)).empty
    assert revisions(bars, make_bars(wobble(6), symbol="BINANCE:BUSDT")).empty


def test_volume_that_was_zero_is_revised_by_any_trade(make_bars, wobble):
    bars = make_bars(wobble(1))
    found = revisions(bars.assign(volume=0.0), bars.assign(volume=1e-9))
    assert found["field"].to_list() == ["volume"]


def test_revisions_need_unique_bars(make_bars, wobble):
    bars = make_bars(wobble(3))
    with pytest.raises(BarsContractError, match="share symbol and date"):
        revisions(bars, pd.concat([bars, bars]))


def test_nothing_served_is_nothing_stored_and_nothing_rejected(make_bars):
    good, rejects = vet_bars(make_bars([1.0]).iloc[:0])
    assert good.empty
    validate(OHLCV_REJECTS, rejects, "rejected_on")
    assert revisions(good, good).empty
