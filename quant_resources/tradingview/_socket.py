"""The chart socket: one connection, many chart sessions."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from quant_resources.tradingview._handshake import connect_chart, lost_socket
from quant_resources.tradingview._secret import Credentials, Secret, clean_text
from quant_resources.tradingview._series import Series
from quant_resources.tradingview.errors import (
    InsecureTokenError,
    LoginExpiredError,
    LostSocketError,
    MalformedDataError,
    SilentSocketError,
    TradingViewError,
    UnreachableError,
)
from quant_resources.tradingview.models import Endpoints, Limits, Runtime, host_of, is_loopback
from quant_resources.tradingview.protocol import (
    FrameParser,
    encode_frame,
    encode_message,
    is_heartbeat,
    starts_with_header,
)

ANONYMOUS_TOKEN: Final = "unauthorized_user_token"  # noqa: S105  the public name of having no account
_SESSION_IN_TEXT: Final = re.compile(r'"p":\["(cs_[A-Za-z0-9]+)"')
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_LATEST_CLOCK: Final = 253_402_300_799.0


@dataclass(frozen=True, slots=True)
class Login:
    """What a socket authenticates with.

    Attributes
    ----------
    token : Secret or None
        None for anonymous access.
    credentials : Credentials
        All secrets, for masking.
    """

    token: Secret | None = None
    credentials: Credentials = field(default_factory=Credentials)


class ChartSocket:
    """An open, greeted and authenticated connection.

    Attributes
    ----------
    clock : datetime
        The server's clock, UTC, as its hello said it.
    heartbeats : int
        Heartbeats echoed so far.
    malformed : int
        Unreadable messages so far.
    """

    def __init__(self, connection: ClientConnection, where: str, limits: Limits, runtime: Runtime, login: Login):
        self._connection = connection
        self._where = where
        self._limits = limits
        self._runtime = runtime
        self._login = login
        self._parser = FrameParser()
        self._series: dict[str, Series] = {}
        self._opened_sessions = 0
        self._farewell = ""
        self._waiting_since: float | None = None
        self._watchdog: asyncio.Timeout | None = None
        self._opened = runtime.monotonic()
        self.data_at = self._opened
        self.clock = dt.datetime.fromtimestamp(0, dt.UTC)
        self.heartbeats = 0
        self.malformed = 0

    # -- sessions ------------------------------------------------------------------------------------------------------

    def new_session_name(self) -> str:
        """Return a chart session's name that this socket has not used."""
        self._opened_sessions += 1
        number, tail = self._opened_sessions, ""
        for _ in range(4):
            number, digit = divmod(number, len(_ALPHABET))
            tail = _ALPHABET[digit] + tail
        head = "".join(_ALPHABET[int(self._runtime.random() * len(_ALPHABET))] for _ in range(8))
        return f"cs_{head}{tail}"

    async def open(self, series: Series) -> None:
        """Ask for a symbol; its answers go to `series` from now on."""
        self._series[series.session] = series
        if self._waiting_since is None:
            self._wait_from(self._runtime.monotonic())
        farewell, self._farewell = self._farewell, ""
        await self._send(farewell + series.opening())

    def close(self, series: Series) -> None:
        """End a session: what still arrives for it is ignored, and the server is told with the next message."""
        del self._series[series.session]
        self._farewell += series.closing()

    # -- reading -------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Read until the socket fails; never returns.

        Raises
        ------
        TradingViewError
            `LostSocketError`, `SilentSocketError`, `LoginExpiredError` or `MalformedDataError`.
        """
        try:
            async with asyncio.timeout(None) as self._watchdog:
                if self._waiting_since is not None:
                    self._wait_from(self._waiting_since)
                while True:
                    for payload in await self._receive():
                        await self._take(payload)
        except TimeoutError:
            raise self._silence() from None

    def _wait_from(self, moment: float | None) -> None:
        """Arm the data watchdog at `moment`; only data and an idle socket move it, never heartbeats or time-outs."""
        self._waiting_since = moment
        if self._watchdog is not None and not self._watchdog.expired():
            now = asyncio.get_running_loop().time()
            passed = 0.0 if moment is None else self._runtime.monotonic() - moment
            self._watchdog.reschedule(None if moment is None else now + self._limits.data_timeout - passed)

    def _silence(self) -> TradingViewError:
        token = self._login.token
        if token is not None and self._expired(token):
            return LoginExpiredError(self._where, "the token's time ran out, and the socket fell silent")
        return SilentSocketError(self._where, self._limits.data_timeout, self.heartbeats)

    def _expired(self, token: Secret) -> bool:
        expiry = token.expires_at()
        elapsed = self._runtime.monotonic() - self._opened
        return expiry is not None and self.clock.timestamp() + elapsed >= expiry

    async def _receive(self) -> list[str]:
        try:
            message = await self._connection.recv(decode=True)
        except ConnectionClosed as error:
            raise lost_socket(error, self._where, self._login.credentials) from None
        except UnicodeDecodeError:
            self._count_malformed("a message that is not UTF-8")
            return []
        if self._parser.pending and starts_with_header(message):
            # The vendor never splits a frame, and no JSON text goes on with a header: the frame held was cut off.
            self._damaged(self._parser.discard())
        return self._parser.feed(message)

    async def _take(self, payload: str) -> None:
        if is_heartbeat(payload):
            self.heartbeats += 1
            await self._send(encode_frame(payload))
            return
        message = _decode(payload)
        if message is None:
            self._damaged(payload)
            return
        method, params = message.get("m"), message.get("p")
        if not isinstance(method, str) or not isinstance(params, list):
            return  # a second hello, or something this client has no use for
        if method == "protocol_error":
            raise self._protocol_error(params)
        series = self._series.get(params[0]) if params and isinstance(params[0], str) else None
        if series is None:
            return
        self.data_at = self._runtime.monotonic()
        self._wait_from(self.data_at)
        answer = series.receive(method, params)
        if answer is not None:
            await self._send(answer)
        if series.outcome.done() and all(other.outcome.done() for other in self._series.values()):
            self._wait_from(None)

    def _damaged(self, text: str) -> None:
        """Fail the sessions that an unreadable text names; the others go on."""
        self._count_malformed(clean_text(text, self._login.credentials))
        for name in dict.fromkeys(_SESSION_IN_TEXT.findall(text)):
            series = self._series.get(name)
            if series is not None:
                series.fail(MalformedDataError(self._where, "a message about this symbol was damaged"))

    def _count_malformed(self, detail: str) -> None:
        self.malformed += 1
        if self.malformed > self._limits.malformed_limit:
            raise MalformedDataError(self._where, f"{self.malformed} unreadable messages, the last: {detail}")

    def _protocol_error(self, params: list[Any]) -> TradingViewError:
        detail = clean_text(params[0] if params else "no reason given", self._login.credentials)
        if "auth token" in detail.lower():
            return LoginExpiredError(self._where, detail)
        return LostSocketError(self._where, None, f"protocol error: {detail}")

    # -- greeting and sending ------------------------------------------------------------------------------------------

    async def greet(self) -> None:
        """Wait for the hello, take the clock from it, and authenticate."""
        try:
            async with asyncio.timeout(self._limits.hello_timeout):
                await self._read_hello()
        except TimeoutError:
            raise UnreachableError(self._where, f"no hello within {self._limits.hello_timeout:g} s") from None
        await self._authenticate()

    async def _read_hello(self) -> None:
        while True:
            for payload in await self._receive():
                message = _decode(payload)
                if message is not None and message.get("m") == "protocol_error":
                    params = message.get("p")
                    raise self._protocol_error(params if isinstance(params, list) else [])
                if message is not None and "m" not in message:
                    self.clock = _hello_clock(message, self._where)
                    self._opened = self._runtime.monotonic()
                    return

    async def _authenticate(self) -> None:
        token = self._login.token
        if token is None:
            await self._send(encode_message("set_auth_token", [ANONYMOUS_TOKEN]))
            return
        if self._expired(token):
            raise LoginExpiredError(self._where, "the token says that its time is over")
        await self._send(encode_message("set_auth_token", [token.reveal()]))

    async def _send(self, text: str) -> None:
        # A closed socket is reported by the reader, which first reads what the server said before it closed.
        if self._connection.transport.is_closing():
            return
        with contextlib.suppress(ConnectionClosed):
            await self._connection.send(text)


@contextlib.asynccontextmanager
async def open_socket(
    endpoints: Endpoints, limits: Limits, runtime: Runtime, login: Login
) -> AsyncIterator[ChartSocket]:
    """Connect, greet and authenticate; close on leaving.

    Raises
    ------
    TradingViewError
        One class per cause of failure; see `quant_resources.tradingview.errors`.
    """
    where = host_of(endpoints.chart)
    local = is_loopback(endpoints.chart)
    if login.token is not None and not local and not endpoints.chart.startswith("wss://"):
        raise InsecureTokenError(where)
    connection = await connect_chart(endpoints, limits, runtime, login.credentials)
    try:
        socket = ChartSocket(connection, where, limits, runtime, login)
        await socket.greet()
        yield socket
    finally:
        await connection.close()


def _decode(payload: str) -> dict[str, Any] | None:
    """Read a JSON object; None when the text is anything else."""
    try:
        message = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    return message if isinstance(message, dict) else None


def _hello_clock(hello: dict[str, Any], where: str) -> dt.datetime:
    milliseconds, seconds = hello.get("timestampMs"), hello.get("timestamp")
    if isinstance(milliseconds, (int, float)) and not isinstance(milliseconds, bool):
        moment = milliseconds / 1000
    elif isinstance(seconds, (int, float)) and not isinstance(seconds, bool):
        moment = float(seconds)
    else:
        raise MalformedDataError(where, "a hello without a timestamp")
    if not 0 <= moment <= _LATEST_CLOCK:
        raise MalformedDataError(where, "a hello whose timestamp is no time")
    return dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(seconds=moment)
