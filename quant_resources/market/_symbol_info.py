"""What `symbol_resolved` says about an instrument."""

from __future__ import annotations

from typing import Any

from quant_resources.market.instruments import Instrument


def currency_id(instrument: Instrument, code: str) -> str:
    """Return the vendor's id of a currency: coins are ``XTVC`` plus the code, money is the code itself."""
    is_coin = instrument.market == "crypto" and code not in ("USD", "EUR", "TRY", "IDR", "JPY", "GBP", "BRL")
    return f"XTVC{code}" if is_coin else code


def resolved_info(instrument: Instrument, *, has_volume: bool) -> dict[str, Any]:
    """Return the third parameter of `symbol_resolved`.

    Parameters
    ----------
    instrument : Instrument
        With its price grid filled in.
    has_volume : bool
        Whether its bars carry a volume.
    """
    return {
        **_names(instrument),
        **_session(instrument),
        **_grid(instrument),
        **_plot(has_volume=has_volume),
    }


def _names(instrument: Instrument) -> dict[str, Any]:
    display, venue = instrument.display_exchange, instrument.exchange
    names: dict[str, Any] = {
        "source2": {
            "country": "",
            "description": display,
            "exchange-type": "exchange",
            "id": venue,
            "name": display,
            "url": "",
        },
        "source_id": venue,
        "provider_id": venue.lower(),
        "exchange": display,
        "listed_exchange": venue,
        "exchange_listed_name": display,
        "name": instrument.name,
        "full_name": instrument.symbol,
        "pro_name": instrument.symbol,
        "base_name": [instrument.symbol],
        "legs": [instrument.symbol],
        "aliases": [],
        "alternatives": [],
        "description": instrument.description,
        "short_description": instrument.description,
        "type": instrument.type,
        "typespecs": list(instrument.typespecs),
        "currency_code": instrument.quote,
        "currency_id": currency_id(instrument, instrument.quote),
    }
    if instrument.market == "crypto":
        names["base_currency"] = instrument.base
        names["base_currency_id"] = currency_id(instrument, instrument.base)
    return names


def _session(instrument: Instrument) -> dict[str, Any]:
    regular = {
        "description": "Regular Trading Hours",
        "id": "regular",
        "private": False,
        "session": instrument.session,
        "session-display": instrument.session,
    }
    return {
        "timezone": instrument.timezone,
        "session": instrument.session,
        "session_display": instrument.session,
        "subsession_id": "regular",
        "subsessions": [regular],
        "has_intraday": False,
        "has_extended_hours": False,
        "resolutions": [],
    }


def _grid(instrument: Instrument) -> dict[str, Any]:
    return {
        "pricescale": instrument.pricescale,
        "minmov": instrument.minmov,
        "minmove2": 0,
        "fractional": False,
        "variable_tick_size": "",
        "pointvalue": 1.0,
        "has_adjustment": False,
        "allowed_adjustment": "none",
        "is_tradable": True,
        "is_replayable": False,
        "is-tickbars-available": False,
        "pro_perm": "",
    }


def _plot(*, has_volume: bool) -> dict[str, Any]:
    return {
        "format": "price",
        "formatter": "price",
        "measure": "price",
        "volume_type": "base",
        "visible_plots_set": "ohlcv" if has_volume else "ohlc",
        "bar_source": "trade",
        "bar_transform": "none",
        "bar_fillgaps": False,
    }
