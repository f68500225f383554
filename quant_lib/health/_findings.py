"""Every defect of stored bars as a row: what, from when to when, how bad, what follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from quant_lib.calendars import BoolArray, Calendar, IntArray
from quant_lib.contracts import OHLCV_FINDINGS
from quant_lib.health._rules import HealthRules
from quant_lib.health._segments import Break, Series
from quant_lib.health._tape import BarTape, FloatArray

_REPEATED = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class Found:
    """Findings of one rule, one entry per finding in every array.

    Parameters
    ----------
    rule : str
        Rule of OHLCV_FINDINGS.
    code : array of shape (k,)
        Symbol, as in the tape.
    start, end : array of shape (k,)
        First and last session number concerned.
    n : array of shape (k,)
        Sessions concerned.
    value, threshold : array of shape (k,)
        Figure judged and its limit.
    action : sequence of str, length k
        What follows.
    message : sequence of str, length k
        The same in words.
    """

    rule: str
    code: IntArray
    start: IntArray
    end: IntArray
    n: IntArray
    value: FloatArray
    threshold: FloatArray
    action: Sequence[str]
    message: Sequence[str]


@dataclass(frozen=True)
class Judged:
    """What all rules look at: the bars, their series, and the date of the verdict.

    Parameters
    ----------
    bars : DataFrame
        The caller's bars up to the date.
    tape : BarTape
        The same, sorted.
    series : Series
        Segments and condemned bars.
    ret : array of shape (n,)
        Daily return; NaN where the previous session or a good price on either side is missing.
    rules : HealthRules
        Thresholds.
    calendar : Calendar
        Calendar of all symbols.
    now : int
        Session number of the verdict's date.
    """

    bars: pd.DataFrame
    tape: BarTape
    series: Series
    ret: FloatArray
    rules: HealthRules
    calendar: Calendar
    now: int

    @property
    def lag(self) -> int:
        """Sessions the newest bar may lag behind."""
        return self.rules.lag(always_open=self.tape.always_open)

    def within(self, sessions: int) -> BoolArray:
        """Tell which bars lie in the last `sessions` sessions, the judged one included, shape (n,)."""
        return np.asarray(self.tape.session > self.now - sessions, dtype=np.bool_)


def daily_returns(tape: BarTape, series: Series, bad: BoolArray) -> FloatArray:
    """Compute simple returns between neighbouring sessions of a segment, shape (n,); NaN elsewhere."""
    plain = (tape.missing == 0) & (series.cause == Break.NONE) & ~tape.first & ~bad
    plain[1:] &= ~bad[:-1]
    return np.where(plain, tape.ratio - 1.0, np.nan)


def find_all(judged: Judged) -> list[Found]:
    """Run every rule that judges stored bars one by one; `stale` and `sparse` judge whole symbols."""
    found = [
        _gaps(judged),
        _breaks(judged),
        _condemned(judged),
        _crashes(judged),
        _large(judged),
        _stalls(judged),
    ]
    if "volume" in judged.bars.columns:
        volume = judged.tape.column(judged.bars, "volume")
        found += [
            _volume_spikes(judged, volume),
            _volume_runs(judged, volume == 0.0, "zero_volume", "no trade"),
            _volume_runs(judged, np.isnan(volume), "missing_volume", "no volume served"),
        ]
    if set(_REPEATED) <= set(judged.bars.columns):
        found.append(_repeats(judged))
    return found


def _gaps(judged: Judged) -> Found:
    tape, tolerance = judged.tape, judged.rules.gap_tolerance
    at = np.flatnonzero(tape.missing > 0)
    n = tape.missing[at]
    broken = judged.series.cause[at] != Break.NONE
    action = np.where(broken, "break", np.where(n > tolerance, "warn", "none"))
    message = [f"{k} sessions without a bar" if k > 1 else "1 session without a bar" for k in n]
    return Found(
        "gap", tape.code[at], tape.session[at] - n, tape.session[at] - 1, n, n.astype(np.float64),
        np.full(len(at), float(tolerance)), action.tolist(), message,
    )  # fmt: skip


def _breaks(judged: Judged) -> Found:
    tape, series = judged.tape, judged.series
    at = np.flatnonzero(series.cause != Break.NONE)
    cause = series.cause[at]
    value = np.where(cause == Break.DARK, tape.missing[at].astype(np.float64), tape.ratio[at])
    message = [
        _break_message(Break(c), float(tape.ratio[i]), int(tape.missing[i]), float(series.limit[i]))
        for c, i in zip(cause, at, strict=True)
    ]
    return Found(
        "segment_break", tape.code[at], tape.session[at], tape.session[at], np.maximum(tape.missing[at], 1), value,
        series.limit[at], ["break"] * len(at), message,
    )  # fmt: skip


def _break_message(cause: Break, ratio: float, missing: int, limit: float) -> str:
    if cause is Break.DARK:
        return f"another series begins after {missing} dark sessions, price x{ratio:.6g}"
    if cause is Break.SPLIT:
        shares = f"{limit:g}-for-1" if limit > 1.0 else f"1-for-{1.0 / limit:g} reverse"
        return f"another series begins: close x{ratio:.6g}, the open fits a {shares} split that was not adjusted for"
    if cause is Break.LEVEL:
        return "another series begins: the price stayed at the level of a condemned jump"
    why = "beyond the quarantine limit" if cause is Break.JUMP else "implausible for its volatility"
    return f"another series begins: price x{ratio:.6g} across {missing} missing sessions, {why}"


def _condemned(judged: Judged) -> Found:
    series = judged.series
    at = np.flatnonzero(series.condemned)
    message = [f"bad print, shown by a jump of {jump:+.2%}; no return touches this bar" for jump in series.jump[at]]
    return _per_bar(
        judged, "return_spike", at, series.jump[at], judged.rules.quarantine_return, ["quarantine"] * len(at), message
    )


def _crashes(judged: Judged) -> Found:
    at = np.flatnonzero(judged.ret < judged.rules.crash_return)
    recent = judged.within(judged.rules.toxic_window)[at]
    action = np.where(recent, "veto", "warn").tolist()
    message = [f"lost {-r:.2%} in a session; the return stays in use as a real loss" for r in judged.ret[at]]
    return _per_bar(judged, "return_spike", at, judged.ret[at], judged.rules.crash_return, action, message)


def _large(judged: Judged) -> Found:
    at = np.flatnonzero(np.abs(judged.ret) > judged.rules.large_return)
    message = [f"daily return {r:+.2%}" for r in judged.ret[at]]
    return _per_bar(judged, "large_return", at, judged.ret[at], judged.rules.large_return, ["warn"] * len(at), message)


def _volume_spikes(judged: Judged, volume: FloatArray) -> Found:
    rules = judged.rules
    score, limit = volume_scores(judged, volume)
    at = np.flatnonzero(score > limit)
    veto = judged.within(rules.volume_toxic_window)[at] if rules.volume_toxic_window else np.zeros(len(at), np.bool_)
    message = [
        f"volume {s:.1f} {'standard deviations above' if k == rules.volume_spike_z else 'times'} its trailing mean"
        for s, k in zip(score[at], limit[at], strict=True)
    ]
    found = _per_bar(judged, "volume_spike", at, score[at], 0.0, np.where(veto, "veto", "warn").tolist(), message)
    return replace(found, threshold=limit[at])


def volume_scores(judged: Judged, volume: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Score each bar's volume against the bars before it in the same segment, shape (n,) each.

    Returns
    -------
    score : array of shape (n,)
        z-score; multiple of the mean where the standard deviation is 0; NaN with too few bars.
    limit : array of shape (n,)
        Limit of that score.
    """
    rules, n, window = judged.rules, len(volume), judged.rules.volume_window
    score, limit = np.full(n, np.nan), np.full(n, rules.volume_spike_z)
    if n <= window:
        return score, limit
    # Two passes over the lags, not running sums: exact at any scale, and one row needs its own bars only.
    total, square = np.zeros(n - window), np.zeros(n - window)
    for lag in range(1, window + 1):
        total += volume[window - lag : n - lag]
    mean = total / window
    for lag in range(1, window + 1):
        square += (volume[window - lag : n - lag] - mean) ** 2
    sd = np.sqrt(square / (window - 1))
    enough = _place_in_segment(judged)[window:] >= window
    flat = sd <= 1e-12 * np.abs(mean)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (volume[window:] - mean) / sd
        multiple = volume[window:] / mean
    usable = enough & (mean > 0.0)
    score[window:] = np.where(usable, np.where(flat, multiple, z), np.nan)
    limit[window:] = np.where(flat, rules.volume_flat_multiple, rules.volume_spike_z)
    return score, limit


