"""Bars of many symbols over one socket: a queue, a few chart sessions at once, and what to do when things break.

The rules that make it end well:

- A symbol leaves the queue with a result, never without one.
- A socket that breaks puts its unfinished symbols back. If it had finished at
  least one symbol, that costs them nothing: an unstable line still makes
  progress. If it had finished none, the next socket starts with a quarter of the
  sessions, so that a symbol that kills every socket soon stands alone; a symbol
  that stood alone is charged an attempt and goes to the back. Every symbol that
  succeeds opens one session more, up to the limit.
- Sockets that achieve nothing are counted; too many in a row end the fetch.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from quant_resources.tradingview._bars import bars_frame
from quant_resources.tradingview._login import LoginSource
from quant_resources.tradingview._retry import pause_before_retry
from quant_resources.tradingview._secret import Credentials
from quant_resources.tradingview._series import Series, SeriesData
from quant_resources.tradingview._socket import ChartSocket, open_socket
from quant_resources.tradingview.errors import (
    FetchStatus,
    LoginExpiredError,
    NoBarsError,
    SilentSocketError,
    SymbolTimeoutError,
    TradingViewError,
)
from quant_resources.tradingview.models import BarRequest, BarResult, Endpoints, Limits, Runtime


@dataclass(slots=True, eq=False)
class _Job:
    """One symbol on its way through the queue."""

    position: int
    request: BarRequest
    sessions: int = 0
    failures: int = 0
    confirmed_empty: bool = False
    started: float | None = None
    evidence: SymbolTimeoutError | None = None
    """Set when it alone was silent while the socket delivered other symbols."""


class BarFetch:
    """One call of `fetch_bars`.

    Parameters
    ----------
    endpoints, limits, runtime, credentials
        As the client has them.
    on_result : callable, optional
        Called with each result as it is final, from the thread that fetches.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        limits: Limits,
        runtime: Runtime,
        credentials: Credentials,
        on_result: Callable[[BarResult], None] | None,
    ) -> None:
        self._endpoints = endpoints
        self._limits = limits
        self._runtime = runtime
        self._credentials = credentials
        self._on_result = on_result
        self._logins = LoginSource(credentials, endpoints, limits, runtime)
        self._queue: deque[_Job] = deque()
        self._active: list[_Job] = []
        self._results: dict[int, BarResult] = {}
        self._window = limits.concurrency
        self._slots = asyncio.Semaphore(self._window)
        self._progress = 0
        self._clock: dt.datetime | None = None

    async def run(self, requests: Sequence[BarRequest]) -> list[BarResult]:
        """Fetch everything; return one result per request, in the order of the requests."""
        self._queue.extend(_Job(position, request) for position, request in enumerate(requests))
        fruitless = 0
        while self._queue:
            self._progress = 0
            try:
                await self._one_socket()
            except TradingViewError as error:
                self._put_back(error)
                fruitless = 0 if self._progress else fruitless + 1
                pause = self._pause(error, max(1, fruitless))
                if pause is None or fruitless >= self._limits.connection_attempts:
                    self._give_up(error)
                else:
                    await self._runtime.sleep(pause)
        return [self._results[position] for position in range(len(requests))]

    def _pause(self, error: TradingViewError, failures: int) -> float | None:
        """Return how long to wait before the next socket; None when there should be none."""
        renewable = isinstance(error, LoginExpiredError) and self._logins.renew()
        if not error.retryable and not renewable:
            return None
        return pause_before_retry(error, failures, self._limits, self._runtime)

    async def _one_socket(self) -> None:
        login = await self._logins.login()
        async with open_socket(self._endpoints, self._limits, self._runtime, login) as socket:
            self._clock = socket.clock
            self._slots = asyncio.Semaphore(self._window)
            places = min(self._limits.concurrency, len(self._queue))
            reader = asyncio.create_task(socket.run())
            workers = [asyncio.create_task(self._work(socket)) for _ in range(places)]
            everything = asyncio.create_task(_all(workers))
            try:
                await asyncio.wait({reader, everything}, return_when=asyncio.FIRST_COMPLETED)
                (reader if reader.done() else everything).result()
            finally:
                reader.cancel()
                everything.cancel()
                await asyncio.gather(reader, everything, return_exceptions=True)

    async def _work(self, socket: ChartSocket) -> None:
        """Take symbols from the queue until it is empty, whenever a slot is free."""
        while True:
            async with self._slots:
                if not self._queue:
                    return
                job = self._queue.popleft()
                self._active.append(job)
                await self._until_final(socket, job)
                self._active.remove(job)

    async def _until_final(self, socket: ChartSocket, job: _Job) -> None:
        """Ask for one symbol until it has a result. A broken socket is the reader's to report; it cancels this."""
        while True:
            try:
                data = await self._ask(socket, job)
            except TradingViewError as error:
                pause = self._after_failure(job, error)
                if pause is None:
                    return
                await self._runtime.sleep(pause)
                continue
            if len(data.bars) or job.confirmed_empty:
                self._count_progress()
                self._finish(job, data)
                return
            # A lost message can make a series look empty: believe it when it is said twice.
            job.confirmed_empty = True

    def _after_failure(self, job: _Job, error: TradingViewError) -> float | None:
        """Count a failure of one symbol; return the pause before its next attempt, or None with its result stored."""
        if not error.retryable:
            self._count_progress()
            self._fail(job, error)
            return None
        job.failures += 1
        pause = pause_before_retry(error, job.failures, self._limits, self._runtime)
        if job.failures >= self._limits.attempts or pause is None:
            self._fail(job, error)
            return None
        return pause

    def _count_progress(self) -> None:
        """Note that the server gave a definite answer, and open one session more if there are fewer than allowed."""
        self._progress += 1
        if self._window < self._limits.concurrency:
            self._window += 1
            self._slots.release()

    async def _ask(self, socket: ChartSocket, job: _Job) -> SeriesData:
        """Open a chart session for one symbol, await its outcome, close the session."""
        if self._runtime.gate is not None:
            await self._runtime.gate.turn()
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[SeriesData] = loop.create_future()
        series = Series(
            job.request,
            socket.new_session_name(),
            outcome,
            self._limits.more_grace,
            loop.call_later,
            self._credentials,
        )
        job.sessions += 1
        opened = self._runtime.monotonic()
        job.started = opened if job.started is None else job.started
        try:
            async with asyncio.timeout(self._limits.symbol_timeout):
                await socket.open(series)
                return await outcome
        except TimeoutError:
            error = SymbolTimeoutError(job.request.symbol, self._limits.symbol_timeout)
            if socket.data_at > opened:
                job.evidence = error
            raise error from None
        finally:
            socket.close(series)

    def _put_back(self, error: TradingViewError) -> None:
        """Return the unfinished symbols of a broken socket to the queue, or end those that had all their attempts."""
        unfinished = sorted(self._active, key=lambda job: job.position)
        self._active.clear()
        if self._progress == 0 and len(unfinished) == 1:
            self._charge(unfinished[0], error)
            return
        self._queue.extendleft(reversed(unfinished))
        if self._progress == 0 and unfinished:
            self._window = max(1, self._window // 4)

    def _charge(self, job: _Job, error: TradingViewError) -> None:
        """Count a broken socket against the one symbol that was asked for on it."""
        job.failures += 1
        if error.retryable and job.failures >= self._limits.attempts:
            self._fail(job, error)
        else:
            self._queue.append(job)

    def _give_up(self, error: TradingViewError) -> None:
        while self._queue:
            self._fail(self._queue.popleft(), error)

    def _fail(self, job: _Job, error: TradingViewError) -> None:
        if isinstance(error, SilentSocketError) and job.evidence is not None:
            error = job.evidence
        self._store(job, SeriesData(np.empty((0, 6)), "", {}), error.status, error)

    def _finish(self, job: _Job, data: SeriesData) -> None:
        if len(data.bars):
            self._store(job, data, FetchStatus.FETCHED, None)
        else:
            error = NoBarsError(job.request.symbol, job.request.resolution)
            self._store(job, SeriesData(data.bars, "", data.info), error.status, error)

    def _store(self, job: _Job, data: SeriesData, status: FetchStatus, error: TradingViewError | None) -> None:
        seconds = 0.0 if job.started is None else self._runtime.monotonic() - job.started
        info: dict[str, Any] = data.info
        result = BarResult(
            symbol=job.request.symbol,
            status=status,
            bars=bars_frame(data.bars),
            attempts=job.sessions,
            seconds=seconds,
            history_truncated=data.history_end == "limit",
            error=None if error is None else error.bare(),
            history_end=data.history_end,
            clock=self._clock,
            info=info,
        )
        self._results[job.position] = result
        if self._on_result is not None:
            self._on_result(result)


async def _all(workers: Sequence[asyncio.Task[None]]) -> None:
    """Wait for every worker; the first failure, or being cancelled, cancels them all."""
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
