"""The market regime a decision knows (semantics 7.1, 7.5)."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from quant_lib.calendars import CalendarBook, Calendars, get_calendar
from quant_lib.decision.history import History
from quant_lib.decision.rules import SleeveRules
from quant_lib.health import quarantine_bars, segment_bars
from quant_lib.regime import ProxyRules, RegimeReading, detect_regime, proxy_members, proxy_returns, unknown_reading

_MARGIN = pd.Timedelta(days=90)
"""Holidays, and the bars that weight the first members of a universe."""


def market_proxy(rules: SleeveRules) -> ProxyRules:
    """Give what stands for the market: as declared, otherwise the sleeve's benchmark."""
    return rules.proxy or ProxyRules("symbol", rules.benchmark)


def market_regime(
    bars: pd.DataFrame, bad: pd.DataFrame, on: dt.date, rules: SleeveRules, calendars: Calendars
) -> RegimeReading:
    """Measure the regime of a date.

    Parameters
    ----------
    bars : DataFrame
        symbol, date, close, volume, segment of the proxy's members.
    bad : DataFrame
        Bad prints with the date they became known.
    on : datetime.date
        Decision date; nothing after it is read.
    rules : SleeveRules
        The sleeve.
    calendars : Calendar or CalendarBook
        Calendar of every symbol, or of each.

    Returns
    -------
    RegimeReading
        Unknown, with the reason, where the history is short or the proxy has no
        return on the date.

    Raises
    ------
    MissingDataError
        The proxy has no bar at all.
    """
    market = proxy_returns(bars, bad, on, market_proxy(rules), calendars, get_calendar(rules.calendar))
    if market.empty or market.index[-1] != pd.Timestamp(on):
        last = market.index[-1].date() if len(market) else "none"
        return unknown_reading(market, f"the market proxy has no return on {on}, its last is {last}")
    return detect_regime(market, rules.regime)


def regime_from(bars: pd.DataFrame, on: dt.date, rules: SleeveRules, calendars: Calendars) -> RegimeReading:
    """Measure the regime of a date from stored bars: symbol, date, open, close, volume; as `market_regime`."""
    ordered = bars.sort_values(["symbol", "date"], kind="stable", ignore_index=True)
    ordered = ordered.assign(segment=segment_bars(ordered, rules.health, calendars))
    return market_regime(ordered, quarantine_bars(ordered, rules.health, calendars), on, rules, calendars)


def regime_on(history: History, rules: SleeveRules, day: pd.Timestamp) -> RegimeReading:
    """Measure the regime a decision of a past day knew; parameters and errors as in `market_regime`.

    Unknown, with the reason, before the first bar of a proxy that has bars later.
    """
    reach = pd.Timedelta(days=int(rules.regime.span * 366.0 / rules.ann) + 1) + _MARGIN
    members = proxy_members(history.instruments, market_proxy(rules))
    bars = history.bars_between(day - reach, day)
    bars = bars[bars["symbol"].isin(members)]
    if bars.empty and history.bars["symbol"].isin(members).any():
        return unknown_reading(pd.Series(dtype="float64"), f"the market proxy has no bar yet on {day.date()}")
    return market_regime(bars, history.bad_prints(day), day.date(), rules, CalendarBook.of(history.instruments))