def _place_in_segment(judged: Judged) -> IntArray:
    """Count the bars of the same segment before each bar, shape (n,)."""
    starts = judged.tape.first | (judged.series.cause != Break.NONE)
    position = np.arange(len(starts), dtype=np.int64)
    return position - np.maximum.accumulate(np.where(starts, position, 0))


def _stalls(judged: Judged) -> Found:
    tape, rules = judged.tape, judged.rules
    same = np.zeros(len(tape), dtype=np.bool_)
    same[1:] = tape.close[1:] == tape.close[:-1]
    # A halted market has missing sessions, not stalled ones: a run ends at a gap.
    same &= ~tape.first & (tape.missing == 0) & (judged.series.cause == Break.NONE)
    begin, end = runs(same)
    n = end - begin + 2
    keep = n >= rules.stall_bars
    begin, end, n = begin[keep] - 1, end[keep], n[keep]
    message = [f"{k} sessions with the same close" for k in n]
    return Found(
        "price_stall", tape.code[begin], tape.session[begin], tape.session[end], n, n.astype(np.float64),
        np.full(len(n), float(rules.stall_bars)), ["warn"] * len(n), message,
    )  # fmt: skip


def _volume_runs(judged: Judged, mask: BoolArray, rule: str, words: str) -> Found:
    tape = judged.tape
    begin, end = runs(mask, tape.first | (tape.missing > 0))
    n = end - begin + 1
    message = [f"{k} session{'s' if k > 1 else ''} with {words}" for k in n]
    return Found(
        rule, tape.code[begin], tape.session[begin], tape.session[end], n, n.astype(np.float64),
        np.zeros(len(n)), ["warn"] * len(n), message,
    )  # fmt: skip


