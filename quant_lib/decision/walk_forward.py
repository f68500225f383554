"""The sleeve's decision walked through history, point in time (semantics 9.1, 9.2; design 10.4)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd

from quant_lib.backtest import (
    Simulation,
    Window,
    performance_metrics,
    simulate,
    walk_forward_windows,
)
from quant_lib.calendars import CRYPTO, Calendar, Calendars, get_calendar, session_number_of
from quant_lib.decision.allocating import Allocated, Known, allocate_all
from quant_lib.decision.choice import Choice, choose
from quant_lib.decision.history import History
from quant_lib.decision.holding import carried, holdings
from quant_lib.decision.rules import SleeveRules
from quant_lib.errors import MissingDataError
from quant_lib.health import quarantine_bars

Choose: TypeAlias = Callable[[History, SleeveRules, Window], Choice]
ChooseAll: TypeAlias = Callable[[Choose, History, SleeveRules, Sequence[Window]], Iterable[Choice]]
"""How windows are run: one after the other, or spread over processes. Choices come back in the order of the windows."""

SIMULATOR = "reference"


@dataclass(frozen=True)
class WalkForward:
    """Rows of the ``backtest_*`` tables without profile and date, and the benchmark's returns."""

    windows: pd.DataFrame
    weights: pd.DataFrame
    returns: pd.DataFrame
    metrics: pd.DataFrame
    benchmark: pd.Series


@dataclass(frozen=True)
class Decision:
    """One window's decision.

    Attributes
    ----------
    window : Window
        When.
    row : dict
        Row of ``backtest_windows``.
    allocated : Allocated
        Every allocation.
    net_weights : dict of (str, str) to Series
        Signed physical weights by symbol, for each engine and risk profile.
    """

    window: Window
    row: dict[str, object]
    allocated: Allocated
    net_weights: dict[tuple[str, str], pd.Series]

    @classmethod
    def of(cls, choice: Choice, allocated: Allocated) -> Decision:
        """Choice and its allocations, with the weights a simulator takes."""
        weights = {
            (str(row.engine), str(row.risk_profile)): pd.Series(dtype="float64")
            for row in allocated.allocations.itertuples()
        }
        for key, rows in allocated.positions.groupby(["engine", "risk_profile"], sort=False):
            weights[(str(key[0]), str(key[1]))] = pd.Series(
                rows["net_weight"].to_numpy(dtype="float64"), index=rows["symbol"].to_numpy(dtype=object)
            )
        return cls(choice.window, choice.row, allocated, weights)


def one_by_one(choose: Choose, history: History, rules: SleeveRules, windows: Sequence[Window]) -> Iterable[Choice]:
    """Choose every window in this process."""
    return (choose(history, rules, window) for window in windows)


def walk_forward(
    history: History,
    rules: SleeveRules,
    on: dt.date,
    *,
    choose_all: ChooseAll = one_by_one,
    progress: Callable[[int, int], None] | None = None,
) -> WalkForward:
    """Walk a sleeve forward through history, up to a date.

    Parameters
    ----------
    history : History
        Everything stored up to the date.
    rules : SleeveRules
        The sleeve; ``rules.windows`` gives the lengths.
    on : datetime.date
        Decision date: nothing after it is used.
    choose_all : callable
        Runs the windows' choices; the result does not depend on how.
    progress : callable, optional
        Called with (windows done, windows in all).

    Returns
    -------
    WalkForward
        Stitched out-of-sample sessions, accounted by the reference simulator.

    Raises
    ------
    WindowSizeError
        If the history is shorter than one window.
    MissingDataError
        If the benchmark has no bars.
    """
    calendar = get_calendar(rules.calendar)
    sessions = _sessions(history.bars, on, rules, calendar)[-rules.windows.history :]
    windows = walk_forward_windows(
        sessions, train=rules.windows.train, test=rules.windows.test, step=rules.windows.step
    )
    first, last = windows[0].decided_on, windows[-1].test_end
    axis = sessions[(sessions >= first) & (sessions <= last)]
    held, breaks = holdings(history.bars, history.quarantined, axis, calendar)
    decisions: list[Decision] = []
    for choice in choose_all(choose, history, rules, windows):
        before = _held(decisions[-1] if decisions else None, history, rules, choice.window)
        known = Known(regime=choice.regime, benchmark=choice.benchmark, held=before)
        decisions.append(Decision.of(choice, allocate_all(choice.streams, choice.atoms, rules, known)))
        if progress is not None:
            progress(len(decisions), len(windows))
    benchmark = _benchmark(held, rules).loc[windows[0].test_start :]
    returns, metrics = [], []
    for request in rules.requests:
        key = (request.engine, request.risk_profile)
        targets = {d.window.decided_on: d.net_weights[key] for d in decisions}
        simulated = simulate(targets, held, breaks=breaks, costs=rules.costs, rules=rules.execution)
        label = {"engine": request.engine, "risk_profile": request.risk_profile}
        returns.append(_return_rows(simulated, windows, label))
        metrics.append(_metric_rows(simulated, benchmark, rules.ann, label))
    return WalkForward(
        pd.DataFrame([d.row for d in decisions]),
        pd.concat([_weight_rows(d) for d in decisions], ignore_index=True),
        pd.concat(returns, ignore_index=True),
        pd.concat(metrics, ignore_index=True),
        benchmark,
    )


