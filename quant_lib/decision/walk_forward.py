"""The sleeve's decision walked through history, point in time (semantics 9.1, 9.2; design 10.4)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace

import pandas as pd

from quant_lib.backtest import (
    Simulation,
    Window,
    holding_returns,
    performance_metrics,
    simulate,
    walk_forward_windows,
)
from quant_lib.contracts import CANDIDATES
from quant_lib.decision.daily import Allocated, allocate_all, discover, eligible_over, universe_on
from quant_lib.decision.rules import SleeveRules
from quant_lib.errors import MissingDataError
from quant_lib.health import HealthRules, assess_health, quarantine_bars, segment_starts
from quant_lib.selection import select
from quant_lib.synthesis import make_atoms, synthetic_returns

HEALTH_HISTORY = pd.Timedelta(days=420)
"""History a verdict on bars looks at; longer than every window of the health rules."""

SIMULATOR = "reference"


@dataclass(frozen=True)
class History:
    """What was stored up to a date, served day by day. Make it with `History.of`.

    A decision asks for rows *as of* its day and is handed nothing later: rows are
    kept in order of their date, and a day's view ends where that day ends.

    Attributes
    ----------
    bars, features : DataFrame
        Sorted by (date, symbol).
    instruments : DataFrame
        Catalogue rows of the newest date: only what does not change over time is read.
    quarantined, starts : DataFrame
        Bad prints with the date they became known, and where segments begin.
    """

    bars: pd.DataFrame
    features: pd.DataFrame
    instruments: pd.DataFrame
    quarantined: pd.DataFrame
    starts: pd.DataFrame

    @classmethod
    def of(cls, bars: pd.DataFrame, features: pd.DataFrame, instruments: pd.DataFrame, rules: HealthRules) -> History:
        """Order the rows and find, once, what quarantines and separates them.

        Both findings carry the date they became known and do not change when later
        bars are added, so that a day's view can be cut from them.

        Parameters
        ----------
        bars : DataFrame
            symbol, date, open, high, low, close, volume, segment.
        features, instruments : DataFrame
            Rows of the tables of the same name.
        rules : HealthRules
            What quarantines a bar.
        """
        return cls(
            bars.sort_values(["date", "symbol"], ignore_index=True),
            features.sort_values(["date", "symbol"], ignore_index=True),
            instruments,
            quarantine_bars(bars, rules),
            segment_starts(bars, bars["segment"]),
        )

    def bars_between(self, since: pd.Timestamp, day: pd.Timestamp) -> pd.DataFrame:
        """Bars of the sessions from ``since`` to ``day``."""
        return _between(self.bars, since, day)

    def features_on(self, day: pd.Timestamp) -> pd.DataFrame:
        """Feature rows of one day."""
        return _between(self.features, day, day)

    def bad_prints(self, day: pd.Timestamp) -> pd.DataFrame:
        """Quarantined bars known on a day."""
        return self.quarantined[self.quarantined["known_on"] <= day]

    def segment_starts(self, day: pd.Timestamp) -> pd.DataFrame:
        """Segments that had begun on a day."""
        return self.starts[self.starts["start"] <= day]


def _between(frame: pd.DataFrame, since: pd.Timestamp, until: pd.Timestamp) -> pd.DataFrame:
    """Rows of a date-ordered frame, both ends included."""
    dates = frame["date"].to_numpy()
    first = dates.searchsorted(since.to_datetime64(), side="left")
    last = dates.searchsorted(until.to_datetime64(), side="right")
    return frame.iloc[int(first) : int(last)].reset_index(drop=True)


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
    """One window's decision."""

    window: Window
    allocated: Allocated
    row: dict[str, object]


def decide(history: History, window: Window, rules: SleeveRules) -> Decision:
    """Decide as on the last train session, from rows known at its close and nothing else.

    Parameters
    ----------
    history : History
        May reach further than the window; every view of it ends on the decision date.
    window : Window
        Train and test sessions.
    rules : SleeveRules
        The sleeve.

    Returns
    -------
    Decision
        Allocations and the row of ``backtest_windows``.
    """
    day = window.decided_on
    today = history.features_on(day)
    tables = discover(universe_on(today, history.instruments), rules, day.date(), "reconstructed")
    candidates = tables[CANDIDATES.name]
    recent = history.bars_between(day - HEALTH_HISTORY, day)
    recent = recent[recent["symbol"].isin(set(candidates["symbol"]))]
    health = assess_health(recent, day.date(), rules.health, since=day.date()).health
    matrix = _train_returns(recent, history, window, rules)
    selected = select(candidates, today, health, _as_of(history.instruments, day), matrix, rules.selection)
    atoms = make_atoms(selected.table)
    allocated = allocate_all(synthetic_returns(matrix, atoms), atoms, rules)
    row = {
        "window": window.index,
        "train_start": window.train_start,
        "decided_on": day,
        "test_start": window.test_start,
        "test_end": window.test_end,
        "n_known": len(today),
        "n_candidates": len(candidates),
        "n_vetoed": int(selected.table["vetoes"].ne("").sum()),
        "n_selected": len(atoms),
        "stage": selected.stage if len(atoms) else 0,
        "sparse": selected.sparse,
        "universe": "reconstructed",
    }
    return Decision(window, allocated, row)


