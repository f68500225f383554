"""Segments and bad prints of bars, as columns and tables: what the rest of the platform asks for."""

from __future__ import annotations

import numpy as np
import pandas as pd

from quant_lib.calendars import CRYPTO, Calendars, each_calendar
from quant_lib.health._rules import HealthRules
from quant_lib.health._segments import Series, find_series
from quant_lib.health._tape import BarTape, make_tape


def segment_bars(bars: pd.DataFrame, rules: HealthRules | None = None, calendar: Calendars = CRYPTO) -> pd.Series:
    """Give each bar the number of the return series it belongs to.

    A ticker is not an asset: a coin that is redenominated, or that dies and whose ticker is given
    to another one, continues the rows but not the returns. The number of a bar depends on bars
    up to it only, so appending bars never changes it (decision record 0005).

    Parameters
    ----------
    bars : DataFrame
        Columns symbol, date (session label), close (> 0), and open and volume where known: without
        them no split is found; any order; unique by (symbol, date).
    rules : HealthRules, optional
        Thresholds; the defaults where not given.
    calendar : Calendar or CalendarBook, default ``24x7``
        Calendar of every symbol in the frame, or of each.

    Returns
    -------
    Series of int64
        Segment number from 0 within each symbol, aligned to ``bars.index``.

    Raises
    ------
    BarsContractError
        Bars that break the contract of their table.
    """
    return label_bars(bars, rules, calendar)["segment"]


def label_bars(bars: pd.DataFrame, rules: HealthRules | None = None, calendar: Calendars = CRYPTO) -> pd.DataFrame:
    """Give each bar its segment and the date that showed it to be a bad print; both in one pass.

    Parameters
    ----------
    bars, rules, calendar
        As in `segment_bars`.

    Returns
    -------
    DataFrame
        Columns segment, as of `segment_bars`, and known_on, as of `quarantine_bars` (NaT where the bar is good),
        aligned to ``bars.index``.

    Raises
    ------
    BarsContractError
        Bars that break the contract of their table.
    """
    numbers = np.zeros(len(bars), dtype=np.int64)
    known_on = np.full(len(bars), np.datetime64("NaT", "us"))
    for own, part in each_calendar(bars.reset_index(drop=True), calendar):
        tape = make_tape(part, own)
        found = find_series(tape, rules or HealthRules())
        rows = part.index.to_numpy()
        numbers[rows] = tape.in_frame_order(found.segment)
        bad = np.flatnonzero(found.condemned)
        known_on[rows[bad if tape.order is None else tape.order[bad]]] = tape.date[found.known[bad]]
    return pd.DataFrame({"segment": numbers, "known_on": known_on}, index=bars.index)


def segment_starts(bars: pd.DataFrame, segments: pd.Series) -> pd.DataFrame:
    """List where each segment begins.

    Parameters
    ----------
    bars : DataFrame
        Columns symbol, date.
    segments : Series of int64
        What `segment_bars` gave for these bars, aligned to ``bars.index``.

    Returns
    -------
    DataFrame
        Columns symbol, segment, start (first bar of the segment), sorted by (symbol, segment).
        A start is known on its own date, so the rows up to a date are those known on it.
    """
    labelled = pd.DataFrame(
        {"symbol": bars["symbol"].to_numpy(), "segment": segments.to_numpy(), "start": bars["date"].to_numpy()}
    )
    grouped = labelled.groupby(["symbol", "segment"], sort=True)["start"].min().reset_index()
    return grouped.astype({"symbol": "str", "segment": "int64", "start": "datetime64[us]"})


def quarantine_bars(bars: pd.DataFrame, rules: HealthRules | None = None, calendar: Calendars = CRYPTO) -> pd.DataFrame:
    """List the bad prints: bars whose close no return may touch. The bars themselves stay stored.

    Parameters
    ----------
    bars : DataFrame
        Columns symbol, date (session label), close (> 0); any order; unique by (symbol, date).
    rules : HealthRules, optional
        Thresholds; the defaults where not given.
    calendar : Calendar or CalendarBook, default ``24x7``
        Calendar of every symbol in the frame, or of each.

    Returns
    -------
    DataFrame
        Columns symbol, date (the bad bar), known_on (date of the bar that showed it), jump (return
        that condemned it, fraction); sorted by (symbol, date). The rows with ``known_on <= D`` are
        what a decision dated D knew, and are the same whether or not later bars were passed.

    Raises
    ------
    BarsContractError
        Bars that break the contract of their table.
    """
    parts = []
    for own, part in each_calendar(bars, calendar):
        tape = make_tape(part, own)
        parts.append(quarantine_frame(tape, find_series(tape, rules or HealthRules())))
    return pd.concat(parts).sort_values(["symbol", "date"], kind="stable", ignore_index=True)


def quarantine_frame(tape: BarTape, series: Series) -> pd.DataFrame:
    """Condemned bars of a tape as `quarantine_bars` gives them."""
    at = np.flatnonzero(series.condemned)
    frame = pd.DataFrame(
        {
            "symbol": pd.Series(tape.symbols[tape.code[at]], dtype="str"),
            "date": tape.date[at],
            "known_on": tape.date[series.known[at]],
            "jump": series.jump[at],
        }
    )
    return frame.astype({"date": "datetime64[us]", "known_on": "datetime64[us]", "jump": "float64"})
