"""Every cause of failure has a class of its own, and no failure looks like an empty success."""

from __future__ import annotations

import subprocess
from http import HTTPStatus

import pytest

from quant_resources.tradingview import (
    BadRequestError,
    BarRequest,
    Endpoints,
    FetchStatus,
    InvalidRequestError,
    Limits,
    LoginExpiredError,
    LostSocketError,
    MalformedDataError,
    NoBarsError,
    PermissionDeniedError,
    ProviderDownError,
    RateLimitedError,
    RedirectRefusedError,
    RefusedError,
    ScanRequest,
    ServerRefusedError,
    SilentSocketError,
    SymbolTimeoutError,
    TradingViewClient,
    UnknownSymbolError,
    UnreachableError,
    UnsupportedResolutionError,
    UntrustedServerError,
)


def refuse(status, headers=None):
    def gate(connection, request):
        response = connection.respond(HTTPStatus(status), "no\n")
        for name, value in (headers or {}).items():
            response.headers[name] = value
        return response

    return gate


def says(method, *texts):
    async def answer(peer, session, n):
        await peer.say(method, [session, *texts])

    return answer


async def silent(peer, session, n):
    pass


async def hang_up(peer, session, n):
    await peer.close(1011, "internal error")


async def vanish(peer, session, n):
    peer.abort()


async def garble(peer, session, n):
    broken = f'{{"m":"timescale_update","p":["{session}",{{"sds_1":{{"s":[{{"i":0,"v":[NaN'
    await peer.raw(f"~m~{len(broken)}~m~{broken}")


async def empty(peer, session, n):
    await peer.block(session, [])
    await peer.completed(session)


async def log_out(peer, session, n):
    await peer.say("protocol_error", ["bad auth token"])
    await peer.close()


SCRIPTED = {
    "unknown symbol": (says("symbol_error", "sds_sym_1", "invalid symbol"), UnknownSymbolError, "invalid_symbol"),
    "resolve error": (says("series_error", "sds_1", "s1", "resolve error", "n"), ServerRefusedError, "error"),
    "permission denied": (
        says("symbol_error", "sds_sym_1", "permission denied", "group", "economics_paid"),
        PermissionDeniedError,
        "permission_denied",
    ),
    "seconds": (
        says("series_error", "sds_1", "s1", "seconds_not_entitled", "n"),
        PermissionDeniedError,
        "permission_denied",
    ),
    "resolution": (
        says("series_error", "sds_1", "s1", "unsupported resolution: X:A, 7", "n"),
        UnsupportedResolutionError,
        "error",
    ),
    "parameters": (
        says("critical_error", "invalid parameters", 'method: create_series. args: "[x]"'),
        BadRequestError,
        "error",
    ),
    "session limit": (says("critical_error", "exceed limit of series"), RateLimitedError, "rate_limited"),
    "session rate": (says("critical_error", "max sessions rate reached"), RateLimitedError, "rate_limited"),
    "other": (says("series_error", "sds_1", "s1", "study engine on strike", "n"), ServerRefusedError, "error"),
    "login": (log_out, LoginExpiredError, "permission_denied"),
    "time-out": (silent, SymbolTimeoutError, "timeout"),
    "lost": (hang_up, LostSocketError, "error"),
    "vanished": (vanish, LostSocketError, "error"),
    "malformed": (garble, MalformedDataError, "error"),
    "empty": (empty, NoBarsError, "no_data"),
}


@pytest.mark.parametrize("cause", SCRIPTED)
def test_each_cause_on_the_socket_has_its_class(chart, market, client_for, requests_for, cause):
    answer, error_class, status = SCRIPTED[cause]
    server = chart(market(default=answer))
    (result,) = client_for(server, symbol_timeout=0.2, more_grace=0.02, attempts=2).fetch_bars(requests_for("X:A"))
    assert type(result.error) is error_class
    assert result.status == status
    assert len(result.bars) == 0
    assert list(result.bars.columns) == ["open_time", "open", "high", "low", "close", "volume"]
    assert "X:A" in str(result.error) or "127.0.0.1" in str(result.error) or "chart socket" in str(result.error)


