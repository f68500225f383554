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
from quant_lib.indicators import _pass_rows as row
from quant_lib.indicators import figures, ratings
from quant_lib.indicators._series import FloatArray, lag


def bar(block: SeriesBlock, column: str) -> FloatArray:
    """Column of the bar itself."""
    values: FloatArray = getattr(block, column)
    return values


@once
def ago(block: SeriesBlock, bars: int) -> FloatArray:
    return lag(block.close, bars, block.offsets)


@once
def _pass(block: SeriesBlock) -> FloatArray:
    """Rows of everything behind the ratings, from one pass; most features are among them."""
    return figures.figures(block.high, block.low, block.close, block.volume, block.ruleset, block.offsets)


def _row(block: SeriesBlock, number: int) -> FloatArray:
    values: FloatArray = _pass(block)[number]
    return values


@once
def sma(block: SeriesBlock, length: int) -> FloatArray:
    """Average close over some bars."""
    if length in row.LENGTHS:
        return _row(block, row.SMA + row.LENGTHS.index(length))
    return ta.sma(block.close, length, block.offsets)


@once
def ema(block: SeriesBlock, length: int) -> FloatArray:
    """Exponential moving average of close."""
    if length in row.EMAS:
        return _row(block, row.EMA + row.EMAS.index(length))
    return ta.ema(block.close, length, block.offsets)


@once
def hma(block: SeriesBlock, length: int) -> FloatArray:
    """Hull moving average of close."""
    return _row(block, row.HMA) if length == 9 else ta.hma(block.close, length, block.offsets)


@once
def vwma(block: SeriesBlock, length: int) -> FloatArray:
    """Volume-weighted moving average of close."""
    return _row(block, row.VWMA) if length == 20 else ta.vwma(block.close, block.volume, length, block.offsets)


@once
def _dmi(block: SeriesBlock, length: int, smoothing: int) -> ta.DirectionalMovement:
    if (length, smoothing) == (14, 14):
        return ta.DirectionalMovement(*(_row(block, k) for k in (row.PLUS, row.MINUS, row.ADX)))
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
def _top(block: SeriesBlock, length: int) -> FloatArray:
    if length in row.EXTREMES:
        return _row(block, row.TOP + row.EXTREMES.index(length))
    return ta.highest(block.high, length, block.offsets)


@once
def _floor(block: SeriesBlock, length: int) -> FloatArray:
    if length in row.EXTREMES:
        return _row(block, row.FLOOR + row.EXTREMES.index(length))
    return ta.lowest(block.low, length, block.offsets)


def donchian_upper(block: SeriesBlock, length: int) -> FloatArray:
    """Highest high of the bars before this one."""
    return lag(_top(block, length), 1, block.offsets)


def donchian_lower(block: SeriesBlock, length: int) -> FloatArray:
    """Lowest low of the bars before this one."""
    return lag(_floor(block, length), 1, block.offsets)


def atr(block: SeriesBlock, length: int) -> FloatArray:
    """Average true range."""
    return _row(block, row.ATR) if length == 14 else ta.atr(block.high, block.low, block.close, length, block.offsets)


@once
def rsi(block: SeriesBlock, length: int) -> FloatArray:
    """Relative strength index."""
    return _row(block, row.RSI) if length == 14 else ta.rsi(block.close, length, block.offsets)


def macd_line(block: SeriesBlock) -> FloatArray:
    """MACD line."""
    return _row(block, row.MACD)


def macd_signal(block: SeriesBlock) -> FloatArray:
    """MACD signal line."""
    return _row(block, row.MACD_SIGNAL)


def macd_hist(block: SeriesBlock) -> FloatArray:
    """MACD histogram."""
    return macd_line(block) - macd_signal(block)


def stoch_k(block: SeriesBlock) -> FloatArray:
    """Stochastic %K."""
    return _row(block, row.STOCH_K)


