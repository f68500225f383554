"""Scripted peers on loopback: a chart socket and a screener that do exactly what a test tells them."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from aiohttp import web
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from quant_resources.tradingview import BarRequest, Endpoints, Limits, Runtime
from quant_resources.tradingview.client import TradingViewClient
from quant_resources.tradingview.protocol import FrameParser, encode_frame, encode_message, is_heartbeat

CLOCK = 1_700_006_400  # 2023-11-15 00:00:00 UTC
DAY = 86_400


def wire_bars(n: int, *, last: int = CLOCK - DAY, start_index: int = 0, volume: bool = True) -> list[dict[str, Any]]:
    """The n daily bars that end at `last`, as the wire has them."""
    first = last - (n - 1) * DAY
    rows = []
    for k in range(n):
        time = float(first + k * DAY)
        price = 100.0 + (time / DAY) % 97
        values = [time, price, price + 2.0, price - 1.5, price + 0.5]
        rows.append({"i": start_index + k, "v": [*values, 1000.0 + k] if volume else values})
    return rows


class Dropped(Exception):
    """The script dropped its line."""


@dataclass
class Peer:
    """The server's end of one socket."""

    socket: ServerConnection
    number: int
    log: list[tuple[str, list[Any]]]
    texts: list[str]

    async def raw(self, text: str) -> None:
        await self.socket.send(text)

    async def say(self, method: str, params: list[Any]) -> None:
        await self.raw(encode_message(method, params))

    async def hello(self, clock: float = CLOCK) -> None:
        hello = {
            "session_id": "0.1.1_test",
            "timestamp": int(clock),
            "timestampMs": int(clock * 1000),
            "protocol": "json",
        }
        await self.raw(encode_frame(orjson.dumps(hello).decode()))

    async def heartbeat(self, number: int = 1) -> None:
        await self.raw(encode_frame(f"~h~{number}"))

    async def block(self, session: str, bars: list[dict[str, Any]], version: str = "s1") -> None:
        block = {"node": "n", "s": bars, "ns": {"d": "", "indexes": []}, "t": version}
        await self.say("timescale_update", [session, {"sds_1": block}, {"index": 0, "zoffset": 0, "changes": []}])

    async def completed(self, session: str, data_completed: str | None = None) -> None:
        extra = {"rt_update_period": 0} | ({"data_completed": data_completed} if data_completed else {})
        await self.say("series_completed", [session, "sds_1", "streaming", "s1", extra])

    async def history(self, session: str, n: int, data_completed: str | None = None) -> None:
        await self.say("series_loading", [session, "sds_1", "s1"])
        await self.say("symbol_resolved", [session, "sds_sym_1", {"timezone": "Etc/UTC", "pricescale": 100}])
        await self.block(session, wire_bars(n))
        await self.completed(session, data_completed)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self.socket.close(code, reason)

    def abort(self) -> None:
        """Drop the line, with whatever is on its way, and end the script."""
        self.socket.transport.abort()
        raise Dropped

    async def messages(self):
        """What the client says, until it hangs up; heartbeats are logged, not yielded."""
        parser = FrameParser()
        async for text in self.socket:
            self.texts.append(text)
            for payload in parser.feed(text):
                if is_heartbeat(payload):
                    self.log.append(("heartbeat", [payload]))
                    continue
                message = orjson.loads(payload)
                self.log.append((message["m"], message["p"]))
                yield message["m"], message["p"]


Answer = Callable[[Peer, str, int], Awaitable[None]]
Script = Callable[[Peer], Awaitable[None]]


async def honest(peer: Peer, session: str, n: int) -> None:
    await peer.history(session, n)


@dataclass
class Market:
    """A script that answers each symbol with its own behaviour, and with honest bars by default."""

    answers: dict[str, Answer] = field(default_factory=dict)
    default: Answer = honest
    more: Answer | None = None
    served: list[str] = field(default_factory=list)
    most_open: int = 0

    async def __call__(self, peer: Peer) -> None:
        await peer.hello()
        symbols: dict[str, str] = {}
        async for method, params in peer.messages():
            if method == "resolve_symbol":
                symbols[params[0]] = orjson.loads(params[2].removeprefix("="))["symbol"]
                self.most_open = max(self.most_open, len(symbols))
            elif method == "chart_delete_session":
                symbols.pop(params[0], None)
            elif method == "create_series":
                symbol = symbols[params[0]]
                self.served.append(symbol)
                await self.answers.get(symbol, self.default)(peer, params[0], params[5])
            elif method == "request_more_data" and self.more is not None:
                await self.more(peer, params[0], params[2])


class LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=30)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout=10)
        self.loop.close()


@dataclass
class ChartServer:
    """A running chart socket: where it is, and what clients said to it."""

    endpoints: Endpoints
    log: list[tuple[str, list[Any]]]
    texts: list[str]
    connections: list[int]
    handshakes: list[Any]
    errors: list[BaseException]

    def said(self, method: str) -> list[list[Any]]:
        return [params for name, params in self.log if name == method]


