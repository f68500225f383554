"""The screener: pages of one scan, a few at a time, put together in order."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

from quant_resources.tradingview._bars import NOT_AVAILABLE
from quant_resources.tradingview._http import HttpChannel, open_http
from quant_resources.tradingview._retry import with_retries
from quant_resources.tradingview._secret import Credentials
from quant_resources.tradingview.errors import MalformedDataError
from quant_resources.tradingview.models import Endpoints, Limits, Runtime, ScanRequest, ScanResult, host_of

if TYPE_CHECKING:
    import pandas as pd

Row = tuple[str, list[Any]]


def scan_body(request: ScanRequest, start: int, stop: int) -> dict[str, Any]:
    """Return the JSON body that asks for rows `start` to `stop` (exclusive) of a scan."""
    body: dict[str, Any] = {
        "markets": [] if request.market == "global" else [request.market],
        "symbols": {"query": {"types": []}, "tickers": list(request.symbols)} if request.symbols else {},
        "options": {"lang": "en"},
        "columns": list(request.columns),
        "filter": [
            {"left": condition.left, "operation": condition.operation, "right": condition.right}
            for condition in request.filters
        ],
        "range": [start, stop],
    }
    if request.ignore_unknown_fields:
        body["ignore_unknown_fields"] = True
    if request.sort_by:
        body["sort"] = {"sortBy": request.sort_by, "sortOrder": request.sort_order}
    return body


async def scan(
    request: ScanRequest,
    max_rows: int | None,
    *,
    endpoints: Endpoints,
    limits: Limits,
    runtime: Runtime,
    credentials: Credentials,
) -> ScanResult:
    """Fetch every page of a scan.

    The first page says how many rows there are; the others follow, at most
    ``limits.screener_in_flight`` at once, each retried on its own.

    Raises
    ------
    TradingViewError
        When one page fails for good. There is no partial result.
    """
    async with open_http(endpoints.screener, limits, runtime, credentials) as channel:
        pages = _Pages(request, channel, endpoints, limits, runtime)
        wanted = math.inf if max_rows is None else max_rows
        first = int(min(request.page_size, wanted))
        total, rows = await pages.fetch(0, first)
        stop = int(min(total, wanted))
        if first < stop:
            starts = range(first, stop, request.page_size)
            for page in await pages.fetch_all(starts, stop):
                rows.extend(page)
    unique, repeated = _first_of_each(rows[:stop])
    return ScanResult(total, _frame(unique, request.columns), repeated, missing=max(0, stop - len(rows)))


class _Pages:
    """The pages of one scan over one channel."""

    def __init__(
        self, request: ScanRequest, channel: HttpChannel, endpoints: Endpoints, limits: Limits, runtime: Runtime
    ) -> None:
        self._request = request
        self._channel = channel
        self._url = f"{endpoints.screener}/{request.market}/scan"
        self._where = host_of(self._url)
        self._limits = limits
        self._runtime = runtime

    async def fetch_all(self, starts: range, stop: int) -> list[list[Row]]:
        """Fetch the pages that begin at `starts`; the first failure cancels the rest."""
        slots = asyncio.Semaphore(self._limits.screener_in_flight)

        async def page(start: int) -> list[Row]:
            async with slots:
                _, rows = await self.fetch(start, min(start + self._request.page_size, stop))
                return rows

        tasks = [asyncio.create_task(page(start)) for start in starts]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def fetch(self, start: int, stop: int) -> tuple[int, list[Row]]:
        """Fetch one page, with retries; return the total and the rows."""

        async def attempt() -> tuple[int, list[Row]]:
            document = await self._channel.request("POST", self._url, scan_body(self._request, start, stop))
            return self._parse(document)

        return await with_retries(
            attempt, attempts=self._limits.http_attempts, limits=self._limits, runtime=self._runtime
        )

    def _parse(self, document: Any) -> tuple[int, list[Row]]:
        total = document.get("totalCount") if isinstance(document, dict) else None
        if not isinstance(total, int) or isinstance(total, bool) or total < 0:
            raise MalformedDataError(self._where, "a scan without a totalCount")
        data = document.get("data")
        if data is None:
            return total, []
        if not isinstance(data, list):
            raise MalformedDataError(self._where, "a scan whose data is no list")
        return total, [self._row(item) for item in data]

    def _row(self, item: Any) -> Row:
        symbol = item.get("s") if isinstance(item, dict) else None
        values = item.get("d") if isinstance(item, dict) else None
        if not isinstance(symbol, str):
            raise MalformedDataError(self._where, "a row without a symbol")
        if not isinstance(values, list) or len(values) != len(self._request.columns):
            raise MalformedDataError(self._where, f"a row ({symbol}) that does not hold one value per column")
        return symbol, values


def _first_of_each(rows: list[Row]) -> tuple[list[Row], tuple[str, ...]]:
    unique: dict[str, Row] = {}
    repeated: dict[str, None] = {}
    for row in rows:
        if unique.setdefault(row[0], row) is not row:
            repeated[row[0]] = None
    return list(unique.values()), tuple(repeated)


def _frame(rows: list[Row], columns: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    by_column: list[list[Any]] = [list(values) for values in zip(*(row[1] for row in rows), strict=True)]
    if not rows:
        by_column = [[] for _ in columns]
    data = {"symbol": pd.Series([row[0] for row in rows], dtype="str")}
    data |= {name: _column(values) for name, values in zip(columns, by_column, strict=True)}
    return pd.DataFrame(data)


def _column(values: list[Any]) -> pd.Series[Any]:
    """Numbers become float64 (null and the vendor's 1e+100 become NaN), texts ``str``; the rest stays as it came."""
    import pandas as pd

    known = [value for value in values if value is not None]
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in known):
        numbers = pd.Series([math.nan if value is None else float(value) for value in values], dtype="float64")
        return numbers.mask(numbers.abs() >= NOT_AVAILABLE)
    if all(isinstance(value, str) for value in known):
        return pd.Series(values, dtype="str")
    return pd.Series(values, dtype="object")
