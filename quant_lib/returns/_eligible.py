"""Which assets enter the returns matrix of a decision, and why the others do not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from quant_lib.calendars import (
    CRYPTO,
    BoolArray,
    Calendar,
    DateArray,
    IntArray,
    label_of,
    require_session,
    session_number_of,
)
from quant_lib.contracts import RETURNS_DROPS
from quant_lib.health._tape import FloatArray
from quant_lib.returns._simple import ReturnsContractError

_FLAT = 1e-10
"""Range of returns up to which an asset has no variance worth the name (one price step of a coin is above 1e-9)."""


_NEVER = np.iinfo(np.int64).max // 2


@dataclass(frozen=True)
class EligibleReturns:
    """Returns matrix of a decision; unpacks as ``matrix, drops``.

    Parameters
    ----------
    matrix : DataFrame of shape (n_sessions, n_assets)
        Daily returns, complete; columns ascending.
    drops : DataFrame
        Columns symbol, reason, value, threshold: every symbol that is not in the matrix, with the
        first rule it failed; sorted by symbol.
    rows_lost : DataFrame
        Columns date, n_missing, symbols: every session of the window that is not in the matrix,
        and the assets of the matrix that have no return on it.
    """

    matrix: pd.DataFrame
    drops: pd.DataFrame
    rows_lost: pd.DataFrame

    def __iter__(self) -> Iterator[pd.DataFrame]:
        return iter((self.matrix, self.drops))


@dataclass(frozen=True)
class _Limits:
    lookback: int
    min_observed: float
    max_internal_gap: int
    min_days: int
    max_return: float
    max_join_loss: float

    def __post_init__(self) -> None:
        for name, ok, allowed in (
            ("lookback", self.lookback >= 2, "at least 2"),
            ("min_observed", 0.0 < self.min_observed <= 1.0, "in (0, 1]"),
            ("max_internal_gap", self.max_internal_gap >= 0, "at least 0"),
            ("min_days", self.min_days >= 0, "at least 0"),
            ("max_return", self.max_return > 0.0, "above 0"),
            ("max_join_loss", 0.0 <= self.max_join_loss < 1.0, "in [0, 1)"),
        ):
            if not ok:
                raise ReturnsContractError(
                    f"{name} is {getattr(self, name)}", "eligible_returns", f"it must be {allowed}"
                )


@dataclass
class _Drops:
    """Symbols out so far: the first rule that fails counts."""

    symbols: pd.Index
    out: BoolArray
    rows: list[tuple[str, str, float, float]]

    def add(self, failed: BoolArray, reason: str, value: FloatArray | IntArray, threshold: float) -> None:
        for at in np.flatnonzero(failed & ~self.out):
            self.rows.append((str(self.symbols[int(at)]), reason, float(value[at]), threshold))
        self.out |= failed

    def frame(self) -> pd.DataFrame:
        types = {k: v for k, v in RETURNS_DROPS.pandas_types().items() if k not in ("profile", "date")}
        rows = pd.DataFrame(sorted(self.rows), columns=pd.Index(list(types)))
        return rows.astype(types)


def eligible_returns(
    wide: pd.DataFrame,
    on: dt.date,
    lookback: int,
    min_observed: float = 0.9,
    max_internal_gap: int = 3,
    min_days: int = 90,
    *,
    segment_starts: pd.DataFrame | None = None,
    max_return: float = 5.0,
    max_join_loss: float = 0.2,
    calendar: Calendar = CRYPTO,
) -> EligibleReturns:
    """Build the complete returns matrix of a decision date (semantics 4.3).

    Membership is judged inside the window alone, asset by asset, so a young or broken asset cannot
    change another one's returns. Rules in this order, each with its reason in the drop report:

    1. ``no_data``: no return in the window.
    2. ``no_current_return``: none on the decision date itself (value: sessions since the last one).
       One such asset would cost all others their newest row.
    3. ``too_young``: fewer than `min_days` sessions since its segment began.
    4. ``observed``: fewer than `min_observed` of the window's returns.
    5. ``internal_gap``: a run of more than `max_internal_gap` missing returns between two others.
       A halt of h sessions leaves h + 1 missing returns.
    6. ``return_limit``: |r| above `max_return` that was not quarantined.
    7. ``zero_variance``: all returns equal.
    8. ``join_loss``: the matrix keeps only sessions on which all assets have a return. While more
       than `max_join_loss` of the sessions would be lost, the asset that costs most leaves; each
       lost session is shared equally among the assets missing on it (the Shapley value of the
       loss). Sessions on which no asset at all has a return are nobody's cost. Zero variance
       is then judged once more on what the join left.

    Parameters
    ----------
    wide : DataFrame of shape (n_sessions, n_symbols)
        Daily returns as `simple_returns` gives. Rows after `on` are ignored.
    on : datetime.date
        Decision date, the window's last session.
    lookback : int
        Sessions in the window.
    min_observed : float, default 0.9
        Least share of the window's returns.
    max_internal_gap : int, default 3
        Longest tolerated run of missing returns.
    min_days : int, default 90
        Least sessions since listing. Listing is the segment's start where `segment_starts` is given, else
        the first return in `wide`; pass history that reaches back that far.
    segment_starts : DataFrame, optional
        Columns symbol, start of every segment (`quant_lib.health.segment_starts`). The newest start at or
        before `on` counts; what the ticker did before it was another asset, and is not in the window.
    max_return : float, default 5.0
        Bound of |r| (semantics 4.1).
    max_join_loss : float, default 0.2
        Largest share of the window's sessions the inner join may cost.
    calendar : Calendar, default ``24x7``
        Calendar of the returns.

    Returns
    -------
    EligibleReturns
        Matrix, drops and lost rows. Empty matrix where no asset is eligible; never padded.

    Raises
    ------
    ReturnsContractError
        `wide` is no returns frame, or a limit has no meaning.
    NotASessionError
        The calendar is closed on the decision date.
    """
    limits = _Limits(lookback, min_observed, max_internal_gap, min_days, max_return, max_join_loss)
    if not wide.columns.is_monotonic_increasing:
        wide = wide.sort_index(axis="columns")
    require_session(calendar, on, "a returns matrix")
    now = session_number_of(calendar, on)
    sessions = _checked_sessions(wide, calendar)
    window = _window(wide, sessions, now, lookback)
    if segment_starts is None:
        starts = _first_returns(wide, sessions, now)
    else:
        starts = _segment_sessions(wide.columns, window, segment_starts, on, calendar)
    window[np.arange(now - lookback + 1, now + 1)[:, None] < starts] = np.nan
    drops = _Drops(wide.columns, np.zeros(window.shape[1], dtype=np.bool_), [])
    _judge_assets(window, now - starts + 1, limits, drops)
    _judge_join(window, limits, drops)
    _judge_joined(window, drops)
    dates = calendar.session_date(np.arange(now - lookback + 1, now + 1, dtype=np.int64))
    return _result(window, dates, wide.columns, drops)


def _checked_sessions(wide: pd.DataFrame, calendar: Calendar) -> IntArray:
    where = "returns frame"
    if not isinstance(wide.index, pd.DatetimeIndex) or wide.index.tz is not None:
        raise ReturnsContractError(f"index holds {wide.index.dtype}", where, "index returns by session label")
    if not wide.columns.is_unique:
        raise ReturnsContractError("a symbol has two columns", where, "pass one column for each symbol")
    dates: DateArray = wide.index.to_numpy().astype("datetime64[us]")
    sessions = calendar.session_number(dates)
    if not bool(calendar.is_session(dates).all()) or bool((np.diff(sessions) <= 0).any()):
        raise ReturnsContractError(
            f"index is not increasing sessions of calendar {calendar.name}", where, "pass what simple_returns gave"
        )
    return sessions


def _window(wide: pd.DataFrame, sessions: IntArray, now: int, lookback: int) -> FloatArray:
    """Cut the window's sessions out, shape (lookback, n_symbols); NaN where `wide` has no row."""
    window = np.full((lookback, wide.shape[1]), np.nan)
    begin, end = np.searchsorted(sessions, [now - lookback + 1, now + 1])
    rows = wide.iloc[begin:end].to_numpy(dtype=np.float64, na_value=np.nan)
    window[sessions[begin:end] - (now - lookback + 1)] = rows
    wrong = np.isinf(window) | (window < -1.0)
    if bool(wrong.any()):
        row, column = (int(i[0]) for i in np.nonzero(wrong))
        raise ReturnsContractError(
            f"return {window[row, column]} of {wide.columns[column]}", "returns frame", "no price gives such a return"
        )
    return window


