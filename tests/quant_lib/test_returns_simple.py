"""Simple returns: only between neighbouring sessions of one series, never filled."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_lib.calendars import CRYPTO
from quant_lib.health import BarsContractError, quarantine_bars, segment_bars
from quant_lib.returns import ReturnsContractError, compound_to_calendar, simple_returns


@dataclass(frozen=True)
class Weekdays:
    """Monday to Friday, without holidays."""

    name: str = "weekdays"
    ann: float = 252.0

    def session_number(self, dates):
        days = np.asarray(dates).astype("datetime64[D]")
        return np.busday_count(np.datetime64("1970-01-01"), np.busday_offset(days, 0, roll="backward")).astype(np.int64)

    def session_date(self, numbers):
        return np.busday_offset(np.datetime64("1970-01-01"), np.asarray(numbers)).astype("datetime64[us]")

    def is_session(self, dates):
        return np.is_busday(np.asarray(dates).astype("datetime64[D]"))


def bars_of(symbol, days, closes, segment=0):
    date = np.datetime64("2021-01-01") + np.asarray(days).astype("timedelta64[D]")
    frame = pd.DataFrame({"symbol": symbol, "date": date, "close": np.asarray(closes, dtype=float), "segment": segment})
    return frame.astype({"symbol": "str", "date": "datetime64[us]", "segment": "int64"})


def test_return_is_close_over_previous_close_less_one():
    wide = simple_returns(bars_of("B:A", [0, 1, 2], [10.0, 11.0, 5.5]))
    np.testing.assert_array_equal(wide["B:A"], [np.nan, 11.0 / 10.0 - 1.0, 5.5 / 11.0 - 1.0])
    assert wide.index.dtype == "datetime64[us]"
    assert (wide.index.name, wide.columns.name) == ("date", "symbol")


def test_missing_session_leaves_two_missing_returns_and_its_own_row():
    wide = simple_returns(bars_of("B:A", [0, 1, 3, 4], [10.0, 11.0, 12.0, 13.0]))
    assert wide["B:A"].isna().to_list() == [True, False, True, True, False]
    assert len(wide) == 5


def test_no_return_crosses_a_segment():
    wide = simple_returns(bars_of("B:A", [0, 1, 2, 3], [1.0, 2.0, 3.0, 4.0], segment=[0, 0, 1, 1]))
    assert wide["B:A"].isna().to_list() == [True, False, True, False]


def test_neither_return_touching_a_bad_bar_survives():
    bars = bars_of("B:A", range(5), [1.0, 2.0, 3.0, 4.0, 5.0])
    bad = pd.DataFrame({"symbol": ["B:A", "B:GONE"], "date": bars["date"].iloc[[2, 2]]})
    assert simple_returns(bars, bad)["B:A"].isna().to_list() == [True, False, True, True, False]
    other = simple_returns(pd.concat([bars, bars_of("B:B", range(5), [1.0, 2.0, 3.0, 4.0, 5.0])]), bad)
    assert other["B:B"].notna().sum() == 4


def test_bad_bar_counts_only_from_when_it_was_known():
    prices = np.full(20, 100.0) + np.arange(20)
    prices[10] /= 20.0  # recognised on day 11, when the price is back
    bars = bars_of("B:A", range(20), prices)
    bars["segment"] = segment_bars(bars)
    bad = quarantine_bars(bars)
    day = dt.date(2021, 1, 11)
    seen = simple_returns(bars, bad, on=day)["B:A"]
    assert seen.iloc[-1] == pytest.approx(prices[10] / prices[9] - 1)
    pd.testing.assert_series_equal(seen, simple_returns(bars.iloc[:11], quarantine_bars(bars.iloc[:11]))["B:A"])
    later = simple_returns(bars, bad, on=day + dt.timedelta(days=1))["B:A"]
    assert later.iloc[-2:].isna().all()


def test_columns_ascend_and_rows_cover_every_session_of_any_symbol():
    bars = pd.concat([bars_of("B:Z", [3, 4], [1.0, 2.0]), bars_of("B:A", [9, 10], [1.0, 3.0])])
    wide = simple_returns(bars)
    assert wide.columns.to_list() == ["B:A", "B:Z"]
    assert len(wide) == 8
    assert wide.notna().sum().to_list() == [1, 1]


def test_bars_without_segments_are_refused():
    with pytest.raises(ReturnsContractError, match="segments") as caught:
        simple_returns(bars_of("B:A", [0, 1], [1.0, 2.0]).drop(columns="segment"))
    assert "segment_bars" in caught.value.fix
    with pytest.raises(BarsContractError, match="share symbol and date"):
        simple_returns(bars_of("B:A", [0, 0], [1.0, 2.0]))


def test_no_bars_no_returns():
    assert simple_returns(bars_of("B:A", [0], [1.0]).iloc[:0]).shape == (0, 0)
    assert simple_returns(bars_of("B:A", [0], [1.0]), on=dt.date(2020, 1, 1)).shape == (0, 0)


def oracle(bars, bad):
    """Row by row, as one would with a pencil."""
    bars = bars.set_index(["symbol", "date"]).sort_index()
    days = pd.date_range(*bars.index.get_level_values("date")[[0, -1]].sort_values()) if len(bars) else []
    days = pd.date_range(bars.index.get_level_values("date").min(), bars.index.get_level_values("date").max())
    symbols = sorted(set(bars.index.get_level_values("symbol")))
    out = pd.DataFrame(np.nan, index=days, columns=symbols)
    for symbol in symbols:
        for day in days:
            ends = [(symbol, day - pd.Timedelta(days=1)), (symbol, day)]
            if all(end in bars.index and end not in bad for end in ends):
                old, new = (bars.loc[end] for end in ends)
                if old["segment"] == new["segment"]:
                    out.loc[day, symbol] = new["close"] / old["close"] - 1.0
    return out


BAR = st.tuples(st.sampled_from("ABC"), st.integers(0, 12), st.floats(0.01, 100.0), st.booleans())


@given(st.lists(BAR, min_size=1, max_size=25, unique_by=lambda b: b[:2]), st.integers(0, 12))
@settings(max_examples=40)
def test_agrees_with_a_pencil_oracle(rows, split):
    symbols, days, closes, bad = zip(*rows, strict=True)
    bars = bars_of(list(symbols), days, closes, segment=[int(day >= split) for day in days])
    marked = bars.loc[list(bad), ["symbol", "date"]]
    wide = simple_returns(bars, marked)
    expected = oracle(bars, set(marked.itertuples(index=False, name=None)))
    pd.testing.assert_frame_equal(
        wide,
        expected,
        check_exact=True,
        check_names=False,
        check_column_type=False,
        check_freq=False,
        check_index_type=False,
    )


@given(st.lists(BAR, min_size=2, max_size=25, unique_by=lambda b: b[:2]), st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_other_symbols_and_order_change_no_return(rows, random):
    symbols, days, closes, _ = zip(*rows, strict=True)
    bars = bars_of(list(symbols), days, closes)
    wide = simple_returns(bars)
    order = list(range(len(bars)))
    random.shuffle(order)
    pd.testing.assert_frame_equal(wide, simple_returns(bars.iloc[order]), check_exact=True)
    for symbol in wide.columns:
        alone = simple_returns(bars.loc[bars["symbol"] == symbol])
        pd.testing.assert_frame_equal(wide.loc[alone.index, [symbol]], alone, check_exact=True, check_freq=False)


def daily(values, start="2021-01-01"):
    index = pd.date_range(start, periods=len(values)).as_unit("us")
    return pd.DataFrame({"B:A": np.asarray(values, dtype=float)}, index=index)


def test_coin_compounds_over_the_weekend_of_another_market():
    wide = daily([0.01, 0.02, 0.03, 0.04, 0.05])  # Friday to Tuesday
    out = compound_to_calendar(wide, CRYPTO, Weekdays())
    assert out.index.strftime("%a").to_list() == ["Fri", "Mon", "Tue"]
    np.testing.assert_allclose(out["B:A"], [0.01, 1.02 * 1.03 * 1.04 - 1.0, 0.05], rtol=1e-14)


def test_missing_day_makes_the_compounded_return_missing():
    out = compound_to_calendar(daily([0.01, np.nan, 0.03, 0.04, 0.05]), CRYPTO, Weekdays())
    assert out["B:A"].isna().to_list() == [False, True, False]


def test_frame_that_begins_or_ends_inside_the_weekend():
    out = compound_to_calendar(daily([0.03, 0.04, 0.05], start="2021-01-03"), CRYPTO, Weekdays())
    assert out["B:A"].isna().to_list() == [True, False]  # Saturday's return is not there to compound
    out = compound_to_calendar(daily([0.03, 0.04, 0.05], start="2021-01-08"), CRYPTO, Weekdays())
    assert out.index.strftime("%a").to_list() == ["Fri"]  # Monday is not over yet


def test_compounding_keeps_the_price_path():
    rng = np.random.default_rng(1)
    prices = np.exp(np.cumsum(rng.normal(0, 0.05, 300)))
    wide = simple_returns(bars_of("B:A", range(300), prices))
    out = compound_to_calendar(wide, CRYPTO, Weekdays())
    closes = pd.Series(prices, index=wide.index)
    np.testing.assert_allclose(out["B:A"].iloc[1:], closes.loc[out.index].pct_change().iloc[1:], rtol=1e-10)
    pd.testing.assert_frame_equal(compound_to_calendar(wide, CRYPTO, CRYPTO), wide, check_freq=False, rtol=1e-12)


def test_frame_with_holes_cannot_be_compounded():
    with pytest.raises(ReturnsContractError, match="one row for each session"):
        compound_to_calendar(daily([0.1, 0.2, 0.3]).iloc[[0, 2]], CRYPTO, Weekdays())
    assert compound_to_calendar(daily([]), CRYPTO, Weekdays()).empty
