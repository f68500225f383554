"""Sockets that break: what was finished stays finished, the rest goes on, and it ends."""

from __future__ import annotations

from collections import Counter
from http import HTTPStatus

import pytest

from quant_resources.tradingview import (
    FetchStatus,
    LostSocketError,
    MalformedDataError,
    RateLimitedError,
    SymbolTimeoutError,
    UnknownSymbolError,
)


async def kill(peer, session, n):
    peer.abort()


def symbols(count):
    return [f"X:S{k:03d}" for k in range(count)]


def test_five_poisoned_symbols_do_not_stop_the_other_495(chart, market, client_for, requests_for):
    async def unknown(peer, session, n):
        await peer.say("symbol_error", [session, "sds_sym_1", "invalid symbol"])

    async def mute(peer, session, n):
        pass

    async def damaged(peer, session, n):
        await peer.block(session, [{"i": 0, "v": ["noon", 1, 2, 3, 4, 5]}])

    async def forbidden(peer, session, n):
        await peer.say("symbol_error", [session, "sds_sym_1", "permission denied", "group", "paid"])

    async def refused(peer, session, n):
        await peer.say("critical_error", [session, "invalid parameters", "method: create_series"])

    poison = {"X:S007": unknown, "X:S120": mute, "X:S121": damaged, "X:S300": forbidden, "X:S499": refused}
    script = market(answers=poison)
    server = chart(script)
    client = client_for(server, symbol_timeout=0.5, attempts=2)
    results = client.fetch_bars(requests_for(*symbols(500)))
    bad = {result.symbol: type(result.error).__name__ for result in results if result.status != FetchStatus.FETCHED}
    assert bad == {
        "X:S007": "UnknownSymbolError",
        "X:S120": "SymbolTimeoutError",
        "X:S121": "MalformedDataError",
        "X:S300": "PermissionDeniedError",
        "X:S499": "BadRequestError",
    }
    assert len(results) == 500
    healthy = set(symbols(500)) - set(poison)
    asked = Counter(script.served)
    assert {asked[symbol] for symbol in healthy} == {1}  # and running again would fetch only the five
    assert len(server.connections) == 1


def test_a_drop_in_the_middle_resumes_only_the_unfinished(chart, market, client_for, requests_for):
    script = market()
    done = []
    server = chart(script)

    async def drop_every_tenth(peer, session, n):
        if len(script.served) % 10 == 0:
            peer.abort()
        else:
            await peer.history(session, n)

    script.default = drop_every_tenth
    results = client_for(server, concurrency=4).fetch_bars(requests_for(*symbols(45)), on_result=done.append)
    assert {result.status for result in results} == {FetchStatus.FETCHED}
    assert len(server.connections) > 1
    assert len(done) == 45
    asked = Counter(script.served)
    assert sum(asked.values()) <= 45 + 4 * (len(server.connections) - 1)  # at most the open ones again
    assert len(server.said("set_auth_token")) == len(server.connections)


def test_progress_costs_no_attempts(chart, market, client_for, requests_for):
    """Every socket dies after one symbol; three dozen symbols still arrive with two attempts each."""
    script = market()

    async def one_per_socket(peer, session, n):
        if getattr(peer, "served", False):
            peer.abort()
        else:
            peer.served = True
            await peer.history(session, n)

    script.default = one_per_socket
    server = chart(script)
    results = client_for(server, concurrency=4, attempts=2).fetch_bars(requests_for(*symbols(36)))
    assert {result.status for result in results} == {FetchStatus.FETCHED}


@pytest.mark.parametrize("position", [0, 9, 39])
def test_a_symbol_that_kills_every_socket_is_isolated(chart, market, client_for, requests_for, position):
    names = symbols(40)
    server = chart(market(answers={names[position]: kill}))
    results = client_for(server).fetch_bars(requests_for(*names))
    assert [result.symbol for result in results if result.status != FetchStatus.FETCHED] == [names[position]]
    assert type(results[position].error) is LostSocketError


