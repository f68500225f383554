"""R18: skewed clocks, a step back, days on which clocks change, leap days and the year's end move no bar to a wrong date."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from quant_lib.calendars import get_calendar
from quant_resources.ingestion import DayNotOverError
from quant_resources.lakehouse import Lake
from quant_resources.market import Clock, Faults, MarketServer
from quant_resources.tradingview import Endpoints, Limits, TradingViewClient

SPECIAL = ("2023-12-31", "2024-02-29", "2024-03-10", "2024-03-31", "2024-10-27", "2024-11-03")
"""Year's end, a leap day, and clocks going forward and back in New York and in Europe."""

COIN, SHARE = "BINANCE:AUSDT", "NASDAQ:BBB"
HOUR = dt.timedelta(hours=1)


def days_around(special):
    middle = dt.date.fromisoformat(special)
    return [middle + dt.timedelta(days=k) for k in (-1, 0, 1)]


@pytest.fixture
def feed(bench):
    """A coin that opens at midnight UTC and a share that opens at 9:30 in New York, 2023-12-01 to 2024-12-31."""
    coin = bench.walk(COIN, 397, start="2023-12-01")
    share = bench.walk(SHARE, 397, start="2023-12-01")
    sessions = set(get_calendar("XNYS").sessions(dt.date(2023, 12, 1), dt.date(2024, 12, 31)).date)
    share = share[share["timestamp"].dt.date.isin(sessions)]
    opened = share["timestamp"].dt.tz_localize(None) + pd.Timedelta(hours=9, minutes=30)
    share = share.assign(timestamp=opened.dt.tz_localize("America/New_York").dt.tz_convert("UTC"))
    return bench.source(coin), bench.source(share, "NASDAQ", "equity")


def client_at(bench, source, instant):
    server = MarketServer(source, Clock.at(instant), Faults())
    server.start()
    bench.servers.append(server)
    return TradingViewClient(Endpoints.at(server.url), Limits.loopback(), anonymous=True)


def midnight_after(day):
    return dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), dt.UTC)


def ingested(bench, source, symbol, kind, days, lake, *, late, skews):
    """Ingest day by day: the market's clock is so late after midnight, this machine's is off by the day's skew."""
    bench.lake, start = lake, days[0] - dt.timedelta(days=9)
    for day, skew in zip(days, skews, strict=True):
        instant = midnight_after(day) + late
        catalogue = bench.catalogue([symbol], day, kind)
        bench.ingest(client_at(bench, source, instant), catalogue, day, start=start, now=instant + skew)
    return lake.content_hash("ohlcv"), lake.read("ohlcv")


AROUND = [
    *((SHARE, special) for special in SPECIAL),
    *((COIN, special) for special in SPECIAL[:2]),
    # A coin's day begins at midnight UTC all year: no clock that is put forward or back moves it.
    *(pytest.param(COIN, special, marks=pytest.mark.slow) for special in SPECIAL[2:]),
]


@pytest.mark.parametrize(("symbol", "special"), AROUND)
def test_no_bar_has_a_wrong_date_around_special_days(bench, feed, tmp_path, special, symbol):
    source, kind = (feed[0], "spot") if symbol == COIN else (feed[1], "equity")
    days = days_around(special)
    calendar = get_calendar("24x7" if symbol == COIN else "XNYS")
    expected = calendar.sessions(days[0] - dt.timedelta(days=9), days[-1]).date.tolist()
    contents = []
    for late, skews in ((HOUR / 2, (0 * HOUR,) * 3), (1.5 * HOUR, (HOUR, -HOUR, HOUR))):
        lake = Lake(tmp_path / f"lake{len(contents)}")
        content, bars = ingested(bench, source, symbol, kind, days, lake, late=late, skews=skews)
        contents.append(content)
        assert bars["date"].dt.date.tolist() == expected  # every session once, none under another date
        assert (bars["known_at"] == bars["close_time"]).all()
    assert contents[0] == contents[1]


@pytest.mark.parametrize("special", SPECIAL)
def test_a_day_that_is_not_over_is_refused_and_nothing_of_it_is_stored(bench, feed, special):
    """This machine is an hour ahead: it asks half an hour before the day's end."""
    day = dt.date.fromisoformat(special)
    catalogue = bench.catalogue([COIN], day)
    bench.ingest(client_at(bench, feed[0], midnight_after(day) - HOUR / 2), catalogue, day - dt.timedelta(days=1))
    before = bench.lake.content_hash("ohlcv")
    with pytest.raises(DayNotOverError, match=f"{special} is not over") as caught:
        bench.ingest(client_at(bench, feed[0], midnight_after(day) - HOUR / 2), catalogue, day)
    assert "clock" in caught.value.fix
    assert bench.lake.content_hash("ohlcv") == before
    assert bench.lake.read("ohlcv")["date"].max() == pd.Timestamp(day) - pd.Timedelta(days=1)
    assert bench.lake.read("ohlcv_fetches", date=day).empty


def test_a_market_clock_that_steps_back_rewrites_nothing(bench, feed):
    day = dt.date(2024, 3, 10)
    catalogue = bench.catalogue([COIN], day)
    bench.ingest(client_at(bench, feed[0], midnight_after(day) + HOUR / 2), catalogue, day)
    before = bench.lake.content_hash("ohlcv")
    for back in (HOUR, 26 * HOUR):
        with pytest.raises(DayNotOverError):
            bench.ingest(client_at(bench, feed[0], midnight_after(day) + HOUR / 2 - back), catalogue, day)
    earlier = bench.catalogue([COIN], day - dt.timedelta(days=1))
    bench.ingest(client_at(bench, feed[0], midnight_after(day) - 2 * HOUR), earlier, day - dt.timedelta(days=1))
    assert bench.lake.content_hash("ohlcv") == before


def test_a_bar_still_forming_is_never_stored_and_comes_whole_the_next_day(bench, feed):
    day = dt.date(2024, 2, 28)
    noon = midnight_after(day) + 12 * HOUR
    report = bench.ingest(client_at(bench, feed[0], noon), bench.catalogue([COIN], day), day)
    assert bench.lake.read("ohlcv")["date"].max() == pd.Timestamp(day)
    assert report.fetches["status"].tolist() == ["fetched"]
    leap = day + dt.timedelta(days=1)
    bench.ingest(client_at(bench, feed[0], noon + 24 * HOUR), bench.catalogue([COIN], leap), leap)
    bars = bench.lake.read("ohlcv", date=leap)
    whole = feed[0].bars(COIN, midnight_after(leap).timestamp())
    np.testing.assert_allclose(bars[["open", "high", "low", "close", "volume"]].to_numpy(), whole.values[-1:])
    assert not bench.lake.exists("ohlcv_revisions") or bench.lake.read("ohlcv_revisions").empty
