"""Which symbols lack bars, and how far back to ask for them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from quant_lib.calendars import Calendar, CalendarBook, label_of, session_number_of

OVERLAP_BARS = 5
"""Stored sessions asked for again, so that a provider rewriting history is noticed."""

NEW = "new"
"""Why a symbol without any bar is asked for."""

_SPARE_BARS = 2


@dataclass(frozen=True, slots=True)
class Want:
    """Bars one symbol lacks.

    Attributes
    ----------
    symbol : str
        Who.
    since : datetime.date
        Oldest session wanted.
    until : datetime.date
        Newest session expected: of the symbol's own calendar, at most its last one.
    n_bars : int
        Newest bars to ask for, counted back from the market's clock. In calendar days, so that bars on
        days the calendar does not know cannot push a wanted one out.
    why : str
        new, behind, or deeper (history is wanted from further back than ever asked).
    have : datetime.date, optional
        Newest stored session.
    """

    symbol: str
    since: dt.date
    until: dt.date
    n_bars: int
    why: str
    have: dt.date | None = None


@dataclass(frozen=True)
class Stored:
    """What is stored of each symbol up to a date.

    Attributes
    ----------
    newest : mapping of str to datetime.date
        Newest stored session.
    asked_from : mapping of str to datetime.date
        Oldest session that was ever asked for.
    """

    newest: Mapping[str, dt.date]
    asked_from: Mapping[str, dt.date]


def last_expected(calendar: Calendar, date: dt.date) -> dt.date:
    """Give the newest session at or before a date."""
    number = np.array([session_number_of(calendar, date)], dtype=np.int64)
    last: dt.date = calendar.session_date(number)[0].astype("datetime64[D]").item()
    return last


def plan_wants(
    stored: Stored,
    followed: Sequence[str],
    instruments: pd.DataFrame,
    calendars: CalendarBook,
    on: dt.date,
    clock: dt.datetime,
    start: dt.date,
) -> list[Want]:
    """List what is missing, by symbol.

    Parameters
    ----------
    stored : Stored
        What is there.
    followed : sequence of str
        Symbols to complete.
    instruments : DataFrame
        Catalogue of the date: listed_on bounds the depth, last_traded_on of symbols that no longer
        trade the newest session expected.
    calendars : CalendarBook
        Expected sessions.
    on : datetime.date
        Date to complete up to.
    clock : datetime.datetime
        The market's clock.
    start : datetime.date
        Oldest date wanted.

    Returns
    -------
    list of Want
        By symbol ascending; symbols already complete are left out.
    """
    listed = _dates(instruments, "listed_on")
    ended = _dates(instruments.loc[~instruments["active"]], "last_traded_on")
    wants = []
    for symbol in sorted(set(followed)):
        calendar = calendars.calendar(symbol)
        until = last_expected(calendar, min(on, ended.get(symbol, on)))
        since = max(start, listed.get(symbol, start))
        have = stored.newest.get(symbol)
        why = NEW
        if have is not None:
            deeper = stored.asked_from.get(symbol, since) > since
            if have >= until and not deeper:
                continue
            why = "deeper" if deeper else "behind"
            if not deeper:
                before = max(0, session_number_of(calendar, have) - OVERLAP_BARS)
                overlap = calendar.session_date(np.array([before], dtype=np.int64))[0]
                since = max(start, overlap.astype("datetime64[D]").item())
        n_bars = max(1, (clock.date() - since).days + _SPARE_BARS)
        wants.append(Want(symbol, since, until, n_bars, why, have))
    return wants


def _dates(instruments: pd.DataFrame, column: str) -> dict[str, dt.date]:
    known = instruments.loc[instruments[column].notna()]
    return dict(zip(known["symbol"], known[column].dt.date, strict=True))


def batches(wants: Sequence[Want], checkpoint_bars: int) -> Iterator[list[Want]]:
    """Cut a worklist into parts of about so many bars; each part is committed before the next is asked for."""
    part: list[Want] = []
    bars = 0
    for want in wants:
        if part and bars + want.n_bars > checkpoint_bars:
            yield part
            part, bars = [], 0
        part.append(want)
        bars += want.n_bars
    if part:
        yield part


def pending_rows(wants: Sequence[Want], on: dt.date) -> pd.DataFrame:
    """Give the worklist as rows of ohlcv_fetches still to be asked for."""
    return pd.DataFrame(
        {
            "date": pd.Series([label_of(on)] * len(wants), dtype="datetime64[us]"),
            "symbol": pd.Series([want.symbol for want in wants], dtype="str"),
            "status": "pending",
            "rows_added": 0,
            "rows_rejected": 0,
            "attempts": 0,
            "asked_from": pd.Series([label_of(want.since) for want in wants], dtype="datetime64[us]"),
            "history_truncated": False,
            "message": pd.Series([f"{want.why}: {want.n_bars} bars" for want in wants], dtype="str"),
        }
    )