def test_a_line_that_only_breaks_ends_with_an_error_for_every_symbol(chart, market, client_for, requests_for, naps):
    server = chart(market(default=kill))
    results = client_for(server, connection_attempts=5).fetch_bars(requests_for(*symbols(100)))
    assert {type(result.error) for result in results} == {LostSocketError}
    assert len(server.connections) == 5
    assert naps.taken == [2.0, 4.0, 8.0, 16.0]


def test_dropped_at_every_message_of_the_conversation(chart, client_for, requests_for, bars_of):
    """The k-th socket dies after k messages of the server: before the hello, in the middle, after the data."""

    async def script(peer):
        left = [peer.number - 1]

        async def step(work):
            if left[0] == 0:
                work.close()
                peer.abort()
            left[0] -= 1
            await work

        def talk(session):
            yield peer.say("series_loading", [session, "sds_1", "s1"])
            yield peer.say("symbol_resolved", [session, "sds_sym_1", {}])
            yield peer.block(session, bars_of(5))
            yield peer.completed(session)

        await step(peer.hello())
        async for method, params in peer.messages():
            if method == "create_series":
                for work in talk(params[0]):
                    await step(work)

    server = chart(script)
    (result,) = client_for(server, attempts=20, connection_attempts=20).fetch_bars(requests_for("X:A"))
    assert (result.status, len(result.bars)) == (FetchStatus.FETCHED, 5)
    assert len(server.connections) == 6


def test_the_reason_a_server_gave_before_closing_is_the_one_reported(chart, market, client_for, requests_for):
    async def wrong_data(peer, session, n):
        await peer.say("protocol_error", ["wrong data"])
        peer.abort()

    (result,) = client_for(chart(market(default=wrong_data)), attempts=1).fetch_bars(requests_for("X:A"))
    assert "wrong data" in str(result.error)


@pytest.mark.parametrize(("code", "meaning"), [(1001, "going away"), (1012, "restarts"), (4000, "of its own")])
def test_close_codes_are_explained(chart, market, client_for, requests_for, code, meaning):
    async def close(peer, session, n):
        await peer.close(code, "see\nyou")

    (result,) = client_for(chart(market(default=close)), attempts=1).fetch_bars(requests_for("X:A"))
    assert type(result.error) is LostSocketError
    assert result.error.code == code
    assert meaning in str(result.error)
    assert "see you" in str(result.error)


# -- pauses ------------------------------------------------------------------------------------------------------------


def test_a_refused_handshake_is_tried_again_after_the_told_time(chart, market, client_for, requests_for, naps):
    refusals = iter([("7", 429), ("Thu, 01 Jan 2026 00:00:31 GMT", 429), (None, 503)])

    def gate(connection, request):
        told, status = next(refusals, (None, None))
        if status is None:
            return None
        response = connection.respond(HTTPStatus(status), "<html>busy</html>")
        del response.headers["Date"]
        if told is not None:
            response.headers["Retry-After"] = told
        return response

    naps.dice = 0.999
    server = chart(market(), gate)
    (result,) = client_for(server).fetch_bars(requests_for("X:A"))
    assert result.status is FetchStatus.FETCHED
    assert len(naps.taken) == 3
    assert 7.0 <= naps.taken[0] <= 8.0
    assert 31.0 <= naps.taken[1] <= 33.0
    assert 8.0 <= naps.taken[2] <= 12.0


def test_a_server_that_asks_for_an_hour_is_left_alone(chart, market, client_for, requests_for, naps):
    def gate(connection, request):
        response = connection.respond(HTTPStatus.TOO_MANY_REQUESTS, "")
        response.headers["Retry-After"] = "3600"
        return response

    server = chart(market(), gate)
    (result,) = client_for(server).fetch_bars(requests_for("X:A"))
    assert type(result.error) is RateLimitedError
    assert result.error.retry_after == 3600
    assert (len(server.handshakes), naps.taken) == (1, [])
    assert "3600" in str(result.error)


