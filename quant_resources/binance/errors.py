"""Every way in which an exchange can fail to answer, each with what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from quant_lib.errors import QuantError


class ExchangeError(QuantError):
    """Root of the errors of an exchange.

    Attributes
    ----------
    retryable : bool
        Whether the same request may succeed later without any change.
    """

    retryable: ClassVar[bool] = False


@dataclass(eq=False)
class ExchangeLibraryMissingError(ExchangeError):
    """The library that speaks to exchanges is not installed."""

    exchange: str

    def __str__(self) -> str:
        return f"{self.exchange} was to be asked and the library ccxt is not installed; {self.fix}"

    @property
    def fix(self) -> str:
        """How to install it, or do without."""
        return "install it with: pip install 'quant-assets[exchanges]', or unset QUANT_BINANCE_URL to do without"


@dataclass(eq=False)
class ExchangeUnreachableError(ExchangeError):
    """No connection, no answer in time, or an answer that says the exchange cannot serve."""

    exchange: str
    where: str
    detail: str

    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        return (
            f"{self.exchange} at {self.where} cannot be reached ({self.detail}); check the network and "
            "QUANT_BINANCE_URL, or unset it to do without the exchange"
        )


@dataclass(eq=False)
class ExchangeRateLimitedError(ExchangeError):
    """The exchange wants fewer requests, or has banned this address for a while: HTTP 429 or 418."""

    exchange: str
    where: str
    banned: bool

    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        word = "has banned this address for a while" if self.banned else "wants fewer requests"
        return f"{self.exchange} at {self.where} {word}; wait some minutes before the next run"


@dataclass(eq=False)
class ExchangeRefusedError(ExchangeError):
    """The exchange does not serve this address: HTTP 401, 403 or 451."""

    exchange: str
    where: str
    detail: str

    def __str__(self) -> str:
        return (
            f"{self.exchange} at {self.where} refuses this address ({self.detail}); it does not serve every country: "
            "unset QUANT_BINANCE_URL to do without"
        )


@dataclass(eq=False)
class ExchangeAnswerError(ExchangeError):
    """An answer that cannot be read."""

    exchange: str
    where: str
    detail: str

    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        return (
            f"{self.exchange} at {self.where} sent an answer that cannot be read ({self.detail}); "
            "run again, and check for a proxy in between if it repeats"
        )
