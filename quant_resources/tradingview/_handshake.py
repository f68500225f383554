"""Opening the chart socket, and naming what went wrong with it."""

from __future__ import annotations

import logging
import ssl
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Origin

from quant_resources.tradingview._retry import parse_retry_after
from quant_resources.tradingview._secret import Credentials, clean_text
from quant_resources.tradingview._tls import certificate_words
from quant_resources.tradingview.errors import (
    BadRequestError,
    LostSocketError,
    ProviderDownError,
    RateLimitedError,
    RedirectRefusedError,
    RefusedError,
    TradingViewError,
    UnreachableError,
    UntrustedServerError,
)
from quant_resources.tradingview.models import USER_AGENT, Endpoints, Limits, Runtime, host_of, is_loopback

CLOSE_CODES: Final[dict[int, str]] = {
    1000: "the server ended the session",
    1001: "the server is going away",
    1002: "the server saw a protocol error",
    1003: "the server refused the data",
    1005: "closed without a reason, as the vendor does now and then",
    1006: "dropped without a goodbye",
    1007: "text that is not UTF-8",
    1008: "the server saw its policy violated",
    1009: "a message longer than allowed",
    1011: "the server failed",
    1012: "the server restarts",
    1013: "the server is overloaded",
}
"""What the codes that end a WebSocket session mean (RFC 6455, section 7.4.1)."""


class _QuietLogger(logging.LoggerAdapter[logging.Logger]):
    """Keep the library from logging frames: the first one holds the session token."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802  the standard library's name
        return level > logging.DEBUG and super().isEnabledFor(level)


_LOGGER: Final = _QuietLogger(logging.getLogger("quant_resources.tradingview.socket"), {})


class _ConnectWithoutRedirects(connect):
    """A connection that goes where it was told to, or nowhere."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def connect_chart(
    endpoints: Endpoints, limits: Limits, runtime: Runtime, credentials: Credentials
) -> ClientConnection:
    """Open the chart socket.

    Raises
    ------
    TradingViewError
        One class per cause: rate limit, server error, refusal, redirect, TLS, no connection.
    """
    where = host_of(endpoints.chart)
    local = is_loopback(endpoints.chart)
    if runtime.gate is not None:
        await runtime.gate.turn()
    failure: TradingViewError
    try:
        return await _ConnectWithoutRedirects(
            endpoints.chart,
            origin=None if endpoints.origin is None else Origin(endpoints.origin),
            user_agent_header=USER_AGENT,
            compression=None if local else "deflate",
            proxy=None if local else True,
            open_timeout=limits.connect_timeout,
            close_timeout=1.0,
            ping_interval=None,  # the protocol has its own heartbeat
            max_size=limits.max_message_bytes,
            max_queue=64,
            logger=_LOGGER,
        )
    except InvalidStatus as error:
        failure = _handshake_failure(error, where, runtime)
    except InvalidHandshake as error:
        failure = UnreachableError(where, clean_text(str(error), credentials))
    except ssl.SSLError as error:
        failure = UntrustedServerError(where, clean_text(certificate_words(error), credentials))
    except TimeoutError:
        failure = UnreachableError(where, f"no connection within {limits.connect_timeout:g} s")
    except (OSError, EOFError) as error:
        failure = UnreachableError(where, clean_text(str(error) or type(error).__name__, credentials))
    raise failure


def _handshake_failure(error: InvalidStatus, where: str, runtime: Runtime) -> TradingViewError:
    response = error.response
    status = response.status_code
    if status == 429:
        headers = {name: response.headers[name] for name in ("Retry-After", "Date") if name in response.headers}
        told = parse_retry_after(headers, runtime.now)
        if runtime.gate is not None:
            runtime.gate.told(told)
        return RateLimitedError(where, told, "handshake")
    if status >= 500:
        return ProviderDownError(where, status)
    if status in {401, 403}:
        return RefusedError(where, status)
    if 300 <= status < 400:
        return RedirectRefusedError(where, clean_text(response.headers.get("Location", ""), Credentials()))
    return BadRequestError(where, status, "the address does not speak the chart protocol")


def lost_socket(error: ConnectionClosed, where: str, credentials: Credentials) -> LostSocketError:
    """Say in our words why a socket was closed."""
    code = error.rcvd.code if error.rcvd is not None else error.sent.code if error.sent is not None else 1006
    reason = clean_text(error.rcvd.reason, credentials) if error.rcvd is not None else ""
    meaning = CLOSE_CODES.get(code, "a code of its own")
    return LostSocketError(where, code, f"{meaning}: {reason}" if reason else meaning)
