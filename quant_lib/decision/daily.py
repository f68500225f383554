"""Steps of one decision: rows of a date, eligible returns, the benchmark."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from quant_lib.calendars import CRYPTO, Calendar, Calendars, label_of, require_session, session_number_of
from quant_lib.contracts import TableSpec
from quant_lib.decision.rules import ReturnRules
from quant_lib.returns import EligibleReturns, eligible_returns, returns_on


def stamp(frame: pd.DataFrame, spec: TableSpec, profile: str, date: dt.date) -> pd.DataFrame:
    """Complete rows of a decision table: profile and date added, typed, in declared order."""
    made = frame.assign(profile=profile, date=pd.Timestamp(date))
    return made.astype(spec.pandas_types())[list(spec.column_names)].reset_index(drop=True)


def eligible_over(
    bars: pd.DataFrame,
    bad: pd.DataFrame,
    starts: pd.DataFrame,
    on: dt.date,
    rules: ReturnRules,
    calendars: Calendars = CRYPTO,
    target: Calendar = CRYPTO,
) -> EligibleReturns:
    """Eligible returns of some symbols over the lookback, from what was known on the date.

    Parameters
    ----------
    bars : DataFrame
        symbol, date, close, segment; at least the lookback and one session before it.
    bad : DataFrame
        Bad prints known on the date (`quant_lib.health.quarantine_bars`).
    starts : DataFrame
        Segments begun by the date (`quant_lib.health.segment_starts`).
    on : datetime.date
        Decision date, last session of the lookback.
    rules : ReturnRules
        Eligibility.
    calendars : Calendar or CalendarBook
        Calendar of every symbol, or of each.
    target : Calendar
        Calendar of the sleeve: its lookback counts these sessions.

    Returns
    -------
    EligibleReturns
        Matrix and drops.

    Raises
    ------
    NotASessionError
        The sleeve's calendar is closed on the date.
    """
    require_session(target, on, "a returns matrix")
    before = target.session_date(np.array([session_number_of(target, on) - rules.lookback], dtype=np.int64))
    window = bars[(bars["date"] <= label_of(on)) & (bars["date"] >= before[0])]
    return eligible_returns(
        returns_on(window, bad, calendars, target, on=on),
        on,
        lookback=rules.lookback,
        min_observed=rules.min_observed,
        max_internal_gap=rules.max_internal_gap,
        min_days=rules.min_days,
        segment_starts=starts,
        calendar=target,
    )


def benchmark_stream(
    bars: pd.DataFrame,
    bad: pd.DataFrame,
    on: dt.date,
    benchmark: str,
    calendars: Calendars = CRYPTO,
    target: Calendar = CRYPTO,
) -> pd.Series:
    """Compute the benchmark's returns that are known on a date, by session of the sleeve.

    Parameters
    ----------
    bars : DataFrame
        symbol, date, close, segment of the benchmark.
    bad : DataFrame
        Bad prints known on the date.
    on : datetime.date
        Decision date.
    benchmark : str
        Its symbol.
    calendars, target
        As in `eligible_over`.

    Returns
    -------
    Series
        Sessions without a return are left out; empty without bars.
    """
    if bars.empty:
        return pd.Series(dtype="float64")
    returns = returns_on(bars, bad, calendars, target, on=on)
    return returns[benchmark].dropna() if benchmark in returns else pd.Series(dtype="float64")