def _first_returns(wide: pd.DataFrame, sessions: IntArray, now: int) -> IntArray:
    """Session number of each symbol's first return, shape (n_symbols,); `_NEVER` where it has none yet."""
    past = slice(0, int(np.searchsorted(sessions, now, side="right")))
    seen = wide.iloc[past].notna().to_numpy()
    if not seen.any():
        return np.full(wide.shape[1], _NEVER, dtype=np.int64)
    return np.where(seen.any(axis=0), sessions[past][seen.argmax(axis=0)], _NEVER)


def _segment_sessions(
    symbols: pd.Index, window: FloatArray, segment_starts: pd.DataFrame, on: dt.date, calendar: Calendar
) -> IntArray:
    """Session number where each symbol's current segment begins, shape (n_symbols,); `_NEVER` where it has none yet."""
    newest = segment_starts.loc[segment_starts["start"] <= label_of(on)].groupby("symbol")["start"].max()
    aligned = newest.reindex(symbols).to_numpy().astype("datetime64[us]")
    absent = np.isnat(aligned)
    unknown = np.flatnonzero(absent & ~np.isnan(window).all(axis=0))
    if len(unknown):
        raise ReturnsContractError(
            f"no segment start for {len(unknown)} symbols that have returns",
            f"first {symbols[int(unknown[0])]}",
            "pass segment_starts of the same bars",
        )
    starts = np.full(len(symbols), _NEVER, dtype=np.int64)
    starts[~absent] = calendar.session_number(aligned[~absent])
    return starts


