"""The steps of one decision: universe, discovery, allocation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from quant_lib.allocation import Allocation, allocate
from quant_lib.calendars import CRYPTO, Calendar, Calendars, label_of, require_session, session_number_of
from quant_lib.clustering import cluster_returns
from quant_lib.contracts import (
    ALLOCATIONS,
    CANDIDATE_DROPS,
    CANDIDATE_FUNNEL,
    CANDIDATES,
    POSITIONS,
    WEIGHTS,
    TableSpec,
)
from quant_lib.decision.rules import ReturnRules, SleeveRules
from quant_lib.returns import EligibleReturns, eligible_returns, returns_on
from quant_lib.selection import screen
from quant_lib.synthesis import flatten

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


@dataclass(frozen=True)
class Allocated:
    """Every allocation of a decision, as table rows.

    Attributes
    ----------
    allocations, weights, positions : DataFrame
        Rows of the tables of the same name without profile and date.
    """

    allocations: pd.DataFrame
    weights: pd.DataFrame
    positions: pd.DataFrame


def gross_target(n_winners: int, min_winners: int) -> float:
    """Capital that is invested: all of it from the floor on, below it the share of seats taken; the rest is cash."""
    return 1.0 if n_winners >= min_winners or n_winners == 0 else n_winners / min_winners


def allocate_all(streams: pd.DataFrame, atoms: pd.DataFrame, rules: SleeveRules) -> Allocated:
    """Solve every engine and risk profile of a sleeve.

    Parameters
    ----------
    streams : DataFrame of shape (n_sessions, n_atoms)
        Synthetic long returns, complete.
    atoms : DataFrame
        Composition map; may be empty: then all capital is cash.
    rules : SleeveRules
        Requests, clusters, floor.

    Returns
    -------
    Allocated
        In the order of the requests.
    """
    clusters = _clusters(streams, rules)
    target = gross_target(len(atoms), rules.selection.min_winners)
    sparse = len(atoms) < rules.selection.min_winners
    summaries, weights, positions = [], [], []
    for request in rules.requests:
        solved = allocate(streams, clusters, replace(request, gross_target=target))
        flat = flatten(solved.weights, atoms)
        summaries.append(solved.summary(gross=flat.gross_after, net=flat.net, sparse=sparse))
        weights.append(solved.weights_frame())
        positions.append(_positions(solved, flat.positions))
    return Allocated(
        pd.DataFrame(summaries, columns=_columns(ALLOCATIONS)),
        pd.concat(weights, ignore_index=True)[_columns(WEIGHTS)],
        pd.concat(positions, ignore_index=True)[_columns(POSITIONS)],
    )


def _columns(spec: TableSpec) -> list[str]:
    return [name for name in spec.column_names if name not in ("profile", "date")]


def _positions(solved: Allocation, positions: pd.DataFrame) -> pd.DataFrame:
    return positions.assign(engine=solved.engine, risk_profile=solved.risk_profile)


def _clusters(streams: pd.DataFrame, rules: SleeveRules) -> pd.Series:
    if streams.shape[1] == 0:
        return pd.Series(dtype="int64", index=pd.Index([], dtype="str"))
    return cluster_returns(
        streams,
        lookbacks=rules.cluster_lookbacks,
        threshold=rules.cluster_threshold,
        max_clusters=rules.max_clusters,
    )
