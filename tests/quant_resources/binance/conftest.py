"""A server on loopback that answers as Binance's public REST does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest

from quant_resources.binance import BinanceClient


def spot(
    symbol: str, base: str, quote: str, *, status="TRADING", tick="0.01000000", step="0.00001000", notional="5.00000000"
):
    return {
        "symbol": symbol,
        "status": status,
        "baseAsset": base,
        "baseAssetPrecision": 8,
        "quoteAsset": quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "MARKET"],
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000.00000000", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "9000.00000000", "stepSize": step},
            {
                "filterType": "NOTIONAL",
                "minNotional": notional,
                "applyMinToMarket": True,
                "maxNotional": "9000000.00000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "NONE",
    }


def perp(symbol: str, base: str, quote: str, *, status="TRADING", contract="PERPETUAL", onboard=1_569_398_400_000):
    return {
        "symbol": symbol,
        "pair": f"{base}{quote}",
        "contractType": contract,
        "deliveryDate": 4_133_404_800_000 if contract == "PERPETUAL" else 1_735_286_400_000,
        "onboardDate": onboard,
        "status": status,
        "maintMarginPercent": "2.5000",
        "baseAsset": base,
        "quoteAsset": quote,
        "marginAsset": quote,
        "pricePrecision": 2,
        "quantityPrecision": 3,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "556.80", "maxPrice": "4529764", "tickSize": "0.10"},
            {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
            {"filterType": "MIN_NOTIONAL", "notional": "100"},
        ],
    }


def ticker(symbol: str, volume: str):
    return {
        "symbol": symbol,
        "priceChange": "-1.00",
        "priceChangePercent": "-0.100",
        "weightedAvgPrice": "100.0",
        "lastPrice": "101.00",
        "openPrice": "102.00",
        "highPrice": "103.00",
        "lowPrice": "99.00",
        "volume": "1000.0",
        "quoteVolume": volume,
        "openTime": 1_717_027_200_000,
        "closeTime": 1_717_113_599_999,
        "count": 10,
    }


SPOT = [
    spot("BTCUSDT", "BTC", "USDT"),
    spot("ETHUSDT", "ETH", "USDT", step="0.00010000"),
    spot("ETHBTC", "ETH", "BTC", tick="0.00001000", notional="0.00010000"),
    spot("LUNAUSDT", "LUNA", "USDT", status="BREAK"),
    spot("币安人生USDT", "币安人生", "USDT"),
]
PERP = [
    perp("BTCUSDT", "BTC", "USDT"),
    perp("BTCUSDT_241227", "BTC", "USDT", contract="CURRENT_QUARTER"),
    perp("OLDUSDT", "OLD", "USDT", status="SETTLING"),
]
PAGES: dict[str, Any] = {
    "/api/v3/exchangeInfo": {"timezone": "UTC", "serverTime": 1_717_113_600_000, "rateLimits": [], "symbols": SPOT},
    "/fapi/v1/exchangeInfo": {"timezone": "UTC", "serverTime": 1_717_113_600_000, "rateLimits": [], "symbols": PERP},
    "/api/v3/ticker/24hr": [ticker("BTCUSDT", "2000000.0"), ticker("ETHUSDT", "500.0"), ticker("ETHBTC", "9.0")],
    "/fapi/v1/ticker/24hr": [ticker("BTCUSDT", "7000000.0")],
}

Answer = tuple[int, dict[str, str], bytes]


class FakeBinance:
    """The server; `refuse` may answer a request (numbered from 0) in the place of the page."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.refuse: Callable[[int, str], Answer | None] = lambda number, path: None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                outer.asked.append(path)
                known = outer.refuse(len(outer.asked) - 1, path)
                if known is None:
                    page = PAGES.get(path)
                    known = (404, {}, b"") if page is None else (200, {}, json.dumps(page).encode())
                status, headers, body = known
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


@pytest.fixture
def binance() -> Iterator[FakeBinance]:
    server = FakeBinance()
    yield server
    server.stop()


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def client(binance: FakeBinance, pauses: list[float]) -> BinanceClient:
    return BinanceClient(binance.url, timeout=5.0, pause=pauses.append)
