"""Chart sessions: symbols, series and their answers, strictly in the order asked.

Nothing here knows of sockets: `ChartDesk` takes parsed messages and hands texts to
a callback, so a conversation can be played in a test without a network.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from quant_resources.market._messages import block, plain, scale, timed
from quant_resources.market._resolution import Resolution, parse_resolution
from quant_resources.market._series import Series, Wanted, is_count, parse_range, parse_wanted
from quant_resources.market._symbol_info import resolved_info
from quant_resources.market._symbol_spec import SymbolSpec, parse_symbol_spec
from quant_resources.market._view import MarketView
from quant_resources.market.bars import Bars, bar_close
from quant_resources.market.errors import MarketError
from quant_resources.market.faults import FaultPlan
from quant_resources.market.instruments import Instrument

DEFAULT_WINDOW: Final = 20_000
_TICK_MARKS: Final = 10_000

Params = list[Any]
Send = Callable[[str], None]


class InvalidParametersError(MarketError):
    """A message whose parameters the vendor would refuse; answered with `critical_error`, never shown to a user."""


@dataclass(slots=True)
class _Resolved:
    """A symbol handle: the instrument, or why there is none."""

    instrument: Instrument | None
    constructed: str = ""


@dataclass(slots=True)
class _Session:
    symbols: dict[str, _Resolved] = field(default_factory=dict)
    series: dict[str, Series] = field(default_factory=dict)


class ChartDesk:
    """All chart sessions of one connection.

    Parameters
    ----------
    view : MarketView
        The market at its clock.
    faults : FaultPlan
        Symbols to treat badly.
    send : callable
        Takes the text of one message.
    window : int
        Most bars reachable per series, counted back from the newest.
    """

    def __init__(self, view: MarketView, faults: FaultPlan, send: Send, window: int = DEFAULT_WINDOW) -> None:
        self._view = view
        self._faults = faults
        self._send = send
        self._window = window
        self._sessions: dict[str, _Session] = {}
        self._nodes = itertools.count(1)
        self._held: list[str] = []
        self._methods: dict[str, Callable[[str, _Session, Params], None]] = {
            "switch_timezone": self._switch_timezone,
            "resolve_symbol": self._resolve_symbol,
            "create_series": self._create_series,
            "modify_series": self._modify_series,
            "remove_series": self._remove_series,
            "request_more_data": self._request_more_data,
            "request_more_tickmarks": self._request_more_tickmarks,
            "create_study": self._refuse_study,
            "modify_study": self._refuse_study,
            "remove_study": self._remove_study,
            "set_future_tickmarks_mode": self._ignore,
        }

    def handles(self, method: str) -> bool:
        """Tell whether `method` belongs to chart sessions."""
        return method in self._methods or method in ("chart_create_session", "chart_delete_session")

    def handle(self, method: str, params: Params) -> None:
        """Answer one message of a client."""
        name = params[0] if params else None
        if not isinstance(name, str):
            self._critical("", method, params)
        elif method == "chart_create_session":
            self._sessions[name] = _Session()
        elif method == "chart_delete_session":
            self._sessions.pop(name, None)
        elif name not in self._sessions:
            self._critical(name, method, params)
        else:
            try:
                self._methods[method](name, self._sessions[name], params[1:])
            except InvalidParametersError:
                self._critical(name, method, params)

    def release(self) -> None:
        """Send the resolutions that were held back for a request that usually follows them."""
        held, self._held = self._held, []
        for text in held:
            self._send(text)

    @property
    def holding(self) -> bool:
        """Whether `release` has something to send."""
        return bool(self._held)

    def roll(self) -> None:
        """Send what the clock has added to the series since: the closed bar and the one that opened."""
        now = self._view.now()
        for name, session in self._sessions.items():
            for sid, series in session.series.items():
                self._roll_series(name, sid, series, now)

    # ------------------------------------------------------------------ symbols

    def _switch_timezone(self, name: str, session: _Session, params: Params) -> None:
        """Accept a display zone that exists; bars are stamped in UTC whatever it is."""
        del session
        zone = _text(params, 0)
        if zone != "exchange":
            try:
                ZoneInfo(zone)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                details = f'method: switch_timezone. args: "[{zone}]"'
                self._timed("critical_error", [name, "invalid timezone", details])
                return

    def _resolve_symbol(self, name: str, session: _Session, params: Params) -> None:
        handle, text = _text(params, 0), _text(params, 1)
        spec = parse_symbol_spec(text)
        now = self._view.now()
        instrument, error = self._look_up(spec, now)
        session.symbols[handle] = _Resolved(instrument, spec.constructed if spec is not None else "")
        if instrument is None:
            self._held.append(timed("symbol_error", [name, handle, *error], now))
            return
        volume = self._view.bars(instrument.symbol, now).volume
        info = resolved_info(instrument, has_volume=not bool(np.isnan(volume).all()))
        self._held.append(timed("symbol_resolved", [name, handle, info], now))

    def _look_up(self, spec: SymbolSpec | None, now: float) -> tuple[Instrument | None, list[str]]:
        if spec is None:
            return None, ["invalid symbol"]
        instrument = self._view.find(spec.symbol, now)
        if instrument is None or self._faults.is_missing(instrument.symbol):
            return None, ["invalid symbol"]
        converted = spec.currency and spec.currency.upper() not in (instrument.quote, f"XTVC{instrument.quote}")
        if converted or self._faults.is_denied(instrument.symbol):
            return None, ["permission denied", "group", "loopback_paid"]
        return instrument, []

    # ------------------------------------------------------------------- series

    def _create_series(self, name: str, session: _Session, params: Params) -> None:
        if not 5 <= len(params) <= 6:
            raise InvalidParametersError
        sid, label, handle = (_text(params, place) for place in range(3))
        resolution = parse_resolution(params[3])
        wanted = parse_wanted(params[4], params[5] if len(params) > 5 else "", self._view.now())
        if resolution is None or wanted is None or sid in session.series:
            raise InvalidParametersError
        series = self._open(name, session, (sid, label, handle), resolution, wanted)
        if series is None:
            return
        session.series[sid] = series
        span = series.start()
        self._timeframe(name, sid, series, done=False)
        self._history(name, sid, series, span)
        self._complete(name, sid, series)

    def _modify_series(self, name: str, session: _Session, params: Params) -> None:
        if not 5 <= len(params) <= 6:
            raise InvalidParametersError
        sid, label, handle = (_text(params, place) for place in range(3))
        resolution, old = parse_resolution(params[3]), session.series.get(sid)
        if resolution is None or old is None:
            raise InvalidParametersError
        wanted = self._modified(params[4], params[5] if len(params) > 5 else "", old)
        series = self._open(name, session, (sid, label, handle), resolution, wanted)
        if series is None:
            return
        same = (series.instrument.symbol, series.resolution) == (old.instrument.symbol, old.resolution)
        if same:
            old.label, old.handle, old.bars = label, handle, series.bars
            series, spans = old, old.extend(wanted)
        else:
            series.node = old.node
            session.series[sid] = series
            spans = [series.start()]
        self._timeframe(name, sid, series, done=False)
        for span in spans:
            self._history(name, sid, series, span)
        self._complete(name, sid, series)

    def _modified(self, count: Any, span: Any, old: Series) -> Wanted:
        now = self._view.now()
        if count == "" and span in ("", None):
            return old.wanted
        wanted = parse_range(count, now) if isinstance(count, str) and count else parse_wanted(count, span, now)
        if wanted is None:
            raise InvalidParametersError
        return wanted

    def _open(
        self, name: str, session: _Session, names: tuple[str, str, str], resolution: Resolution, wanted: Wanted
    ) -> Series | None:
        """Announce loading and return the series with its bars, or answer with the error and return None."""
        sid, label, handle = names
        resolved = session.symbols.get(handle)
        if resolved is None:
            raise InvalidParametersError
        instrument = resolved.instrument
        if instrument is not None and self._faults.is_silent(instrument.symbol):
            self.release()
            return None
        self._timed("series_loading", [name, sid, label])
        self.release()
        node = f"loop1-series-{next(self._nodes)}"
        reason = _refusal(resolved, resolution)
        if reason or instrument is None or resolution.served is None:
            self._timed("series_error", [name, sid, label, reason, node])
            return None
        bars, cut = self._reachable(instrument.symbol, resolution.served)
        return Series(label, handle, instrument, resolution.text, resolution.served, bars, cut, node, wanted)

    def _reachable(self, symbol: str, resolution: str) -> tuple[Bars, bool]:
        if self._faults.is_empty(symbol):
            return Bars.empty(), False
        bars = self._view.as_found(symbol, self._view.now(), resolution)
        hidden = max(0, len(bars) - self._window)
        return bars.slice(hidden, len(bars)), hidden > 0

    def _remove_series(self, name: str, session: _Session, params: Params) -> None:
        del name
        session.series.pop(_text(params, 0), None)

    def _request_more_data(self, name: str, session: _Session, params: Params) -> None:
        series = session.series.get(_text(params, 0))
        if series is None or len(params) != 2 or not is_count(params[1]):
            raise InvalidParametersError
        if self._faults.is_silent(series.instrument.symbol):
            return
        self._timed("series_loading", [name, params[0], series.label])
        self._history(name, params[0], series, series.older(int(params[1])))
        self._complete(name, params[0], series)

    def _request_more_tickmarks(self, name: str, session: _Session, params: Params) -> None:
        series = session.series.get(_text(params, 0))
        if series is None or len(params) != 2 or not is_count(params[1]) or params[1] > _TICK_MARKS:
            raise InvalidParametersError
        if len(series.bars) == 0:
            return
        time, start = [], int(series.bars.time[-1])
        for _ in range(int(params[1])):
            start = bar_close(start, series.resolution)
            time.append(start)
        first = len(series.bars) - series.origin
        future = scale(np.array(time, dtype=np.int64), int(series.bars.time[-1]), first, series.origin - series.first)
        self._timed("timescale_update", [name, {}, future])

    def _history(self, name: str, sid: str, series: Series, span: tuple[int, int]) -> None:
        """Send a span of bars in one message; an empty span sends nothing."""
        first, stop = span
        if first >= stop:
            return
        bars = series.bars.slice(first, stop)
        before = int(series.bars.time[first - 1]) if first > 0 else None
        index = first - series.origin
        data = block(bars, index, series.label, series.resolution, int(series.bars.time[-1]), series.node)
        axis = scale(bars.time, before, index, series.origin - series.first)
        self._timed("timescale_update", [name, {sid: data}, axis])

    def _timeframe(self, name: str, sid: str, series: Series, *, done: bool) -> None:
        if not series.wanted.text:
            return
        first, stop = series.wanted.positions(series.bars)
        span = [first - series.origin, max(first, stop - 1) - series.origin]
        self._send(plain("series_timeframe", [name, sid, series.label, *span, series.wanted.text, done]))

    def _complete(self, name: str, sid: str, series: Series) -> None:
        self._timeframe(name, sid, series, done=True)
        status: dict[str, Any] = {"rt_update_period": 0}
        if series.exhausted is not None:
            status["data_completed"] = series.exhausted
        mode = "streaming" if series.instrument.session == "24x7" else "endofday"
        self._timed("series_completed", [name, sid, mode, series.label, status])

    def _roll_series(self, name: str, sid: str, series: Series, now: float) -> None:
        sent_to_end = series.stop == len(series.bars) > 0
        bars, cut = self._reachable(series.instrument.symbol, series.resolution)
        if not sent_to_end or len(bars) == 0 or (bars.time[-1] == series.bars.time[-1]):
            return
        last = int(np.searchsorted(bars.time, series.bars.time[-1]))
        # Positions are kept relative to the newest old bar, so that a window that moved on shifts them.
        shift = last - (len(series.bars) - 1)
        index = len(series.bars) - 1 - series.origin
        update = block(bars.slice(last, len(bars)), index, series.label, series.resolution, int(bars.time[-1]), None)
        series.bars, series.cut = bars, cut
        series.origin += shift
        series.first = max(0, series.first + shift)
        series.stop = len(bars)
        del now
        self._send(plain("du", [name, {sid: update}]))

    # ------------------------------------------------------------------ the rest

    def _refuse_study(self, name: str, session: _Session, params: Params) -> None:
        del session
        study, label = _text(params, 0), _text(params, 1)
        self._timed("study_error", [name, study, label, "study_not_auth: this market serves bars only"])

    def _remove_study(self, name: str, session: _Session, params: Params) -> None:
        del session
        self._timed("study_deleted", [name, _text(params, 0), ""])

    def _ignore(self, name: str, session: _Session, params: Params) -> None:
        """Accept a wish that changes nothing here."""

    def _critical(self, name: str, method: str, params: Params) -> None:
        arguments = ", ".join(item if isinstance(item, str) else str(item) for item in params[1:])
        self.release()
        self._timed("critical_error", [name, "invalid parameters", f'method: {method}. args: "[{arguments}]"'])

    def _timed(self, method: str, params: Params) -> None:
        self._send(timed(method, params, self._view.now()))


def _refusal(resolved: _Resolved, resolution: Resolution) -> str:
    """Return the vendor's reason for giving no data; empty when there is none."""
    if resolved.instrument is None:
        return "resolve error"
    if resolved.constructed:
        return f"study_not_auth:{resolved.constructed}"
    if resolution.served is None:
        return resolution.refusal or f"unsupported resolution: {resolved.instrument.symbol}, {resolution.text}"
    return ""


def _text(params: Params, place: int) -> str:
    if place >= len(params) or not isinstance(params[place], str):
        raise InvalidParametersError
    value: str = params[place]
    return value
