"""Quote sessions: the newest price and the facts of each symbol asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from quant_resources.market._messages import number, plain
from quant_resources.market._symbol_info import currency_id
from quant_resources.market._symbol_spec import parse_symbol_spec
from quant_resources.market._view import MarketView
from quant_resources.market.bars import Bars
from quant_resources.market.clock import DAY
from quant_resources.market.faults import FaultPlan
from quant_resources.market.instruments import Instrument

Params = list[Any]


@dataclass(slots=True)
class _Session:
    fields: tuple[str, ...] = ()
    names: dict[str, dict[str, Any]] = field(default_factory=dict)


class QuoteDesk:
    """All quote sessions of one connection.

    Parameters
    ----------
    view : MarketView
        The market at its clock.
    faults : FaultPlan
        Symbols to treat badly.
    send : callable
        Takes the texts that travel in one WebSocket message.
    """

    def __init__(self, view: MarketView, faults: FaultPlan, send: Callable[..., None]) -> None:
        self._view = view
        self._faults = faults
        self._send = send
        self._sessions: dict[str, _Session] = {}

    def handles(self, method: str) -> bool:
        """Tell whether `method` belongs to quote sessions."""
        return method.startswith("quote_")

    def handle(self, method: str, params: Params) -> None:
        """Answer one message of a client."""
        name = params[0] if params else None
        if not isinstance(name, str):
            self._send(plain("critical_error", ["", "invalid_parameters", method]))
        elif method == "quote_create_session":
            self._sessions[name] = _Session()
        elif method == "quote_delete_session":
            self._sessions.pop(name, None)
        elif name not in self._sessions:
            self._send(plain("critical_error", [name, "invalid_parameters", method]))
        else:
            self._in_session(method, name, self._sessions[name], params[1:])

    def roll(self) -> None:
        """Send what the clock has changed, as deltas."""
        now = self._view.now()
        for name, session in self._sessions.items():
            for asked, sent in session.names.items():
                instrument = self._find(asked, now)
                if instrument is None:
                    continue
                fresh = self._values(instrument, session, now)
                delta = {key: value for key, value in fresh.items() if sent.get(key) != value}
                if delta.keys() - {"lp_time"}:
                    session.names[asked] = fresh
                    self._send(plain("qsd", [name, {"n": asked, "s": "ok", "v": delta}]))

    def _in_session(self, method: str, name: str, session: _Session, params: Params) -> None:
        names = [item for item in params if isinstance(item, str)]
        if method == "quote_set_fields":
            session.fields = tuple(names)
        elif method == "quote_add_symbols":
            if len(names) < len(params):
                # Clients that still send a flags object are told off and served all the same.
                self._send(plain("critical_error", [name, "invalid_parameters", "quote_add_symbols"]))
            for asked in names:
                self._add(name, session, asked)
        elif method == "quote_remove_symbols":
            for asked in names:
                session.names.pop(asked, None)

    def _add(self, name: str, session: _Session, asked: str) -> None:
        now = self._view.now()
        instrument = self._find(asked, now)
        if instrument is None or self._faults.is_denied(instrument.symbol):
            reason = "no_such_symbol" if instrument is None else "permission denied"
            data: dict[str, Any] = {"n": asked, "s": "error", "errmsg": reason, "v": {}}
        elif self._faults.is_silent(instrument.symbol):
            return
        else:
            values = self._values(instrument, session, now)
            session.names[asked] = values
            data = {"n": asked, "s": "ok", "v": values}
        self._send(plain("qsd", [name, data]), plain("quote_completed", [name, asked]))

    def _find(self, asked: str, now: float) -> Instrument | None:
        spec = parse_symbol_spec(asked)
        instrument = None if spec is None else self._view.find(spec.symbol, now)
        return None if instrument is None or self._faults.is_missing(instrument.symbol) else instrument

    def _values(self, instrument: Instrument, session: _Session, now: float) -> dict[str, Any]:
        values = quote_values(instrument, self._view.bars(instrument.symbol, now), now)
        if not session.fields:
            return {"trade_loaded": True, "metrics_loaded": False, **values}
        return {key: values[key] for key in sorted(set(session.fields) & values.keys(), reverse=True)}


def quote_values(instrument: Instrument, bars: Bars, now: float) -> dict[str, Any]:
    """Return every quote field a daily source knows.

    Parameters
    ----------
    instrument : Instrument
        The symbol.
    bars : Bars
        Its daily bars known at `now`, at least one.
    now : float
        The market's clock, Unix seconds.
    """
    last = int(bars.time[-1])
    price = float(bars.close[-1])
    before = float(bars.close[-2]) if len(bars) > 1 else float("nan")
    active = last + DAY >= now - DAY
    change = price - before
    return {
        "lp": price,
        "lp_time": int(min(now, last + DAY)),
        "ch": number(round(change, 10)),
        "chp": number(round(100.0 * change / before, 2)) if before else None,
        "prev_close_price": number(before),
        "open_price": float(bars.open[-1]),
        "high_price": float(bars.high[-1]),
        "low_price": float(bars.low[-1]),
        "volume": number(float(bars.volume[-1])),
        "open_time": last,
        "current_session": "market" if active else "out_of_session",
        "status": "ok",
        "update_mode": "streaming" if instrument.session == "24x7" else "endofday",
        "rtc": None,
        **_facts(instrument),
    }


def _facts(instrument: Instrument) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "currency_code": instrument.quote,
        "currency_id": currency_id(instrument, instrument.quote),
        "short_name": instrument.name,
        "pro_name": instrument.symbol,
        "original_name": instrument.symbol,
        "exchange": instrument.display_exchange,
        "listed_exchange": instrument.exchange,
        "description": instrument.description,
        "type": instrument.type,
        "typespecs": list(instrument.typespecs),
        "pricescale": instrument.pricescale,
        "minmov": instrument.minmov,
        "minmove2": 0,
        "fractional": False,
        "format": "price",
        "is_tradable": True,
        "variable_tick_size": "",
        "timezone": instrument.timezone,
        "provider_id": instrument.exchange.lower(),
        "measure": "price",
    }
    if instrument.market == "crypto":
        facts["base_currency_id"] = currency_id(instrument, instrument.base)
    return facts
