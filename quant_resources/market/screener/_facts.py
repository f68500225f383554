"""Columns that do not change from bar to bar: what an instrument is called, is, and is counted in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from quant_resources.market._symbol_info import currency_id
from quant_resources.market.instruments import Instrument
from quant_resources.market.screener._column import Column, Kind, numbers, objects


def _view_of(instrument: Instrument) -> dict[str, Any]:
    return {
        "name": instrument.name,
        "exchange": instrument.exchange,
        "description": instrument.description,
        "type": instrument.type,
        "typespecs": list(instrument.typespecs),
        "currency": instrument.quote,
        "pricescale": instrument.pricescale,
        "minmov": instrument.minmov,
        "minmove2": 0,
        "fractional": "false",
        "update_mode": _update_mode(instrument),
        "provider_id": instrument.exchange.lower(),
    }


def _update_mode(instrument: Instrument) -> str:
    return "streaming" if instrument.session == "24x7" else "endofday"


def _is_primary(instrument: Instrument) -> bool | None:
    """Return True for a listing of its own; a pair's primary venue is not known here."""
    return True if instrument.type in ("stock", "fund") else None


_FACTS: Final[dict[str, tuple[Kind, Callable[[Instrument], Any]]]] = {
    "name": ("text", lambda one: one.name),
    "symbol": ("text", lambda one: one.symbol),
    "description": ("text", lambda one: one.description),
    "exchange": ("text", lambda one: one.exchange),
    "provider-id": ("text", lambda one: one.exchange.lower()),
    "type": ("text", lambda one: one.type),
    "subtype": ("text", lambda one: one.typespecs[0] if one.typespecs else ""),
    "typespecs": ("set", lambda one: one.typespecs),
    "currency": ("text", lambda one: one.quote),
    "currency_id": ("text", lambda one: currency_id(one, one.quote)),
    "base_currency": ("text", lambda one: one.base),
    "base_currency_id": ("text", lambda one: currency_id(one, one.base)),
    "market": ("text", lambda one: one.market),
    "centralization": ("text", lambda one: "cex" if one.market == "crypto" else None),
    "sector": ("text", lambda one: one.sector),
    "is_primary": ("bool", _is_primary),
    "update_mode": ("text", _update_mode),
    "fractional": ("text", lambda one: "false"),
    "ticker-view": ("object", _view_of),
    "pricescale": ("int", lambda one: one.pricescale),
    "minmov": ("int", lambda one: one.minmov),
    "minmove2": ("int", lambda one: 0),
}


def fact(base: str, instruments: list[Instrument], *, translated: bool) -> Column | None:
    """Return a column of facts, or None when `base` is none.

    Parameters
    ----------
    base : str
        Column name without suffixes.
    instruments : list of Instrument
        One per row.
    translated : bool
        Whether the label for people is wanted (``exchange.tr``).
    """
    if base == "exchange" and translated:
        return objects("text", [one.display_exchange for one in instruments])
    known = _FACTS.get(base)
    if known is None:
        return None
    kind, read = known
    values = [read(one) for one in instruments]
    if kind in ("number", "int"):
        return numbers(values, whole=kind == "int")
    return objects(kind, values)  # type: ignore[arg-type]  # narrowed by the branch above
