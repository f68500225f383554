"""The client that the rest of the platform uses: plain calls, no event loop to care about."""

from __future__ import annotations

import asyncio
import copy
import datetime as dt
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

from quant_resources.tradingview._facts import symbol_facts
from quant_resources.tradingview._fetch import BarFetch
from quant_resources.tradingview._login import LoginSource
from quant_resources.tradingview._retry import with_retries
from quant_resources.tradingview._screener import scan
from quant_resources.tradingview._secret import Credentials
from quant_resources.tradingview._socket import open_socket
from quant_resources.tradingview.errors import TradingViewError
from quant_resources.tradingview.models import (
    BarRequest,
    BarResult,
    Endpoints,
    FactsResult,
    Limits,
    Runtime,
    ScanRequest,
    ScanResult,
)

T = TypeVar("T")


class TradingViewClient:
    """Screener and chart socket of TradingView, or of a server that speaks the same protocol.

    The login comes from the environment (``QUANT_TRADINGVIEW_TOKEN``, or
    ``QUANT_TRADINGVIEW_SESSIONID`` and ``QUANT_TRADINGVIEW_SESSIONID_SIGN``) and from
    nowhere else; without one, access is anonymous. Secrets travel only over TLS or
    inside the machine.

    Parameters
    ----------
    endpoints : Endpoints
        Where to connect: ``Endpoints.live()`` or ``Endpoints.at(url)``.
    limits : Limits
        Time-outs, retries, concurrency.
    anonymous : bool
        Ignore a login in the environment.
    runtime : Runtime
        Sleeping, dice and clocks; for tests.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        limits: Limits | None = None,
        *,
        anonymous: bool = False,
        runtime: Runtime | None = None,
    ) -> None:
        self.endpoints = endpoints
        self.limits = Limits() if limits is None else limits
        self._runtime = Runtime() if runtime is None else runtime
        self._credentials = Credentials() if anonymous else Credentials.from_environment()

    def clock(self) -> dt.datetime:
        """Return the server's clock, UTC, from the hello of a fresh socket.

        Ask before fetching bars, or use the `clock` of each result: a bar that was
        still forming when it was sent must not count as closed because of a clock
        that was read later.

        Raises
        ------
        TradingViewError
            When no socket greets within the limits.
        """
        return _run(self._clock())

    def scan(self, request: ScanRequest, max_rows: int | None = None) -> ScanResult:
        """Run one scan and return all its rows.

        Parameters
        ----------
        request : ScanRequest
            What to ask.
        max_rows : int, optional
            Fetch only the first rows; None for all.

        Returns
        -------
        ScanResult

        Raises
        ------
        TradingViewError
            When any page fails for good; a bad request (`BadRequestError`,
            `UnknownFieldError`) at once, anything passing after its retries.
        """
        return _run(
            scan(
                request,
                max_rows,
                endpoints=self.endpoints,
                limits=self.limits,
                runtime=self._runtime,
                credentials=self._credentials,
            )
        )

    def symbol_facts(self, symbols: Sequence[str], fields: Sequence[str]) -> list[FactsResult]:
        """Ask for fields of single symbols, one request each.

        Failures are results, not exceptions. Once the server says that there were
        too many requests, the symbols not yet asked for get that answer unasked.

        Parameters
        ----------
        symbols : sequence of str
            ``EXCHANGE:TICKER``.
        fields : sequence of str
            Columns; one the server does not know is null.

        Returns
        -------
        list of FactsResult
            In the order of the symbols.
        """
        return _run(
            symbol_facts(
                symbols,
                fields,
                endpoints=self.endpoints,
                limits=self.limits,
                runtime=self._runtime,
                credentials=self._credentials,
            )
        )

    def without_retries(self) -> TradingViewClient:
        """Return the same client with one try per screener request, for callers that count their own attempts."""
        twin = copy.copy(self)
        twin.limits = replace(self.limits, http_attempts=1)
        return twin

    def fetch_bars(
        self, requests: Sequence[BarRequest], *, on_result: Callable[[BarResult], None] | None = None
    ) -> list[BarResult]:
        """Fetch the bars of many symbols over one socket.

        Failures are results, not exceptions: every request gets exactly one
        `BarResult`, and one bad symbol does not touch the others. A socket that drops
        is reopened and only unfinished symbols are asked for again.

        Parameters
        ----------
        requests : sequence of BarRequest
            What to fetch. Equal symbols are fetched once each time they are named.
        on_result : callable, optional
            Called with each result when it is final, in order of completion, while
            the fetch goes on. Keep it short: it holds up the socket. What it raises
            ends the fetch.

        Returns
        -------
        list of BarResult
            In the order of the requests.
        """
        if not requests:
            return []
        fetch = BarFetch(self.endpoints, self.limits, self._runtime, self._credentials, on_result)
        return _run(fetch.run(requests))

    async def _clock(self) -> dt.datetime:
        logins = LoginSource(self._credentials, self.endpoints, self.limits, self._runtime)

        async def attempt() -> dt.datetime:
            async with open_socket(self.endpoints, self.limits, self._runtime, await logins.login()) as socket:
                return socket.clock

        return await with_retries(
            attempt, attempts=self.limits.connection_attempts, limits=self.limits, runtime=self._runtime
        )


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, also where a loop already runs in this thread (a notebook).

    What it raises on purpose starts its traceback here: a crash reporter that
    prints local variables would find the login in the frames below.
    """
    try:
        return _run_anywhere(work)
    except TradingViewError as error:
        failure = error.bare()
    raise failure


def _run_anywhere(work: Coroutine[Any, Any, T]) -> T:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="tradingview") as pool:
        return pool.submit(asyncio.run, work).result()