def _held(
    last: Decision | None, history: History, rules: SleeveRules, window: Window
) -> dict[tuple[str, str], pd.Series] | None:
    """Books of the window before, carried to this one's decision; None where no request looks at what is held."""
    if last is None or not rules.trades_on_what_is_held:
        return None
    since, on = last.window.decided_on.date(), window.decided_on.date()
    return carried(last.net_weights, history.bars, history.quarantined, rules, since=since, on=on)


def _sessions(bars: pd.DataFrame, on: dt.date, rules: SleeveRules, calendar: Calendar) -> pd.DatetimeIndex:
    """Sessions of the sleeve's calendar on which anything has a bar, from the benchmark's first bar up to a date.

    A lakehouse may hold decades of other markets: before what the sleeve is measured against, there is nothing to walk.
    """
    own = bars.loc[bars["symbol"] == rules.benchmark, "date"]
    if own.empty:
        raise _no_benchmark(rules)
    sessions = pd.DatetimeIndex(bars["date"].unique()).sort_values()
    within = (sessions >= own.min()) & (sessions <= pd.Timestamp(on))
    return pd.DatetimeIndex(sessions[calendar.is_session(sessions.to_numpy()) & within])


def _no_benchmark(rules: SleeveRules) -> MissingDataError:
    return MissingDataError(
        f"the benchmark {rules.benchmark}",
        f"bars of sleeve {rules.profile}",
        "add it to `benchmarks` in configs/platform.yaml or name another benchmark, then run ingestion again",
    )


def benchmark_returns(
    bars: pd.DataFrame, sessions: pd.DatetimeIndex, rules: SleeveRules, calendars: Calendars = CRYPTO
) -> pd.Series:
    """Compute returns of holding the benchmark on some sessions; a session without a bar holds at the last price."""
    own = bars[bars["symbol"] == rules.benchmark]
    calendar = get_calendar(rules.calendar)
    before = np.array([session_number_of(calendar, sessions[0].date()) - 1], dtype=np.int64)
    axis = pd.DatetimeIndex([calendar.session_date(before)[0], *sessions])
    bad = quarantine_bars(own, rules.health, calendars)
    return _benchmark(holdings(own, bad, axis, calendar)[0], rules).loc[sessions[0] :]


def _benchmark(held: pd.DataFrame, rules: SleeveRules) -> pd.Series:
    if rules.benchmark not in held:
        raise _no_benchmark(rules)
    return held[rules.benchmark].fillna(0.0)


def _weight_rows(decision: Decision) -> pd.DataFrame:
    rows = decision.allocated.positions[["engine", "risk_profile", "symbol", "net_weight"]]
    return rows.assign(window=decision.window.index)


def _return_rows(simulated: Simulation, windows: list[Window], label: dict[str, str]) -> pd.DataFrame:
    daily = simulated.daily
    starts = pd.DatetimeIndex([window.test_start for window in windows])
    number = starts.searchsorted(daily.index, side="right") - 1
    return daily.rename_axis("bar_date").reset_index().assign(window=number, simulator=SIMULATOR, **label)


def _metric_rows(simulated: Simulation, benchmark: pd.Series, ann: float, label: dict[str, str]) -> pd.DataFrame:
    found = performance_metrics(simulated.daily["ret"], ann=ann, benchmark=benchmark, daily=simulated.daily)
    rows = [{"metric": m.name, "value": m.value, "unit": m.unit} for m in found]
    return pd.DataFrame(rows).astype({"value": "float64"}).assign(simulator=SIMULATOR, **label)
