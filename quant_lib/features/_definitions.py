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
from quant_lib.indicators import ratings
from quant_lib.indicators._series import FloatArray, IntArray, lag


def bar(block: SeriesBlock, column: str) -> FloatArray:
    """Column of the bar itself."""
    values: FloatArray = getattr(block, column)
    return values


@once
def ago(block: SeriesBlock, bars: int) -> FloatArray:
    return lag(block.close, bars, block.offsets)


_LENGTHS = (10, 20, 30, 50, 100, 200)
_EMAS = (*_LENGTHS, 12, 13, 26)
_VOTING = 14
"""Averages of `_averages` that vote: the first ones."""


@once
def _averages(block: SeriesBlock) -> FloatArray:
    """All averages of close, one a row: six simple ones, VWMA 20, Hull 9, the exponential ones of `_EMAS`."""
    made = np.empty((len(_LENGTHS) + 2 + len(_EMAS), block.close.size))
    ta.smas(block.close, _LENGTHS, block.offsets, made[: len(_LENGTHS)])
    made[6] = ta.vwma(block.close, block.volume, 20, block.offsets)
    made[7] = ta.hma(block.close, 9, block.offsets)
    ta.emas(block.close, _EMAS, block.offsets, made[8:])
    return made


@once
def sma(block: SeriesBlock, length: int) -> FloatArray:
    """Average close over some bars."""
    if length in _LENGTHS:
        row: FloatArray = _averages(block)[_LENGTHS.index(length)]
        return row
    return ta.sma(block.close, length, block.offsets)


@once
def ema(block: SeriesBlock, length: int) -> FloatArray:
    """Exponential moving average of close."""
    if length in _EMAS:
        row: FloatArray = _averages(block)[8 + _EMAS.index(length)]
        return row
    return ta.ema(block.close, length, block.offsets)


@once
def hma(block: SeriesBlock, length: int) -> FloatArray:
    """Hull moving average of close."""
    return _averages(block)[7] if length == 9 else ta.hma(block.close, length, block.offsets)


@once
def vwma(block: SeriesBlock, length: int) -> FloatArray:
    """Volume-weighted moving average of close."""
    return _averages(block)[6] if length == 20 else ta.vwma(block.close, block.volume, length, block.offsets)


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


_EXTREMES = (9, 14, 20, 26, 52)


@once
def _tops(block: SeriesBlock) -> FloatArray:
    return ta.extremes(block.high, _EXTREMES, 1.0, block.offsets)


@once
def _floors(block: SeriesBlock) -> FloatArray:
    return ta.extremes(block.low, _EXTREMES, -1.0, block.offsets)


@once
def _top(block: SeriesBlock, length: int) -> FloatArray:
    if length in _EXTREMES:
        row: FloatArray = _tops(block)[_EXTREMES.index(length)]
        return row
    return ta.highest(block.high, length, block.offsets)


@once
def _floor(block: SeriesBlock, length: int) -> FloatArray:
    if length in _EXTREMES:
        row: FloatArray = _floors(block)[_EXTREMES.index(length)]
        return row
    return ta.lowest(block.low, length, block.offsets)


def donchian_upper(block: SeriesBlock, length: int) -> FloatArray:
    """Highest high of the bars before this one."""
    return lag(_top(block, length), 1, block.offsets)


def donchian_lower(block: SeriesBlock, length: int) -> FloatArray:
    """Lowest low of the bars before this one."""
    return lag(_floor(block, length), 1, block.offsets)


def atr(block: SeriesBlock, length: int) -> FloatArray:
    """Average true range."""
    return ta.atr(block.high, block.low, block.close, length, block.offsets)


@once
def rsi(block: SeriesBlock, length: int) -> FloatArray:
    """Relative strength index."""
    return ta.rsi(block.close, length, block.offsets)


@once
def _macd(block: SeriesBlock) -> ta.Macd:
    line = ema(block, 12) - ema(block, 26)
    signal = ta.ema(line, 9, block.offsets)
    return ta.Macd(line, signal, line - signal)


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
    k = ta.sma(ta.place(block.close, _top(block, 14), _floor(block, 14)), 3, block.offsets)
    return ta.Stochastic(k, ta.sma(k, 3, block.offsets))


def stoch_k(block: SeriesBlock) -> FloatArray:
    """Stochastic %K."""
    return _stochastic(block).k


def stoch_d(block: SeriesBlock) -> FloatArray:
    """Stochastic %D."""
    return _stochastic(block).d


@once
def _stoch_rsi(block: SeriesBlock) -> ta.Stochastic:
    return ta.stochastic_of(rsi(block, 14), offsets=block.offsets)


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
    return ta.williams_of(block.close, _top(block, length), _floor(block, length))


@once
def ultimate_oscillator(block: SeriesBlock) -> FloatArray:
    """Ultimate oscillator."""
    return ta.ultimate(block.high, block.low, block.close, offsets=block.offsets)


@once
def _bull_bear(block: SeriesBlock) -> ta.BullBear:
    return ta.BullBear(block.high - ema(block, 13), block.low - ema(block, 13))


def bull_bear_power(block: SeriesBlock) -> FloatArray:
    """Bull plus bear power."""
    return _bull_bear(block).total


@once
def midpoint(block: SeriesBlock, length: int) -> FloatArray:
    """Ichimoku line: half-way between highest high and lowest low."""
    return 0.5 * (_top(block, length) + _floor(block, length))


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


@once
def _ma(block: SeriesBlock) -> tuple[FloatArray, IntArray]:
    lines = midpoint(block, 9), midpoint(block, 26), midpoint(block, 52)
    rating, count = ratings.rate_averages(block.close, _averages(block)[:_VOTING], lines, block.ruleset, block.offsets)
    return np.where(count >= MIN_MA_VOTES, rating, np.nan), count


@once
def _other(block: SeriesBlock) -> tuple[FloatArray, IntArray]:
    figures = ratings.OscillatorFigures(
        rsi(block, 14),
        _stochastic(block),
        cci(block, 20),
        _dmi(block, 14, 14),
        ao(block),
        momentum(block, 10),
        _macd(block),
        _stoch_rsi(block),
        williams_r(block, 14),
        _bull_bear(block),
        ultimate_oscillator(block),
    )
    return ratings.rate_oscillators(block.close, ema(block, 50), figures, block.ruleset, block.offsets)


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
