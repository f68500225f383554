"""What is asked of TradingView, what comes back, and the limits the client keeps."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import SplitResult, urlsplit

from quant_resources.tradingview.errors import FetchStatus, InvalidRequestError, TradingViewError

if TYPE_CHECKING:
    import pandas as pd

    from quant_resources.tradingview._pace import Gate

USER_AGENT: Final = "Mozilla/5.0 (compatible; quant-assets)"
"""Sent to the screener and the socket; a default library name has been answered 403."""

_COMPARISONS: Final = ("greater", "egreater", "less", "eless", "above", "below", "equal", "nequal", "empty", "nempty")
_RANGES: Final = ("in_range", "not_in_range", "in_day_range", "in_week_range", "in_month_range")
_RELATIVES: Final = ("above%", "below%", "in_range%", "not_in_range%", "crosses", "crosses_above", "crosses_below")
_TEXTS: Final = ("match", "nmatch", "smatch", "has", "has_none_of")
OPERATIONS: Final = frozenset((*_COMPARISONS, *_RANGES, *_RELATIVES, *_TEXTS))
"""Filter operations of the screener."""

_SYMBOL: Final = re.compile(r"[A-Za-z0-9_.!\-&/+]{1,64}:[A-Za-z0-9_.!\-&/+]{1,64}")
_MARKET: Final = re.compile(r"[a-z0-9_]{1,32}")
_RESOLUTION: Final = re.compile(r"[0-9]{0,4}[SHDWM]?")
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_SOCKET_PATH: Final = "/socket.io/websocket"


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the screener, the chart socket and the web site are.

    TLS is decided by the address alone. There is no switch that turns
    verification off.

    Attributes
    ----------
    screener : str
        Base of ``{screener}/{market}/scan``.
    chart : str
        Address of the chart socket, ``ws://`` or ``wss://``.
    site : str
        Base of the web site, asked only for a session token.
    origin : str or None
        ``Origin`` header of the socket; the vendor answers 403 to a foreign one.
    """

    screener: str
    chart: str
    site: str
    origin: str | None = None

    @classmethod
    def live(cls, *, paid: bool = False) -> Self:
        """Return TradingView's own addresses; `paid` picks the host for paying accounts."""
        host = "prodata" if paid else "data"
        return cls(
            screener="https://scanner.tradingview.com",
            chart=f"wss://{host}.tradingview.com{_SOCKET_PATH}",
            site="https://www.tradingview.com",
            origin="https://www.tradingview.com",
        )

    @classmethod
    def at(cls, url: str) -> Self:
        """Return the addresses of a server that speaks the protocol on one port.

        Parameters
        ----------
        url : str
            Such as ``http://127.0.0.1:8787``; ``https`` makes the socket ``wss``.

        Raises
        ------
        InvalidRequestError
            When the text is no such address.
        """
        parts = _split(url)
        shown = url.rpartition("@")[2]
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InvalidRequestError("market address", shown, "write http://HOST:PORT or https://HOST:PORT")
        if "@" in url or parts.query or parts.fragment:
            raise InvalidRequestError("market address", shown, "it may hold only scheme, host, port and path")
        base = url.rstrip("/")
        return cls(screener=base, chart=f"ws{base.removeprefix('http')}{_SOCKET_PATH}", site=base)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # a port that is no number only shows here
    except ValueError as error:
        raise InvalidRequestError("market address", url.rpartition("@")[2], str(error)) from error
    return parts


def is_loopback(url: str) -> bool:
    """Tell whether an address stays on this machine."""
    return urlsplit(url).hostname in _LOOPBACK


