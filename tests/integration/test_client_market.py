"""The client against the embedded market: whole, and with everything going wrong at once."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from quant_resources.market import Clock, Faults, MarketServer, ServerOptions, SyntheticSource
from quant_resources.tradingview import (
    BarRequest,
    Endpoints,
    FetchStatus,
    Filter,
    Limits,
    LoginExpiredError,
    Runtime,
    ScanRequest,
    SilentSocketError,
    TradingViewClient,
    TradingViewResource,
    UnknownFieldError,
)

CLOSE_OF = dt.date(2024, 5, 31)
NOW = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
N_BARS = 120
FORGIVING = Limits(
    attempts=40,
    connection_attempts=40,
    http_attempts=40,
    backoff_base=0.001,
    backoff_cap=0.002,
    hello_timeout=1.0,
    symbol_timeout=1.0,
    data_timeout=3.0,
    malformed_limit=10_000,
)


async def no_pause(seconds):
    return None


@pytest.fixture(scope="module")
def source():
    return SyntheticSource(seed=11)


@pytest.fixture(scope="module")
def listed(source):
    """Every symbol with bars at the clock, and those bars."""
    bars = {symbol: source.bars(symbol, NOW.timestamp()) for symbol in source.instruments()}
    return {symbol: known for symbol, known in bars.items() if len(known)}


@pytest.fixture
def market(source):
    servers = []

    def start(clock=None, **faults):
        options = faults.pop("options", None)
        server = MarketServer(source, clock or Clock.as_of(CLOSE_OF), Faults(**faults), options)
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


def client_of(server, limits=FORGIVING, **options):
    return TradingViewClient(Endpoints.at(server.url), limits, runtime=Runtime(sleep=no_pause), **options)


def assert_same_bars(result, bars, n):
    expected = bars.slice(max(0, len(bars) - n), len(bars))
    frame = result.bars
    assert frame["open_time"].astype("int64").tolist() == (expected.time * 1_000_000).tolist()
    np.testing.assert_allclose(frame[["open", "high", "low", "close", "volume"]].to_numpy(), expected.values, rtol=1e-9)


def test_every_symbol_arrives_as_the_source_has_it(market, listed):
    server = market()
    client = client_of(server, Limits.loopback())
    assert client.clock() == NOW
    results = client.fetch_bars([BarRequest(symbol, N_BARS) for symbol in listed])
    assert len(results) > 150
    for result in results:
        assert result.status is FetchStatus.FETCHED, result
        assert_same_bars(result, listed[result.symbol], N_BARS)
        assert result.clock == NOW
        assert result.history_end == ("enough" if len(listed[result.symbol]) >= N_BARS else "end")
        assert not result.history_truncated
        assert result.bars["open_time"].max() + pd.Timedelta(days=1) <= pd.Timestamp(NOW)  # all closed
    assert server.counters["handshake"] == 2
    assert server.counters["create_series"] == len(listed)


def test_everything_goes_wrong_at_once(market, listed):
    names = list(listed)
    missing, denied, empty, silent = (tuple(names[k : k + 2]) for k in (5, 40, 80, 120))
    server = market(
        latency=0.001,
        truncate=0.02,
        drop_frames=0.01,
        disconnect_after=90,
        handshake_429=0.3,
        missing=missing,
        denied=denied,
        empty=empty,
        silent=silent[:1],
        seed=3,
    )
    requests = [BarRequest(symbol, N_BARS) for symbol in names]
    results = client_of(server, Limits(**{**limits_of(FORGIVING), "symbol_timeout": 0.4, "attempts": 12})).fetch_bars(
        requests
    )
    statuses = {result.symbol: result.status for result in results}
    expected = dict.fromkeys(names, FetchStatus.FETCHED)
    expected |= dict.fromkeys(missing, FetchStatus.INVALID_SYMBOL)
    expected |= dict.fromkeys(denied, FetchStatus.PERMISSION_DENIED)
    expected |= dict.fromkeys(empty, FetchStatus.NO_DATA)
    expected |= dict.fromkeys(silent[:1], FetchStatus.TIMEOUT)
    assert statuses == expected
    for result in results:
        if result.status is FetchStatus.FETCHED:
            assert_same_bars(result, listed[result.symbol], N_BARS)
        else:
            assert result.error is not None
            assert result.bars.empty
    for fault in ("truncate", "drop_frames", "disconnect_after", "handshake_429"):
        assert server.committed[fault] > 0, fault


def limits_of(limits):
    return {name: getattr(limits, name) for name in limits.__dataclass_fields__}


@pytest.mark.parametrize("seed", range(4))
def test_lost_messages_never_shorten_a_history(market, listed, seed):
    """Three messages in a hundred vanish, histories come in pages: what arrives is whole or is asked for again."""
    server = market(drop_frames=0.03, seed=seed)
    some = {symbol: listed[symbol] for symbol in list(listed)[:40]}
    results = client_of(server).fetch_bars([BarRequest(symbol, 60) for symbol in some])
    for result in results:
        assert result.status is FetchStatus.FETCHED, result
        assert_same_bars(result, some[result.symbol], 60)
    assert server.committed["drop_frames"] > 0


def test_the_plans_window_is_a_truncated_history(market, listed):
    long = next(symbol for symbol, bars in listed.items() if len(bars) > 200)
    server = market(options=ServerOptions(window=100))
    exact, beyond = client_of(server).fetch_bars([BarRequest(long, 100), BarRequest(long, 150)])
    assert (len(exact.bars), exact.history_end, exact.history_truncated) == (100, "enough", False)
    assert (len(beyond.bars), beyond.history_end, beyond.history_truncated) == (100, "limit", True)


def test_the_forming_bar_is_told_from_closed_ones_by_the_clock(market, listed):
    noon = NOW + dt.timedelta(hours=12)
    server = market(clock=Clock.at(noon))
    symbol = next(iter(listed))
    (result,) = client_of(server).fetch_bars([BarRequest(symbol, 3)])
    closed = result.bars["open_time"] + pd.Timedelta(days=1) <= result.clock
    assert closed.tolist() == [True, True, False]


def test_a_refused_login(market, listed, monkeypatch):
    monkeypatch.setenv("QUANT_TRADINGVIEW_TOKEN", "canary-token")
    server = market()
    requests = [BarRequest(symbol, 5) for symbol in list(listed)[:3]]
    results = client_of(server).fetch_bars(requests)
    assert {type(result.error) for result in results} == {LoginExpiredError}
    anonymous = client_of(server, anonymous=True).fetch_bars(requests)
    assert {result.status for result in anonymous} == {FetchStatus.FETCHED}


def test_a_login_by_cookie(market, listed, monkeypatch):
    monkeypatch.delenv("QUANT_TRADINGVIEW_TOKEN", raising=False)
    monkeypatch.setenv("QUANT_TRADINGVIEW_SESSIONID", "canary-session")
    server = market()
    (result,) = client_of(server).fetch_bars([BarRequest(next(iter(listed)), 5)])
    assert result.status is FetchStatus.FETCHED


def test_a_socket_that_only_beats(market, listed):
    server = market(mute=True, options=ServerOptions(heartbeat=0.02))
    limits = Limits(**{**limits_of(FORGIVING), "data_timeout": 0.2, "connection_attempts": 2})
    results = client_of(server, limits).fetch_bars([BarRequest(symbol, 5) for symbol in list(listed)[:20]])
    assert {type(result.error) for result in results} == {SilentSocketError}
    assert server.counters["handshake"] == 2


SCAN = ScanRequest(
    "crypto",
    ("name", "exchange", "type", "close", "volume", "Value.Traded"),
    (Filter("exchange", "equal", "BINANCE"), Filter("close", "greater", 0)),
    sort_by="Value.Traded",
    page_size=20,
)


def test_a_scan_survives_429_503_and_cut_bodies(market):
    calm = client_of(market()).scan(SCAN)
    assert calm.total == len(calm.frame) > 60
    assert calm.frame["Value.Traded"].is_monotonic_decreasing
    assert calm.frame["close"].dtype == "float64"
    stormy_server = market(http_429=0.3, http_503=0.2, truncate=0.1, seed=5)
    stormy = client_of(stormy_server).scan(SCAN)
    pd.testing.assert_frame_equal(stormy.frame, calm.frame)
    assert stormy_server.committed["http_429"] > 0
    assert stormy_server.committed["http_503"] > 0


def test_a_scan_of_a_column_that_does_not_exist(market):
    with pytest.raises(UnknownFieldError) as caught:
        client_of(market()).scan(ScanRequest("crypto", ("close", "Nonsense.Column")))
    assert caught.value.field == "Nonsense.Column"


# -- the resource ------------------------------------------------------------------------------------------------------


def test_the_embedded_market_is_started_once_and_ignores_the_login(monkeypatch):
    monkeypatch.setenv("QUANT_TRADINGVIEW_TOKEN", "canary-token")
    resource = TradingViewResource(source="synthetic:11", as_of="2024-05-31")
    again = TradingViewResource(source="synthetic:11", as_of="2024-05-31")
    other = TradingViewResource(source="synthetic:11", as_of="2024-05-30")
    assert resource.endpoints() == again.endpoints() != other.endpoints()
    with resource.client() as client:
        assert client.clock() == NOW
        scan = client.scan(SCAN, max_rows=3)
        results = client.fetch_bars([BarRequest(symbol, 5) for symbol in scan.frame["symbol"]])
    assert {result.status for result in results} == {FetchStatus.FETCHED}
    with other.client() as client:
        assert client.clock() == NOW - dt.timedelta(days=1)


def test_the_resource_goes_where_it_is_told(market):
    server = market()
    resource = TradingViewResource(url=server.url, symbol_timeout=3.0, concurrency=5)
    with resource.client() as client:
        assert client.clock() == NOW
        assert (client.limits.symbol_timeout, client.limits.concurrency) == (3.0, 5)
        assert client.limits.backoff_base < 1.0


def test_live_means_tradingview_and_long_pauses():
    resource = TradingViewResource(url="live")
    assert resource.endpoints() == Endpoints.live()
    assert resource.limits(resource.endpoints()).backoff_base >= 2.0
    assert TradingViewResource(url="live", paid=True).endpoints() == Endpoints.live(paid=True)
