"""A screener on loopback that answers as a test scripts it."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from quant_resources.tradingview import Endpoints, Limits, TradingViewClient

CLOCK = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
DAY = dt.date(2024, 5, 31)
SYMBOLS = [f"BINANCE:S{k:02d}USDT" for k in range(6)]


@dataclass
class Asked:
    """One request the server saw."""

    batch: bool
    symbols: list[str]


@dataclass
class Desk:
    """What the server knows, and how it misbehaves.

    `refuse` gets the number of the request (from 0) and what was asked, and may
    return a response that is sent instead.
    """

    values: dict[str, Any] = field(default_factory=lambda: dict.fromkeys(SYMBOLS, 1.0))
    refuse: Callable[[int, Asked], web.Response | None] = lambda number, asked: None
    asked: list[Asked] = field(default_factory=list)

    def seen(self, asked: Asked) -> web.Response | None:
        self.asked.append(asked)
        return self.refuse(len(self.asked) - 1, asked)


class ScriptedScreener:
    """The server's thread."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.url = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)

    async def _start(self) -> str:
        app = web.Application()
        app.router.add_post("/global/scan", self._scan)
        app.router.add_get("/symbol", self._symbol)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"

    async def _scan(self, request: web.Request) -> web.Response:
        body = await request.json()
        asked = Asked(True, body["symbols"]["tickers"])
        refusal = self.desk.seen(asked)
        if refusal is not None:
            return refusal
        known = [s for s in asked.symbols if s in self.desk.values]
        data = [{"s": s, "d": [self.desk.values[s]] * len(body["columns"])} for s in known]
        return web.json_response({"totalCount": len(data), "data": data})

    async def _symbol(self, request: web.Request) -> web.Response:
        symbol = request.query["symbol"]
        refusal = self.desk.seen(Asked(False, [symbol]))
        if refusal is not None:
            return refusal
        if symbol not in self.desk.values:
            return web.json_response({"code": "symbol_not_exists"}, status=404)
        return web.json_response(dict.fromkeys(request.query["fields"].split(","), self.desk.values[symbol]))

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def client(desk: Desk) -> Iterator[TradingViewClient]:
    server = ScriptedScreener(desk)
    yield TradingViewClient(Endpoints.at(server.url), Limits.loopback(), anonymous=True)
    server.stop()