HANDSHAKES = {
    429: (RateLimitedError, FetchStatus.RATE_LIMITED),
    403: (RefusedError, FetchStatus.ERROR),
    401: (RefusedError, FetchStatus.ERROR),
    404: (BadRequestError, FetchStatus.ERROR),
    500: (ProviderDownError, FetchStatus.ERROR),
    503: (ProviderDownError, FetchStatus.ERROR),
    302: (RedirectRefusedError, FetchStatus.ERROR),
}


@pytest.mark.parametrize("status", HANDSHAKES)
def test_each_refused_handshake_has_its_class(chart, market, client_for, requests_for, naps, status):
    error_class, result_status = HANDSHAKES[status]
    server = chart(market(), refuse(status, {"Location": "https://elsewhere.example/"} if status == 302 else None))
    results = client_for(server, connection_attempts=3).fetch_bars(requests_for("X:A", "X:B"))
    assert [type(result.error) for result in results] == [error_class] * 2
    assert [result.status for result in results] == [result_status] * 2
    tries = 3 if error_class.retryable else 1
    assert (len(server.handshakes), len(naps.taken)) == (tries, tries - 1)
    assert [result.attempts for result in results] == [0, 0]


def test_nobody_listens(naps, requests_for):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: nobody else gets the port
        endpoints = Endpoints.at(f"http://127.0.0.1:{taken.getsockname()[1]}")
        client = TradingViewClient(endpoints, Limits(connection_attempts=2), anonymous=True, runtime=naps.runtime())
        (result,) = client.fetch_bars(requests_for("X:A"))
        with pytest.raises(UnreachableError):
            client.clock()
    assert type(result.error) is UnreachableError