def host_of(url: str) -> str:
    """Return ``host`` or ``host:port`` of an address, for messages."""
    return urlsplit(url).netloc.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Limits:
    """Patience and politeness. Times are in seconds.

    Attributes
    ----------
    concurrency : int
        Chart sessions open at once on the one socket.
    screener_in_flight : int
        Screener requests in flight at once.
    connect_timeout : float
        TCP, TLS and WebSocket handshake.
    hello_timeout : float
        From the handshake to the server's hello.
    data_timeout : float
        Longest silence while data is awaited. Heartbeats do not count as data.
    symbol_timeout : float
        From asking for one symbol to its completion, per attempt.
    more_grace : float
        How long the server may take to *begin* to answer a request for older bars
        when it completed a series early without saying why.
    request_timeout : float
        One screener request, whole.
    attempts : int
        Tries per symbol.
    connection_attempts : int
        Sockets in a row that may achieve nothing before the rest is given up.
    http_attempts : int
        Tries per screener request.
    backoff_base, backoff_cap : float
        The k-th pause is ``base * 2**(k - 1)``, at most the cap, plus up to half of it at random.
    retry_after_cap : float
        A server that asks for a longer pause than this is given up at once.
    max_message_bytes : int
        Largest message or HTTP body accepted, after decompression.
    malformed_limit : int
        Unreadable messages after which a socket is given up.
    """

    concurrency: int = 16
    screener_in_flight: int = 4
    connect_timeout: float = 15.0
    hello_timeout: float = 10.0
    data_timeout: float = 20.0
    symbol_timeout: float = 15.0
    more_grace: float = 0.5
    request_timeout: float = 30.0
    attempts: int = 4
    connection_attempts: int = 6
    http_attempts: int = 6
    backoff_base: float = 2.0
    backoff_cap: float = 60.0
    retry_after_cap: float = 120.0
    max_message_bytes: int = 16 * 1024 * 1024
    malformed_limit: int = 32

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if not getattr(self, name) > 0:
                raise InvalidRequestError(f"limit {name}", str(getattr(self, name)), "it must be greater than 0")

    @classmethod
    def loopback(cls) -> Self:
        """Return limits for a server on this machine: short pauses, and patience with its screener.

        The market's first answer of a day may compile its kernels first: half a minute of processor time, which on a
        busy machine are minutes. Asking again would only make its queue longer.
        """
        return cls(backoff_base=0.05, backoff_cap=2.0, request_timeout=180.0)


