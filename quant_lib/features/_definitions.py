"""What the registered indicators and ratings compute; `quant_lib.features._statistical` has the rest.

Each function takes a block of series and gives one value per bar, using only
that bar and older ones of the same series.
"""

from __future__ import annotations

import numpy as np

from quant_lib import indicators as ta
from quant_lib import statistics
from quant_lib.features._block import SeriesBlock, once
from quant_lib.features._declare import MIN_MA_VOTES
from quant_lib.indicators import ratings, votes
from quant_lib.indicators._series import FloatArray, IntArray, lag


def bar(block: SeriesBlock, column: str) -> FloatArray:
    """Column of the bar itself."""
    values: FloatArray = getattr(block, column)
    return values


@once
def ago(block: SeriesBlock, bars: int) -> FloatArray:
    return lag(block.close, bars, block.offsets)


@once
def sma(block: SeriesBlock, length: int) -> FloatArray:
    """Average close over some bars."""
    return ta.sma(block.close, length, block.offsets)


@once
def ema(block: SeriesBlock, length: int) -> FloatArray:
    """Exponential moving average of close."""
    return ta.ema(block.close, length, block.offsets)


@once
def hma(block: SeriesBlock, length: int) -> FloatArray:
    """Hull moving average of close."""
    return ta.hma(block.close, length, block.offsets)


@once
def vwma(block: SeriesBlock, length: int) -> FloatArray:
    """Volume-weighted moving average of close."""
    return ta.vwma(block.close, block.volume, length, block.offsets)


@once
def _dmi(block: SeriesBlock, length: int, smoothing: int) -> ta.DirectionalMovement:
    return ta.dmi(block.high, block.low, block.close, length, smoothing, block.offsets)


def adx(block: SeriesBlock, length: int, smoothing: int) -> FloatArray:
    """Average directional index."""
    return _dmi(block, length, smoothing).adx


def di_plus(block: SeriesBlock, length: int) -> FloatArray:
    """Positive directional indicator."""
    return _dmi(block, length, length).plus


def di_minus(block: SeriesBlock, length: int) -> FloatArray:
    """Negative directional indicator."""
    return _dmi(block, length, length).minus


@once
def _donchian(block: SeriesBlock, length: int) -> tuple[FloatArray, FloatArray]:
    return ta.donchian(block.high, block.low, length, block.offsets)


def donchian_upper(block: SeriesBlock, length: int) -> FloatArray:
    """Highest high of the bars before this one."""
    return _donchian(block, length)[0]


def donchian_lower(block: SeriesBlock, length: int) -> FloatArray:
    """Lowest low of the bars before this one."""
    return _donchian(block, length)[1]


def atr(block: SeriesBlock, length: int) -> FloatArray:
    """Average true range."""
    return ta.atr(block.high, block.low, block.close, length, block.offsets)


@once
def rsi(block: SeriesBlock, length: int) -> FloatArray:
    """Relative strength index."""
    return ta.rsi(block.close, length, block.offsets)


@once
def _macd(block: SeriesBlock) -> ta.Macd:
    return ta.macd(block.close, offsets=block.offsets)


def macd_line(block: SeriesBlock) -> FloatArray:
    """MACD line."""
    return _macd(block).line


def macd_signal(block: SeriesBlock) -> FloatArray:
    """MACD signal line."""
    return _macd(block).signal


def macd_hist(block: SeriesBlock) -> FloatArray:
    """MACD histogram."""
    return _macd(block).hist


@once
def _stochastic(block: SeriesBlock) -> ta.Stochastic:
    return ta.stochastic(block.high, block.low, block.close, offsets=block.offsets)


def stoch_k(block: SeriesBlock) -> FloatArray:
    """Stochastic %K."""
    return _stochastic(block).k


def stoch_d(block: SeriesBlock) -> FloatArray:
    """Stochastic %D."""
    return _stochastic(block).d


@once
def _stoch_rsi(block: SeriesBlock) -> ta.Stochastic:
    return ta.stoch_rsi(block.close, offsets=block.offsets)


def stoch_rsi_k(block: SeriesBlock) -> FloatArray:
    """Stochastic RSI %K."""
    return _stoch_rsi(block).k


def stoch_rsi_d(block: SeriesBlock) -> FloatArray:
    """Stochastic RSI %D."""
    return _stoch_rsi(block).d


@once
def cci(block: SeriesBlock, length: int) -> FloatArray:
    """Commodity channel index."""
    return ta.cci(block.high, block.low, block.close, length, block.offsets)


@once
def ao(block: SeriesBlock) -> FloatArray:
    """Awesome oscillator."""
    return ta.awesome(block.high, block.low, block.offsets)


@once
def momentum(block: SeriesBlock, length: int) -> FloatArray:
    """Difference to the close some bars ago."""
    return block.close - ago(block, length)


@once
def williams_r(block: SeriesBlock, length: int) -> FloatArray:
    """Williams %R."""
    return ta.williams_r(block.high, block.low, block.close, length, block.offsets)


