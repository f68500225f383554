"""Reading the symbol a client names: plain text or ``=`` and JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class SymbolSpec:
    """What a client asks to resolve.

    Attributes
    ----------
    symbol : str
        ``EXCHANGE:TICKER`` or a bare ticker, as written.
    currency : str
        Currency to convert prices to; empty for none.
    constructed : str
        Kind of constructed bars (Heikin Ashi, Renko …); empty for plain bars.
    """

    symbol: str
    currency: str = ""
    constructed: str = ""


def parse_symbol_spec(text: str) -> SymbolSpec | None:
    """Read a symbol specification.

    Parameters
    ----------
    text : str
        ``BINANCE:BTCUSDT`` or ``={"symbol":"BINANCE:BTCUSDT",…}`` with any keys in
        any order; constructed bars nest a second object.

    Returns
    -------
    SymbolSpec or None
        None when no symbol can be read.
    """
    if not text.startswith("="):
        return SymbolSpec(text)
    try:
        outer: Any = orjson.loads(text[1:])
    except orjson.JSONDecodeError:
        return None
    if not isinstance(outer, dict):
        return None
    constructed = outer.get("type", "")
    inner = outer.get("symbol")
    if isinstance(inner, dict):
        outer, inner = inner, inner.get("symbol")
    else:
        constructed = ""
    if not isinstance(inner, str) or not isinstance(constructed, str):
        return None
    currency = outer.get("currency-id") or ""
    return SymbolSpec(inner, currency if isinstance(currency, str) else "", constructed)
