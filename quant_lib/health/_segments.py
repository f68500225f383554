"""Where one return series ends and the next begins, and which bars are bad prints.

Everything about bar t is decided from bars up to t, or, for a print that is only
recognised when the price returns, from bars up to the bar that recognises it
(``known``). Later bars therefore never change an earlier segment number.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

from quant_lib.calendars import BoolArray, IntArray
from quant_lib.health._rules import HealthRules
from quant_lib.health._tape import BarTape, FloatArray

_CHUNK = 4096
_MAD_TO_SIGMA = 1.4826022185056018
"""1/quantile(0.75) of the standard normal: median absolute value to standard deviation."""


class Break(IntEnum):
    """Why a series ends before a bar."""

    NONE = 0
    DARK = 1
    """So many sessions are missing that nothing connects the two bars."""
    JUMP = 2
    """A move beyond the quarantine limit, either way, over missing sessions."""
    IMPLAUSIBLE = 3
    """A move over missing sessions that neither its size nor the volatility makes plausible."""
    LEVEL = 4
    """A condemned jump between neighbouring sessions that did not return: a new price level."""
    SPLIT = 5
    """An overnight move that fits a split of shares, on an exchange, with turnover as on any other day."""


_WHOLE: Final = (2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0)
SPLITS: Final = np.array([1.5, *_WHOLE, *(1.0 / k for k in (1.5, *_WHOLE))])
"""New shares for an old one: splits, and reverse splits."""


@dataclass(frozen=True)
class Series:
    """Segments and condemned bars of a `BarTape`.

    Parameters
    ----------
    segment : array of shape (n,)
        Segment number within the symbol, from 0.
    cause : array of shape (n,)
        `Break` before the bar.
    limit : array of shape (n,)
        Price ratio (DARK: missing sessions) that decided the break; NaN where there is none.
    known : array of shape (n,)
        Position of the bar that made it known that this bar is bad; ``len(tape)`` where it is good.
    jump : array of shape (n,)
        Return of the jump that condemned the bar; NaN where it is good.
    """

    segment: IntArray
    cause: IntArray
    limit: FloatArray
    known: IntArray
    jump: FloatArray

    @property
    def condemned(self) -> BoolArray:
        """Whether each bar is a bad print, shape (n,)."""
        return self.known < len(self.known)


def find_series(tape: BarTape, rules: HealthRules) -> Series:
    """Split every symbol into its return series and find the bad prints.

    Parameters
    ----------
    tape : BarTape
        Bars of all symbols.
    rules : HealthRules
        Thresholds.

    Returns
    -------
    Series
        Decision record 0005 gives the rules in words.
    """
    cause, limit = _gap_breaks(tape, rules)
    _split_breaks(tape, rules, cause, limit)
    series = Series(
        segment=np.zeros(len(tape), dtype=np.int64),
        cause=cause,
        limit=limit,
        known=np.full(len(tape), len(tape), dtype=np.int64),
        jump=np.full(len(tape), np.nan),
    )
    # Jumps are rare (none in three years of eighty recorded coins but the redenomination), so one by one is cheap.
    for at in np.flatnonzero(tape.ratio > 1.0 + rules.quarantine_return):
        _judge_jump(tape, series, int(at), rules)
    starts = (tape.first | (cause != Break.NONE)).astype(np.int64)
    running = np.cumsum(starts)
    series.segment[:] = running - running[tape.begins][tape.code] if len(tape) else running
    return series


def _gap_breaks(tape: BarTape, rules: HealthRules) -> tuple[IntArray, FloatArray]:
    """Judge every bar that follows missing sessions; gives cause and limit, shape (n,) each."""
    cause = np.full(len(tape), Break.NONE, dtype=np.int64)
    limit = np.full(len(tape), np.nan)
    at = np.flatnonzero(tape.missing > 0)
    move = np.abs(np.log(tape.ratio[at]))
    dark = tape.missing[at] >= rules.dark_sessions
    # A move is undone by its inverse, so the limit on the way down is one over the limit on the way up.
    jump = ~dark & (move > np.log1p(rules.quarantine_return))
    doubtful = np.flatnonzero(~dark & ~jump & (move > np.log(rules.jump_ratio)))
    bound = np.log(rules.jump_ratio) * np.ones(len(doubtful))
    passed = np.sqrt(tape.missing[at[doubtful]] + 1.0)
    bound = np.maximum(bound, rules.jump_sigmas * _volatility(tape, at[doubtful], rules) * passed)
    implausible = doubtful[move[doubtful] > bound]
    cause[at[dark]] = Break.DARK
    limit[at[dark]] = rules.dark_sessions
    cause[at[jump]] = Break.JUMP
    limit[at[jump]] = 1.0 + rules.quarantine_return
    cause[at[implausible]] = Break.IMPLAUSIBLE
    limit[at[implausible]] = np.exp(bound[move[doubtful] > bound])
    return cause, limit


def _split_breaks(tape: BarTape, rules: HealthRules, cause: IntArray, limit: FloatArray) -> None:
    """Mark bars whose open is a whole split of the close before: shares were exchanged, nothing was lost.

    Only on exchanges, where a share is one of many and splits are ordinary; a coin that
    halves has lost half. Known at the bar itself.
    """
    if tape.always_open:
        return
    smallest = np.log(SPLITS[SPLITS > 1.0].min()) - rules.split_tolerance
    at = np.flatnonzero((tape.missing == 0) & (np.abs(np.log(tape.overnight)) > smallest))
    if not len(at):
        return
    move = np.log(tape.overnight[at])
    sigma = _volatility(tape, at, rules)
    distance = np.abs(move[:, None] + np.log(SPLITS)[None, :])
    nearest = distance.argmin(axis=1)
    fits = distance[np.arange(len(at)), nearest] <= np.maximum(rules.split_tolerance, sigma)
    calm = ~(_turnover_multiple(tape, at, rules) > rules.split_turnover)
    found = fits & calm & (np.abs(move) > rules.split_sigmas * sigma)
    cause[at[found]] = Break.SPLIT
    limit[at[found]] = SPLITS[nearest[found]]


def _turnover_multiple(tape: BarTape, at: IntArray, rules: HealthRules) -> FloatArray:
    """Turnover over its mean of the bars before, shape (len(at),); NaN where either is not known."""
    multiple = np.full(len(at), np.nan)
    for place, bar in enumerate(at):
        begin = max(int(tape.begins[tape.code[bar]]), int(bar) - rules.volume_window)
        before = tape.turnover[begin:bar]
        before = before[np.isfinite(before)]
        if len(before) and before.mean() > 0.0:
            multiple[place] = tape.turnover[bar] / before.mean()
    return multiple


def _volatility(tape: BarTape, at: IntArray, rules: HealthRules) -> FloatArray:
    """Robust daily volatility of log returns over the bars before each position, shape (len(at),).

    Scaled median of |log return| about zero, over returns between neighbouring sessions
    only: a bad print, or an earlier gap, barely moves it. 0 where there are too few.
    """
    sigma = np.zeros(len(at))
    begin = tape.begins[tape.code[at]] if len(at) else at
    for lo in range(0, len(at), _CHUNK):
        block = slice(lo, lo + _CHUNK)
        back = at[block, None] - np.arange(1, rules.sigma_window + 1)
        usable = back > begin[block, None]
        back = np.where(usable, back, 0)
        usable &= tape.missing[back] == 0
        step = np.where(usable, np.abs(np.log(np.where(usable, tape.ratio[back], 1.0))), np.inf)
        n = usable.sum(axis=1)
        step.sort(axis=1)
        rows = np.arange(len(n))
        low = step[rows, np.maximum(n - 1, 0) // 2]
        high = step[rows, np.minimum(n // 2, rules.sigma_window - 1)]
        enough = n >= rules.sigma_min_bars
        sigma[block] = np.where(
            enough, _MAD_TO_SIGMA * 0.5 * (np.where(enough, low, 0.0) + np.where(enough, high, 0.0)), 0.0
        )
    return sigma


def _judge_jump(tape: BarTape, series: Series, at: int, rules: HealthRules) -> None:
    """Decide what a jump beyond the quarantine limit is: a recovery, a bad print, or a new level."""
    jump = float(tape.ratio[at]) - 1.0
    if series.cause[at] == Break.DARK:
        return  # the price before says nothing about the one after
    if series.cause[at] != Break.NONE:
        reference = float(tape.close[at - 1])
    else:
        run = _recovered_run(tape, series, at, rules)
        if run:
            _condemn(series, range(at - run, at), at, jump)
            return
        _condemn(series, range(at, at + 1), at, jump)
        reference = _reference(tape, series, at)
    returned = _return_position(tape, series, at, reference, rules)
    if returned is not None:
        _condemn(series, range(at, returned), returned, jump)
    elif series.cause[at] == Break.NONE:
        _break_level(tape, series, at, reference, rules)


def _recovered_run(tape: BarTape, series: Series, at: int, rules: HealthRules) -> int:
    """Length of the run of bad low prints that the jump at `at` ends; 0 where it does not end one.

    The prints lie as far below bar `at` as a jump reaches, or are condemned already; there are at most
    ``print_bars`` of them, and the good bar before them is within ``jump_ratio`` of bar `at`.
    """
    price = tape.close[at]
    for run in range(1, rules.print_bars + 1):
        before = at - run - 1
        if before < 0 or tape.first[at - run] or series.cause[at - run] != Break.NONE:
            return 0
        low = tape.close[before] * (1.0 + rules.quarantine_return) < price
        if low or series.known[before] <= at:
            continue
        return run if _same_level(float(price), float(tape.close[before]), rules) else 0
    return 0


def _reference(tape: BarTape, series: Series, at: int) -> float:
    """Close of the last good bar of the segment before `at`; of the previous bar where none is good."""
    before = at - 1
    while series.known[before] <= at and not tape.first[before] and series.cause[before] == Break.NONE:
        before -= 1
    return float(tape.close[before] if series.known[before] > at else tape.close[at - 1])


def _return_position(tape: BarTape, series: Series, at: int, reference: float, rules: HealthRules) -> int | None:
    """Position of the bar that is back at the reference level within ``print_bars`` bars, if one is."""
    for later in _same_run(tape, series, at, rules):
        if _same_level(float(tape.close[later]), reference, rules):
            return later
    return None


def _break_level(tape: BarTape, series: Series, at: int, reference: float, rules: HealthRules) -> None:
    """End the series where the jump's level has outlasted the longest bad print."""
    confirmed = at + rules.print_bars
    if confirmed in _same_run(tape, series, at, rules):
        series.cause[confirmed] = Break.LEVEL
        series.limit[confirmed] = rules.jump_ratio


def _same_run(tape: BarTape, series: Series, at: int, rules: HealthRules) -> range:
    """Positions after `at`, at most ``print_bars``, before the symbol or the segment ends."""
    stop = at + 1
    last = min(at + rules.print_bars, len(tape) - 1)
    while stop <= last and not tape.first[stop] and series.cause[stop] == Break.NONE:
        stop += 1
    return range(at + 1, stop)


def _condemn(series: Series, bars: range, known: int, jump: float) -> None:
    for bar in bars:
        if known < series.known[bar]:
            series.known[bar] = known
            series.jump[bar] = jump


def _same_level(price: float, reference: float, rules: HealthRules) -> bool:
    return reference / rules.jump_ratio <= price <= reference * rules.jump_ratio