@dataclass(frozen=True, slots=True)
class Runtime:
    """What makes time pass and dice fall; replaced in tests.

    Attributes
    ----------
    sleep : callable
        Pause for some seconds.
    random : callable
        A number in [0, 1): jitter and session names.
    monotonic : callable
        Seconds of a clock that never steps back, for durations.
    now : callable
        The wall clock in UTC; only used for a ``Retry-After`` date without a ``Date``.
    gate : Gate or None
        Where requests wait for their turn among all processes of a home; None lets all of them pass.
    """

    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], dt.datetime] = _utc_now
    gate: Gate | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition of a scan.

    Attributes
    ----------
    left : str
        A column.
    operation : str
        One of `OPERATIONS`.
    right : Any
        A number, boolean, text, list, another column's name, or None.
    """

    left: str
    operation: str
    right: Any = None

    def __post_init__(self) -> None:
        if self.operation not in OPERATIONS:
            raise InvalidRequestError("filter operation", self.operation, f"known are {', '.join(sorted(OPERATIONS))}")


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """One question to the screener.

    Attributes
    ----------
    market : str
        Such as ``crypto``, ``america`` or ``global``.
    columns : tuple of str
        Columns wanted, in this order.
    filters : tuple of Filter
        All must hold.
    sort_by, sort_order : str
        Sort column and ``asc`` or ``desc``; an empty column leaves the order to the server.
    page_size : int
        Rows per request.
    symbols : tuple of str
        Only these symbols; empty for all.
    ignore_unknown_fields : bool
        A column this market does not have is null instead of an error.
    """

    market: str
    columns: tuple[str, ...]
    filters: tuple[Filter, ...] = ()
    sort_by: str = ""
    sort_order: str = "desc"
    page_size: int = 1000
    symbols: tuple[str, ...] = ()
    ignore_unknown_fields: bool = False

    def __post_init__(self) -> None:
        if _MARKET.fullmatch(self.market) is None:
            raise InvalidRequestError("market", self.market, "lower-case letters, digits and _ only")
        if self.sort_order not in {"asc", "desc"}:
            raise InvalidRequestError("sort order", self.sort_order, "asc or desc")
        if self.page_size < 1:
            raise InvalidRequestError("page size", str(self.page_size), "it must be at least 1")
        if "symbol" in self.columns or len(set(self.columns)) != len(self.columns):
            raise InvalidRequestError("columns", ", ".join(self.columns), "each once, and 'symbol' comes by itself")


@dataclass(frozen=True, slots=True, eq=False)
class ScanResult:
    """What the screener answered.

    Attributes
    ----------
    total : int
        Rows that match on the server, before any limit.
    frame : DataFrame
        Column ``symbol`` and the requested columns, in the server's order, one row
        per symbol. Numbers are float64 with NaN for null.
    repeated : tuple of str
        Symbols that came on two pages because the market moved in between; the
        first row is kept.
    missing : int
        Rows the server announced and did not send.
    """

    total: int
    frame: pd.DataFrame
    repeated: tuple[str, ...] = ()
    missing: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class FactsResult:
    """What the server says of one symbol; exactly one of `values` and `error` is set.

    Attributes
    ----------
    symbol : str
        As requested.
    values : mapping or None
        Value by field; None for null.
    error : TradingViewError or None
        Why there are none.
    fetched_at : datetime
        When the answer came, UTC.
    """

    symbol: str
    values: Mapping[str, Any] | None
    error: TradingViewError | None
    fetched_at: dt.datetime


@dataclass(frozen=True, slots=True)
class BarRequest:
    """Bars of one symbol.

    Attributes
    ----------
    symbol : str
        ``EXCHANGE:TICKER``.
    n_bars : int
        The newest n bars, the forming one included.
    resolution : str
        ``1D``, ``1W``, ``1M`` or minutes such as ``240``.
    adjustment : str
        ``splits``, ``dividends`` or ``none``.
    """

    symbol: str
    n_bars: int
    resolution: str = "1D"
    adjustment: str = "splits"

    def __post_init__(self) -> None:
        if _SYMBOL.fullmatch(self.symbol) is None:
            raise InvalidRequestError("symbol", self.symbol, "write EXCHANGE:TICKER")
        if self.n_bars < 1:
            raise InvalidRequestError("number of bars", str(self.n_bars), "it must be at least 1")
        if not self.resolution or _RESOLUTION.fullmatch(self.resolution) is None:
            raise InvalidRequestError("resolution", self.resolution, "write 1D, 1W, 1M or minutes such as 240")
        if self.adjustment not in {"splits", "dividends", "none"}:
            raise InvalidRequestError("adjustment", self.adjustment, "splits, dividends or none")


@dataclass(frozen=True, slots=True, eq=False)
class BarResult:
    """What became of one `BarRequest`; there is exactly one per request.

    Attributes
    ----------
    symbol : str
        As requested.
    status : FetchStatus
        Only ``fetched`` comes with bars.
    bars : DataFrame
        Columns ``open_time`` (UTC, bar open), ``open``, ``high``, ``low``, ``close``,
        ``volume`` (float64; NaN where not available), ascending, unique; at most
        `n_bars` rows. The last bar may still be forming: compare with `clock`.
    attempts : int
        Chart sessions opened for it.
    seconds : float
        From its first attempt to its end.
    history_truncated : bool
        The provider has older bars that this account cannot reach.
    error : TradingViewError or None
        Set unless `status` is ``fetched``.
    history_end : str
        Why there are not more bars: ``enough`` (all wanted ones came), ``end`` (no
        older ones exist), ``limit`` (of the plan), ``unstated`` (the server completed
        the series and did not say), or empty without bars.
    clock : datetime or None
        The server's clock when the socket opened, before these bars were sent: a bar
        is closed if it closed at or before it.
    info : mapping
        The server's description of the symbol (time zone, session, tick size, ...).
    """

    symbol: str
    status: FetchStatus
    bars: pd.DataFrame
    attempts: int
    seconds: float
    history_truncated: bool = False
    error: TradingViewError | None = None
    history_end: str = ""
    clock: dt.datetime | None = None
    info: Mapping[str, Any] = field(default_factory=dict, repr=False)
