"""Bars against pandas, and what is known of a running day."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_resources.market.bars import Bars, aggregate, as_known_at, bar_close, closed_count
from quant_resources.market.clock import DAY
from quant_resources.market.instruments import price_scale

days = st.lists(st.integers(10_000, 20_000), min_size=1, max_size=80, unique=True).map(sorted)


def series(numbers: list[int]) -> Bars:
    rng = np.random.default_rng(sum(numbers))
    return Bars(np.array(numbers, dtype=np.int64) * DAY, rng.uniform(1.0, 9.0, (len(numbers), 5)))


@settings(max_examples=20)
@given(days, st.sampled_from(["1W", "1M", "3M", "6M", "12M"]))
def test_weeks_and_months_are_those_of_pandas(numbers: list[int], resolution: str) -> None:
    bars = series(numbers)
    frame = pd.DataFrame(bars.values, index=pd.to_datetime(bars.time, unit="s"), columns=list("ohlcv"))
    rule = {"1W": "W-MON", "1M": "MS", "3M": "3MS", "6M": "6MS", "12M": "YS"}[resolution]
    # Anchored long before, so that quarters and halves are those of the calendar.
    origin = pd.DataFrame(np.nan, index=[pd.Timestamp("1990-01-01")], columns=frame.columns)
    grouped = pd.concat([origin, frame]).resample(rule, closed="left", label="left")
    expected = grouped.agg(
        {"o": "first", "h": "max", "l": "min", "c": "last", "v": lambda x: x.sum(min_count=1)}
    ).dropna()
    made = aggregate(bars, resolution)
    assert made.time.tolist() == [int(stamp.timestamp()) for stamp in expected.index]
    np.testing.assert_allclose(made.values, expected.to_numpy(), rtol=1e-12)


@given(days, st.integers(9_990 * DAY, 20_010 * DAY))
def test_nothing_at_or_after_the_clock_is_known_and_a_running_day_shows_its_open_only(
    numbers: list[int], now: int
) -> None:
    bars = series(numbers)
    known = as_known_at(bars, now)
    expected = []
    for opened, row in zip(bars.time.tolist(), bars.values.tolist(), strict=True):
        if opened < now:
            closed = opened + DAY <= now
            expected.append([opened, *(row if closed else [row[0]] * 4 + [0.0])])
    assert [[t, *row] for t, row in zip(known.time.tolist(), known.values.tolist(), strict=True)] == expected
    assert closed_count(known, now) == sum(opened + DAY <= now for opened in bars.time.tolist())


def test_the_source_arrays_are_never_written_to() -> None:
    bars = series([100, 101])
    before = bars.values.copy()
    as_known_at(bars, 101 * DAY + 5)
    np.testing.assert_array_equal(bars.values, before)


def test_at_midnight_no_day_is_running() -> None:
    bars = series([100, 101])
    known = as_known_at(bars, 102 * DAY)
    np.testing.assert_array_equal(known.values, bars.values)


@pytest.mark.parametrize(
    ("opened", "resolution", "closed"),
    [
        ("2024-02-28", "1D", "2024-02-29"),
        ("2024-02-26", "1W", "2024-03-04"),
        ("2024-02-01", "1M", "2024-03-01"),
        ("2024-10-01", "3M", "2025-01-01"),
        ("2024-01-01", "12M", "2025-01-01"),
    ],
)
def test_a_bar_closes_where_the_next_opens(opened: str, resolution: str, closed: str) -> None:
    def seconds(text: str) -> int:
        return int(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp())

    assert bar_close(seconds(opened), resolution) == seconds(closed)


@pytest.mark.parametrize(
    ("prices", "scale"),
    [
        ([1.0, 2.0], 1),
        ([70110.5, 70990.0], 10),
        ([0.05161, 0.04367], 100_000),
        ([1.23e-8], 10**10),
        ([np.nan, 1.25], 100),
        ([], 100),
        ([45.07, 45.349999999999994], 100),
    ],
)
def test_the_price_grid_is_measured(prices: list[float], scale: int) -> None:
    assert price_scale(np.array(prices)) == scale
