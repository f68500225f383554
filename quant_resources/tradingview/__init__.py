"""A client for TradingView's screener and chart socket, and for servers that speak the same protocol.

Importing this package is cheap: what needs aiohttp or websockets is loaded when
it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from quant_resources.tradingview.client import TradingViewClient
    from quant_resources.tradingview.errors import (
        BadRequestError,
        EmptyAnswerError,
        FetchStatus,
        InsecureTokenError,
        InvalidRequestError,
        LoginExpiredError,
        LostSocketError,
        MalformedDataError,
        MarketOffError,
        NoBarsError,
        PagesDisagreeError,
        PermissionDeniedError,
        ProviderDownError,
        RateLimitedError,
        RedirectRefusedError,
        RefusedError,
        ServerRefusedError,
        SilentSocketError,
        SymbolTimeoutError,
        TradingViewError,
        UnknownFieldError,
        UnknownSymbolError,
        UnreachableError,
        UnsupportedResolutionError,
        UntrustedServerError,
    )
    from quant_resources.tradingview.models import (
        BarRequest,
        BarResult,
        Endpoints,
        FactsResult,
        Filter,
        Limits,
        Runtime,
        ScanRequest,
        ScanResult,
    )
    from quant_resources.tradingview.resource import TradingViewResource

__all__ = [
    "BadRequestError",
    "BarRequest",
    "BarResult",
    "EmptyAnswerError",
    "Endpoints",
    "FactsResult",
    "FetchStatus",
    "Filter",
    "InsecureTokenError",
    "InvalidRequestError",
    "Limits",
    "LoginExpiredError",
    "LostSocketError",
    "MalformedDataError",
    "MarketOffError",
    "NoBarsError",
    "PagesDisagreeError",
    "PermissionDeniedError",
    "ProviderDownError",
    "RateLimitedError",
    "RedirectRefusedError",
    "RefusedError",
    "Runtime",
    "ScanRequest",
    "ScanResult",
    "ServerRefusedError",
    "SilentSocketError",
    "SymbolTimeoutError",
    "TradingViewClient",
    "TradingViewError",
    "TradingViewResource",
    "UnknownFieldError",
    "UnknownSymbolError",
    "UnreachableError",
    "UnsupportedResolutionError",
    "UntrustedServerError",
]

_MODELS: Final = frozenset(
    ("BarRequest", "BarResult", "Endpoints", "FactsResult", "Filter", "Limits", "Runtime", "ScanRequest", "ScanResult")
)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "TradingViewClient":
        module = "client"
    elif name == "TradingViewResource":
        module = "resource"
    else:
        module = "models" if name in _MODELS else "errors"
    return getattr(import_module(f"{__name__}.{module}"), name)
