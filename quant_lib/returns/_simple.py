"""Simple returns of every symbol as one wide frame, and their change of calendar."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from quant_lib.calendars import CRYPTO, BoolArray, Calendar, DateArray, label_of
from quant_lib.errors import QuantError
from quant_lib.health._tape import BarTape, FloatArray, make_tape, upto


@dataclass(eq=False)
class ReturnsContractError(QuantError):
    """Returns, or what they are made from, that break their contract."""

    problem: str
    where: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.problem} ({self.where}); {self.remedy}"

    @property
    def fix(self) -> str:
        """What makes the input acceptable."""
        return self.remedy


def simple_returns(
    bars: pd.DataFrame,
    quarantined: pd.DataFrame | None = None,
    calendar: Calendar = CRYPTO,
    *,
    on: dt.date | None = None,
) -> pd.DataFrame:
    """Compute ``close / previous close - 1`` on the asset's own calendar (semantics 0.5).

    A return exists only from one session to the next of one segment, between two good bars. Nothing
    is filled: a missing session leaves two missing returns, its own and the next one's.

    Parameters
    ----------
    bars : DataFrame
        Columns symbol, date (session label), close (> 0), segment (what `segment_bars` gave); any
        order; unique by (symbol, date).
    quarantined : DataFrame, optional
        Columns symbol, date of bars that no return may touch (what `quarantine_bars` gave). With a
        column known_on and `on` given, only those known on that date count.
    calendar : Calendar, default ``24x7``
        Calendar of every symbol in the frame.
    on : datetime.date, optional
        Leave out bars, and knowledge of bad bars, after this date.

    Returns
    -------
    DataFrame of shape (n_sessions, n_symbols)
        Daily returns as fractions. Index ``date``: every session from the first bar to the last,
        also those without any bar. Columns ``symbol`` in ascending order. NaN where no return is.

    Raises
    ------
    BarsContractError
        Bars that break the contract of their table.
    ReturnsContractError
        No column segment: without it two assets of one ticker would be stitched.
    """
    if "segment" not in bars.columns:
        raise ReturnsContractError(
            "bars without their segments give returns between different assets",
            f"columns are {', '.join(map(str, bars.columns))}",
            "add the column segment from segment_bars",
        )
    known = bars if on is None else upto(bars, on)
    tape = make_tape(known, calendar)
    if not len(tape):
        return _wide(np.empty((0, 0)), np.empty(0, dtype="datetime64[us]"), np.empty(0, dtype=object))
    segment = tape.column(known, "segment")
    bad = _bad_bars(tape, quarantined, on)
    usable = ~tape.first & (tape.missing == 0) & ~bad
    usable[1:] &= (segment[1:] == segment[:-1]) & ~bad[:-1]
    begin = int(tape.session.min())
    values = np.full((int(tape.session.max()) - begin + 1, len(tape.symbols)), np.nan)
    values[tape.session[usable] - begin, tape.code[usable]] = tape.ratio[usable] - 1.0
    sessions = calendar.session_date(np.arange(begin, begin + len(values), dtype=np.int64))
    return _wide(values, sessions, tape.symbols)


def _wide(
    values: FloatArray, sessions: DateArray, symbols: np.ndarray[tuple[int], np.dtype[np.object_]]
) -> pd.DataFrame:
    index = pd.DatetimeIndex(sessions, name="date").as_unit("us")
    return pd.DataFrame(values, index=index, columns=pd.Index(symbols, dtype="str", name="symbol"))


def _bad_bars(tape: BarTape, quarantined: pd.DataFrame | None, on: dt.date | None) -> BoolArray:
    """Tell which bars of the tape are quarantined, shape (n,)."""
    bad = np.zeros(len(tape), dtype=np.bool_)
    if quarantined is None or quarantined.empty:
        return bad
    if on is not None and "known_on" in quarantined.columns:
        quarantined = quarantined.loc[quarantined["known_on"] <= label_of(on)]
    keys = pd.MultiIndex.from_arrays([quarantined["symbol"], quarantined["date"].astype("datetime64[us]")])
    suspect = np.flatnonzero(np.isin(tape.symbols[tape.code], quarantined["symbol"].unique()))
    mine = pd.MultiIndex.from_arrays([tape.symbols[tape.code[suspect]], tape.date[suspect]])
    bad[suspect] = mine.isin(keys)
    return bad


def compound_to_calendar(wide: pd.DataFrame, own: Calendar, target: Calendar) -> pd.DataFrame:
    """Compound returns over the days another calendar is closed (semantics 4.3, mixed universes).

    A coin held from Friday's session to Monday's earns Saturday, Sunday and Monday; leaving the
    weekend out would drop two days of return, and filling the other market's weekend with 0 would
    pad it.

    Parameters
    ----------
    wide : DataFrame of shape (n_sessions, n_symbols)
        Daily returns on calendar `own`, a row for each of its sessions, as `simple_returns` gives.
    own, target : Calendar
        Calendar of the returns, and calendar to bring them to.

    Returns
    -------
    DataFrame of shape (n_target_sessions, n_symbols)
        Return from each target session to the next. NaN where any day between has none, or
        where the frame begins between two target sessions.

    Raises
    ------
    ReturnsContractError
        `wide` has no row for some of its sessions.
    """
    days: DateArray = wide.index.to_numpy().astype("datetime64[us]")
    if not len(days):
        return wide.copy()
    if bool((np.diff(own.session_number(days)) != 1).any()) or not bool(own.is_session(days).all()):
        raise ReturnsContractError(
            f"returns do not have one row for each session of calendar {own.name}",
            f"{days[0].astype('datetime64[D]')} to {days[-1].astype('datetime64[D]')}",
            "pass the frame as simple_returns gave it",
        )
    number = target.session_number(days) + ~target.is_session(days)
    bounds = np.flatnonzero(np.diff(number, prepend=number[0] - 1))
    values = np.multiply.reduceat(1.0 + wide.to_numpy(dtype=np.float64), bounds, axis=0) - 1.0
    earlier = own.session_number(target.session_date(number[:1] - 1))
    if int(own.session_number(days[:1])[0]) != int(earlier[0]) + 1:
        values[0] = np.nan
    sessions = target.session_date(number[bounds])
    reached = sessions <= days[-1]
    return pd.DataFrame(values[reached], index=pd.DatetimeIndex(sessions[reached], name="date"), columns=wide.columns)