@once
def ultimate_oscillator(block: SeriesBlock) -> FloatArray:
    """Ultimate oscillator."""
    return ta.ultimate(block.high, block.low, block.close, offsets=block.offsets)


@once
def _bull_bear(block: SeriesBlock) -> ta.BullBear:
    return ta.bull_bear(block.high, block.low, block.close, offsets=block.offsets)


def bull_bear_power(block: SeriesBlock) -> FloatArray:
    """Bull plus bear power."""
    return _bull_bear(block).total


@once
def midpoint(block: SeriesBlock, length: int) -> FloatArray:
    """Ichimoku line: half-way between highest high and lowest low."""
    return ta.midpoint(block.high, block.low, length, block.offsets)


def average_slope(block: SeriesBlock, length: int, bars: int) -> FloatArray:
    """Least-squares slope of the newest values of an average."""
    return statistics.rolling_slope(sma(block, length), bars, block.offsets)


def bollinger_width(block: SeriesBlock, length: int) -> FloatArray:
    """Width of the two-sigma band over its middle."""
    width: FloatArray = 4.0 * ta.rolling_std(block.close, length, 0, block.offsets) / sma(block, length)
    return width


def n_bars(block: SeriesBlock) -> FloatArray:
    """Bars of the series so far."""
    starts = np.repeat(block.offsets[:-1], np.diff(block.offsets))
    return np.arange(1, block.close.size + 1, dtype=np.float64) - starts


def segment(block: SeriesBlock) -> FloatArray:
    """Segment number."""
    return block.segment.astype(np.float64)


def _ma_votes(block: SeriesBlock) -> list[FloatArray]:
    averages = [kind(block, length) for kind in (sma, ema) for length in (10, 20, 30, 50, 100, 200)]
    averages += [vwma(block, 20), hma(block, 9)]
    conversion, base = midpoint(block, 9), midpoint(block, 26)
    lines = ta.Ichimoku(conversion, base, 0.5 * (conversion + base), midpoint(block, 52))
    ichimoku = votes.vote_ichimoku(lines, block.close, block.ruleset, block.offsets)
    return [*(votes.vote_average(block.close, average) for average in averages), ichimoku]


def _other_votes(block: SeriesBlock) -> list[FloatArray]:
    def before(x: FloatArray) -> FloatArray:
        return lag(x, 1, block.offsets)

    close, trend, rules = block.close, ema(block, 50), block.ruleset
    strength, channel, percent_r = rsi(block, 14), cci(block, 20), williams_r(block, 14)
    stoch, stoch_of_rsi, move, power = _stochastic(block), _stoch_rsi(block), _dmi(block, 14, 14), _bull_bear(block)
    swing, difference, line = ao(block), momentum(block, 10), _macd(block)
    swing1 = before(swing)
    return [
        votes.vote_rsi(strength, before(strength)),
        votes.vote_stochastic(stoch.k, stoch.d, before(stoch.k), before(stoch.d), rules),
        votes.vote_cci(channel, before(channel)),
        votes.vote_adx(move.adx, move.plus, move.minus, before(move.adx), before(move.plus), before(move.minus), rules),
        votes.vote_awesome(swing, swing1, before(swing1), close),
        votes.vote_momentum(difference, before(difference), close),
        votes.vote_macd(line.line, line.signal, close),
        votes.vote_stoch_rsi(
            stoch_of_rsi.k, stoch_of_rsi.d, before(stoch_of_rsi.k), before(stoch_of_rsi.d), close, trend, rules
        ),
        votes.vote_williams(percent_r, before(percent_r)),
        votes.vote_bull_bear(power.bull, power.bear, before(power.bull), before(power.bear), close, trend),
        votes.vote_ultimate(ultimate_oscillator(block)),
    ]


@once
def _ma(block: SeriesBlock) -> tuple[FloatArray, IntArray]:
    rating, count = ratings.tally(_ma_votes(block))
    return np.where(count >= MIN_MA_VOTES, rating, np.nan), count


@once
def _other(block: SeriesBlock) -> tuple[FloatArray, IntArray]:
    return ratings.tally(_other_votes(block))


def recommend_ma(block: SeriesBlock) -> FloatArray:
    """Moving-average rating, missing below the floor of votes."""
    return _ma(block)[0]


def recommend_other(block: SeriesBlock) -> FloatArray:
    """Oscillator rating."""
    return _other(block)[0]


def recommend_all(block: SeriesBlock) -> FloatArray:
    """Overall rating; missing where the moving-average rating is, that rating alone where no oscillator votes."""
    rating = _ma(block)[0]
    return np.where(np.isnan(rating), np.nan, ratings.overall(rating, _other(block)[0]))


def recommend_all_weighted(block: SeriesBlock) -> FloatArray:
    """Overall rating by the mission's weights."""
    return ratings.overall_weighted(_ma(block)[0], _other(block)[0])


def n_votes_ma(block: SeriesBlock) -> FloatArray:
    """Count the defined moving-average votes."""
    return _ma(block)[1].astype(np.float64)


def n_votes_other(block: SeriesBlock) -> FloatArray:
    """Count the defined oscillator votes."""
    return _other(block)[1].astype(np.float64)
