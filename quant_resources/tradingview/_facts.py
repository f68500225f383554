"""Fields of single symbols: the screener's ``/symbol`` endpoint, one request each."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from quant_resources.tradingview._bars import NOT_AVAILABLE
from quant_resources.tradingview._http import HttpChannel, open_http
from quant_resources.tradingview._retry import with_retries
from quant_resources.tradingview._secret import Credentials
from quant_resources.tradingview.errors import (
    BadRequestError,
    EmptyAnswerError,
    MalformedDataError,
    RateLimitedError,
    TradingViewError,
    UnknownSymbolError,
)
from quant_resources.tradingview.models import Endpoints, FactsResult, Limits, Runtime, host_of

_NOT_FOUND = 404


async def symbol_facts(
    symbols: Sequence[str],
    fields: Sequence[str],
    *,
    endpoints: Endpoints,
    limits: Limits,
    runtime: Runtime,
    credentials: Credentials,
) -> list[FactsResult]:
    """Ask for each symbol; see `TradingViewClient.symbol_facts`."""
    async with open_http(endpoints.screener, limits, runtime, credentials) as channel:
        asking = _Asking(channel, endpoints, tuple(fields), limits, runtime)
        return list(await asyncio.gather(*(asking.result(symbol) for symbol in symbols)))


class _Asking:
    def __init__(
        self, channel: HttpChannel, endpoints: Endpoints, fields: tuple[str, ...], limits: Limits, runtime: Runtime
    ) -> None:
        self._channel = channel
        self._url = f"{endpoints.screener}/symbol"
        self._fields = fields
        self._limits = limits
        self._runtime = runtime
        self._slots = asyncio.Semaphore(limits.screener_in_flight)
        self._told_off: RateLimitedError | None = None

    async def result(self, symbol: str) -> FactsResult:
        async with self._slots:
            if self._told_off is not None:
                return self._made(symbol, error=self._told_off)
            try:
                values = await with_retries(
                    lambda: self._ask(symbol),
                    attempts=self._limits.http_attempts,
                    limits=self._limits,
                    runtime=self._runtime,
                )
            except RateLimitedError as error:
                self._told_off = error
                return self._made(symbol, error=error)
            except TradingViewError as error:
                return self._made(symbol, error=error)
            return self._made(symbol, values=values)

    def _made(
        self, symbol: str, *, values: dict[str, Any] | None = None, error: TradingViewError | None = None
    ) -> FactsResult:
        return FactsResult(symbol, values, None if error is None else error.bare(), dt.datetime.now(dt.UTC))

    async def _ask(self, symbol: str) -> dict[str, Any]:
        query = urlencode({"symbol": symbol, "fields": ",".join(self._fields)})
        failure: TradingViewError
        try:
            document = await self._channel.request("GET", f"{self._url}?{query}")
        except BadRequestError as error:
            if error.http_status != _NOT_FOUND:
                raise
            failure = UnknownSymbolError(symbol, error.detail)
        else:
            return self._values(symbol, document)
        raise failure

    def _values(self, symbol: str, document: Any) -> dict[str, Any]:
        if not isinstance(document, dict):
            raise MalformedDataError(host_of(self._url), f"facts of {symbol} that are no object")
        values = {name: _value(document.get(name)) for name in self._fields}
        if all(value is None for value in values.values()):
            raise EmptyAnswerError(symbol, len(self._fields))
        return values


def _value(value: Any) -> Any:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return None if number and abs(value) >= NOT_AVAILABLE else value
