"""What is held before a decision trades: the last decision's book, carried to this one's close."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

import pandas as pd

from quant_lib.backtest import holding_returns, simulate
from quant_lib.calendars import Calendar, get_calendar
from quant_lib.decision.rules import SleeveRules

_BEFORE = pd.Timedelta(days=30)
"""Reaches back to the last good close of anything that is still held."""

Key = TypeVar("Key")


def holdings(
    bars: pd.DataFrame, bad: pd.DataFrame, sessions: pd.DatetimeIndex, calendar: Calendar
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compute holding returns between the sleeve's sessions: what trades on other days too is held over them.

    Parameters
    ----------
    bars : DataFrame
        symbol, date, close, segment; more columns are ignored.
    bad : DataFrame
        symbol and date of the bars nobody may trade on.
    sessions : DatetimeIndex
        Sessions to report.
    calendar : Calendar
        Of the sleeve.

    Returns
    -------
    returns, breaks : DataFrame of shape (n_sessions, n_symbols)
        As `quant_lib.backtest.holding_returns`.
    """
    bars = bars[calendar.is_session(bars["date"].to_numpy())]
    bars = bars.sort_values(["symbol", "date"], kind="stable")
    marked = bars.merge(bad[["symbol", "date"]].assign(quarantined=True), on=["symbol", "date"], how="left")
    marked["quarantined"] = marked["quarantined"].eq(True)
    return holding_returns(marked[["symbol", "date", "close", "segment", "quarantined"]], sessions)


def carried(
    books: Mapping[Key, pd.Series],
    bars: pd.DataFrame,
    bad: pd.DataFrame,
    rules: SleeveRules,
    *,
    since: dt.date,
    on: dt.date,
) -> dict[Key, pd.Series]:
    """Carry books from the close they were decided at to another, by the reference accounting at no cost.

    What drifts, drifts as the simulation has it; a position whose series ended or
    that has had no price for too long is no longer held.

    Parameters
    ----------
    books : mapping to Series
        Signed weights by symbol, fractions of capital; the rest is cash.
    bars : DataFrame
        symbol, date, close, segment of what the books hold, from a month before
        ``since``; bars after ``on`` are not looked at.
    bad : DataFrame
        symbol, date, known_on of bad prints; only those known on ``on`` count.
    rules : SleeveRules
        Calendar, and how long a position without a price is held.
    since, on : datetime.date
        Date of the books, and the close they are carried to.

    Returns
    -------
    dict to Series
        Signed weights by symbol.
    """
    first, last = pd.Timestamp(since), pd.Timestamp(on)
    held = {str(symbol) for weights in books.values() for symbol in weights.index}
    calendar = get_calendar(rules.calendar)
    sessions = calendar.sessions((first + pd.Timedelta(days=1)).date(), on)
    if not held or sessions.empty:
        return dict(books)
    own = bars[bars["symbol"].isin(held) & bars["date"].between(first - _BEFORE, last)]
    returns, breaks = holdings(own, bad[bad["known_on"] <= last], sessions, calendar)
    return {
        key: _close_of(weights, first, returns, breaks, rules) if len(weights) else weights
        for key, weights in books.items()
    }


def _close_of(
    weights: pd.Series, since: pd.Timestamp, returns: pd.DataFrame, breaks: pd.DataFrame, rules: SleeveRules
) -> pd.Series:
    """Weights at the last close, nothing traded but what has to be."""
    own = returns.reindex(columns=weights.index)
    broken = breaks.reindex(columns=weights.index, fill_value=False)
    free = replace(rules.execution, exit_penalty=0.0)
    return simulate({since: weights}, own, breaks=broken, rules=free).weights.iloc[-1]
