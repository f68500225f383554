"""Binance's public REST as a second source: what it lists, and the grid, lots and limits it trades by."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from quant_resources.binance.client import BinanceClient, Discovery, Listings
    from quant_resources.binance.errors import (
        ExchangeAnswerError,
        ExchangeError,
        ExchangeLibraryMissingError,
        ExchangeRateLimitedError,
        ExchangeRefusedError,
        ExchangeUnreachableError,
    )
    from quant_resources.binance.resource import BinanceResource

__all__ = [
    "BinanceClient",
    "BinanceResource",
    "Discovery",
    "ExchangeAnswerError",
    "ExchangeError",
    "ExchangeLibraryMissingError",
    "ExchangeRateLimitedError",
    "ExchangeRefusedError",
    "ExchangeUnreachableError",
    "Listings",
]

_MODULE: Final = {"BinanceClient": "client", "Discovery": "client", "Listings": "client", "BinanceResource": "resource"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE.get(name, 'errors')}"), name)
