"""The steps of one decision: universe, discovery, allocation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

import numpy as np
import pandas as pd

from quant_lib.calendars import CRYPTO, Calendar, Calendars, label_of, require_session, session_number_of
from quant_lib.contracts import (
    CANDIDATE_DROPS,
    CANDIDATE_FUNNEL,
    CANDIDATES,
    TableSpec,
)
from quant_lib.decision.rules import ReturnRules, SleeveRules
from quant_lib.returns import EligibleReturns, eligible_returns, returns_on
from quant_lib.selection import screen

_STATIC = ("symbol", "exchange", "asset_type", "base", "quote")


def stamp(frame: pd.DataFrame, spec: TableSpec, profile: str, date: dt.date) -> pd.DataFrame:
    """Complete rows of a decision table: profile and date added, typed, in declared order."""
    made = frame.assign(profile=profile, date=pd.Timestamp(date))
    return made.astype(spec.pandas_types())[list(spec.column_names)].reset_index(drop=True)


def universe_on(
    features: pd.DataFrame, instruments: pd.DataFrame, listed: Collection[str] | None = None
) -> pd.DataFrame:
    """Universe of a date: every symbol with a bar on it, delisted later or not.

    Parameters
    ----------
    features : DataFrame
        Rows of the ``features`` table of the date: a symbol without a bar that day has none.
    instruments : DataFrame
        Catalogue; only what does not change over time is read from it.
    listed : collection of str, optional
        Symbols a live scan returned; others are left to the funnel's first step as inactive.

    Returns
    -------
    DataFrame
        What `quant_lib.selection.screen` takes.
    """
    static = instruments[list(_STATIC)].drop_duplicates("symbol")
    universe = features.merge(static, on="symbol", how="inner", validate="one_to_one")
    universe["adx"] = universe["adx_14"]
    universe["active"] = True if listed is None else universe["symbol"].isin(set(listed))
    return universe


def discover(universe: pd.DataFrame, rules: SleeveRules, date: dt.date, mode: str) -> dict[str, pd.DataFrame]:
    """Run every scanner of a sleeve.

    Parameters
    ----------
    universe : DataFrame
        From `universe_on`.
    rules : SleeveRules
        The sleeve.
    date : datetime.date
        Decision date.
    mode : {"scanned", "reconstructed"}
        How membership is known.

    Returns
    -------
    dict of str to DataFrame
        Rows of ``candidates``, ``candidate_funnel`` and ``candidate_drops``. With
        several scanners, steps carry the scanner's name; a candidate two scanners
        propose under one logic is kept once, at its better rank.
    """
    parts: dict[str, list[pd.DataFrame]] = {spec.name: [] for spec in (CANDIDATES, CANDIDATE_FUNNEL, CANDIDATE_DROPS)}
    for scan in rules.scans:
        tables = screen(universe, scan.rules).tables(profile=rules.profile, date=date, logic=scan.logic, mode=mode)
        if len(rules.scans) > 1:
            _label(tables, scan.name, steps=sum(len(part) for part in parts[CANDIDATE_FUNNEL.name]))
        for name, table in tables.items():
            parts[name].append(table)
    made = {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}
    candidates = made[CANDIDATES.name].sort_values(["rank", "symbol"], kind="stable")
    made[CANDIDATES.name] = candidates.drop_duplicates(["symbol", "logic", "direction"]).reset_index(drop=True)
    return made


def _label(tables: dict[str, pd.DataFrame], scanner: str, *, steps: int) -> None:
    for name in (CANDIDATE_FUNNEL.name, CANDIDATE_DROPS.name):
        tables[name]["step"] = scanner + ": " + tables[name]["step"]
    tables[CANDIDATE_FUNNEL.name]["step_no"] += steps


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
