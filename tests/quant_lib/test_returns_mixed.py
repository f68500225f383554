"""Coins, shares and currencies in one matrix: shared sessions, nothing padded, closed days compounded."""

import datetime as dt
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_lib.calendars import CRYPTO, CalendarBook, NotASessionError, get_calendar
from quant_lib.health import quarantine_bars, segment_bars, segment_starts
from quant_lib.returns import eligible_returns, returns_on
from tests.examples import examples

XNYS = get_calendar("XNYS")
BOOK = CalendarBook({"BINANCE:BTCUSDT": "24x7", "AMEX:SPY": "XNYS", "OANDA:EURUSD": "24x5", "XETR:SAP": "XETR"})
START, END = dt.date(2021, 6, 28), dt.date(2021, 7, 30)


def bars_of(symbol, seed, missing=()):
    """A random walk on the symbol's own calendar, some sessions missing."""
    days = BOOK.calendar(symbol).sessions(START, END)
    closes = 100.0 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.02, len(days))))
    frame = pd.DataFrame({"symbol": symbol, "date": days.astype("datetime64[us]"), "close": closes})
    return frame.drop(index=[i for i in missing if i < len(days)]).reset_index(drop=True)


def wide_of(bars, symbols=None):
    symbols = sorted(bars["symbol"].unique()) if symbols is None else symbols
    marked = bars.assign(segment=segment_bars(bars, calendar=BOOK))
    return returns_on(marked, quarantine_bars(bars, calendar=BOOK), BOOK, BOOK.common(symbols))


def test_a_coin_earns_the_days_the_exchange_is_closed():
    btc, spy = bars_of("BINANCE:BTCUSDT", 1), bars_of("AMEX:SPY", 2)
    wide = wide_of(pd.concat([btc, spy]))
    sessions = XNYS.sessions(START, END)
    assert wide.index.tolist() == sessions.tolist()
    own = btc.set_index("date")["close"].reindex(sessions)
    np.testing.assert_allclose(wide["BINANCE:BTCUSDT"].iloc[1:], (own / own.shift() - 1.0).iloc[1:], rtol=1e-12)
    # Friday 2 July to Tuesday 6 July: Independence Day was observed on Monday, so four days in one return.
    closes = btc.set_index("date")["close"]
    assert wide.loc["2021-07-06", "BINANCE:BTCUSDT"] == pytest.approx(closes["2021-07-06"] / closes["2021-07-02"] - 1)


def test_two_exchanges_meet_on_the_sessions_of_both():
    wide = wide_of(pd.concat([bars_of(s, i) for i, s in enumerate(BOOK.names)]))
    assert set(wide.index) == set(get_calendar("XETR+XNYS").sessions(START, END))
    assert wide.iloc[1:].notna().all(axis=None)
    assert pd.Timestamp("2021-07-05") not in wide.index


def oracle(bars, sessions):
    """Price on each session where the symbol's own calendar had one and a bar is there; then one division."""
    out = {}
    for symbol, own in bars.groupby("symbol"):
        closes, calendar = own.set_index("date")["close"], BOOK.calendar(symbol)
        values = [np.nan]
        for before, day in itertools.pairwise(sessions):
            held = calendar.sessions(before.date(), day.date())
            complete = all(d in closes.index for d in held)
            values.append(closes[day] / closes[before] - 1.0 if complete else np.nan)
        out[symbol] = values
    return pd.DataFrame(out, index=sessions)


@given(st.lists(st.sets(st.integers(0, 30), max_size=5), min_size=4, max_size=4), st.integers(0, 5))
@settings(max_examples=examples(25))
def test_any_holes_give_what_a_slow_look_at_every_day_gives(holes, seed):
    bars = pd.concat([bars_of(s, seed + i, holes[i]) for i, s in enumerate(BOOK.names)])
    wide = wide_of(bars, list(BOOK.names))
    sessions = BOOK.common(BOOK.names).sessions(START, END)
    expected = oracle(bars, sessions).reindex(columns=sorted(BOOK.names))
    inner = wide.reindex(sessions)
    # A hole may also end a segment (a large move across it): fewer returns, never another value.
    both = inner.notna() & expected.notna()
    np.testing.assert_allclose(inner.where(both), expected.where(both), rtol=1e-9)
    assert (inner.notna() <= expected.notna()).all(axis=None)
    assert set(wide.index) <= set(sessions)


def test_a_matrix_of_a_closed_day_says_so():
    wide = wide_of(bars_of("AMEX:SPY", 1))
    with pytest.raises(NotASessionError, match="2021-07-05"):
        eligible_returns(wide, dt.date(2021, 7, 5), 10, min_days=5, calendar=XNYS)


@pytest.mark.shared_data
def test_bitcoin_and_the_index_join_to_314_sessions(shared_data):
    """2020-01-01 to 2021-03-31: semantics 4.3, every row compounded by hand."""
    btc = pd.read_parquet(shared_data / "binance_spot_1d_2017_2024" / "ohlcv.parquet").query("symbol == 'BTCUSDT'")
    spy = pd.read_parquet(shared_data / "lean_us_equity_1d_raw" / "ohlcv.parquet").query("symbol == 'SPY'")
    parts = [btc.assign(symbol="BINANCE:BTCUSDT"), spy.assign(symbol="AMEX:SPY")]
    bars = pd.concat(parts)[["symbol", "timestamp", "open", "close", "volume"]]
    bars["date"] = bars.pop("timestamp").dt.tz_localize(None).astype("datetime64[us]")
    bars = bars[bars["date"].between("2019-01-01", "2021-03-31")].reset_index(drop=True)
    bars["segment"] = segment_bars(bars, calendar=BOOK)
    on = dt.date(2021, 3, 31)
    wide = returns_on(bars, quarantine_bars(bars, calendar=BOOK), BOOK, XNYS, on=on)
    found = eligible_returns(wide, on, 314, min_days=90, segment_starts=segment_starts(bars, bars["segment"]),
                             calendar=XNYS)  # fmt: skip
    matrix = found.matrix
    assert (matrix.shape, len(found.drops), len(found.rows_lost)) == ((314, 2), 0, 0)
    assert matrix.index[0].date() == dt.date(2020, 1, 2)
    assert (matrix.index.day_of_week < 5).all()
    assert matrix.notna().all(axis=None)
    assert (matrix != 0.0).all(axis=None)
    for symbol in matrix.columns:
        closes = bars[bars["symbol"] == symbol].set_index("date")["close"]
        before = pd.DatetimeIndex([pd.Timestamp("2019-12-31"), *matrix.index[:-1]])
        expected = closes.reindex(matrix.index).to_numpy() / closes.reindex(before).to_numpy() - 1.0
        np.testing.assert_allclose(matrix[symbol], expected, rtol=1e-9)
    assert CRYPTO.count(dt.date(2020, 1, 2), on) == 455
