"""The WebSocket over a real connection: framing, order, heartbeats, refusals and faults."""

import asyncio
import contextlib
import json
import threading
import time

import aiohttp
import pytest

from quant_resources.market import Faults, MarketServer, ServerOptions, parse_clock
from quant_resources.tradingview.protocol import FrameParser, encode_frame, encode_message, is_heartbeat

CLOCK = parse_clock("2024-03-31")


@pytest.fixture(scope="module")
def market(lab):
    series = {
        f"BINANCE:A{number}USDT": lab.make_bars([float(10 + number + day) for day in range(90)]) for number in range(20)
    }
    return lab.ListSource(
        {**series, "BINANCE:CAFÉUSDT": lab.make_bars([1.0, 2.0])}, {"BINANCE:CAFÉUSDT": {"description": "Café 🚀"}}
    )


@pytest.fixture(scope="module")
def server(market):
    with MarketServer(market, CLOCK) as running:
        yield running


@contextlib.asynccontextmanager
async def connected(url):
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}/socket.io/websocket", max_msg_size=0) as socket,
    ):
        yield Client(socket)


class Client:
    def __init__(self, socket):
        self.socket = socket
        self.parser = FrameParser()
        self.raw = []
        self.payloads = []

    async def say(self, method, *params):
        await self.socket.send_str(encode_message(method, list(params)))

    async def receive(self):
        """Next WebSocket message as payloads; None when the socket is closed."""
        message = await asyncio.wait_for(self.socket.receive(), 5)
        if message.type is not aiohttp.WSMsgType.TEXT:
            return None
        self.raw.append(message.data)
        return self.parser.feed(message.data)

    async def until(self, method):
        """Collect messages up to and including the first `method`."""
        got = []
        while True:
            while self.payloads:
                message = json.loads(self.payloads.pop(0))
                got.append(message)
                if message.get("m") == method:
                    return got
            payloads = await self.receive()
            if payloads is None:
                return got
            self.payloads += [payload for payload in payloads if not is_heartbeat(payload)]

    async def open_series(self, *numbers, count=5):
        """Ask for series in one message, so that nothing is left to say when the line breaks."""
        frames = ""
        for number in numbers:
            session = f"cs_{number}"
            frames += encode_message("chart_create_session", [session, ""])
            frames += encode_message("resolve_symbol", [session, "sym", f"BINANCE:A{number}USDT"])
            frames += encode_message("create_series", [session, "sds", "s1", "sym", "1D", count, ""])
        await self.socket.send_str(frames)


async def test_the_hello_comes_first_with_the_markets_clock(server):
    async with connected(server.url) as client:
        (payload,) = await client.receive()
    hello = json.loads(payload)
    assert "m" not in hello
    assert hello["timestamp"] == int(CLOCK.timestamp())
    assert hello["timestampMs"] == int(CLOCK.timestamp()) * 1000
    assert hello["protocol"] == "json"
    assert hello["session_id"].startswith("0.7.")


async def test_pipelined_requests_load_before_they_resolve(server):
    async with connected(server.url) as client:
        await client.say("set_auth_token", "unauthorized_user_token")
        await client.open_series(1)
        got = await client.until("series_completed")
    assert [message.get("m") for message in got] == [
        None, "series_loading", "symbol_resolved", "timescale_update", "series_completed"
    ]  # fmt: skip


async def test_a_symbol_resolves_without_waiting_for_a_series(server):
    async with connected(server.url) as client:
        await client.say("chart_create_session", "cs", "")
        await client.say("resolve_symbol", "cs", "sym", "BINANCE:A1USDT")
        assert (await client.until("symbol_resolved"))[-1]["p"][1] == "sym"


async def test_many_sessions_on_one_socket_answer_in_the_order_asked(server):
    async with connected(server.url) as client:
        order = [7, 3, 19, 0, 11, 5]
        for number in order:
            await client.open_series(number)
        got = [await client.until("series_completed") for _ in order]
    assert [messages[-1]["p"][0] for messages in got] == [f"cs_{number}" for number in order]
    for messages in got:
        assert {message["p"][0] for message in messages if "m" in message} == {messages[-1]["p"][0]}