@pytest.fixture
def loop_thread() -> Iterator[LoopThread]:
    thread = LoopThread()
    yield thread
    thread.stop()


@pytest.fixture
def chart(loop_thread: LoopThread) -> Iterator[Callable[..., ChartServer]]:
    """Start a scripted chart socket: ``chart(script, process_request=None, **serve_options)``."""
    servers: list[Any] = []
    running: list[ChartServer] = []

    def start(script: Script, process_request: Any = None, **options: Any) -> ChartServer:
        state = ChartServer(Endpoints("", "", ""), [], [], [], [], [])

        async def handler(socket: ServerConnection) -> None:
            state.connections.append(len(state.connections) + 1)
            try:
                await script(Peer(socket, len(state.connections), state.log, state.texts))
            except (ConnectionClosed, Dropped):
                return
            except BaseException as error:
                state.errors.append(error)
                raise

        def gate(connection: ServerConnection, request: Any) -> Any:
            state.handshakes.append(request)
            return process_request(connection, request) if process_request is not None else None

        async def listen() -> Any:
            return await serve(handler, "127.0.0.1", 0, process_request=gate, max_size=2**26, **options)

        server = loop_thread.run(listen())
        port = server.sockets[0].getsockname()[1]
        scheme = "https" if "ssl" in options else "http"
        state.endpoints = Endpoints.at(f"{scheme}://127.0.0.1:{port}")
        servers.append(server)
        running.append(state)
        return state

    yield start

    async def stop(server: Any) -> None:
        server.close()
        for connection in list(server.connections):
            connection.transport.abort()
        await server.wait_closed()

    for server in servers:
        loop_thread.run(stop(server))
    assert [error for state in running for error in state.errors] == []


@dataclass
class ScreenerServer:
    endpoints: Endpoints
    bodies: list[dict[str, Any]]
    headers: list[dict[str, str]]
    paths: list[str]
    most_in_flight: int = 0
    in_flight: int = 0


@pytest.fixture
def screener(loop_thread: LoopThread) -> Iterator[Callable[..., ScreenerServer]]:
    """Start a scripted HTTP server: ``screener(handler)`` with ``handler(request, body) -> web.Response``."""
    runners: list[web.AppRunner] = []

    def start(handler: Any, tls: ssl.SSLContext | None = None) -> ScreenerServer:
        state = ScreenerServer(Endpoints("", "", ""), [], [], [])

        async def handle(request: web.Request) -> web.StreamResponse:
            text = await request.read()
            body = orjson.loads(text) if text else {}
            state.bodies.append(body)
            state.headers.append(dict(request.headers))
            state.paths.append(request.path)
            state.in_flight += 1
            state.most_in_flight = max(state.most_in_flight, state.in_flight)
            try:
                return await handler(request, body)
            finally:
                state.in_flight -= 1

        async def listen() -> int:
            application = web.Application()
            application.router.add_route("*", "/{tail:.*}", handle)
            runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            runners.append(runner)
            site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
            await site.start()
            return int(runner.addresses[0][1])

        scheme = "http" if tls is None else "https"
        state.endpoints = Endpoints.at(f"{scheme}://127.0.0.1:{loop_thread.run(listen())}")
        return state

    yield start
    for runner in runners:
        loop_thread.run(runner.cleanup())


@dataclass
class Naps:
    """A runtime whose pauses take no time and are written down."""

    taken: list[float] = field(default_factory=list)
    dice: float = 0.0
    now: dt.datetime = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

    async def sleep(self, seconds: float) -> None:
        self.taken.append(seconds)
        await asyncio.sleep(0)

    def runtime(self) -> Runtime:
        return Runtime(sleep=self.sleep, random=lambda: self.dice, now=lambda: self.now)


@pytest.fixture
def naps() -> Naps:
    return Naps()


@pytest.fixture
def client_for(naps: Naps, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TradingViewClient]:
    """Make a client for a scripted server: patient unless told otherwise, and without real pauses."""
    for name in ("QUANT_TRADINGVIEW_TOKEN", "QUANT_TRADINGVIEW_SESSIONID", "QUANT_TRADINGVIEW_SESSIONID_SIGN"):
        monkeypatch.delenv(name, raising=False)

    def make(server: ChartServer | ScreenerServer, **limits: Any) -> TradingViewClient:
        patient = {"symbol_timeout": 60.0, "data_timeout": 120.0} | limits
        return TradingViewClient(server.endpoints, Limits(**patient), runtime=naps.runtime())

    return make


@pytest.fixture
def market() -> type[Market]:
    return Market


@pytest.fixture
def bars_of() -> Callable[..., list[dict[str, Any]]]:
    return wire_bars


@pytest.fixture
def requests_for() -> Callable[..., list[BarRequest]]:
    def make(*symbols: str, n: int = 5) -> list[BarRequest]:
        return [BarRequest(symbol, n) for symbol in symbols]

    return make
