"""The verdict on each symbol's bars as of a date."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from quant_lib.calendars import (
    CRYPTO,
    BoolArray,
    Calendar,
    Calendars,
    IntArray,
    each_calendar,
    label_of,
    session_number_of,
)
from quant_lib.contracts import OHLCV_HEALTH
from quant_lib.health._findings import Found, Judged, daily_returns, find_all, findings_frame
from quant_lib.health._labels import quarantine_frame
from quant_lib.health._rules import HealthRules
from quant_lib.health._segments import find_series
from quant_lib.health._tape import FloatArray, make_tape, upto

STATUS_PRECEDENCE: tuple[str, ...] = ("toxic", "stale", "stalled", "sparse", "gappy", "healthy")
"""Which status a symbol gets when several hold: the first."""


@dataclass(frozen=True)
class HealthReport:
    """Verdict on all symbols as of a date.

    Parameters
    ----------
    health : DataFrame
        Columns of OHLCV_HEALTH, one row per symbol with a bar at or before the date, sorted by symbol.
    findings : DataFrame
        Columns of OHLCV_FINDINGS, sorted by (symbol, from_date, rule). The whole history, whatever
        the judged windows are: a verdict expires, its evidence does not.
    quarantined : DataFrame
        Columns symbol, date, known_on, jump: bars no return may touch, see `quarantine_bars`.
    """

    health: pd.DataFrame
    findings: pd.DataFrame
    quarantined: pd.DataFrame


@dataclass(frozen=True)
class _Totals:
    """Figures per symbol, shape (n_symbols,) each, from the current segment unless said otherwise."""

    segment_begin: IntArray
    missing: IntArray
    longest_gap: IntArray
    staleness: IntArray
    missing_share: FloatArray


def assess_health(
    bars: pd.DataFrame,
    on: dt.date,
    rules: HealthRules | None = None,
    calendar: Calendars = CRYPTO,
    *,
    since: dt.date | None = None,
) -> HealthReport:
    """Judge every symbol's bars as of a date, from bars at or before it only.

    The status is the first of toxic, stale, stalled, sparse, gappy that holds, else healthy:

    - **toxic**: a quarantined bar, or a loss beyond ``crash_return``, in the last ``toxic_window``
      sessions; or a volume spike in the last ``volume_toxic_window``. It expires.
    - **stale**: the newest bar lags more than ``max_lag`` sessions (``max_lag_exchange`` on markets
      that close); a delisted symbol is stale.
    - **stalled**: the newest ``stall_bars`` closes, or more, are identical.
    - **sparse**: more than ``max_missing`` of the current segment's sessions in the last
      ``sparse_window`` have no bar.
    - **gappy**: a gap of more than ``gap_tolerance`` sessions inside the current segment ends
      within the last ``gap_window``.

    Parameters
    ----------
    bars : DataFrame
        Columns symbol, date (session label), close; open, high, low and volume where known. Any
        order; unique by (symbol, date).
    on : datetime.date
        Date of the verdict. Later bars are left out before anything is computed.
    rules : HealthRules, optional
        Thresholds; the defaults where not given.
    calendar : Calendar or CalendarBook, default ``24x7``
        Calendar of every symbol in the frame, or of each.
    since : datetime.date, optional
        Leave out findings that ended before this date; the verdict is the same.

    Returns
    -------
    HealthReport

    Raises
    ------
    BarsContractError
        Bars that break the contract of their table.
    """
    known = upto(bars, on)
    parts = [_assess(part, on, rules or HealthRules(), own, since) for own, part in each_calendar(known, calendar)]
    if len(parts) == 1:
        return parts[0]
    return HealthReport(
        _stacked([part.health for part in parts], ["symbol"]),
        _stacked([part.findings for part in parts], ["symbol", "from_date", "rule"]),
        _stacked([part.quarantined for part in parts], ["symbol", "date"]),
    )


def _stacked(parts: list[pd.DataFrame], by: list[str]) -> pd.DataFrame:
    return pd.concat(parts).sort_values(by, kind="stable", ignore_index=True)


def _assess(
    known: pd.DataFrame, on: dt.date, rules: HealthRules, calendar: Calendar, since: dt.date | None
) -> HealthReport:
    """Judge symbols of one calendar."""
    tape = make_tape(known, calendar)
    series = find_series(tape, rules)
    now = session_number_of(calendar, on)
    ret = daily_returns(tape, series, series.condemned)
    judged = Judged(known, tape, series, ret, rules, calendar, now)
    found = find_all(judged)
    totals = _totals(judged)
    found += [_stale(judged, totals), _sparse(judged, totals)]
    findings = findings_frame(judged, found, label_of(on))
    if since is not None:
        findings = findings.loc[findings["to_date"] >= label_of(since)].reset_index(drop=True)
    return HealthReport(_health(judged, found, totals, on), findings, quarantine_frame(tape, series))


def _totals(judged: Judged) -> _Totals:
    tape, series, rules = judged.tape, judged.series, judged.rules
    begins, ends = tape.begins, tape.ends
    n_symbols = len(tape.symbols)
    current = series.segment == series.segment[ends][tape.code]
    segment_begin = ends - np.bincount(tape.code[current], minlength=n_symbols) + 1
    inside = current.copy()
    inside[segment_begin] = False  # the gap before the current segment belongs to no segment
    missing = np.bincount(tape.code[inside], weights=tape.missing[inside], minlength=n_symbols)
    longest = np.maximum.reduceat(tape.missing, begins) if n_symbols else begins
    begin = np.maximum(tape.session[segment_begin], judged.now - rules.sparse_window + 1)
    expected = np.maximum(tape.session[ends] - begin + 1, 0)
    seen = np.bincount(tape.code[current & (tape.session >= begin[tape.code])], minlength=n_symbols)
    share = np.where(expected > 0, 1.0 - seen / np.maximum(expected, 1), 0.0)
    staleness = np.maximum(judged.now - tape.session[ends], 0)
    return _Totals(segment_begin, missing.astype(np.int64), longest, staleness, share)


def _stale(judged: Judged, totals: _Totals) -> Found:
    at = np.flatnonzero(totals.staleness > judged.lag)
    n = totals.staleness[at]
    last = judged.tape.session[judged.tape.ends[at]]
    return Found(
        "stale", at, last + 1, last + n, n, n.astype(np.float64), np.full(len(at), float(judged.lag)),
        ["veto"] * len(at), [f"no bar for {k} expected session{'s' if k > 1 else ''}" for k in n],
    )  # fmt: skip


def _sparse(judged: Judged, totals: _Totals) -> Found:
    tape, rules = judged.tape, judged.rules
    at = np.flatnonzero(totals.missing_share > rules.max_missing)
    start = np.maximum(tape.session[totals.segment_begin[at]], judged.now - rules.sparse_window + 1)
    end = tape.session[tape.ends[at]]
    share = totals.missing_share[at]
    return Found(
        "sparse", at, start, end, end - start + 1, share, np.full(len(at), rules.max_missing), ["warn"] * len(at),
        [f"{s:.1%} of the sessions since {d.astype('datetime64[D]')} have no bar"
         for s, d in zip(share, judged.calendar.session_date(start), strict=True)],
    )  # fmt: skip


def _flags(judged: Judged, found: list[Found], totals: _Totals) -> list[tuple[str, str, BoolArray]]:
    """List status, reason and the symbols (shape (n_symbols,)) for which each rule holds now."""
    tape, series, rules = judged.tape, judged.series, judged.rules

    def holds(code: IntArray) -> BoolArray:
        return np.bincount(code, minlength=len(tape.symbols)) > 0

    spike = series.condemned | (judged.ret < rules.crash_return)
    inside = np.arange(len(tape)) > totals.segment_begin[tape.code]
    gap = inside & (tape.missing > rules.gap_tolerance) & judged.within(rules.gap_window)
    flags = [
        ("toxic", "return_spike", holds(tape.code[spike & judged.within(rules.toxic_window)])),
        ("stale", "stale", totals.staleness > judged.lag),
        ("sparse", "sparse", totals.missing_share > rules.max_missing),
        ("gappy", "gap", holds(tape.code[gap])),
    ]
    newest = tape.session[tape.ends]
    for f in found:
        if f.rule == "price_stall":
            flags.append(("stalled", f.rule, holds(f.code[f.end == newest[f.code]])))
        if f.rule == "volume_spike":
            vetoed = np.array([action == "veto" for action in f.action], dtype=np.bool_)
            flags.append(("toxic", f.rule, holds(f.code[vetoed])))
    return flags


def _health(judged: Judged, found: list[Found], totals: _Totals, on: dt.date) -> pd.DataFrame:
    tape, series = judged.tape, judged.series
    begins, ends = tape.begins, tape.ends
    status, reasons = _status(_flags(judged, found, totals), len(tape.symbols))
    frame = pd.DataFrame(
        {
            "date": np.full(len(tape.symbols), label_of(on)),
            "symbol": pd.Series(tape.symbols, dtype="str"),
            "status": pd.Series(status, dtype="str"),
            "reasons": pd.Series(reasons, dtype="str"),
            "first_date": tape.date[begins],
            "last_date": tape.date[ends],
            "n_bars": ends - begins + 1,
            "n_missing": totals.missing,
            "longest_gap": totals.longest_gap,
            "staleness": totals.staleness,
            "max_abs_return": _largest(judged, totals),
            "n_segments": series.segment[ends] + 1,
            "segment_start": tape.date[totals.segment_begin],
        }
    )
    return frame.astype(OHLCV_HEALTH.pandas_types())


def _status(flags: list[tuple[str, str, BoolArray]], n_symbols: int) -> tuple[list[str], list[str]]:
    """Give each symbol the first status of the precedence that holds, and all reasons that hold."""
    statuses: list[set[str]] = [{"healthy"} for _ in range(n_symbols)]
    reasons: list[set[str]] = [set() for _ in range(n_symbols)]
    for status, reason, mask in flags:
        for code in np.flatnonzero(mask):
            statuses[code].add(status)
            reasons[code].add(reason)
    worst = [min(held, key=STATUS_PRECEDENCE.index) for held in statuses]
    return worst, [",".join(sorted(held)) for held in reasons]


def _largest(judged: Judged, totals: _Totals) -> FloatArray:
    """Largest |daily return| of each symbol's current segment, quarantined bars included, shape (n_symbols,)."""
    tape = judged.tape
    if not len(tape):
        return np.empty(0)
    raw = daily_returns(tape, judged.series, np.zeros(len(tape), dtype=np.bool_))
    old = np.arange(len(tape)) < totals.segment_begin[tape.code]
    size = np.where(old | np.isnan(raw), -1.0, np.abs(raw))
    largest = np.maximum.reduceat(size, tape.begins)
    return np.where(largest < 0.0, np.nan, largest)