async def test_lengths_count_utf16_units_and_json_is_compact(server):
    async with connected(server.url) as client:
        await client.say("chart_create_session", "cs", "")
        await client.say("resolve_symbol", "cs", "sym", "BINANCE:CAFÉUSDT")
        resolved = (await client.until("symbol_resolved"))[-1]
    assert resolved["p"][2]["description"] == "Café 🚀"
    head, _, payload = client.raw[-1].removeprefix("~m~").partition("~m~")
    assert int(head) == len(payload.encode("utf-16-le")) // 2 != len(payload)
    assert '": ' not in payload
    assert '", "' not in payload


async def test_binary_messages_and_several_frames_a_message_are_read_and_noise_is_not(server):
    async with connected(server.url) as client:
        await client.socket.send_str("2")
        frames = encode_message("chart_create_session", ["cs", ""]) + encode_message(
            "resolve_symbol", ["cs", "s", "A2USDT"]
        )
        await client.socket.send_bytes(frames.encode())
        assert (await client.until("symbol_resolved"))[-1]["p"][2]["full_name"] == "BINANCE:A2USDT"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (encode_message("set_auth_token", ["expired"]), "bad auth token"),
        (encode_message("set_auth_token", []), "bad auth token"),
        (encode_frame("{not json"), "wrong data"),
        (encode_frame("[]"), "wrong data"),
        (encode_frame('{"m":5}'), "wrong data"),
        (encode_frame('{"m":"chart_create_session","p":{}}'), "wrong data"),
        (encode_frame("[" * 100_000), "wrong data"),
        (encode_frame('{"m":"x","p":[NaN]}'), "wrong data"),
    ],
)
async def test_what_ends_a_conversation(server, text, reason):
    async with connected(server.url) as client:
        await client.socket.send_str(text)
        got = await client.until("nothing")
    assert got[-1] == {"m": "protocol_error", "p": [reason]}


async def test_unknown_methods_are_answered_and_survived(server):
    async with connected(server.url) as client:
        await client.say("replay_create_session", "rs_1")
        assert (await client.until("critical_error"))[-1]["p"] == [
            "rs_1",
            "unknown method",
            "method: replay_create_session",
        ]
        await client.say("set_locale", "en", "US")
        await client.say("set_data_quality", "low")
        await client.open_series(1)
        got = await client.until("series_completed")
    assert [message["m"] for message in got] == [
        "series_loading", "symbol_resolved", "timescale_update", "series_completed"
    ]  # fmt: skip


async def test_heartbeats_are_numbered_steady_and_alone(market):
    with MarketServer(market, CLOCK, options=ServerOptions(heartbeat=0.05)) as server:
        async with connected(server.url) as client:
            beats = []
            start = time.monotonic()
            while len(beats) < 6:
                payloads = await client.receive()
                if is_heartbeat(payloads[0]):
                    assert len(payloads) == 1
                    beats.append((payloads[0], time.monotonic() - start))
                    await client.socket.send_str(encode_frame(payloads[0]))
                    await client.open_series(len(beats))
    assert [beat for beat, _ in beats] == [f"~h~{number}" for number in range(1, 7)]
    assert beats[-1][1] >= 6 * 0.05 - 0.01


async def test_a_client_that_does_not_answer_heartbeats_is_dropped(market):
    with MarketServer(market, CLOCK, options=ServerOptions(heartbeat=0.03)) as server:
        async with connected(server.url) as client:
            beats = []
            while (payloads := await client.receive()) is not None:
                beats += [payload for payload in payloads if is_heartbeat(payload)]
    assert beats == ["~h~1", "~h~2", "~h~3"]