def test_a_symbol_is_tried_again_with_growing_pauses(chart, market, client_for, requests_for, naps):
    tries = []

    async def third_time_lucky(peer, session, n):
        tries.append(session)
        if len(tries) < 3:
            await peer.say("critical_error", [session, "exceed limit of series"])
        else:
            await peer.history(session, n)

    server = chart(market(default=third_time_lucky))
    (result,) = client_for(server).fetch_bars(requests_for("X:A"))
    assert (result.status, result.attempts) == (FetchStatus.FETCHED, 3)
    assert naps.taken == [2.0, 4.0]
    assert len(set(tries)) == 3


def test_what_cannot_get_better_is_not_tried_again(chart, market, client_for, requests_for, naps):
    async def unknown(peer, session, n):
        await peer.say("symbol_error", [session, "sds_sym_1", "invalid symbol"])
        await peer.say("series_error", [session, "sds_1", "s1", "resolve error", "n"])

    server = chart(market(default=unknown))
    (result,) = client_for(server).fetch_bars(requests_for("X:A"))
    assert type(result.error) is UnknownSymbolError
    assert (result.attempts, naps.taken) == (1, [])


# -- damaged messages --------------------------------------------------------------------------------------------------


def test_a_truncated_frame_costs_only_its_own_symbol_an_attempt(chart, market, client_for, requests_for):
    from quant_resources.tradingview.protocol import encode_message

    tries = Counter()

    async def cut_short(peer, session, n):
        tries[session[:2]] += 1
        if tries["cs"] == 1:
            text = encode_message("timescale_update", [session, {"sds_1": {"s": [{"i": 0, "v": [1.0] * 6}] * 20}}, {}])
            await peer.raw(text[:200])
        else:
            await peer.history(session, n)

    script = market(answers={"X:S003": cut_short})
    server = chart(script)
    results = client_for(server, symbol_timeout=30.0).fetch_bars(requests_for(*symbols(40)))
    assert {result.status for result in results} == {FetchStatus.FETCHED}
    assert [result.attempts for result in results if result.symbol == "X:S003"] == [2]
    assert sum(result.attempts for result in results) == 41
    assert len(server.connections) == 1


def test_a_socket_that_speaks_only_nonsense_is_given_up(chart, client_for, requests_for):
    async def babble(peer):
        await peer.hello()
        async for method, _ in peer.messages():
            if method == "create_series":
                for _ in range(50):
                    await peer.raw("~m~3~m~{]}")

    server = chart(babble)
    (result,) = client_for(server, attempts=2).fetch_bars(requests_for("X:A"))
    assert type(result.error) is MalformedDataError
    assert len(server.connections) == 2


