"""The market server: one loopback port that speaks the vendor's HTTP and WebSocket protocols."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import itertools
import signal
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from quant_resources.market._chart import DEFAULT_WINDOW
from quant_resources.market._view import MarketView
from quant_resources.market.clock import Clock
from quant_resources.market.errors import AddressError, ServerStateError
from quant_resources.market.faults import FaultPlan, Faults
from quant_resources.market.sources import MarketSource

if TYPE_CHECKING:
    from aiohttp import web

_LARGEST_BODY: Final = 16 * 1024 * 1024
_STOP_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """What a server may be told besides source, clock and faults.

    Attributes
    ----------
    heartbeat : float
        Seconds between WebSocket heartbeats.
    window : int
        Most bars reachable per series, counted back from the newest; older ones
        are cut off with ``data_completed: "limit"``.
    """

    heartbeat: float = 10.0
    window: int = DEFAULT_WINDOW


@dataclass(slots=True)
class _Service:
    """The application and what it keeps; lives on one event loop."""

    view: MarketView
    faults: FaultPlan
    counters: Counter[str]
    options: ServerOptions
    tokens: set[str] = field(default_factory=set)
    sockets: set[web.WebSocketResponse] = field(default_factory=set)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @contextlib.asynccontextmanager
    async def listen(self, host: str, port: int) -> AsyncIterator[str]:
        """Serve until the block ends; yields the base URL."""
        from aiohttp import web

        from quant_resources.market._http import Screener

        screener = Screener(self.view, self.faults, self.counters, self.tokens)
        application = web.Application(client_max_size=_LARGEST_BODY)
        application.router.add_get("/socket.io/websocket", self._upgrade)
        application.add_routes(screener.routes())
        runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port)
            try:
                await site.start()
            except OSError as error:
                raise AddressError(host, port, error.strerror or str(error)) from error
            bound = runner.addresses[0][1]
            yield f"http://{host}:{bound}"
        finally:
            # Sockets first: the runner would wait for their handlers.
            await asyncio.gather(*(socket.close(code=1001) for socket in list(self.sockets)), return_exceptions=True)
            await runner.cleanup()
            screener.close()

    async def _upgrade(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        from quant_resources.market._connection import Connection

        self.counters["handshake"] += 1
        if self.faults.strikes("handshake_429"):
            after = self.faults.faults.retry_after
            return web.Response(status=429, text="Too many requests", headers={"Retry-After": after} if after else None)
        # Compression would cost more than loopback bytes do.
        socket = web.WebSocketResponse(compress=False, timeout=1.0)
        await socket.prepare(request)
        self.sockets.add(socket)
        self.counters["sockets_peak"] = max(self.counters["sockets_peak"], len(self.sockets))
        connection = Connection(
            socket,
            request.transport,
            self.view,
            self.faults,
            tokens=self.tokens,
            counters=self.counters,
            session_id=f"0.7.{next(self.numbers)}_loop1-charts-free-1-tvbs-abcde-1",
            heartbeat=self.options.heartbeat,
            window=self.options.window,
        )
        try:
            await connection.run()
        finally:
            self.sockets.discard(socket)
        return socket


class MarketServer:
    """The embedded market in a thread of its own.

    Parameters
    ----------
    source : MarketSource
        Where the bars come from.
    clock : Clock, optional
        What time it is in the market; the wall clock by default.
    faults : Faults, optional
        What to do wrong; nothing by default.
    options : ServerOptions, optional
        Heartbeat and window.

    Examples
    --------
    >>> with MarketServer(SyntheticSource(), parse_clock("2024-06-30")) as server:  # doctest: +SKIP
    ...     print(server.url)
    """

    def __init__(
        self,
        source: MarketSource,
        clock: Clock | None = None,
        faults: Faults | None = None,
        options: ServerOptions | None = None,
    ) -> None:
        plan = FaultPlan(faults if faults is not None else Faults())
        view = MarketView(source, clock if clock is not None else Clock.wall())
        self._service = _Service(view, plan, Counter(), options if options is not None else ServerOptions())
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._url = ""
        self._failure: BaseException | None = None

    @property
    def url(self) -> str:
        """Base URL, such as ``http://127.0.0.1:8787``.

        Raises
        ------
        ServerStateError
            While the server is not running.
        """
        if not self._url:
            raise ServerStateError("name its address", "not running")
        return self._url

    @property
    def counters(self) -> Counter[str]:
        """What clients have done so far: scan, symbol, handshake, sockets_peak and every WebSocket method."""
        return Counter(self._service.counters)

    @property
    def committed(self) -> Counter[str]:
        """Faults committed so far, by name."""
        return Counter(self._service.faults.committed)

    def start(self, port: int = 0, host: str = "127.0.0.1") -> str:
        """Listen, and return the base URL once connections are accepted.

        Parameters
        ----------
        port : int
            0 for any free port.
        host : str
            A loopback address.

        Raises
        ------
        AddressError
            When the address is taken or not a loopback address.
        ServerStateError
            When the server is running already.
        """
        if self._thread is not None:
            raise ServerStateError("start", "running already")
        _check_loopback(host, port)
        ready = threading.Event()
        self._failure = None
        self._thread = threading.Thread(target=self._work, args=(host, port, ready), name="market-server", daemon=True)
        self._thread.start()
        ready.wait()
        if self._failure is not None:
            failure = self._failure
            self.stop()
            raise failure
        if not self._url:
            raise ServerStateError("start", "gone; its thread has reported why")
        return self._url

    def stop(self) -> None:
        """Close every connection and end the thread; does nothing when not running."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        if self._loop is not None and self._stop is not None and thread.is_alive():
            # The loop may have ended between the check and the call.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop.set)
        thread.join(_STOP_SECONDS)
        if thread.is_alive():
            raise ServerStateError("stop", f"still busy after {_STOP_SECONDS:g} s")
        self._url, self._loop, self._stop = "", None, None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _work(self, host: str, port: int, ready: threading.Event) -> None:
        try:
            asyncio.run(self._main(host, port, ready))
        except AddressError as error:
            self._failure = error
        finally:
            ready.set()

    async def _main(self, host: str, port: int, ready: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with self._service.listen(host, port) as url:
            self._url = url
            ready.set()
            await self._stop.wait()


def serve_forever(
    source: MarketSource,
    clock: Clock | None = None,
    faults: Faults | None = None,
    *,
    port: int = 8787,
    host: str = "127.0.0.1",
    options: ServerOptions | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve in the calling (main) thread until SIGINT or SIGTERM.

    Parameters
    ----------
    source, clock, faults, options
        As in `MarketServer`.
    port : int
        0 for any free port.
    host : str
        A loopback address.
    on_ready : callable, optional
        Called with the base URL once connections are accepted.

    Raises
    ------
    AddressError
        When the address is taken or not a loopback address.
    """
    _check_loopback(host, port)
    plan = FaultPlan(faults if faults is not None else Faults())
    view = MarketView(source, clock if clock is not None else Clock.wall())
    service = _Service(view, plan, Counter(), options if options is not None else ServerOptions())
    asyncio.run(_until_signal(service, host, port, on_ready))


async def _until_signal(service: _Service, host: str, port: int, on_ready: Callable[[str], None] | None) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        async with service.listen(host, port) as url:
            if on_ready is not None:
                on_ready(url)
            await stop.wait()
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def _check_loopback(host: str, port: int) -> None:
    """Refuse to listen where other machines can connect: the market has no login."""
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback:
        raise AddressError(host, port, "only loopback addresses are served")