async def test_latency_delays_every_answer_but_answers_overlap(market):
    with MarketServer(market, CLOCK, Faults(latency=0.2)) as server:
        async with connected(server.url) as client:
            start = time.monotonic()
            for number in range(20):
                await client.open_series(number)
            done = [(await client.until("series_completed"))[-1]["p"][0] for _ in range(20)]
            seconds = time.monotonic() - start
    assert done == [f"cs_{number}" for number in range(20)]
    assert 0.2 <= seconds < 8.0  # eighty answers one after the other take sixteen at least


async def test_a_socket_is_cut_in_mid_stream(market):
    with MarketServer(market, CLOCK, Faults(disconnect_after=7, disconnects=1)) as server:
        async with connected(server.url) as client:
            await client.open_series(*range(5))
            got = await client.until("nothing")
            assert client.socket.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE
        assert len(got) == 7
        assert server.committed["disconnect_after"] == 1
        async with connected(server.url) as client:
            await client.open_series(*range(5))
            assert len([await client.until("series_completed") for _ in range(5)]) == 5


@pytest.mark.parametrize("fault", ["drop_frames", "truncate"])
async def test_messages_are_lost_and_damaged(market, fault):
    with MarketServer(market, CLOCK, Faults(**{fault: 0.5}, seed=3)) as server:
        async with connected(server.url) as client:
            for number in range(20):
                await client.open_series(number)
            await client.say("set_auth_token", "goodbye")
            with contextlib.suppress(json.JSONDecodeError):
                await client.until("nothing")
        hits = server.committed[fault]
    assert 20 <= hits <= 62  # of 82 messages
    if fault == "drop_frames":
        assert len(client.raw) + hits == 82


async def test_every_token_is_refused_or_everything_is_mute(market):
    with MarketServer(market, CLOCK, Faults(bad_token=True)) as server:
        async with connected(server.url) as client:
            await client.say("set_auth_token", "unauthorized_user_token")
            assert (await client.until("nothing"))[-1]["p"] == ["bad auth token"]
    with MarketServer(market, CLOCK, Faults(mute=True), ServerOptions(heartbeat=0.03)) as server:
        async with connected(server.url) as client:
            await client.open_series(1)
            payloads = [(await client.receive())[0] for _ in range(4)]
        assert json.loads(payloads[0])["protocol"] == "json"
        assert payloads[1:] == ["~h~1", "~h~2", "~h~3"]


async def test_a_handshake_can_be_refused(market):
    server = MarketServer(market, CLOCK, Faults(handshake_429=1.0, retry_after="7"))
    with server, pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        async with connected(server.url):
            pass
    assert caught.value.status == 429
    assert caught.value.headers["Retry-After"] == "7"


async def test_what_clients_do_is_counted(market):
    with MarketServer(market, CLOCK) as server:
        async with connected(server.url) as one, connected(server.url):
            await one.open_series(1)
            await one.until("series_completed")
        counters = server.counters
    assert (counters["handshake"], counters["sockets_peak"], counters["create_series"]) == (2, 2, 1)


async def test_a_slow_reader_stops_the_server_from_answering_on(market):
    """What waits for a client is bounded: while it does not read, its requests are not taken."""
    with MarketServer(market, CLOCK, Faults(latency=0.15)) as server:
        async with connected(server.url) as client:
            for number in range(100):
                await client.open_series(number % 20)
            await client.receive()  # the hello, after the latency: time enough to answer everything
            assert server.counters["resolve_symbol"] < 60
            for _ in range(100):
                await client.until("series_completed")


def test_stopping_leaves_no_thread_and_closes_open_sockets(market):
    before = set(threading.enumerate())
    server = MarketServer(market, CLOCK)
    server.start()

    async def talk():
        async with connected(server.url) as client:
            await client.receive()
            await asyncio.to_thread(server.stop)
            return await client.receive()

    assert asyncio.run(talk()) is None
    assert {
        thread for thread in threading.enumerate() if thread not in before and "asyncio" not in thread.name
    } == set()
