"""Votes of the technical ratings: one function per indicator (spec tradingview 4.3).

A vote is +1 (buy), 0 or -1 (sell), and NaN where a figure it needs is
undefined. Every function works on arrays of any common shape and on plain
numbers, so recorded vendor figures can be put to the vote as they are.

``x1`` is the previous bar's value, ``x2`` the one before. Where the vendor
published two rule sets that disagree, ``ruleset`` chooses: ``legacy`` (website
and Pine v4) or ``pine3`` (Pine library TechnicalRating, version 3).

Two figures closer than rounding are equal, as in Pine, whose comparisons
tolerate 1e-10: percent-scale figures within `PERCENT_TIE`, prices within
`PRICE_TIE` of the price, which keeps a vote the same in whatever unit the
price is quoted.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from quant_lib.indicators._ranges import Ichimoku
from quant_lib.indicators._series import PERCENT_TIE, PRICE_TIE, FloatArray, IndicatorInputError, IntArray, lag

Ruleset: TypeAlias = Literal["legacy", "pine3"]
Values: TypeAlias = npt.ArrayLike
_Mask: TypeAlias = npt.NDArray[np.bool_]

DISPLACEMENT: Final = 26
"""Bars by which ``pine3`` looks back for the Ichimoku cloud."""


def check_ruleset(ruleset: str) -> Ruleset:
    """Refuse a rule set nobody published."""
    for known in get_args(Ruleset):
        if ruleset == known:
            return known  # type: ignore[no-any-return]
    raise IndicatorInputError("ruleset", repr(ruleset), " or ".join(get_args(Ruleset)))


def _vote(buy: _Mask, sell: _Mask, *needed: FloatArray) -> FloatArray:
    defined = np.logical_and.reduce(np.broadcast_arrays(*(~np.isnan(x) for x in needed)))
    return np.where(defined, np.where(buy, 1.0, np.where(sell, -1.0, 0.0)), np.nan)


def _arrays(*values: Values) -> tuple[FloatArray, ...]:
    return tuple(np.asarray(value, np.float64) for value in values)


def vote_average(price: Values, average: Values) -> FloatArray:
    """Price above its moving average buys, below sells, equal is neutral."""
    p, a = _arrays(price, average)
    tie = PRICE_TIE * p
    return _vote(p - a > tie, a - p > tie, p, a)


def vote_ichimoku(
    lines: Ichimoku, price: Values, ruleset: Ruleset = "legacy", offsets: IntArray | None = None
) -> FloatArray:
    """Ichimoku 9 / 26 / 52.

    ``legacy``: the cloud of today points up, price is above it but below the
    base line and crossed the conversion line from below since the previous
    bar; the published mirror asks for price below the *second* lead line.
    ``pine3``: cloud of 26 bars ago, base, conversion and price, each above the one before.

    Parameters
    ----------
    lines : Ichimoku
        Lines before displacement, each of shape (n_bars,).
    price : array of shape (n_bars,)
        Close.
    ruleset : {'legacy', 'pine3'}
        Which published rule.
    offsets : array of shape (n_series + 1,), optional
        Bounds of the series laid end to end; one series by default.
    """
    (p,) = _arrays(price)
    tie = PRICE_TIE * p
    if ruleset == "pine3":
        lead1, lead2 = lag(lines.lead1, DISPLACEMENT, offsets), lag(lines.lead2, DISPLACEMENT, offsets)
        steps = (lead1 - lead2, lines.base - lead1, lines.conversion - lines.base, p - lines.conversion)
        buy = np.logical_and.reduce([step > tie for step in steps])
        sell = np.logical_and.reduce([step < -tie for step in steps])
        return _vote(buy, sell, *steps)
    p1 = lag(p, 1, offsets)
    cloud = lines.lead1 - lines.lead2
    crossed_up = (lines.conversion - p1 > tie) & (p - lines.conversion > tie)
    crossed_down = (p1 - lines.conversion > tie) & (lines.conversion - p > tie)
    buy = (cloud > tie) & (p - lines.lead1 > tie) & (lines.base - p > tie) & crossed_up
    sell = (cloud < -tie) & (lines.lead2 - p > tie) & (p - lines.base > tie) & crossed_down
    return _vote(buy, sell, cloud, p, p1, lines.base, lines.conversion)


def _turning(value: Values, previous: Values, oversold: float, overbought: float) -> FloatArray:
    """Vote of an oscillator that buys when low and rising, sells when high and falling."""
    x, x1 = _arrays(value, previous)
    return _vote((x < oversold) & (x - x1 > PERCENT_TIE), (x > overbought) & (x1 - x > PERCENT_TIE), x, x1)


def vote_rsi(rsi: Values, rsi1: Values) -> FloatArray:
    """RSI below 30 and rising buys; above 70 and falling sells."""
    return _turning(rsi, rsi1, 30.0, 70.0)


def vote_cci(cci: Values, cci1: Values) -> FloatArray:
    """CCI below -100 and rising buys; above 100 and falling sells."""
    return _turning(cci, cci1, -100.0, 100.0)


def vote_williams(wr: Values, wr1: Values) -> FloatArray:
    """Williams %R below -80 and rising buys; above -20 and falling sells."""
    return _turning(wr, wr1, -80.0, -20.0)


def _band(stochastic: tuple[FloatArray, ...], ruleset: Ruleset) -> tuple[_Mask, _Mask]:
    """%K above %D in the lower fifth, %K below %D in the upper; ``legacy`` also asks for the cross."""
    k, d, k1, d1 = stochastic
    buy = (k < 20.0) & (d < 20.0) & (k - d > PERCENT_TIE)
    sell = (k > 80.0) & (d > 80.0) & (d - k > PERCENT_TIE)
    if ruleset == "legacy":
        buy &= d1 - k1 > PERCENT_TIE
        sell &= k1 - d1 > PERCENT_TIE
    return buy, sell


def vote_stochastic(k: Values, d: Values, k1: Values, d1: Values, ruleset: Ruleset = "legacy") -> FloatArray:
    """%K and %D below 20 with %K crossing (``legacy``) or being (``pine3``) above %D buys; mirrored at 80."""
    figures = _arrays(k, d, k1, d1)
    buy, sell = _band(figures, ruleset)
    return _vote(buy, sell, *figures)


def vote_stoch_rsi(
    k: Values, d: Values, k1: Values, d1: Values, price: Values, trend: Values, ruleset: Ruleset = "legacy"
) -> FloatArray:
    """As `vote_stochastic`, but buys only while price is below its EMA 50 (``trend``), sells only above."""
    stochastic = _arrays(k, d, k1, d1)
    p, average = _arrays(price, trend)
    tie = PRICE_TIE * p
    buy, sell = _band(stochastic, ruleset)
    return _vote(buy & (average - p > tie), sell & (p - average > tie), *stochastic, p, average)


def vote_adx(
    adx: Values, plus: Values, minus: Values, adx1: Values, plus1: Values, minus1: Values, ruleset: Ruleset = "legacy"
) -> FloatArray:
    """ADX above 20: +DI crossing above -DI buys (``legacy``); +DI above -DI while ADX rises buys (``pine3``)."""
    x, up, down, x1, up1, down1 = _arrays(adx, plus, minus, adx1, plus1, minus1)
    buy, sell = (x > 20.0) & (up - down > PERCENT_TIE), (x > 20.0) & (down - up > PERCENT_TIE)
    if ruleset == "pine3":
        rising = x - x1 > PERCENT_TIE
        return _vote(buy & rising, sell & rising, x, up, down, x1)
    buy &= down1 - up1 > PERCENT_TIE
    sell &= up1 - down1 > PERCENT_TIE
    return _vote(buy, sell, x, up, down, up1, down1)


def vote_awesome(ao: Values, ao1: Values, ao2: Values, price: Values) -> FloatArray:
    """Crossing above zero, or a saucer above it (fell, then rose), buys; mirrored below."""
    x, x1, x2, p = _arrays(ao, ao1, ao2, price)
    tie = PRICE_TIE * p
    saucer_up = (x - x1 > tie) & (x2 - x1 > tie)
    saucer_down = (x1 - x > tie) & (x1 - x2 > tie)
    buy = (x > tie) & (~(x1 > tie) | saucer_up)
    sell = (x < -tie) & (~(x1 < -tie) | saucer_down)
    return _vote(buy, sell, x, x1)


def vote_momentum(momentum: Values, momentum1: Values, price: Values) -> FloatArray:
    """Rising momentum buys, falling sells."""
    x, x1, p = _arrays(momentum, momentum1, price)
    tie = PRICE_TIE * p
    return _vote(x - x1 > tie, x1 - x > tie, x, x1)


def vote_macd(line: Values, signal: Values, price: Values) -> FloatArray:
    """MACD above its signal buys, below sells."""
    x, s, p = _arrays(line, signal, price)
    tie = PRICE_TIE * p
    return _vote(x - s > tie, s - x > tie, x, s)


def vote_bull_bear(
    bull: Values, bear: Values, bull1: Values, bear1: Values, price: Values, trend: Values
) -> FloatArray:
    """Bear power negative and rising above the EMA 50 buys; bull power positive and falling below it sells."""
    figures = _arrays(bull, bear, bull1, bear1, price, trend)
    up, down, up1, down1, p, average = figures
    tie = PRICE_TIE * p
    buy = (p - average > tie) & (down < -tie) & (down - down1 > tie)
    sell = (average - p > tie) & (up > tie) & (up1 - up > tie)
    return _vote(buy, sell, *figures)


def vote_ultimate(uo: Values) -> FloatArray:
    """Ultimate oscillator above 70 buys, below 30 sells: a momentum rule, not a contrarian one."""
    (x,) = _arrays(uo)
    return _vote(x > 70.0, x < 30.0, x)
