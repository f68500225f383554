"""Binance's public endpoints through ccxt: exchangeInfo for what there is, ticker/24hr for what it turns over."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import pandas as pd

from quant_lib.errors import InvalidKeyError
from quant_lib.instruments import decimals_of
from quant_lib.keys import validate_symbol
from quant_resources.binance.errors import (
    ExchangeAnswerError,
    ExchangeError,
    ExchangeLibraryMissingError,
    ExchangeRateLimitedError,
    ExchangeRefusedError,
    ExchangeUnreachableError,
)

T = TypeVar("T")

NAME: Final = "binance"
VENUE: Final = "BINANCE"
KINDS: Final = {"spot": "spot", "perp": "linear"}
"""Our kinds of instrument and the library's; perpetuals are those margined in dollars."""

_LINEAR: Final = {"defaultType": "swap", "defaultSubType": "linear"}
_LONGEST_DETAIL: Final = 160
_LONGEST_WAIT: Final = 120.0
_WEIGHT_HEADER: Final = "X-MBX-USED-WEIGHT-1M"
_WEIGHT_LIMITS: Final = {"spot": 6000, "perp": 2400}
"""Request weight that an address may use in a minute; every user behind it counts."""
_ENOUGH_WEIGHT: Final = 0.8
"""Share of it after which we wait for the next minute rather than take the rest from others."""
COLUMNS: Final = (
    "symbol",
    "exchange",
    "asset_type",
    "base",
    "quote",
    "active",
    "tick_size",
    "price_precision",
    "lot_size",
    "min_qty",
    "min_notional",
    "contract_size",
    "listed_on",
    "timezone",
    "provider",
)


@dataclass(frozen=True)
class Listings:
    """What the exchange lists.

    Attributes
    ----------
    frame : DataFrame
        `COLUMNS`, by symbol ascending; a figure the exchange does not tell is NaN. Fees
        are not among them: the public endpoints do not tell them.
    skipped : dict of str to str
        Reason by the exchange's id of what was left out.
    """

    frame: pd.DataFrame
    skipped: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Discovery:
    """Symbols a discovery proposes.

    Attributes
    ----------
    frame : DataFrame
        Columns symbol, base, quote, quote_volume (24 hours, quote currency).
    funnel : tuple of (str, int)
        Symbols left after each step, in order.
    """

    frame: pd.DataFrame
    funnel: tuple[tuple[str, int], ...]


