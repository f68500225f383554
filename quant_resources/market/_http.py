"""The market's HTTP side: screener, symbol facts, symbol search, login."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
import orjson
from aiohttp import web

from quant_resources.market._view import MarketView
from quant_resources.market.clock import DAY
from quant_resources.market.faults import FaultPlan
from quant_resources.market.instruments import Instrument
from quant_resources.market.screener import (
    MARKETS,
    ScanRefusedError,
    Snapshot,
    known_bases,
    parse_column,
    read_request,
    scan,
)

_SEARCH_PAGE: Final = 50
_TEXT_COLUMNS: Final = frozenset({"name", "description", "type", "exchange", "currency", "sector", "market", "subtype"})
_HTML: Final = "<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"


class Screener:
    """HTTP handlers of one server.

    Parameters
    ----------
    view : MarketView
        The market at its clock.
    faults : FaultPlan
        What to do wrong.
    counters : Counter of str
        Where requests are counted.
    tokens : set of str
        Where tokens issued by the login pages are kept.
    """

    def __init__(self, view: MarketView, faults: FaultPlan, counters: Counter[str], tokens: set[str]) -> None:
        self._view = view
        self._faults = faults
        self._counters = counters
        self._tokens = tokens
        # One thread: the table is built once, and the event loop keeps its heartbeats meanwhile.
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="market-screener")
        self._snapshot: tuple[tuple[int, bool], Snapshot] | None = None

    def routes(self) -> list[web.RouteDef]:
        """Return the routes to serve."""
        return [
            web.post("/{market}/scan", self._scan),
            web.post("/{market}/scan2", self._scan2),
            web.route("*", "/{market}/metainfo", self._metainfo),
            web.get("/symbol", self._symbol),
            # Clients write these with and without the last slash.
            web.get(r"/symbol_search{slash:/?}", self._search),
            web.get(r"/symbol_search/v3{slash:/?}", self._search3),
            web.get("/", self._home),
            web.get("/quote_token/", self._quote_token),
            web.post("/accounts/signin/", self._sign_in),
        ]

    def close(self) -> None:
        """End the worker thread."""
        self._worker.shutdown(wait=True)

    # ------------------------------------------------------------------ screener

    async def _scan(self, request: web.Request) -> web.Response:
        return await self._scanned(request, fresh=False)

    async def _scan2(self, request: web.Request) -> web.Response:
        return await self._scanned(request, fresh=True)

    async def _scanned(self, request: web.Request, *, fresh: bool) -> web.Response:
        self._counters["scan"] += 1
        market = request.match_info["market"]
        if market not in MARKETS:
            return _page(404, "Not Found")
        fault = await self._fault()
        if fault is not None:
            return fault
        body = await request.read()
        loop = asyncio.get_running_loop()
        try:
            payload = await loop.run_in_executor(self._worker, self._answer, market, body, fresh)
        except ScanRefusedError as refusal:
            return _json(400, {"totalCount": 0, "error": str(refusal), "data": None})
        if self._faults.strikes("truncate"):
            payload = payload[: len(payload) // 2]
        return web.Response(body=payload, content_type="application/json")

    def _answer(self, market: str, body: bytes, fresh: bool) -> bytes:
        try:
            parsed = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ScanRefusedError(f"Malformed JSON: {error}") from error
        wanted = read_request(market, parsed)
        snapshot = self._at_clock()
        total, rows = scan(snapshot, wanted)
        if fresh:
            answer: dict[str, Any] = {
                "totalCount": total,
                "fields": wanted.columns,
                "symbols": [{"s": symbol, "f": values} for symbol, values in rows],
                "time": int(snapshot.now),
            }
        else:
            answer = {"totalCount": total, "data": [{"s": symbol, "d": values} for symbol, values in rows]}
        return orjson.dumps(answer)

    def _at_clock(self) -> Snapshot:
        """Return the table of the present day; it depends on the day and on whether the day has begun to run."""
        now = self._view.now()
        key = (int(now // DAY), now % DAY == 0)
        if self._snapshot is None or self._snapshot[0] != key:
            self._snapshot = (key, Snapshot(self._view, now))
        return self._snapshot[1]

    async def _metainfo(self, request: web.Request) -> web.Response:
        market = request.match_info["market"]
        if market not in MARKETS:
            return _page(404, "Not Found")
        if request.method not in ("GET", "POST"):
            return _page(405, "Method Not Allowed")
        self._counters["metainfo"] += 1
        loop = asyncio.get_running_loop()
        return _json(200, await loop.run_in_executor(self._worker, self._describe, market))

    def _describe(self, market: str) -> dict[str, Any]:
        listed = [one for one in self._at_clock().instruments if market in ("global", one.market)]
        values = {
            "exchange": sorted({one.exchange for one in listed}),
            "type": sorted({one.type for one in listed}),
            "currency": sorted({one.quote for one in listed}),
        }
        fields = [{"n": base, "t": _type_of(base), "r": values.get(base)} for base in known_bases(market)]
        return {"financial_currency": "USD", "fields": fields}

    async def _symbol(self, request: web.Request) -> web.Response:
        self._counters["symbol"] += 1
        fault = await self._fault()
        if fault is not None:
            return fault
        loop = asyncio.get_running_loop()
        query = request.query
        fields = [name for name in query.get("fields", "").split(",") if name]
        found = await loop.run_in_executor(self._worker, self._facts, query.get("symbol", ""), fields)
        if found is None:
            if query.get("no_404") == "true":
                return _json(200, None)
            return _json(404, {"code": "symbol_not_exists"})
        return _json(200, found)

    def _facts(self, symbol: str, fields: list[str]) -> dict[str, Any] | None:
        snapshot = self._at_clock()
        wanted = symbol.upper()
        rows = [row for row, one in enumerate(snapshot.instruments) if one.symbol == wanted]
        if not rows or self._faults.is_missing(wanted):
            return None
        row = np.array(rows)
        found: dict[str, Any] = {}
        for text in fields:
            name = parse_column(text, "global")
            translated = text.endswith(".tr")
            found[text] = None if name is None else snapshot.column(name, translated=translated).taken(row)[0]
        return found

    # -------------------------------------------------------------------- search

    async def _search(self, request: web.Request) -> web.Response:
        found = await self._matches(request)
        return _json(200, [_hit(one) for one in found[:_SEARCH_PAGE]])

    async def _search3(self, request: web.Request) -> web.Response:
        start = request.query.get("start", "0")
        if not (start.isascii() and start.isdigit()):
            return _page(400, "Bad Request")
        found = await self._matches(request)
        first = int(start)
        page = found[first : first + _SEARCH_PAGE]
        return _json(200, {"symbols_remaining": max(0, len(found) - first - len(page)), "symbols": [*map(_hit, page)]})

    async def _matches(self, request: web.Request) -> list[Instrument]:
        """Return what the text names: whole tickers first, then beginnings, then the rest."""
        self._counters["search"] += 1
        text = re.sub(r"</?em>", "", request.query.get("text", "")).upper()
        exchange, _, ticker = text.rpartition(":")
        exchange = exchange or request.query.get("exchange", "").upper()
        loop = asyncio.get_running_loop()
        snapshot = await loop.run_in_executor(self._worker, self._at_clock)
        found = [
            one
            for one in snapshot.instruments
            if (not exchange or one.exchange == exchange) and (ticker in one.name or ticker in one.description.upper())
        ]
        return sorted(found, key=lambda one: (one.name != ticker, not one.name.startswith(ticker), one.symbol))

    # --------------------------------------------------------------------- login

    async def _home(self, request: web.Request) -> web.Response:
        del request
        text = (
            f'<html><script>var user = {{"id":1,"username":"loopback","auth_token":"{self._issue()}"}};</script></html>'
        )
        return web.Response(text=text, content_type="text/html")

    async def _quote_token(self, request: web.Request) -> web.Response:
        del request
        return _json(200, self._issue())

    async def _sign_in(self, request: web.Request) -> web.Response:
        form = await request.post()
        if not form.get("username") or not form.get("password"):
            return _json(200, {"error": "Please enter your username and password.", "code": "invalid_credentials"})
        return _json(200, {"error": "", "user": {"id": 1, "username": "loopback", "auth_token": self._issue()}})

    def _issue(self) -> str:
        token = f"loopback_{secrets.token_hex(8)}"
        self._tokens.add(token)
        return token

    async def _fault(self) -> web.Response | None:
        """Be late, and return the refusal of this request if one is due."""
        delay = self._faults.delay()
        if delay > 0.0:
            await asyncio.sleep(delay)
        if self._faults.strikes("http_429"):
            after = self._faults.faults.retry_after
            headers = {"Retry-After": after} if after else None
            return web.Response(status=429, text="Too many requests", headers=headers)
        if self._faults.strikes("http_503"):
            return _page(503, "Service Unavailable")
        return None


def _json(status: int, value: Any) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(value), content_type="application/json")


def _page(status: int, title: str) -> web.Response:
    return web.Response(status=status, text=_HTML.format(f"{status} {title}"), content_type="text/html")


def _type_of(base: str) -> str:
    if base in _TEXT_COLUMNS:
        return "text"
    if base in ("typespecs", "indexes"):
        return "set"
    if base.startswith("Perf.") or base in ("change", "gap"):
        return "percent"
    if base in ("open", "high", "low", "close", "bid", "ask"):
        return "price"
    return "time" if base in ("time", "first_bar_time") else "number"


def _hit(one: Instrument) -> dict[str, Any]:
    return {
        "symbol": one.name,
        "description": one.description,
        "type": one.type,
        "exchange": one.display_exchange,
        "currency_code": one.quote,
        "provider_id": one.exchange.lower(),
        "source_id": one.exchange,
        "source2": {"id": one.exchange, "name": one.display_exchange, "description": one.display_exchange},
        "prefix": one.exchange,
        "typespecs": list(one.typespecs),
    }
