"""The screener: a table of every listed symbol at the clock, and the queries over it."""

from __future__ import annotations

from quant_resources.market.screener._errors import ScanRefusedError
from quant_resources.market.screener._names import MARKETS, known_bases, parse_column
from quant_resources.market.screener._scan import ScanRequest, read_request, scan
from quant_resources.market.screener._snapshot import Snapshot

__all__ = [
    "MARKETS",
    "ScanRefusedError",
    "ScanRequest",
    "Snapshot",
    "known_bases",
    "parse_column",
    "read_request",
    "scan",
]
