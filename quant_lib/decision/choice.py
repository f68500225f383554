"""One window's choice: which atoms, from rows known at the close of its last train session (semantics 9.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from quant_lib.backtest import Window
from quant_lib.calendars import CRYPTO, get_calendar
from quant_lib.decision.daily import benchmark_stream, eligible_over
from quant_lib.decision.discovery import health_steps, merged_candidates, propose, universe_on
from quant_lib.decision.history import History
from quant_lib.decision.market import regime_on
from quant_lib.decision.rules import SleeveRules
from quant_lib.features.registry import FEATURES_TABLE
from quant_lib.health import assess_health
from quant_lib.regime import Regime, decision_columns
from quant_lib.selection import SelectionResult, screened_features, select, selection_features
from quant_lib.synthesis import make_atoms, synthetic_returns

HEALTH_SESSIONS = 420
"""History a verdict on bars looks at; longer than every window of the health rules."""
_BEFORE = pd.Timedelta(days=15)
"""Reaches back over the longest time any exchange was closed."""


@dataclass(frozen=True)
class Choice:
    """What one window holds, before capital is divided.

    Attributes
    ----------
    window : Window
        Train and test sessions.
    atoms : DataFrame
        Composition map of the recruited candidates; empty where nobody was.
    streams : DataFrame of shape (n_sessions, n_atoms)
        Their synthetic long returns over the train window, complete.
    benchmark : Series
        Returns of the sleeve's benchmark over the train window, as far as they were known.
    row : dict
        Row of ``backtest_windows`` without profile and date.
    regime : Regime
        Market regime known on the decision date.
    """

    window: Window
    atoms: pd.DataFrame
    streams: pd.DataFrame
    benchmark: pd.Series
    row: dict[str, object]
    regime: Regime


def choose(history: History, rules: SleeveRules, window: Window) -> Choice:
    """Choose as on the last train session, from rows known at its close and nothing else.

    Windows do not depend on one another, so they may be chosen in any order and in several processes.

    Parameters
    ----------
    history : History
        May reach further than the window; every view of it ends on the decision date.
    rules : SleeveRules
        The sleeve.
    window : Window
        Train and test sessions.

    Returns
    -------
    Choice
        Atoms, their streams and the window's row.
    """
    day = window.decided_on
    regime = regime_on(history, rules, day).regime
    selected, matrix = select_on(history, rules, day, window.train_start, regime)
    atoms = make_atoms(selected.table)
    row: dict[str, object] = {
        "window": window.index,
        "train_start": window.train_start,
        "decided_on": day,
        "test_start": window.test_start,
        "test_end": window.test_end,
        "n_known": len(history.features_on(day)),
        "n_candidates": len(selected.table),
        "n_vetoed": int(selected.table["vetoes"].ne("").sum()),
        "n_selected": len(atoms),
        "stage": selected.stage if len(atoms) else 0,
        "sparse": selected.sparse,
        "universe": "reconstructed",
        **decision_columns(regime),
    }
    benchmark = _benchmark(history, window, rules)
    return Choice(window, atoms, synthetic_returns(matrix, atoms), benchmark, row, regime)


def select_on(
    history: History, rules: SleeveRules, day: pd.Timestamp, since: pd.Timestamp, regime: Regime | None = None
) -> tuple[SelectionResult, pd.DataFrame]:
    """Discover and select on a day, from rows known at its close.

    Parameters
    ----------
    history : History
        May reach further than the day; every view of it ends there.
    rules : SleeveRules
        The sleeve.
    day : Timestamp
        Decision date.
    since : Timestamp
        First session of the returns that clusters and eligibility are judged on.
    regime : Regime, optional
        The market's, of the day; needed where the sleeve selects by fit to it.

    Returns
    -------
    SelectionResult
        The verdict on every candidate.
    DataFrame
        Eligible returns of the candidates from ``since`` to the day.
    """
    today = history.features_on(day)
    proposed = merged_candidates(propose(universe_on(today, history.instruments), rules.scans))
    candidates = proposed[~proposed["repeated"]].drop(columns=["repeated", "scanner"])
    recent = history.bars_between(min(day - _days(HEALTH_SESSIONS, rules), since - _BEFORE), day)
    recent = recent[recent["symbol"].isin(set(candidates["symbol"]))]
    health = assess_health(recent, day.date(), rules.health, history.calendars, since=day.date()).health
    candidates = candidates[health_steps(candidates, health).eq("")]
    matrix = _train_returns(recent[recent["symbol"].isin(set(candidates["symbol"]))], history, day, since, rules)
    selected = select(
        candidates,
        today,
        health,
        _as_of(history.instruments, day),
        matrix,
        rules.selection,
        trail=history.features_between(day - pd.Timedelta(days=rules.selection.trailing_days), day),
        regime=regime,
    )
    return selected, matrix


def features_read(rules: SleeveRules) -> tuple[str, ...]:
    """Columns of ``features`` that a sleeve's decisions read, in the order of the table.

    A walk through history holds these alone. What the selection misses is an error; what the screens do not look
    at plays no part in them.
    """
    read = screened_features() | selection_features(rules.selection)
    return tuple(name for name in FEATURES_TABLE.column_names if name in read)


def _benchmark(history: History, window: Window, rules: SleeveRules) -> pd.Series:
    day = window.decided_on
    bars = history.bars_between(window.train_start - _BEFORE, day)
    own = bars[bars["symbol"] == rules.benchmark]
    target = get_calendar(rules.calendar)
    known = benchmark_stream(own, history.bad_prints(day), day.date(), rules.benchmark, history.calendars, target)
    return known.loc[window.train_start :]


def _days(sessions: int, rules: SleeveRules) -> pd.Timedelta:
    """Days that hold so many sessions of the sleeve's calendar."""
    return pd.Timedelta(days=sessions if rules.calendar == CRYPTO.name else int(sessions * 1.5))


def _as_of(instruments: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    return instruments.assign(date=day)


def _train_returns(
    bars: pd.DataFrame, history: History, day: pd.Timestamp, since: pd.Timestamp, rules: SleeveRules
) -> pd.DataFrame:
    """Eligible returns of the candidates over the train window."""
    target = get_calendar(rules.calendar)
    length = target.count(since.date(), day.date())
    limits = replace(rules.returns, lookback=length, min_days=min(rules.returns.min_days, length))
    bad, starts = history.bad_prints(day), history.segment_starts(day)
    return eligible_over(bars, bad, starts, day.date(), limits, history.calendars, target).matrix
