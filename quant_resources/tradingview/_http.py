"""HTTP to the screener and the web site: one session, no redirects, bounded bodies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import orjson

from quant_resources.tradingview._retry import parse_retry_after
from quant_resources.tradingview._secret import Credentials, clean_text
from quant_resources.tradingview._tls import certificate_words
from quant_resources.tradingview.errors import (
    BadRequestError,
    InsecureTokenError,
    MalformedDataError,
    ProviderDownError,
    RateLimitedError,
    RedirectRefusedError,
    RefusedError,
    TradingViewError,
    UnknownFieldError,
    UnreachableError,
    UntrustedServerError,
)
from quant_resources.tradingview.models import USER_AGENT, Limits, Runtime, host_of, is_loopback

_UNKNOWN_FIELD: Final = "unknown field"


class HttpChannel:
    """Requests that end in JSON or in a `TradingViewError`.

    Parameters
    ----------
    session : aiohttp.ClientSession
        Opened by `open_http`.
    limits, runtime, credentials
        Patience, clock, and the login whose cookies are sent.
    """

    def __init__(
        self, session: aiohttp.ClientSession, limits: Limits, runtime: Runtime, credentials: Credentials
    ) -> None:
        self._session = session
        self._limits = limits
        self._runtime = runtime
        self._credentials = credentials

    async def request(self, method: str, url: str, body: dict[str, Any] | None = None) -> Any:
        """Send one request and return the JSON of a successful answer.

        Raises
        ------
        TradingViewError
            One class per cause. A body with an ``error`` is a failure whatever the status.
        """
        where = host_of(url)
        if self._runtime.gate is not None:
            await self._runtime.gate.turn()
        status, headers, content = await self._exchange(method, url, body, where)
        document = _json_or_none(content)
        if isinstance(document, dict) and document.get("error"):
            raise self._rejected(where, status, headers, document["error"])
        if status != 200:
            raise self._rejected(where, status, headers, content[:400].decode("utf-8", "replace"))
        if document is None:
            start = clean_text(content[:80].decode("utf-8", "replace"), self._credentials)
            raise MalformedDataError(where, f"a body that is not JSON, starting with {start!r}")
        return document

    async def _exchange(
        self, method: str, url: str, body: dict[str, Any] | None, where: str
    ) -> tuple[int, dict[str, str], bytes]:
        headers = self._headers(url, where)
        failure: TradingViewError
        try:
            async with self._session.request(
                method,
                url,
                data=None if body is None else orjson.dumps(body),
                headers=headers,
                allow_redirects=False,
            ) as response:
                content = await self._read(response, where)
                kept = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
                return response.status, kept, content
        except aiohttp.ClientSSLError as error:
            failure = UntrustedServerError(where, clean_text(certificate_words(error), self._credentials))
        except TimeoutError:
            failure = UnreachableError(where, f"no answer within {self._limits.request_timeout:g} s")
        except aiohttp.ClientError as error:
            failure = UnreachableError(where, clean_text(str(error) or type(error).__name__, self._credentials))
        raise failure  # outside the handler: the library's error may carry the request's headers

    async def _read(self, response: aiohttp.ClientResponse, where: str) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for part in response.content.iter_chunked(65_536):
            size += len(part)
            if size > self._limits.max_message_bytes:
                raise MalformedDataError(where, f"a body of more than {self._limits.max_message_bytes} bytes")
            parts.append(part)
        return b"".join(parts)

    def _headers(self, url: str, where: str) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
        if self._credentials.session_id is None:
            return headers
        if not url.startswith("https://") and not is_loopback(url):
            raise InsecureTokenError(where)
        cookie = self._credentials.cookie()
        return headers if cookie is None else {**headers, "Cookie": cookie}

    def _told_to_wait(self, error: RateLimitedError) -> RateLimitedError:
        if self._runtime.gate is not None:
            self._runtime.gate.told(error.retry_after)
        return error

    def _rejected(self, where: str, status: int, headers: dict[str, str], text: object) -> TradingViewError:
        detail = clean_text(text, self._credentials)
        if status == 429:
            return self._told_to_wait(RateLimitedError(where, parse_retry_after(headers, self._runtime.now)))
        if status >= 500:
            return ProviderDownError(where, status, parse_retry_after(headers, self._runtime.now))
        if status in {401, 403}:
            return RefusedError(where, status)
        if 300 <= status < 400:
            return RedirectRefusedError(where, clean_text(headers.get("Location", ""), self._credentials))
        if _UNKNOWN_FIELD in detail.lower():
            return UnknownFieldError(where, status, detail, field=_quoted(detail))
        return BadRequestError(where, status, detail or "no reason given")


_KEPT_HEADERS: Final = ("Retry-After", "Date", "Location")


@asynccontextmanager
async def open_http(
    base: str, limits: Limits, runtime: Runtime, credentials: Credentials
) -> AsyncIterator[HttpChannel]:
    """Open a channel to the server at `base`; close it on leaving."""
    async with aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=limits.request_timeout, connect=limits.connect_timeout),
        connector=aiohttp.TCPConnector(limit=limits.screener_in_flight),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=not is_loopback(base),
    ) as session:
        yield HttpChannel(session, limits, runtime, credentials)


def _json_or_none(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None


def _quoted(text: str) -> str:
    """Return what stands between the first quotation marks."""
    parts = text.split('"')
    return parts[1] if len(parts) > 2 else text
