"""The embedded market: a loopback server that speaks TradingView's protocols.

Importing this package is cheap; the server, the sources and their libraries load
with the first name that needs them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quant_resources.market.bars import Bars
    from quant_resources.market.clock import Clock, parse_clock
    from quant_resources.market.errors import MarketError
    from quant_resources.market.faults import Faults
    from quant_resources.market.instruments import Instrument
    from quant_resources.market.parquet import ParquetSource
    from quant_resources.market.server import MarketServer, ServerOptions, serve_forever
    from quant_resources.market.source_text import parse_source
    from quant_resources.market.sources import MarketSource
    from quant_resources.market.synthetic import SyntheticSource

_HOME = {
    "Bars": "bars",
    "Clock": "clock",
    "Faults": "faults",
    "Instrument": "instruments",
    "MarketError": "errors",
    "MarketServer": "server",
    "MarketSource": "sources",
    "ParquetSource": "parquet",
    "ServerOptions": "server",
    "SyntheticSource": "synthetic",
    "parse_clock": "clock",
    "parse_source": "source_text",
    "serve_forever": "server",
}

__all__ = [
    "Bars",
    "Clock",
    "Faults",
    "Instrument",
    "MarketError",
    "MarketServer",
    "MarketSource",
    "ParquetSource",
    "ServerOptions",
    "SyntheticSource",
    "parse_clock",
    "parse_source",
    "serve_forever",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
