"""The screener's table at one moment: columns made when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from quant_resources.market._view import MarketView
from quant_resources.market.bars import FloatArray, closed_count
from quant_resources.market.clock import DAY
from quant_resources.market.screener._column import Column, nothing, numbers, objects
from quant_resources.market.screener._facts import fact
from quant_resources.market.screener._indicators import RATINGS, indicator, ratings
from quant_resources.market.screener._names import DAILY, SERVED_TIMEFRAMES, ColumnName
from quant_resources.market.screener._panel import Panel
from quant_resources.market.screener._statistics import rows_of_bar, value_of_history

ACTIVE_DAYS: Final = 7
"""A symbol whose newest bar opened longer ago than this is no longer active."""

_PRICES: Final = ("open", "high", "low", "close")


class Snapshot:
    """Every listed instrument at one clock, and its columns.

    Ratings, indicators and everything else that needs more than a price come from
    closed bars. The price columns are those of the newest bar: of a day that is
    still running only the open is known, so there they equal the open.

    Parameters
    ----------
    view : MarketView
        The market.
    now : float
        The clock, Unix seconds UTC.

    Attributes
    ----------
    instruments : list of Instrument
        Rows, by symbol ascending; delisted symbols included.
    """

    def __init__(self, view: MarketView, now: float) -> None:
        self.now = now
        self.instruments = view.listed(now)
        self._known = [view.bars(one.symbol, now) for one in self.instruments]
        self._closed = [bars.slice(0, closed_count(bars, now)) for bars in self._known]
        self._panels: dict[str, Panel] = {}
        self._ratings: dict[str, dict[str, FloatArray]] = {}
        self._rows: dict[tuple[str, str], FloatArray | None] = {}
        self._columns: dict[tuple[ColumnName, bool], Column] = {}

    @property
    def today(self) -> int:
        """Day number of the clock since 1970."""
        return int(self.now // DAY)

    def column(self, name: ColumnName, *, translated: bool = False) -> Column:
        """Return a column; null everywhere when it is known to the vendor and not to us.

        Parameters
        ----------
        name : ColumnName
            As `parse_column` gave it.
        translated : bool
            Whether the label for people is wanted.
        """
        key = (name, translated)
        if key not in self._columns:
            self._columns[key] = self._make(name, translated=translated)
        return self._columns[key]

    def _make(self, name: ColumnName, *, translated: bool) -> Column:
        known = fact(name.base, self.instruments, translated=translated)
        if known is not None:
            return known
        special = _SPECIAL.get(name.base)
        if special is not None:
            made: Column = special(self, name)
            return made
        if name.base.startswith("24h_"):
            # These are daily facts whatever the suffix.
            name = ColumnName(name.base, name.back, DAILY)
        if name.timeframe not in SERVED_TIMEFRAMES:
            return nothing(len(self.instruments))
        if name.base in _PRICES or name.base in _MOVES:
            return numbers(self._price(name))
        rows = self._indicator_rows(name)
        if rows is not None:
            return numbers(self._panel(name.timeframe).last(rows, name.back), whole=name.base.startswith("Rec."))
        value = value_of_history(name.base, self._panel(DAILY)) if name.back == 0 else None
        return nothing(len(self.instruments)) if value is None else numbers(value)

    def _panel(self, timeframe: str) -> Panel:
        if timeframe not in self._panels:
            self._panels[timeframe] = Panel(self._closed, timeframe)
        return self._panels[timeframe]

    def _current(self, timeframe: str) -> Panel:
        """Return the bars whose newest may be running."""
        key = f"{timeframe} running"
        if key not in self._panels:
            self._panels[key] = Panel(self._known, timeframe)
        return self._panels[key]

    def _indicator_rows(self, name: ColumnName) -> FloatArray | None:
        panel, key = self._panel(name.timeframe), (name.base, name.timeframe)
        if name.base in RATINGS:
            if name.timeframe not in self._ratings:
                self._ratings[name.timeframe] = ratings(panel)
            return self._ratings[name.timeframe][name.base]
        if key not in self._rows:
            maker = indicator(name.base)
            self._rows[key] = rows_of_bar(name.base, panel) if maker is None else maker(panel)
        return self._rows[key]

    def _price(self, name: ColumnName) -> FloatArray:
        """Return a price, or what follows from the prices of the newest bar and the one before."""
        panel = self._current(name.timeframe)
        if name.base in _PRICES:
            return panel.last(getattr(panel, name.base), name.back)
        opened, close = panel.last(panel.open, name.back), panel.last(panel.close, name.back)
        return _MOVES[name.base](opened, close, panel.last(panel.close, name.back + 1))

    def _time(self, name: ColumnName) -> Column:
        if name.timeframe not in SERVED_TIMEFRAMES:
            return nothing(len(self.instruments))
        panel = self._current(name.timeframe)
        return numbers(panel.last(panel.time.astype(np.float64), name.back), whole=True)

    def _first_bar_time(self, name: ColumnName) -> Column:
        del name
        return numbers([bars.time[0] for bars in self._known], whole=True)

    def _bars_count(self, name: ColumnName) -> Column:
        if name.timeframe not in SERVED_TIMEFRAMES:
            return nothing(len(self.instruments))
        return numbers(self._current(name.timeframe).lengths, whole=True)

    def _active(self, name: ColumnName) -> Column:
        del name
        return objects("bool", [bool(self.now - bars.time[-1] <= ACTIVE_DAYS * DAY) for bars in self._known])

    def _label(self, name: ColumnName) -> Column:
        from quant_lib.indicators.ratings import label

        rating = self.column(ColumnName("Recommend.All")).values
        del name
        return objects("text", [None if value != value else label(float(value)) for value in rating])


def _percent(part: FloatArray, whole: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return 100.0 * (part / whole - 1.0)


_MOVES: Final[dict[str, Callable[[FloatArray, FloatArray, FloatArray], FloatArray]]] = {
    "change": lambda opened, close, before: _percent(close, before),
    "change_abs": lambda opened, close, before: close - before,
    "change_from_open": lambda opened, close, before: _percent(close, opened),
    "change_from_open_abs": lambda opened, close, before: close - opened,
    "gap": lambda opened, close, before: _percent(opened, before),
}

_SPECIAL: Final[dict[str, Callable[[Snapshot, ColumnName], Any]]] = {
    "time": Snapshot._time,
    "first_bar_time": Snapshot._first_bar_time,
    "bars_count": Snapshot._bars_count,
    "active_symbol": Snapshot._active,
    "TechRating_1D": Snapshot._label,
}