def _as_of(instruments: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    return instruments.assign(date=day)


def _train_returns(bars: pd.DataFrame, history: History, window: Window, rules: SleeveRules) -> pd.DataFrame:
    """Eligible returns of the candidates over the train window."""
    day = window.decided_on
    length = int((day - window.train_start).days) + 1
    limits = replace(rules.returns, lookback=length, min_days=min(rules.returns.min_days, length))
    return eligible_over(bars, history.bad_prints(day), history.segment_starts(day), day.date(), limits).matrix


def walk_forward(
    history: History, rules: SleeveRules, on: dt.date, *, progress: Callable[[int, int], None] | None = None
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
    sessions = _sessions(history.bars, on)[-rules.windows.history :]
    windows = walk_forward_windows(
        sessions, train=rules.windows.train, test=rules.windows.test, step=rules.windows.step
    )
    decisions = []
    for window in windows:
        decisions.append(decide(history, window, rules))
        if progress is not None:
            progress(len(decisions), len(windows))
    first, last = windows[0].decided_on, windows[-1].test_end
    held, breaks = _holding(history.bars, history.quarantined, sessions[(sessions >= first) & (sessions <= last)])
    benchmark = _benchmark(held, rules).loc[windows[0].test_start :]
    returns, metrics, weights = [], [], []
    for request in rules.requests:
        targets = {d.window.decided_on: _net_weights(d, request.engine, request.risk_profile) for d in decisions}
        simulated = simulate(targets, held, breaks=breaks, costs=rules.costs, rules=rules.execution)
        label = {"engine": request.engine, "risk_profile": request.risk_profile}
        returns.append(_return_rows(simulated, windows, label))
        metrics.append(_metric_rows(simulated, benchmark, rules.ann, label))
        weights += [_weight_rows(d, label) for d in decisions]
    return WalkForward(
        pd.DataFrame([d.row for d in decisions]),
        pd.concat(weights, ignore_index=True),
        pd.concat(returns, ignore_index=True),
        pd.concat(metrics, ignore_index=True),
        benchmark,
    )


def _holding(bars: pd.DataFrame, bad: pd.DataFrame, sessions: pd.DatetimeIndex) -> tuple[pd.DataFrame, pd.DataFrame]:
    bars = bars.sort_values(["symbol", "date"], kind="stable")
    marked = bars.merge(bad[["symbol", "date"]].assign(quarantined=True), on=["symbol", "date"], how="left")
    marked["quarantined"] = marked["quarantined"].eq(True)
    return holding_returns(marked[["symbol", "date", "close", "segment", "quarantined"]], sessions)


def _sessions(bars: pd.DataFrame, on: dt.date) -> pd.DatetimeIndex:
    """Sessions up to a date."""
    sessions = pd.DatetimeIndex(bars["date"].unique())
    return sessions[sessions <= pd.Timestamp(on)]


def benchmark_returns(bars: pd.DataFrame, sessions: pd.DatetimeIndex, rules: SleeveRules) -> pd.Series:
    """Compute returns of holding the benchmark on some sessions; a session without a bar holds at the last price."""
    own = bars[bars["symbol"] == rules.benchmark]
    start = sessions[0] - pd.Timedelta(days=1)
    axis = pd.DatetimeIndex([start, *sessions])
    return _benchmark(_holding(own, quarantine_bars(own, rules.health), axis)[0], rules).loc[sessions[0] :]


def _benchmark(held: pd.DataFrame, rules: SleeveRules) -> pd.Series:
    if rules.benchmark not in held:
        raise MissingDataError(
            f"the benchmark {rules.benchmark}",
            f"bars of sleeve {rules.profile}",
            "add it to `benchmarks` in configs/platform.yaml or name another benchmark, then run ingestion again",
        )
    return held[rules.benchmark].fillna(0.0)


def _net_weights(decision: Decision, engine: str, risk_profile: str) -> pd.Series:
    rows = decision.allocated.positions
    chosen = rows[(rows["engine"] == engine) & (rows["risk_profile"] == risk_profile)]
    return pd.Series(chosen["net_weight"].to_numpy(dtype="float64"), index=chosen["symbol"].to_numpy())


def _weight_rows(decision: Decision, label: dict[str, str]) -> pd.DataFrame:
    weights = _net_weights(decision, **label)
    return pd.DataFrame({"symbol": weights.index, "net_weight": weights.to_numpy()}).assign(
        window=decision.window.index, **label
    )


def _return_rows(simulated: Simulation, windows: list[Window], label: dict[str, str]) -> pd.DataFrame:
    daily = simulated.daily
    starts = pd.DatetimeIndex([window.test_start for window in windows])
    number = starts.searchsorted(daily.index, side="right") - 1
    return daily.rename_axis("bar_date").reset_index().assign(window=number, simulator=SIMULATOR, **label)


def _metric_rows(simulated: Simulation, benchmark: pd.Series, ann: float, label: dict[str, str]) -> pd.DataFrame:
    found = performance_metrics(simulated.daily["ret"], ann=ann, benchmark=benchmark, daily=simulated.daily)
    rows = [{"metric": m.name, "value": m.value, "unit": m.unit} for m in found]
    return pd.DataFrame(rows).astype({"value": "float64"}).assign(simulator=SIMULATOR, **label)