def _judge_assets(window: FloatArray, listed: IntArray, limits: _Limits, drops: _Drops) -> None:
    seen = ~np.isnan(window)
    count = seen.sum(axis=0)
    share = count / limits.lookback
    trailing = np.argmax(seen[::-1], axis=0)
    drops.add(count == 0, "no_data", share, limits.min_observed)
    drops.add(trailing > 0, "no_current_return", trailing, 0.0)
    drops.add(listed < limits.min_days, "too_young", listed, float(limits.min_days))
    # Shares are compared as counts: 0.9 of 120 is 108 sessions, whatever 0.9 is in binary.
    drops.add(count < np.ceil(limits.min_observed * limits.lookback - 1e-9), "observed", share, limits.min_observed)
    gap = _longest_internal_gap(seen)
    drops.add(gap > limits.max_internal_gap, "internal_gap", gap, float(limits.max_internal_gap))
    largest = np.fmax.reduce(np.abs(window), axis=0, initial=0.0)
    drops.add(largest > limits.max_return, "return_limit", largest, limits.max_return)
    drops.add(_range(window) <= _FLAT, "zero_variance", _range(window), _FLAT)


def _range(returns: FloatArray) -> FloatArray:
    """Largest minus smallest return of each column, shape (n_symbols,); below 0 where it has none."""
    high = np.fmax.reduce(returns, axis=0, initial=-np.inf)
    low = np.fmin.reduce(returns, axis=0, initial=np.inf)
    return np.where(np.isfinite(high), high - low, -1.0)


def _longest_internal_gap(seen: BoolArray) -> IntArray:
    """Longest run of missing returns between two observed ones, shape (n_symbols,)."""
    row = np.arange(len(seen), dtype=np.int64)[:, None]
    last_seen = np.maximum.accumulate(np.where(seen, row, -1), axis=0)
    before = np.vstack([np.full((1, seen.shape[1]), -1, dtype=np.int64), last_seen[:-1]])
    gap = np.where(seen & (before >= 0), row - before - 1, 0)
    return np.asarray(gap.max(axis=0, initial=0), dtype=np.int64)


def _judge_join(window: FloatArray, limits: _Limits, drops: _Drops) -> None:
    """Drop the costliest asset until the inner join keeps enough sessions."""
    absent = (np.isnan(window) & ~drops.out).astype(np.float64)
    absent = absent[absent.any(axis=1)]
    missing, left = absent.sum(axis=1), int((~drops.out).sum())
    while True:
        lost = (missing > 0) & (missing < left)
        if lost.sum() <= limits.max_join_loss * len(window) + 1e-9:
            return
        cost = np.where(lost, 1.0 / np.maximum(missing, 1.0), 0.0) @ absent
        # Rounded, so that equal costs tie whatever the order of summation; the first symbol then leaves.
        worst = int(np.argmax(np.where(drops.out, -1.0, np.round(cost, 9))))
        failed = np.arange(len(drops.out)) == worst
        drops.add(failed, "join_loss", cost / len(window), limits.max_join_loss)
        missing = missing - absent[:, worst]
        absent[:, worst] = 0.0
        left -= 1


def _judge_joined(window: FloatArray, drops: _Drops) -> None:
    """Judge what the join left: an asset may have moved only in sessions it lost. The join can only grow by it."""
    complete = ~np.isnan(window[:, ~drops.out]).any(axis=1)
    width = _range(window[complete])
    drops.add(width <= _FLAT, "zero_variance", width, _FLAT)


def _result(window: FloatArray, dates: DateArray, symbols: pd.Index, drops: _Drops) -> EligibleReturns:
    kept = ~drops.out
    values = window[:, kept]
    absent = np.isnan(values)
    complete = ~absent.any(axis=1) & kept.any()
    index = pd.DatetimeIndex(dates[complete], name="date")
    matrix = pd.DataFrame(values[complete], index=index, columns=symbols[kept])
    at = np.flatnonzero(absent.any(axis=1))
    names = symbols[kept]
    rows_lost = pd.DataFrame(
        {
            "date": pd.Series(dates[at], dtype="datetime64[us]"),
            "n_missing": pd.Series(absent[at].sum(axis=1), dtype="int64"),
            "symbols": pd.Series([",".join(names[absent[i]]) for i in at], dtype="str"),
        }
    )
    return EligibleReturns(matrix, drops.frame(), rows_lost)