class BinanceClient:
    """Public market data of Binance; no account, no key.

    Parameters
    ----------
    url : str
        ``live``, or the address of a server that answers as Binance does.
    timeout : float
        Seconds for one request.
    attempts : int
        Tries per request.
    pause : callable
        Waits some seconds; for tests.
    """

    def __init__(
        self, url: str, *, timeout: float = 20.0, attempts: int = 3, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._url = url
        self._timeout = timeout
        self._attempts = attempts
        self._pause = pause
        self._seen: dict[str, list[Mapping[str, Any]]] = {}
        self._full: set[str] = set()

    @property
    def where(self) -> str:
        """Host asked, for messages."""
        return "api.binance.com" if self._url == "live" else urlsplit(self._url).netloc

    def listings(self, asset_types: Iterable[str]) -> Listings:
        """Ask for every listing of some kinds, those that do not trade included.

        Parameters
        ----------
        asset_types : iterable of str
            spot and perp are asked for; other kinds are not Binance's.

        Raises
        ------
        ExchangeError
            One class per cause, after all attempts.
        """
        kinds = [kind for kind in KINDS if kind in set(asset_types)]
        rows: list[dict[str, Any]] = []
        skipped: dict[str, str] = {}
        for kind in kinds:
            self._seen[kind] = self._call(kind, _markets)
            for market in self._seen[kind]:
                self._add(market, kind, rows, skipped)
        frame = pd.DataFrame(rows, columns=list(COLUMNS))
        frame["listed_on"] = frame["listed_on"].astype("datetime64[us]")
        frame["price_precision"] = decimals_of(frame["tick_size"].astype("float64"))
        return Listings(frame.sort_values("symbol", kind="stable", ignore_index=True), skipped)

    def tickers(self, asset_type: str) -> pd.DataFrame:
        """Ask for the last 24 hours of every symbol of a kind.

        Returns
        -------
        DataFrame
            Columns symbol, last and quote_volume (quote currency; NaN where not told).
        """

        def ask(exchange: Any) -> Any:
            # The list is long; asked for a moment ago, it is not asked for again.
            exchange.set_markets(self._seen.get(asset_type) or _markets(exchange))
            return exchange.fetch_tickers()

        rows = []
        for ticker in self._call(asset_type, ask).values():
            symbol = _symbol(str((ticker.get("info") or {}).get("symbol")), asset_type)
            rows.append((symbol, _number(ticker.get("last")), _number(ticker.get("quoteVolume"))))
        frame = pd.DataFrame(rows, columns=["symbol", "last", "quote_volume"])
        return frame.sort_values("symbol", kind="stable", ignore_index=True)

    def discover(
        self, asset_type: str = "spot", quotes: Collection[str] = ("USDT",), min_volume: float = 0.0
    ) -> Discovery:
        """Find what trades now against some quotes with at least some turnover (semantics 1.10).

        Parameters
        ----------
        asset_type : {"spot", "perp"}
            Kind.
        quotes : collection of str
            Quote currencies; none given: every one.
        min_volume : float
            Turnover of the last 24 hours, quote currency. A symbol without one does not reach any floor.
        """
        found = self.listings([asset_type]).frame
        steps = [("listed", len(found))]
        found = found[found["active"].astype(bool)]
        steps.append(("active", len(found)))
        if quotes:
            found = found[found["quote"].isin(list(quotes))]
        steps.append(("quote", len(found)))
        found = found.merge(self.tickers(asset_type)[["symbol", "quote_volume"]], on="symbol", how="left")
        found = found[found["quote_volume"] >= min_volume]
        steps.append((f"volume >= {min_volume:g}", len(found)))
        columns = ["symbol", "base", "quote", "quote_volume"]
        return Discovery(found[columns].reset_index(drop=True), tuple(steps))

    # ---- the library

    def _add(self, market: Mapping[str, Any], kind: str, rows: list[dict[str, Any]], skipped: dict[str, str]) -> None:
        if market["type"] != ("spot" if kind == "spot" else "swap"):
            skipped[str(market["id"])] = f"{market['type']} contracts are not followed"
            return
        symbol = _symbol(str(market["id"]), kind)
        try:
            validate_symbol(symbol)
        except InvalidKeyError as error:
            skipped[str(market["id"])] = str(error)
            return
        limits, precision = market["limits"], market["precision"]
        rows.append(
            {
                "symbol": symbol,
                "exchange": VENUE,
                "asset_type": kind,
                "base": market["base"],
                "quote": market["quote"],
                "active": bool(market["active"]) and market["info"].get("isSpotTradingAllowed") is not False,
                "tick_size": _step(precision["price"]),
                "lot_size": _step(precision["amount"]),
                "min_qty": _number(limits["amount"]["min"]),
                "min_notional": _number(limits["cost"]["min"]),
                "contract_size": _step(market["contractSize"]) if kind == "perp" else 1.0,
                "listed_on": _day(market.get("created")),
                "timezone": "Etc/UTC",
                "provider": NAME,
            }
        )

    def _call(self, kind: str, ask: Callable[[Any], T]) -> T:
        exchange = self._library(kind)
        if kind in self._full:
            self._pause(60.0)
        for attempt in range(1, self._attempts + 1):
            try:
                return self._weighed(kind, exchange, ask(exchange))
            except Exception as error:
                failure = self._named(error)
                if failure is None:
                    raise
                wait = self._wait(failure, exchange, attempt)
                if wait is None or attempt == self._attempts:
                    raise failure from error
            self._pause(wait)
        raise AssertionError("unreachable")

    def _weighed(self, kind: str, exchange: Any, answer: T) -> T:
        """Pass an answer on, and remember whether the minute's request weight is nearly used up."""
        told = str((exchange.last_response_headers or {}).get(_WEIGHT_HEADER, "0"))
        used = int(told) if told.isdigit() else 0
        (self._full.add if used >= _ENOUGH_WEIGHT * _WEIGHT_LIMITS[kind] else self._full.discard)(kind)
        return answer

    @staticmethod
    def _wait(failure: ExchangeError, exchange: Any, attempt: int) -> float | None:
        """Seconds until the next try; None where it cannot help, or the exchange asks for too long a wait."""
        if not failure.retryable or (isinstance(failure, ExchangeRateLimitedError) and failure.banned):
            return None
        told = str((exchange.last_response_headers or {}).get("Retry-After", "0"))
        seconds = float(told) if told.isdigit() else 0.0
        return None if seconds > _LONGEST_WAIT else max(2.0**attempt, seconds)

    def _library(self, kind: str) -> Any:
        try:
            from ccxt import binance
        except ImportError as error:
            raise ExchangeLibraryMissingError(NAME) from error
        exchange = binance(
            {
                "enableRateLimit": True,
                "timeout": int(self._timeout * 1000),
                "options": {
                    "fetchMarkets": {"types": [KINDS[kind]]},
                    **({"defaultType": "spot"} if kind == "spot" else _LINEAR),
                    "fetchMargins": False,
                },
            }
        )
        # An answer from elsewhere is no answer of the exchange.
        exchange.session.max_redirects = 0
        if self._url != "live":
            base = self._url.rstrip("/")
            # Every address is moved, so that nothing can reach the real exchange by a path we did not think of.
            exchange.urls["api"] = {
                name: base + urlsplit(address).path if isinstance(address, str) else address
                for name, address in exchange.urls["api"].items()
            }
        return exchange

    def _named(self, error: Exception) -> ExchangeError | None:
        """Our error for one of the library's; None where it is no failure of the exchange."""
        import ccxt

        detail = " ".join(str(error).split())[:_LONGEST_DETAIL]
        if isinstance(error, (ccxt.DDoSProtection, ccxt.RateLimitExceeded)):
            return ExchangeRateLimitedError(NAME, self.where, banned=" 418 " in f" {detail} ")
        if isinstance(error.__cause__, _redirected()):
            return ExchangeAnswerError(NAME, self.where, "it sends us to another address, which is not followed")
        if isinstance(error, (ccxt.PermissionDenied, ccxt.AuthenticationError)):
            return ExchangeRefusedError(NAME, self.where, detail)
        if isinstance(error, ccxt.ExchangeNotAvailable) and any(f" {code} " in detail for code in (401, 403, 451)):
            return ExchangeRefusedError(NAME, self.where, detail)
        if isinstance(error, ccxt.NetworkError):
            return ExchangeUnreachableError(NAME, self.where, detail)
        if isinstance(error, (ccxt.BaseError, ValueError, KeyError, TypeError, AttributeError)):
            return ExchangeAnswerError(NAME, self.where, detail or type(error).__name__)
        return None


def _markets(exchange: Any) -> list[Mapping[str, Any]]:
    """Markets the library read. It takes an answer of any shape for an exchange without markets; we do not."""
    markets: list[Mapping[str, Any]] = exchange.fetch_markets()
    if not markets:
        raise ValueError("it lists no symbol")
    if len({market["id"] for market in markets}) < len(markets):
        raise ValueError("it lists a symbol twice")
    for market in markets:
        if not (market["id"] and market["base"] and market["quote"] and market["type"]):
            raise ValueError(f"a symbol without base or quote: {market['id']}")
    return markets


def _symbol(identity: str, kind: str) -> str:
    return f"{VENUE}:{identity}{'.P' if kind == 'perp' else ''}"


def _number(value: Any) -> float:
    """Figure of a limit or a volume; what is negative or not finite is none."""
    number = math.nan if value is None else float(value)
    return number if 0.0 <= number < math.inf else math.nan


def _step(value: Any) -> float:
    """Figure of a grid; the exchange writes 0 where it has no rule, which is no grid of 0."""
    return _number(value) or math.nan


def _redirected() -> type[Exception]:
    from requests.exceptions import TooManyRedirects

    return TooManyRedirects


def _day(milliseconds: Any) -> pd.Timestamp | None:
    return None if milliseconds is None else pd.Timestamp(int(milliseconds), unit="ms").floor("D")
