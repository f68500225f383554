"""Returns of assets that trade on different days, on the sessions they share (semantics 4.3)."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from quant_lib.calendars import Calendar, Calendars, each_calendar
from quant_lib.returns._simple import compound_to_calendar, simple_returns


def returns_on(
    bars: pd.DataFrame,
    quarantined: pd.DataFrame | None,
    calendars: Calendars,
    target: Calendar,
    *,
    on: dt.date | None = None,
) -> pd.DataFrame:
    """Compute every asset's returns on its own calendar, and bring them to one.

    Nothing is padded: a session on which an asset has no return is NaN. A coin held from Friday's
    session to Monday's earns Saturday, Sunday and Monday, whatever the exchange beside it does.

    Parameters
    ----------
    bars : DataFrame
        Columns symbol, date, close, segment; see `simple_returns`.
    quarantined : DataFrame, optional
        Bars no return may touch, see `simple_returns`.
    calendars : Calendar or CalendarBook
        Calendar of every symbol, or of each.
    target : Calendar
        Calendar of the result: `CalendarBook.common` of the symbols, or a coarser one.
    on : datetime.date, optional
        Leave out what was not known on this date.

    Returns
    -------
    DataFrame of shape (n_sessions, n_symbols)
        Returns as fractions. Index ``date``: the target's sessions from the first bar to the last.
        Columns ``symbol`` in ascending order.

    Raises
    ------
    ReturnsContractError, BarsContractError
        As `simple_returns`.
    """
    parts = []
    for own, part in each_calendar(bars, calendars):
        wide = simple_returns(part, quarantined, own, on=on)
        parts.append(wide if own.name == target.name else compound_to_calendar(wide, own, target))
    if len(parts) == 1:
        return parts[0]
    joined = pd.concat(parts, axis="columns", sort=True)
    joined.index = pd.DatetimeIndex(joined.index, name="date").as_unit("us")
    return joined.sort_index(axis="columns").rename_axis(columns="symbol")
