"""Nothing after the clock is ever served: not as a bar, not in a column, not in a quote."""

import datetime as dt
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_resources.market import Clock, Faults, ParquetSource
from quant_resources.market._chart import ChartDesk
from quant_resources.market._quotes import quote_values
from quant_resources.market._view import MarketView
from quant_resources.market.clock import DAY
from quant_resources.market.faults import FaultPlan
from quant_resources.market.screener import Snapshot, parse_column

COLUMNS = (
    "name", "pricescale", "open", "high", "low", "close", "volume", "time", "first_bar_time", "bars_count",
    "active_symbol", "change", "gap", "Value.Traded", "Volatility.D", "Volatility.M", "Perf.W", "Perf.YTD", "Perf.All",
    "High.All", "Low.1M", "average_volume_30d_calc", "Recommend.All", "Recommend.Other", "Recommend.MA|1W", "RSI[1]",
    "ADX|1M", "EMA200", "close|1M", "close[1]|1W", "Rec.Ichimoku", "TechRating_1D", "24h_vol|5",
)  # fmt: skip
START = int(dt.datetime(2020, 1, 1, tzinfo=dt.UTC).timestamp())
moments = st.one_of(
    st.integers(0, 2500).map(lambda day: START + day * DAY),  # midnights
    st.integers(0, 2500 * DAY).map(lambda second: START + second),
)


def at(now):
    return Clock.at(dt.datetime.fromtimestamp(now, dt.UTC))


def series_values(source, now, symbol, resolution):
    """Every bar a client can get of a symbol, by every way there is."""
    sent = []
    desk = ChartDesk(MarketView(source, at(now)), FaultPlan(Faults()), sent.append)
    desk.handle("chart_create_session", ["c"])
    desk.handle("resolve_symbol", ["c", "s", symbol])
    desk.handle("create_series", ["c", "a", "s1", "s", resolution, 10**6])
    desk.handle("create_series", ["c", "b", "s1", "s", resolution, ["bar_count", 10**11, 10**6]])
    desk.handle("create_series", ["c", "d", "s1", "s", resolution, 5, "r,0:99999999999"])
    desk.release()
    blocks = [message["p"][1] for message in map(json.loads, sent) if message["m"] == "timescale_update"]
    return {sid: [bar["v"] for bar in block["s"]] for update in blocks for sid, block in update.items()}


@settings(max_examples=60)
@given(moments, st.integers(0, 10**6), st.sampled_from(["1D", "1W", "1M"]))
def test_no_bar_opens_at_or_after_the_clock(synthetic, now, pick, resolution):
    symbols = list(synthetic.instruments())
    symbol = symbols[pick % len(symbols)]
    got = series_values(synthetic, now, symbol, resolution)
    truth = synthetic.bars(symbol, now)
    for bars in got.values():
        assert all(bar[0] < now for bar in bars)
        assert bars == got["a"]
    assert bool(got) == (len(truth) > 0)
    if resolution == "1D" and got:
        assert [bar[0] for bar in got["a"]] == truth.time.tolist()
        closed = [bar for bar in got["a"] if bar[0] + DAY <= now]
        assert [bar[1:] for bar in closed] == truth.values[: len(closed)].tolist()
        for bar in got["a"][len(closed) :]:
            assert bar[1:] == [bar[1]] * 4 + [0.0]


def tables(source, lab, now):
    """The screener over the source, and over one in which the future does not exist."""
    whole = Snapshot(MarketView(source, at(now)), now)
    cut = Snapshot(MarketView(lab.Truncated(source, now), at(now)), now)
    return whole, cut


def assert_same_columns(whole, cut):
    assert [one.symbol for one in whole.instruments] == [one.symbol for one in cut.instruments]
    for text in COLUMNS:
        name = parse_column(text, "crypto")
        one, other = whole.column(name), cut.column(name)
        if one.is_numeric:
            np.testing.assert_array_equal(one.values, other.values, err_msg=text)
        else:
            assert one.values.tolist() == other.values.tolist(), text


@settings(max_examples=4)
@given(moments)
def test_columns_are_those_of_a_market_that_ends_at_the_clock(synthetic, lab, now):
    assert_same_columns(*tables(synthetic, lab, now))


class Scrambled:
    """The same market with every later bar, and all but the open of the running one, replaced by noise."""

    def __init__(self, source, now):
        self._source, self._now = source, now
        self.name, self.notes = source.name, source.notes

    def instruments(self):
        return self._source.instruments()

    def bars(self, symbol, before):
        bars = self._source.bars(symbol, before)
        values = bars.values.copy()
        running = (bars.time < self._now) & (bars.time + DAY > self._now)
        rng = np.random.default_rng(1)
        values[running, 1:] = rng.uniform(1.0, 9.0, (int(running.sum()), 4))
        later = bars.time >= self._now
        values[later] = rng.uniform(1.0, 9.0, (int(later.sum()), 5))
        return type(bars)(bars.time, values)


@settings(max_examples=4)
@given(moments, st.integers(0, 10**6))
def test_noise_after_the_clock_changes_nothing(synthetic, now, pick):
    noisy = Scrambled(synthetic, now)
    assert_same_columns(Snapshot(MarketView(synthetic, at(now)), now), Snapshot(MarketView(noisy, at(now)), now))
    symbols = list(synthetic.instruments())
    symbol = symbols[pick % len(symbols)]
    assert series_values(synthetic, now, symbol, "1W") == series_values(noisy, now, symbol, "1W")
    real, other = MarketView(synthetic, at(now)), MarketView(noisy, at(now))
    instrument = real.find(symbol, now)
    if instrument is not None:
        assert quote_values(instrument, real.bars(symbol, now), now) == quote_values(
            instrument, other.bars(symbol, now), now
        )


@pytest.mark.shared_data
@pytest.mark.parametrize("moment", ["2020-03-12", "2021-05-19T12:00:00", "2022-06-30"])
def test_recorded_markets_do_not_leak_either(shared_data, lab, moment):
    source = ParquetSource(shared_data / "binance_spot_1d_2020_2022")
    now = lab.at(moment)
    assert_same_columns(*tables(source, lab, now))
    assert_same_columns(
        Snapshot(MarketView(source, at(now)), now), Snapshot(MarketView(Scrambled(source, now), at(now)), now)
    )