def _repeats(judged: Judged) -> Found:
    tape = judged.tape
    same = ~tape.first & (judged.series.cause == Break.NONE)
    for name in _REPEATED:
        values = tape.column(judged.bars, name)
        same[1:] &= values[1:] == values[:-1]
        if name == "volume":
            same &= values > 0.0
    begin, end = runs(same, tape.first | (tape.missing > 0))
    n = end - begin + 1
    return Found(
        "duplicate", tape.code[begin], tape.session[begin], tape.session[end], n, n.astype(np.float64),
        np.zeros(len(n)), ["warn"] * len(n), [f"{k} bars repeat the bar before them in every value" for k in n],
    )  # fmt: skip


def runs(mask: BoolArray, cut: BoolArray | None = None) -> tuple[IntArray, IntArray]:
    """First and last position of each run of true values.

    Parameters
    ----------
    mask : array of shape (n,)
        What forms runs.
    cut : array of shape (n,), optional
        Positions that begin a new run even inside one.

    Returns
    -------
    begin, end : array of shape (k,)
        Both inclusive.
    """
    before = np.zeros(len(mask), dtype=np.bool_)
    before[1:] = mask[:-1]
    starts = mask & (~before if cut is None else ~before | cut)
    begin = np.flatnonzero(starts)
    after = np.ones(len(mask), dtype=np.bool_)
    after[:-1] = ~mask[1:] | starts[1:]
    return begin, np.flatnonzero(mask & after)


def _per_bar(
    judged: Judged, rule: str, at: IntArray, value: FloatArray, threshold: float, action: Sequence[str],
    message: Sequence[str],
) -> Found:  # fmt: skip
    session = judged.tape.session[at]
    return Found(
        rule, judged.tape.code[at], session, session, np.ones(len(at), dtype=np.int64), value,
        np.full(len(at), threshold), action, message,
    )  # fmt: skip


def _expiry(judged: Judged, found: Found) -> IntArray:
    """Session number up to which each finding decides its symbol's status, shape (k,); -1 where it never does."""
    rules = judged.rules
    windows = {"return_spike": rules.toxic_window, "volume_spike": rules.volume_toxic_window, "gap": rules.gap_window}
    window = windows.get(found.rule, 0)
    if not window:
        return np.full(len(found.code), -1, dtype=np.int64)
    decides = np.array([action != "break" for action in found.action], dtype=np.bool_)
    after = 1 if found.rule == "gap" else 0  # a gap counts from the bar that ends it
    if found.rule == "gap":
        decides &= found.n > rules.gap_tolerance
    return np.where(decides, found.end + after + window - 1, -1)


def findings_frame(judged: Judged, found: Sequence[Found], on: np.datetime64) -> pd.DataFrame:
    """Put findings into the columns of OHLCV_FINDINGS, sorted by (symbol, from_date, rule)."""
    code = np.concatenate([f.code for f in found])
    expires = np.concatenate([_expiry(judged, f) for f in found])
    counted = expires >= 0
    until = np.full(len(code), np.datetime64("NaT"), dtype="datetime64[us]")
    until[counted] = judged.calendar.session_date(expires[counted])
    frame = pd.DataFrame(
        {
            "date": np.full(len(code), on),
            "symbol": pd.Series(judged.tape.symbols[code], dtype="str"),
            "rule": pd.Series(np.repeat([f.rule for f in found], [len(f.code) for f in found]), dtype="str"),
            "from_date": judged.calendar.session_date(np.concatenate([f.start for f in found])),
            "to_date": judged.calendar.session_date(np.concatenate([f.end for f in found])),
            "n": np.concatenate([f.n for f in found]),
            "value": np.concatenate([f.value for f in found]),
            "threshold": np.concatenate([f.threshold for f in found]),
            "expires_on": until,
            "action": pd.Series([a for f in found for a in f.action], dtype="str"),
            "message": pd.Series([m for f in found for m in f.message], dtype="str"),
        }
    ).astype(OHLCV_FINDINGS.pandas_types())[list(OHLCV_FINDINGS.column_names)]
    return frame.sort_values(["symbol", "from_date", "rule"], kind="stable", ignore_index=True)
