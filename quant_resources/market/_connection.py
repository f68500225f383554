"""One WebSocket client: hello, heartbeats, and its messages in the order they come."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from quant_resources.market._chart import ChartDesk
from quant_resources.market._messages import hello, plain
from quant_resources.market._outbox import Outbox
from quant_resources.market._quotes import QuoteDesk
from quant_resources.market._view import MarketView
from quant_resources.market.clock import DAY
from quant_resources.market.errors import MarketError
from quant_resources.market.faults import FaultPlan
from quant_resources.tradingview.protocol import FrameParser, heartbeat_payload, is_heartbeat

if TYPE_CHECKING:
    from aiohttp import web

_HOLD: Final = 0.002
_MISSED_HEARTBEATS: Final = 3
_PUBLIC_TOKENS: Final = frozenset({"unauthorized_user_token", "widget_user_token"})
_NO_ANSWER: Final = frozenset({"set_locale", "set_data_quality"})


@dataclass(eq=False)
class ProtocolViolationError(MarketError):
    """A message after which the vendor closes the socket; answered with `protocol_error`."""

    text: str

    def __str__(self) -> str:
        return self.text


class Connection:
    """A conversation with one client.

    Parameters
    ----------
    socket : WebSocketResponse
        The upgraded socket.
    transport : WriteTransport, optional
        What is under it; needed to break the line.
    view : MarketView
        The market at its clock.
    faults : FaultPlan
        What to do wrong.
    tokens : set of str
        Tokens this server has issued.
    counters : Counter of str
        Where methods received are counted.
    session_id : str
        Name of the connection in the hello packet.
    heartbeat : float
        Seconds between heartbeats.
    window : int
        Most bars reachable per series.
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.WriteTransport | None,
        view: MarketView,
        faults: FaultPlan,
        *,
        tokens: set[str],
        counters: Counter[str],
        session_id: str,
        heartbeat: float,
        window: int,
    ) -> None:
        self._socket = socket
        self._transport = transport
        self._view = view
        self._faults = faults
        self._tokens = tokens
        self._counters = counters
        self._session_id = session_id
        self._heartbeat = heartbeat
        self._outbox = Outbox(socket, faults)
        send = self._drop if faults.faults.mute else self._outbox.put
        self._chart = ChartDesk(view, faults, send, window)
        self._quotes = QuoteDesk(view, faults, send)
        self._parser = FrameParser()
        self._answered = 0
        self._day = view.now() // DAY

    async def run(self) -> None:
        """Talk until either side closes."""
        self._outbox.put(hello(self._session_id, self._view.now()))
        sender = asyncio.create_task(self._outbox.run())
        pulse = asyncio.create_task(self._pulse())
        listener = asyncio.create_task(self._listen())
        try:
            await asyncio.wait({sender, listener}, return_when=asyncio.FIRST_COMPLETED)
            if listener.done():
                self._outbox.finish()
                await asyncio.wait({sender}, timeout=max(1.0, 2.0 * self._faults.faults.latency))
        finally:
            for task in (sender, pulse, listener):
                task.cancel()
            ends = await asyncio.gather(sender, pulse, listener, return_exceptions=True)
        if self._outbox.cut:
            self._abort()
        await self._socket.close()
        for end in ends:
            if isinstance(end, Exception):
                raise end

    def _abort(self) -> None:
        """Cut the connection as a broken line does: without a close frame."""
        if self._transport is not None:
            self._transport.abort()

    async def _listen(self) -> None:
        from aiohttp import WSMsgType

        async for message in self._socket:
            if message.type is WSMsgType.TEXT:
                text = message.data
            elif message.type is WSMsgType.BINARY:
                text = message.data.decode("utf-8", "replace")
            else:
                return
            try:
                for payload in self._parser.feed(text):
                    await self._outbox.room()
                    self._take(payload)
            except ProtocolViolationError as violation:
                self._outbox.put(plain("protocol_error", [violation.text]))
                return

    def _take(self, payload: str) -> None:
        if is_heartbeat(payload):
            self._answered = max(self._answered, int(payload[3:]))
            return
        method, params = _parse(payload)
        self._counters[method] += 1
        if method == "set_auth_token":
            self._authorise(params)
        elif self._chart.handles(method):
            self._chart.handle(method, params)
            if self._chart.holding:
                asyncio.get_running_loop().call_later(_HOLD, self._chart.release)
        elif self._quotes.handles(method):
            self._quotes.handle(method, params)
        elif method not in _NO_ANSWER:
            session = params[0] if params and isinstance(params[0], str) else ""
            self._outbox.put(plain("critical_error", [session, "unknown method", f"method: {method}"]))

    def _authorise(self, params: list[Any]) -> None:
        token = params[0] if params else None
        known = token in _PUBLIC_TOKENS or token in self._tokens
        if not known or self._faults.faults.bad_token:
            raise ProtocolViolationError("bad auth token")

    async def _pulse(self) -> None:
        """Send a numbered heartbeat at a steady pace; end when the client has stopped answering."""
        start = time.monotonic()
        for number in itertools.count(1):
            await asyncio.sleep(start + number * self._heartbeat - time.monotonic())
            if number - 1 - self._answered >= _MISSED_HEARTBEATS:
                self._outbox.finish()
                return
            self._outbox.put(heartbeat_payload(number), heartbeat=True)
            today = self._view.now() // DAY
            if today != self._day:
                # A daily source learns something new when a day ends, and only then.
                self._day = today
                self._chart.roll()
                self._quotes.roll()

    @staticmethod
    def _drop(*payloads: str) -> None:
        """Answer nothing."""


def _parse(payload: str) -> tuple[str, list[Any]]:
    try:
        message = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise ProtocolViolationError("wrong data") from error
    if not isinstance(message, dict):
        raise ProtocolViolationError("wrong data")
    method, params = message.get("m"), message.get("p", [])
    if not isinstance(method, str) or not isinstance(params, list):
        raise ProtocolViolationError("wrong data")
    return method, params
