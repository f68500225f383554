"""What the registered returns, risk, memory and tail features compute."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from quant_lib import indicators as ta
from quant_lib import statistics
from quant_lib.features._block import SeriesBlock, once
from quant_lib.features._definitions import ago, ema
from quant_lib.indicators._series import FloatArray, lag, ratio


@once
def _returns(block: SeriesBlock) -> FloatArray:
    return block.close / ago(block, 1) - 1.0


@once
def _years(block: SeriesBlock) -> FloatArray:
    return np.repeat(block.ann, np.diff(block.offsets))


@once
def _average_return(block: SeriesBlock, bars: int) -> FloatArray:
    return ta.sma(_returns(block), bars, block.offsets)


def compounded_return(block: SeriesBlock, bars: int) -> FloatArray:
    """Compounded return over some bars."""
    return block.close / ago(block, bars) - 1.0


def mean_return(block: SeriesBlock, bars: int) -> FloatArray:
    """Annualised mean of daily returns."""
    return _average_return(block, bars) * _years(block)


@once
def volatility(block: SeriesBlock, bars: int) -> FloatArray:
    """Annualised standard deviation of daily returns."""
    made: FloatArray = np.sqrt(_moments(block, bars).variance * (bars / (bars - 1.0)) * _years(block))
    return made


def range_percent(block: SeriesBlock) -> FloatArray:
    """Range of the bar in percent of its low."""
    return 100.0 * (block.high - block.low) / block.low


@once
def value_traded(block: SeriesBlock) -> FloatArray:
    """Close x volume."""
    return block.close * block.volume


def turnover(block: SeriesBlock, bars: int) -> FloatArray:
    """Median of close x volume."""
    return ta.rolling_median(value_traded(block), bars, block.offsets)


def change_percent(block: SeriesBlock) -> FloatArray:
    """Percent change of close."""
    return 100.0 * _returns(block)


def stability(block: SeriesBlock, bars: int) -> FloatArray:
    """Reciprocal of volatility."""
    return 1.0 / (volatility(block, bars) + 1e-9)


def roc(block: SeriesBlock, bars: int) -> FloatArray:
    """Rate of change in percent."""
    return 100.0 * (block.close / ago(block, bars) - 1.0)


def volume_change(block: SeriesBlock) -> FloatArray:
    """Percent change of volume."""
    before = lag(block.volume, 1, block.offsets)
    return 100.0 * (ratio(block.volume, before) - 1.0)


def performance(block: SeriesBlock, days: int) -> FloatArray:
    """Percent change since the last close at least some calendar days old."""
    starts = np.repeat(block.offsets[:-1], np.diff(block.offsets))
    # One increasing key for all series: neighbours in time stay neighbours, series stay far apart.
    far = np.repeat(np.arange(block.offsets.size - 1, dtype=np.int64), np.diff(block.offsets)) << 32
    row = np.searchsorted(far + block.day, far + block.day - days, side="right") - 1
    known = row >= starts
    return np.where(known, 100.0 * (block.close / block.close[np.maximum(row, 0)] - 1.0), np.nan)


@once
def entropy(block: SeriesBlock, bars: int, order: int) -> FloatArray:
    """Permutation entropy of returns."""
    return statistics.permutation_entropy(_returns(block), bars, order, block.offsets)


@once
def efficiency(block: SeriesBlock, bars: int) -> FloatArray:
    """Net over gross movement."""
    gross = ta.sma(np.abs(_returns(block)), bars, block.offsets)
    return statistics.efficiency_of(_average_return(block, bars), gross, bars)


@once
def hurst(block: SeriesBlock, bars: int) -> FloatArray:
    """Hurst exponent, corrected for short windows."""
    return statistics.hurst(_returns(block), bars, block.offsets)


def trendiness(block: SeriesBlock, bars: int) -> FloatArray:
    """Distance of the Hurst exponent from noise, doubled."""
    return 2.0 * (hurst(block, bars) - 0.5)


@once
def turbulence(block: SeriesBlock, bars: int) -> FloatArray:
    """Share of energy in fine details."""
    return statistics.turbulence(_returns(block), bars, 3, block.offsets)


@once
def _autocorrelation(block: SeriesBlock, bars: int) -> statistics.Autocorrelation:
    return statistics.autocorrelation(_returns(block), bars, block.offsets, _average_return(block, bars))


def autocorr_1(block: SeriesBlock, bars: int) -> FloatArray:
    """Correlation of neighbouring returns."""
    return _autocorrelation(block, bars).first_lag


def ljung_box_p(block: SeriesBlock, bars: int) -> FloatArray:
    """Smallest Ljung-Box p-value."""
    return _autocorrelation(block, bars).ljung_box_p


def memory_depth(block: SeriesBlock, bars: int) -> FloatArray:
    """Lags in a row that are correlated."""
    return _autocorrelation(block, bars).depth


@once
def _log_close(block: SeriesBlock) -> FloatArray:
    logs: FloatArray = np.log(block.close)
    return logs


@once
def _reversion(block: SeriesBlock, bars: int) -> statistics.Reversion:
    return statistics.reversion(_log_close(block), bars, block.offsets)


def half_life(block: SeriesBlock, bars: int) -> FloatArray:
    """Bars in which half of a deviation is gone."""
    return _reversion(block, bars).half_life


def adf_p(block: SeriesBlock, bars: int) -> FloatArray:
    """P-value of a unit root."""
    return _reversion(block, bars).adf_p


def trend_duration(block: SeriesBlock, length: int, least: int) -> FloatArray:
    """Bars on this side of an average."""
    return statistics.bars_since_turn(block.close, ema(block, length), least, block.offsets)


@once
def _moments(block: SeriesBlock, bars: int) -> statistics.Moments:
    return statistics.moments(_returns(block), bars, block.offsets, _average_return(block, bars))


def skew(block: SeriesBlock, bars: int) -> FloatArray:
    """Skewness."""
    return _moments(block, bars).skew


def kurtosis(block: SeriesBlock, bars: int) -> FloatArray:
    """Excess kurtosis."""
    return _moments(block, bars).kurtosis


@once
def _tails(block: SeriesBlock, bars: int) -> statistics.Tails:
    return statistics.tails(_returns(block), bars, block.offsets)


def var_95(block: SeriesBlock, bars: int) -> FloatArray:
    """Value at risk."""
    return _tails(block, bars).var_95


def cvar_95(block: SeriesBlock, bars: int) -> FloatArray:
    """Mean loss beyond value at risk."""
    return _tails(block, bars).cvar_95


def tail_gain(block: SeriesBlock, bars: int) -> FloatArray:
    """Mean gain beyond the upper quantile."""
    return _tails(block, bars).gain_95


@once
def _in_deviations(block: SeriesBlock, bars: int) -> statistics.Tails:
    return statistics.in_deviations(_tails(block, bars), _average_return(block, bars), _moments(block, bars).variance)


_NOISY: dict[str, Callable[[SeriesBlock, int], FloatArray]] = {
    "entropy": lambda block, bars: entropy(block, bars, 5),
    "efficiency": efficiency,
    "hurst": hurst,
    "turbulence": turbulence,
    "autocorr_1": autocorr_1,
    "entropy_3": lambda block, bars: entropy(block, bars, 3),
    "half_life": half_life,
    "skew": skew,
    "kurtosis": kurtosis,
    "var_95": lambda block, bars: _in_deviations(block, bars).var_95,
    "cvar_95": lambda block, bars: _in_deviations(block, bars).cvar_95,
    "tail_gain": lambda block, bars: _in_deviations(block, bars).gain_95,
}


def noise_pct(block: SeriesBlock, of: str, statistic: str, bars: int) -> FloatArray:
    """Place of a statistic among those of noise."""
    return statistics.noise_percentile(statistic, _NOISY[of](block, bars), bars)


def max_drawdown(block: SeriesBlock, bars: int) -> FloatArray:
    """Deepest fall from a peak."""
    return statistics.max_drawdown(block.close, bars, block.offsets)


def survival(block: SeriesBlock) -> FloatArray:
    """Share of stress windows traded through."""
    return statistics.survival(_returns(block), block.day, block.stress, block.offsets)