HOSTILE = {
    "deep": "[" * 100_000,
    "nan": '{"m":"du","p":[NaN]}',
    "infinity": '{"m":"du","p":[Infinity]}',
    "array": "[1,2,3]",
    "text": '"hello"',
    "number": "5",
    "null": "null",
    "no parameters": '{"m":"timescale_update"}',
    "parameters are an object": '{"m":"timescale_update","p":{"a":1}}',
    "empty parameters": '{"m":"timescale_update","p":[]}',
    "method is a number": '{"m":5,"p":[]}',
    "session is a list": '{"m":"du","p":[["x"],{}]}',
    "session is null": '{"m":"series_completed","p":[null]}',
    "duplicate keys": '{"m":"du","m":"noise","p":["cs_x"],"p":["cs_y"]}',
    "lone surrogate": '{"m":"du","p":["\\ud83d"]}',
    "heartbeat too long": "~h~" + "9" * 400,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_messages_between_good_ones_do_no_harm(chart, market, client_for, requests_for, name):
    async def hostile(peer, session, n):
        await peer.raw(f"~m~{len(HOSTILE[name])}~m~{HOSTILE[name]}")
        await peer.history(session, n)

    (result,) = client_for(chart(market(default=hostile))).fetch_bars(requests_for("X:A"))
    assert (result.status, result.attempts) == (FetchStatus.FETCHED, 1)


BLOCKS = {
    "no list": {"s": 5},
    "no object": [1],
    "no values": {"s": [{"i": 0}]},
    "short": {"s": [{"i": 0, "v": [1.7e9, 1, 2, 3]}]},
    "text": {"s": [{"i": 0, "v": [1.7e9, "high", 2, 3, 4, 5]}]},
    "nested": {"s": [{"i": 0, "v": [1.7e9, [1], 2, 3, 4, 5]}]},
    "time of year 9999999": {"s": [{"i": 0, "v": [1e300, 1, 2, 3, 4, 5]}]},
    "no time": {"s": [{"i": 0, "v": [None, 1, 2, 3, 4, 5]}]},
    "no index": {"s": [{"v": [1.7e9, 1, 2, 3, 4, 5]}]},
    "bars missing inside": {"s": [{"i": 0, "v": [1.7e9, 1, 2, 3, 4, 5]}, {"i": 5, "v": [1.8e9, 1, 2, 3, 4, 5]}]},
    "bar is null": {"s": [None]},
}


@pytest.mark.parametrize("name", BLOCKS)
def test_hostile_blocks_are_an_error_of_their_symbol(chart, market, client_for, requests_for, name):
    async def hostile(peer, session, n):
        await peer.say("timescale_update", [session, {"sds_1": BLOCKS[name]}, {}])
        await peer.completed(session)

    server = chart(market(answers={"X:BAD": hostile}))
    bad, good = client_for(server, attempts=2).fetch_bars(requests_for("X:BAD", "X:GOOD"))
    assert type(bad.error) is MalformedDataError
    assert good.status is FetchStatus.FETCHED


def test_year_9999_is_a_time(chart, market, client_for, requests_for):
    async def far(peer, session, n):
        await peer.block(session, [{"i": 0, "v": [253_402_214_400.0, 1, 2, 3, 4, 5]}])
        await peer.completed(session, "end")

    (result,) = client_for(chart(market(default=far))).fetch_bars(requests_for("X:A"))
    assert result.bars["open_time"][0].isoformat() == "9999-12-31T00:00:00+00:00"


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_a_message_larger_than_allowed_ends_the_socket_and_not_the_machine(
    chart, market, client_for, requests_for, compression
):
    """Compressed, 100 MB of zeros are a bomb of 100 kB."""
    import tracemalloc

    size = 100 * 1024 * 1024

    async def flood(peer, session, n):
        await peer.raw("0" * size)

    server = chart(market(default=flood), compression=compression)
    client = client_for(server, attempts=1, max_message_bytes=1024 * 1024)
    tracemalloc.start()
    try:
        (result,) = client.fetch_bars(requests_for("X:A"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert type(result.error) is LostSocketError
    assert result.error.code == 1009
    assert peak > size  # the server's copy is counted too


def test_a_timed_out_symbol_is_retried_and_can_succeed(chart, market, client_for, requests_for):
    tries = []

    async def late(peer, session, n):
        tries.append(session)
        if len(tries) > 1:
            await peer.history(session, n)
            await peer.history(tries[0], n)  # the first answer, too late, for a session that is gone

    server = chart(market(default=late))
    (result,) = client_for(server, symbol_timeout=0.2).fetch_bars(requests_for("X:A"))
    assert (result.status, result.attempts, len(result.bars)) == (FetchStatus.FETCHED, 2, 5)


def test_an_error_in_the_callback_is_not_swallowed(chart, market, client_for, requests_for):
    def full_disk(result):
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        client_for(chart(market())).fetch_bars(requests_for("X:A"), on_result=full_disk)


def test_time_out_class_is_kept_when_the_last_symbol_is_the_silent_one(chart, market, client_for, requests_for):
    async def mute(peer, session, n):
        pass

    server = chart(market(answers={"X:Z": mute}))
    client = client_for(server, symbol_timeout=0.1, data_timeout=60.0, attempts=3)
    results = client.fetch_bars(requests_for("X:A", "X:Z"))
    assert [type(result.error) for result in results] == [type(None), SymbolTimeoutError]
    assert results[1].attempts == 3