def test_a_server_that_dribbles_its_handshake(loop_thread, naps, requests_for):
    import asyncio

    async def dribble(reader, writer):
        writer.write(b"HTTP/1.1 1")
        await reader.read()

    server = loop_thread.run(asyncio.start_server(dribble, "127.0.0.1", 0))
    endpoints = Endpoints.at(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    limits = Limits(connect_timeout=0.05, connection_attempts=2)
    client = TradingViewClient(endpoints, limits, anonymous=True, runtime=naps.runtime())
    (result,) = client.fetch_bars(requests_for("X:A"))
    assert type(result.error) is UnreachableError
    assert len(naps.taken) == 1


def test_a_message_that_never_ends(chart, market, client_for, requests_for):
    async def endless(peer, session, n):
        async def pieces():
            yield '~m~5000~m~{"m":"timescale_update"'
            await peer.socket.wait_closed()

        await peer.socket.send(pieces())

    client = client_for(chart(market(default=endless)), data_timeout=0.1, attempts=2)
    (result,) = client.fetch_bars(requests_for("X:A"))
    assert type(result.error) is SilentSocketError


def test_a_server_that_never_greets(chart, client_for, requests_for):
    async def mute(peer):
        async for _ in peer.messages():
            pass

    (result,) = client_for(chart(mute), hello_timeout=0.05, connection_attempts=2).fetch_bars(requests_for("X:A"))
    assert type(result.error) is UnreachableError
    assert "hello" in str(result.error)


@pytest.mark.parametrize(
    "hello",
    ['{"session_id":"x"}', '{"timestamp":"noon"}', '{"timestampMs":1e300}', '{"timestamp":-1}', '{"timestamp":true}'],
)
def test_a_hello_without_a_clock(chart, client_for, requests_for, hello):
    async def script(peer):
        await peer.raw(f"~m~{len(hello)}~m~{hello}")
        async for _ in peer.messages():
            pass

    (result,) = client_for(chart(script), connection_attempts=2).fetch_bars(requests_for("X:A"))
    assert type(result.error) is MalformedDataError


def test_a_server_without_a_valid_certificate(chart, market, naps, requests_for, tmp_path, server_certificate):
    server = chart(market(), ssl=server_certificate)
    assert server.endpoints.chart.startswith("wss://")
    client = TradingViewClient(server.endpoints, Limits(), anonymous=True, runtime=naps.runtime())
    (result,) = client.fetch_bars(requests_for("X:A"))
    assert type(result.error) is UntrustedServerError
    with pytest.raises(UntrustedServerError):
        client.scan(ScanRequest("crypto", ("close",)))
    assert server.log == []
    assert naps.taken == []  # trying again cannot help


@pytest.fixture
def server_certificate(tmp_path):
    import shutil
    import ssl

    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl command to make a certificate with")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
        + ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def test_tls_verification_has_no_switch():
    """Nothing a user can set speaks of verification; addresses decide on TLS."""
    import dataclasses

    from quant_resources.tradingview import Runtime, TradingViewResource

    names = {field.name for kind in (Endpoints, Limits, Runtime) for field in dataclasses.fields(kind)}
    names |= set(TradingViewResource.model_fields)
    assert not [name for name in names if any(word in name for word in ("ssl", "tls", "verify", "insecure", "cert"))]


def test_redirects_are_not_followed(chart, market, client_for, requests_for):
    target = chart(market())
    location = target.endpoints.chart.replace("ws://", "http://")
    server = chart(market(), refuse(307, {"Location": location}))
    (result,) = client_for(server).fetch_bars(requests_for("X:A"))
    assert type(result.error) is RedirectRefusedError
    assert target.handshakes == []


# -- silence -----------------------------------------------------------------------------------------------------------


def test_heartbeats_do_not_pass_for_data(chart, client_for, requests_for):
    """The server answers each heartbeat's echo with the next: heartbeats flow without end, data never."""

    async def script(peer):
        await peer.hello()
        await peer.heartbeat(1)
        number = 1
        async for text in peer.socket:
            if "~h~" in text:
                number += 1
                await peer.heartbeat(number)

    server = chart(script)
    client = client_for(server, data_timeout=0.2, symbol_timeout=30.0, attempts=2)
    (result,) = client.fetch_bars(requests_for("X:A"))
    assert type(result.error) is SilentSocketError
    assert result.status is FetchStatus.TIMEOUT
    assert result.error.heartbeats > 3
    assert len(server.connections) == 2


def test_symbols_that_time_out_do_not_rearm_the_watchdog(chart, market, client_for, requests_for):
    """A silent socket is given up although each symbol's own time-out comes first, again and again."""
    server = chart(market(default=silent))
    client = client_for(server, symbol_timeout=0.06, data_timeout=0.2, attempts=50, connection_attempts=2)
    results = client.fetch_bars(requests_for("X:A", "X:B"))
    assert [type(result.error) for result in results] == [SilentSocketError] * 2
    assert len(server.connections) == 2


def test_one_silent_symbol_is_named_although_the_socket_falls_silent_after_the_others(
    chart, market, client_for, requests_for
):
    """It is asked for first and the others are delivered while it is awaited: the symbol is to blame, not the line."""
    server = chart(market(answers={"X:MUTE": silent}))
    client = client_for(server, symbol_timeout=0.25, data_timeout=0.4, attempts=3)
    results = client.fetch_bars(requests_for("X:MUTE", *(f"X:S{k}" for k in range(20))))
    assert type(results[0].error) is SymbolTimeoutError
    assert {result.status for result in results[1:]} == {FetchStatus.FETCHED}


def test_a_series_that_starts_and_never_completes_is_no_success(chart, market, client_for, requests_for, bars_of):
    async def half(peer, session, n):
        await peer.block(session, bars_of(5))

    (result,) = client_for(chart(market(default=half)), symbol_timeout=0.1, attempts=2).fetch_bars(requests_for("X:A"))
    assert result.status is FetchStatus.TIMEOUT
    assert len(result.bars) == 0


def test_empty_is_believed_only_when_it_is_said_twice(chart, market, client_for, requests_for):
    """A lost data message leaves a completed series without bars; asking again tells the difference."""
    said = []

    async def lossy(peer, session, n):
        said.append(session)
        if len(said) == 1:
            await empty(peer, session, n)
        else:
            await peer.history(session, n)

    (result,) = client_for(chart(market(default=lossy))).fetch_bars(requests_for("X:A"))
    assert (result.status, len(result.bars), result.attempts) == (FetchStatus.FETCHED, 5, 2)


def test_a_lost_first_page_is_noticed_by_the_indices_of_the_older_one(chart, market, client_for, requests_for, bars_of):
    tries = []

    async def first(peer, session, n):
        tries.append(session)
        if len(tries) > 1:
            await peer.block(session, bars_of(n))
        await peer.completed(session)

    async def more(peer, session, n):
        await peer.block(session, bars_of(n, last=1_700_006_400 - 86_400 * 9, start_index=-n))
        await peer.completed(session, "end")

    (result,) = client_for(chart(market(default=first, more=more))).fetch_bars(requests_for("X:A", n=8))
    assert (result.status, len(result.bars), result.attempts) == (FetchStatus.FETCHED, 8, 2)
    assert str(result.bars["open_time"].iloc[-1].date()) == "2023-11-14"


def test_a_lost_page_is_noticed_by_the_hole_it_leaves(chart, market, client_for, requests_for, bars_of):
    tries = []

    async def first(peer, session, n):
        tries.append(session)
        await peer.block(session, bars_of(4))
        await peer.completed(session)

    async def more(peer, session, n):
        if len(tries) == 1:  # the page before this one never made it: indices jump
            await peer.block(session, bars_of(4, last=1_700_006_400 - 86_400 * 9, start_index=-8))
        else:
            await peer.block(session, bars_of(n, last=1_700_006_400 - 86_400 * 5, start_index=-n))
        await peer.completed(session)

    (result,) = client_for(chart(market(default=first, more=more))).fetch_bars(requests_for("X:A", n=8))
    assert (result.status, len(result.bars), result.attempts) == (FetchStatus.FETCHED, 8, 2)


# -- requests that make no sense ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [("BTCUSDT", 5), ("X:A B", 5), ("X:A", 0), ("X:A", 5, ""), ("X:A", 5, "daily"), ("X:A", 5, "1D", "both"), ("", 1)],
)
def test_bar_requests_are_checked_before_anything_is_sent(arguments):
    with pytest.raises(InvalidRequestError):
        BarRequest(*arguments)


@pytest.mark.parametrize("name", ["concurrency", "attempts", "data_timeout", "backoff_base", "max_message_bytes"])
def test_limits_are_positive(name):
    with pytest.raises(InvalidRequestError):
        Limits(**{name: 0})


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:80", "ftp://x", "http://", "http://x:port", "http://u:p@x", "http://x/?q=1", "http://x/#f"]
)
def test_addresses_are_checked(url):
    with pytest.raises(InvalidRequestError) as caught:
        Endpoints.at(url)
    assert "u:p" not in str(caught.value)


def test_addresses():
    here = Endpoints.at("http://127.0.0.1:8787/")
    assert here.screener == "http://127.0.0.1:8787"
    assert here.chart == "ws://127.0.0.1:8787/socket.io/websocket"
    assert Endpoints.at("https://market.example/tv").chart == "wss://market.example/tv/socket.io/websocket"
    live = Endpoints.live()
    assert live.chart == "wss://data.tradingview.com/socket.io/websocket"
    assert live.screener == "https://scanner.tradingview.com"
    assert Endpoints.live(paid=True).chart.startswith("wss://prodata.")