def stoch_d(block: SeriesBlock) -> FloatArray:
    """Stochastic %D."""
    return _row(block, row.STOCH_D)


def stoch_rsi_k(block: SeriesBlock) -> FloatArray:
    """Stochastic RSI %K."""
    return _row(block, row.STOCH_RSI_K)


def stoch_rsi_d(block: SeriesBlock) -> FloatArray:
    """Stochastic RSI %D."""
    return _row(block, row.STOCH_RSI_D)


def cci(block: SeriesBlock, length: int) -> FloatArray:
    """Commodity channel index."""
    return _row(block, row.CCI) if length == 20 else ta.cci(block.high, block.low, block.close, length, block.offsets)


def ao(block: SeriesBlock) -> FloatArray:
    """Awesome oscillator."""
    return _row(block, row.AO)


@once
def momentum(block: SeriesBlock, length: int) -> FloatArray:
    """Difference to the close some bars ago."""
    return _row(block, row.MOMENTUM) if length == 10 else block.close - ago(block, length)


@once
def williams_r(block: SeriesBlock, length: int) -> FloatArray:
    """Williams %R."""
    if length == 14:
        return _row(block, row.WILLIAMS)
    return ta.williams_of(block.close, _top(block, length), _floor(block, length))


def ultimate_oscillator(block: SeriesBlock) -> FloatArray:
    """Ultimate oscillator."""
    return _row(block, row.ULTIMATE)


def bull_bear_power(block: SeriesBlock) -> FloatArray:
    """Bull plus bear power."""
    return ta.BullBear(block.high - ema(block, 13), block.low - ema(block, 13)).total


@once
def midpoint(block: SeriesBlock, length: int) -> FloatArray:
    """Ichimoku line: half-way between highest high and lowest low."""
    return 0.5 * (_top(block, length) + _floor(block, length))


def average_slope(block: SeriesBlock, length: int, bars: int) -> FloatArray:
    """Least-squares slope of the newest values of an average."""
    return statistics.rolling_slope(sma(block, length), bars, block.offsets)


def bollinger_width(block: SeriesBlock, length: int) -> FloatArray:
    """Width of the two-sigma band over its middle."""
    fixed = length == 20
    sigma = _row(block, row.DEVIATION) if fixed else ta.rolling_std(block.close, length, 0, block.offsets)
    width: FloatArray = 4.0 * sigma / sma(block, length)
    return width


def n_bars(block: SeriesBlock) -> FloatArray:
    """Bars of the series so far."""
    starts = np.repeat(block.offsets[:-1], np.diff(block.offsets))
    return np.arange(1, block.close.size + 1, dtype=np.float64) - starts


def segment(block: SeriesBlock) -> FloatArray:
    """Segment number."""
    return block.segment.astype(np.float64)


def n_votes_ma(block: SeriesBlock) -> FloatArray:
    """Count the defined moving-average votes."""
    return _row(block, row.MA_VOTES)


def n_votes_other(block: SeriesBlock) -> FloatArray:
    """Count the defined oscillator votes."""
    return _row(block, row.OTHER_VOTES)


@once
def recommend_ma(block: SeriesBlock) -> FloatArray:
    """Moving-average rating, missing below the floor of votes."""
    return np.where(n_votes_ma(block) >= MIN_MA_VOTES, _row(block, row.MA), np.nan)


def recommend_other(block: SeriesBlock) -> FloatArray:
    """Oscillator rating."""
    return _row(block, row.OTHER)


def recommend_all(block: SeriesBlock) -> FloatArray:
    """Overall rating; missing where the moving-average rating is, that rating alone where no oscillator votes."""
    rating = recommend_ma(block)
    return np.where(np.isnan(rating), np.nan, ratings.overall(rating, recommend_other(block)))


def recommend_all_weighted(block: SeriesBlock) -> FloatArray:
    """Overall rating by the mission's weights."""
    return ratings.overall_weighted(recommend_ma(block), recommend_other(block))
