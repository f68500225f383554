"""The sending half of a connection: strictly ordered, possibly late, possibly faulty."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from quant_resources.market.faults import FaultPlan
from quant_resources.tradingview.protocol import encode_frame

if TYPE_CHECKING:
    from aiohttp import web

_MOST_WAITING: Final = 64


class Outbox:
    """Messages on their way to one client.

    `put` never waits, so that whoever answers a message can answer it whole;
    `room` waits until the client has taken enough of what is there.

    Parameters
    ----------
    socket : WebSocketResponse
        Where messages go.
    faults : FaultPlan
        What happens to them on the way.
    """

    def __init__(self, socket: web.WebSocketResponse, faults: FaultPlan) -> None:
        self._socket = socket
        self._faults = faults
        self._waiting: deque[tuple[float, str, bool]] = deque()
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._sent = 0
        self._closing = False
        self.cut = False

    def put(self, *payloads: str, heartbeat: bool = False) -> None:
        """Queue payloads that travel as frames of one WebSocket message."""
        due = asyncio.get_running_loop().time() + (0.0 if heartbeat else self._faults.delay())
        self._waiting.append((due, "".join(map(encode_frame, payloads)), heartbeat))
        self._changed.set()
        if len(self._waiting) >= _MOST_WAITING:
            self._room.clear()

    async def room(self) -> None:
        """Wait until fewer messages than the limit are waiting."""
        await self._room.wait()

    def finish(self) -> None:
        """Let `run` end once everything queued is sent."""
        self._closing = True
        self._changed.set()

    async def run(self) -> None:
        """Send until `finish` or until the socket goes."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                while not self._waiting:
                    if self._closing:
                        return
                    self._changed.clear()
                    await self._changed.wait()
                due, text, heartbeat = self._waiting[0]
                late = due - loop.time()
                if late > 0:
                    await asyncio.sleep(late)
                self._waiting.popleft()
                if len(self._waiting) < _MOST_WAITING:
                    self._room.set()
                await self._send(text, heartbeat=heartbeat)
                if self.cut:
                    return
        except ConnectionError:
            self.cut = True
        finally:
            # Whoever waits for room must not wait for a client that is gone.
            self._room.set()

    async def _send(self, text: str, *, heartbeat: bool) -> None:
        if not heartbeat:
            self._sent += 1
            if self._faults.strikes("drop_frames"):
                return
            if self._faults.strikes("truncate"):
                text = text[: len(text) // 2]
        await self._socket.send_str(text)
        if not heartbeat and self._faults.cuts_socket(self._sent):
            self.cut = True
