"""Every way in which TradingView, or a server like it, can fail: one class per cause.

Each error knows three things a caller needs: the `FetchStatus` it means for a
symbol, whether trying again can help, and what a person should do next. Text
that came from a server is cleaned and secret-free before it gets in here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Self

from quant_lib.errors import QuantError


class FetchStatus(StrEnum):
    """What became of one symbol."""

    FETCHED = "fetched"
    """Bars arrived and the server said that the series is complete."""
    ALREADY_CURRENT = "already_current"
    """Nothing was asked for because the store has it. Set by ingestion, never by the client."""
    NO_DATA = "no_data"
    """The server knows the symbol and confirmed that it has no bars. Silence is never this."""
    TIMEOUT = "timeout"
    """Asked, and not answered in time, on every attempt."""
    RATE_LIMITED = "rate_limited"
    """The server wants fewer requests."""
    INVALID_SYMBOL = "invalid_symbol"
    """The server does not know the symbol."""
    PERMISSION_DENIED = "permission_denied"
    """The account may not see it."""
    ERROR = "error"
    """Any other cause; the error says which."""


class TradingViewError(QuantError):
    """Root of the client's errors.

    Attributes
    ----------
    status : FetchStatus
        What the error means for a symbol that was being fetched.
    retryable : bool
        Whether the same request may succeed later without any change.
    """

    status: ClassVar[FetchStatus] = FetchStatus.ERROR
    retryable: ClassVar[bool] = False

    def bare(self) -> Self:
        """Return the error without traceback and context: the frames inside the client have seen the login."""
        self.__traceback__ = self.__context__ = self.__cause__ = None
        return self


@dataclass(eq=False)
class InvalidRequestError(TradingViewError):
    """A request that makes no sense; nothing was sent."""

    what: str
    value: str
    reason: str

    def __str__(self) -> str:
        return f"{self.what} {self.value!r} cannot be requested: {self.reason}"


@dataclass(eq=False)
class UnknownSymbolError(TradingViewError):
    """The server does not know the symbol."""

    symbol: str
    detail: str

    status: ClassVar[FetchStatus] = FetchStatus.INVALID_SYMBOL

    def __str__(self) -> str:
        return (
            f"{self.symbol}: the server does not know this symbol ({self.detail}); "
            "check exchange and ticker, or drop it from the followed symbols if it was delisted"
        )


@dataclass(eq=False)
class PermissionDeniedError(TradingViewError):
    """The symbol exists, the account may not see it."""

    symbol: str
    detail: str

    status: ClassVar[FetchStatus] = FetchStatus.PERMISSION_DENIED

    def __str__(self) -> str:
        return (
            f"{self.symbol}: permission denied ({self.detail}); "
            "use an account whose plan includes it, or another exchange's listing"
        )


@dataclass(eq=False)
class UnsupportedResolutionError(TradingViewError):
    """The server has no bars of this length for this account."""

    symbol: str
    resolution: str
    detail: str

    def __str__(self) -> str:
        return f"{self.symbol}: resolution {self.resolution} is not served ({self.detail}); ask for 1D, 60 or 240"


@dataclass(eq=False)
class NoBarsError(TradingViewError):
    """The server completed the series and it was empty."""

    symbol: str
    resolution: str

    status: ClassVar[FetchStatus] = FetchStatus.NO_DATA

    def __str__(self) -> str:
        return (
            f"{self.symbol}: the server confirmed that it has no {self.resolution} bars; "
            "the listing may be newer than its first close, or the resolution needs a paid plan"
        )


@dataclass(eq=False)
class EmptyAnswerError(TradingViewError):
    """The server knows the symbol and has no value for any field asked."""

    symbol: str
    n_fields: int

    status: ClassVar[FetchStatus] = FetchStatus.NO_DATA
    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        return (
            f"{self.symbol}: all {self.n_fields} fields came back empty; "
            "run again later, and drop the symbol from the followed ones if it was delisted"
        )


@dataclass(eq=False)
class SymbolTimeoutError(TradingViewError):
    """One symbol was not answered while the socket was alive."""

    symbol: str
    seconds: float

    status: ClassVar[FetchStatus] = FetchStatus.TIMEOUT
    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        return (
            f"{self.symbol}: no complete answer within {self.seconds:g} s; "
            "run again (only unfinished symbols are fetched), or raise the symbol time-out"
        )


@dataclass(eq=False)
class ServerRefusedError(TradingViewError):
    """The server ended one series for a reason that has no class of its own."""

    symbol: str
    detail: str

    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"{self.symbol}: the server ended the series: {self.detail}; run again later"


@dataclass(eq=False)
class RateLimitedError(TradingViewError):
    """The server wants fewer requests: HTTP 429, or a session limit on the socket."""

    where: str
    retry_after: float | None
    detail: str = ""

    status: ClassVar[FetchStatus] = FetchStatus.RATE_LIMITED
    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        told = "" if self.retry_after is None else f", it asks to wait {self.retry_after:g} s"
        extra = f" ({self.detail})" if self.detail else ""
        return (
            f"rate limited by {self.where}{extra}{told}; "
            "wait, close other programs that use TradingView from this address, or lower the concurrency"
        )


@dataclass(eq=False)
class MarketOffError(TradingViewError):
    """The market was switched off on this machine: nothing was sent."""

    where: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where} is switched off ({self.reason}); nothing was sent; {self.fix}"

    @property
    def fix(self) -> str:
        """How to switch it on."""
        return f"to go on, {self.remedy}"


@dataclass(eq=False)
class LoginExpiredError(TradingViewError):
    """The session token is expired or not valid."""

    where: str
    detail: str

    status: ClassVar[FetchStatus] = FetchStatus.PERMISSION_DENIED

    def __str__(self) -> str:
        return (
            f"the login at {self.where} is expired or not valid ({self.detail}); set a fresh QUANT_TRADINGVIEW_TOKEN "
            "or QUANT_TRADINGVIEW_SESSIONID, or unset them for anonymous access"
        )


@dataclass(eq=False)
class InsecureTokenError(TradingViewError):
    """A secret would have left the machine unencrypted."""

    where: str

    def __str__(self) -> str:
        return f"refused to send the login to {self.where} without TLS; use a wss:// or https:// address, or unset it"


@dataclass(eq=False)
class LostSocketError(TradingViewError):
    """The chart socket was closed or broke before everything had arrived."""

    where: str
    code: int | None
    detail: str

    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        closed = "broke" if self.code is None else f"was closed with code {self.code}"
        return (
            f"the socket to {self.where} {closed} ({self.detail}); "
            "run again (only unfinished symbols are fetched), and check the connection if it repeats"
        )


@dataclass(eq=False)
class SilentSocketError(TradingViewError):
    """The socket lives, heartbeats may even flow, and no data comes."""

    where: str
    seconds: float
    heartbeats: int

    status: ClassVar[FetchStatus] = FetchStatus.TIMEOUT
    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        return (
            f"the socket to {self.where} stayed open and sent no data for {self.seconds:g} s "
            f"({self.heartbeats} heartbeats); run again, and renew the login if one is set: an expired one is silent"
        )


@dataclass(eq=False)
class MalformedDataError(TradingViewError):
    """What the server sent cannot be read. It is never guessed at."""

    where: str
    detail: str

    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        return (
            f"{self.where} sent data that cannot be read: {self.detail}; "
            "run again, and if it repeats check for a proxy in between or a changed protocol"
        )


@dataclass(eq=False)
class PagesDisagreeError(TradingViewError):
    """Two pages of one history overlap and tell the same closed bar differently; neither is taken."""

    symbol: str
    when: str

    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        return (
            f"{self.symbol}: two pages of its history disagree about the closed bar of {self.when}, so none of it is "
            "taken; run again, and if it repeats the vendor is rewriting this history: `quant refresh` later"
        )


@dataclass(eq=False)
class ProviderDownError(TradingViewError):
    """The server answers, and says it cannot serve: HTTP 5xx."""

    where: str
    http_status: int
    retry_after: float | None = None

    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"{self.where} is down (HTTP {self.http_status}); wait and run again"


@dataclass(eq=False)
class UnreachableError(TradingViewError):
    """No connection, or no answer to a request."""

    where: str
    detail: str

    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"{self.where} cannot be reached ({self.detail}); check the network and QUANT_MARKET_URL"


@dataclass(eq=False)
class UntrustedServerError(TradingViewError):
    """TLS verification failed. It cannot be turned off."""

    where: str
    detail: str

    def __str__(self) -> str:
        return (
            f"{self.where} did not prove who it is ({self.detail}); check the address, the clock and any "
            "intercepting proxy (its certificate authority must be in the system's trust store)"
        )


@dataclass(eq=False)
class RefusedError(TradingViewError):
    """The server does not let this client in: HTTP 401 or 403."""

    where: str
    http_status: int

    def __str__(self) -> str:
        return (
            f"{self.where} refused access (HTTP {self.http_status}); "
            "the address or the request's origin is blocked: try from another network, or check the login"
        )


@dataclass(eq=False)
class RedirectRefusedError(TradingViewError):
    """The server pointed elsewhere; redirects are not followed because they could leak the login."""

    where: str
    location: str

    def __str__(self) -> str:
        return f"{self.where} redirects to {self.location or 'nowhere'}; check QUANT_MARKET_URL"


@dataclass(eq=False)
class BadRequestError(TradingViewError):
    """The server says that the request is wrong; sending it again would not help."""

    where: str
    http_status: int | None
    detail: str

    def __str__(self) -> str:
        status = "" if self.http_status is None else f" (HTTP {self.http_status})"
        return f"{self.where} rejected the request{status}: {self.detail}; correct the scanner or the request"


@dataclass(eq=False)
class UnknownFieldError(BadRequestError):
    """A column, filter or sort field that this market does not have."""

    field: str = ""

    def __str__(self) -> str:
        return (
            f"{self.where} has no field {self.field!r}; correct the scanner's columns, filters or sort "
            "(timeframes are written RSI|240, earlier bars RSI[1])"
        )
