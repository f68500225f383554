"""Technical columns, computed by the platform's own indicators and features.

Every function takes a panel and returns one value per bar of the panel, so that
``[1]`` and ``[2]`` are the values one and two rows earlier.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import numpy as np

from quant_resources.market.bars import FloatArray
from quant_resources.market.screener._panel import Panel

Rows = Callable[[Panel], FloatArray]

RATINGS: Final = {
    "Recommend.All": "recommend_all",
    "Recommend.MA": "recommend_ma",
    "Recommend.Other": "recommend_other",
}
"""Columns that are features of `quant_lib.features`."""

_NUMBERED: Final = re.compile(r"(SMA|EMA|RSI|HullMA|ADX\+DI_|ADX-DI_|ADX_|Mom_)([0-9]{1,3})")


def indicator(base: str) -> Rows | None:
    """Return the function behind a technical column, or None when there is none."""
    known = _NAMED.get(base)
    if known is not None:
        return known
    match = _NUMBERED.fullmatch(base)
    if match is None:
        return None
    maker, length = _MAKERS[match[1]], int(match[2])
    return lambda panel: maker(panel, length)


def ratings(panel: Panel) -> dict[str, FloatArray]:
    """Return the three technical ratings, one value per bar.

    Bars the platform would refuse (no positive prices, a close outside the range, a
    negative volume) have none; the others' are computed without them.
    """
    import pandas as pd

    from quant_lib.features import compute_features

    prices = np.column_stack([panel.open, panel.high, panel.low, panel.close])
    usable = np.isfinite(prices).all(axis=1) & (prices > 0.0).all(axis=1)
    usable &= (panel.high >= np.fmax(panel.open, panel.close)) & (panel.low <= np.fmin(panel.open, panel.close))
    usable &= ~(panel.volume < 0.0) & ~np.isinf(panel.volume)
    empty = {base: np.full(len(panel.time), np.nan) for base in RATINGS}
    if not usable.any():
        return empty
    # Fixed-width numbers keep (symbol, date) order the order of the panel.
    names = np.array([f"{number:06d}" for number in range(panel.size)])
    bars = pd.DataFrame(
        {
            "symbol": np.repeat(names, panel.lengths)[usable],
            "date": panel.time[usable].astype("datetime64[s]").astype("datetime64[us]"),
            "open": panel.open[usable],
            "high": panel.high[usable],
            "low": panel.low[usable],
            "close": panel.close[usable],
            "volume": panel.volume[usable],
        }
    )
    table = compute_features(bars, names=list(RATINGS.values()))
    for base, feature in RATINGS.items():
        empty[base][usable] = table[feature].to_numpy(np.float64)
    return empty


def _sma(panel: Panel, length: int) -> FloatArray:
    from quant_lib.indicators import sma

    return sma(panel.close, length, panel.offsets)


def _ema(panel: Panel, length: int) -> FloatArray:
    from quant_lib.indicators import ema

    return ema(panel.close, length, panel.offsets)


def _hull(panel: Panel, length: int) -> FloatArray:
    from quant_lib.indicators import hma

    return hma(panel.close, length, panel.offsets)


def _vwma(panel: Panel) -> FloatArray:
    from quant_lib.indicators import vwma

    return vwma(panel.close, panel.volume, 20, panel.offsets)


def _rsi(panel: Panel, length: int = 14) -> FloatArray:
    from quant_lib.indicators import rsi

    return rsi(panel.close, length, panel.offsets)


def _adx(panel: Panel, length: int = 14) -> FloatArray:
    from quant_lib.indicators import dmi

    return dmi(panel.high, panel.low, panel.close, length, length, panel.offsets).adx


def _plus(panel: Panel, length: int = 14) -> FloatArray:
    from quant_lib.indicators import dmi

    return dmi(panel.high, panel.low, panel.close, length, length, panel.offsets).plus


def _minus(panel: Panel, length: int = 14) -> FloatArray:
    from quant_lib.indicators import dmi

    return dmi(panel.high, panel.low, panel.close, length, length, panel.offsets).minus


def _momentum(panel: Panel, length: int = 10) -> FloatArray:
    from quant_lib.indicators import momentum

    return momentum(panel.close, length, panel.offsets)


def _rate_of_change(panel: Panel) -> FloatArray:
    from quant_lib.indicators import lag

    return 100.0 * (panel.close / lag(panel.close, 9, panel.offsets) - 1.0)


def _stochastic(part: str) -> Rows:
    def rows(panel: Panel) -> FloatArray:
        from quant_lib.indicators import stochastic

        values: FloatArray = getattr(stochastic(panel.high, panel.low, panel.close, offsets=panel.offsets), part)
        return values

    return rows


def _stochastic_rsi(part: str) -> Rows:
    def rows(panel: Panel) -> FloatArray:
        from quant_lib.indicators import stoch_rsi

        values: FloatArray = getattr(stoch_rsi(panel.close, offsets=panel.offsets), part)
        return values

    return rows


def _macd(part: str) -> Rows:
    def rows(panel: Panel) -> FloatArray:
        from quant_lib.indicators import macd

        values: FloatArray = getattr(macd(panel.close, offsets=panel.offsets), part)
        return values

    return rows


def _ichimoku(part: str) -> Rows:
    def rows(panel: Panel) -> FloatArray:
        from quant_lib.indicators import ichimoku

        values: FloatArray = getattr(ichimoku(panel.high, panel.low, panel.offsets), part)
        return values

    return rows


def _cci(panel: Panel) -> FloatArray:
    from quant_lib.indicators import cci

    return cci(panel.high, panel.low, panel.close, 20, panel.offsets)


def _awesome(panel: Panel) -> FloatArray:
    from quant_lib.indicators import awesome

    return awesome(panel.high, panel.low, panel.offsets)


def _williams(panel: Panel) -> FloatArray:
    from quant_lib.indicators import williams_r

    return williams_r(panel.high, panel.low, panel.close, 14, panel.offsets)


def _ultimate(panel: Panel) -> FloatArray:
    from quant_lib.indicators import ultimate

    return ultimate(panel.high, panel.low, panel.close, offsets=panel.offsets)


def _bull_bear(panel: Panel) -> FloatArray:
    from quant_lib.indicators import bull_bear

    return bull_bear(panel.high, panel.low, panel.close, offsets=panel.offsets).total


def _atr(panel: Panel) -> FloatArray:
    from quant_lib.indicators import atr

    return atr(panel.high, panel.low, panel.close, 14, panel.offsets)


def _atr_percent(panel: Panel) -> FloatArray:
    percent: FloatArray = 100.0 * _atr(panel) / panel.close
    return percent


def _day_range(panel: Panel) -> FloatArray:
    from quant_lib.indicators import sma

    return sma(panel.high - panel.low, 14, panel.offsets)


def _day_range_percent(panel: Panel) -> FloatArray:
    percent: FloatArray = 100.0 * _day_range(panel) / panel.close
    return percent


def _bollinger(width: float) -> Rows:
    def rows(panel: Panel) -> FloatArray:
        from quant_lib.indicators import rolling_std

        return _sma(panel, 20) + width * rolling_std(panel.close, 20, 0, panel.offsets)

    return rows


def _channel_top(panel: Panel) -> FloatArray:
    from quant_lib.indicators import highest

    return highest(panel.high, 20, panel.offsets)


def _channel_bottom(panel: Panel) -> FloatArray:
    from quant_lib.indicators import lowest

    return lowest(panel.low, 20, panel.offsets)


def _channel_middle(panel: Panel) -> FloatArray:
    return 0.5 * (_channel_top(panel) + _channel_bottom(panel))


def _vote_average(average: Rows) -> Rows:
    def rows(panel: Panel) -> FloatArray:
        from quant_lib.indicators import votes

        return votes.vote_average(panel.close, average(panel))

    return rows


def _vote_williams(panel: Panel) -> FloatArray:
    from quant_lib.indicators import lag, votes

    value = _williams(panel)
    return votes.vote_williams(value, lag(value, 1, panel.offsets))


def _vote_ultimate(panel: Panel) -> FloatArray:
    from quant_lib.indicators import votes

    return votes.vote_ultimate(_ultimate(panel))


def _vote_bull_bear(panel: Panel) -> FloatArray:
    from quant_lib.indicators import bull_bear, lag, votes

    power = bull_bear(panel.high, panel.low, panel.close, offsets=panel.offsets)
    before = (lag(power.bull, 1, panel.offsets), lag(power.bear, 1, panel.offsets))
    return votes.vote_bull_bear(power.bull, power.bear, *before, panel.close, _ema(panel, 50))


def _vote_stochastic_rsi(panel: Panel) -> FloatArray:
    from quant_lib.indicators import lag, stoch_rsi, votes

    value = stoch_rsi(panel.close, offsets=panel.offsets)
    before = (lag(value.k, 1, panel.offsets), lag(value.d, 1, panel.offsets))
    return votes.vote_stoch_rsi(value.k, value.d, *before, panel.close, _ema(panel, 50))


def _vote_ichimoku(panel: Panel) -> FloatArray:
    from quant_lib.indicators import ichimoku, votes

    lines = ichimoku(panel.high, panel.low, panel.offsets)
    return votes.vote_ichimoku(lines, panel.close, "legacy", panel.offsets)


_MAKERS: Final[dict[str, Callable[[Panel, int], FloatArray]]] = {
    "SMA": _sma,
    "EMA": _ema,
    "RSI": _rsi,
    "HullMA": _hull,
    "ADX+DI_": _plus,
    "ADX-DI_": _minus,
    "ADX_": _adx,
    "Mom_": _momentum,
}

_NAMED: Final[dict[str, Rows]] = {
    "RSI": _rsi,
    "VWMA": _vwma,
    "ADX": _adx,
    "ADX+DI": _plus,
    "ADX-DI": _minus,
    "Mom": _momentum,
    "ROC": _rate_of_change,
    "Stoch.K": _stochastic("k"),
    "Stoch.D": _stochastic("d"),
    "Stoch.RSI.K": _stochastic_rsi("k"),
    "Stoch.RSI.D": _stochastic_rsi("d"),
    "MACD.macd": _macd("line"),
    "MACD.signal": _macd("signal"),
    "MACD.hist": _macd("hist"),
    "Ichimoku.CLine": _ichimoku("conversion"),
    "Ichimoku.BLine": _ichimoku("base"),
    "Ichimoku.Lead1": _ichimoku("lead1"),
    "Ichimoku.Lead2": _ichimoku("lead2"),
    "CCI20": _cci,
    "AO": _awesome,
    "W.R": _williams,
    "UO": _ultimate,
    "BBPower": _bull_bear,
    "ATR": _atr,
    "ATRP": _atr_percent,
    "ADR": _day_range,
    "ADRP": _day_range_percent,
    "BB.basis": lambda panel: _sma(panel, 20),
    "BB.upper": _bollinger(2.0),
    "BB.lower": _bollinger(-2.0),
    "DonchCh20.Upper": _channel_top,
    "DonchCh20.Lower": _channel_bottom,
    "DonchCh20.Middle": _channel_middle,
    "Rec.VWMA": _vote_average(_vwma),
    "Rec.HullMA9": _vote_average(lambda panel: _hull(panel, 9)),
    "Rec.WR": _vote_williams,
    "Rec.UO": _vote_ultimate,
    "Rec.BBPower": _vote_bull_bear,
    "Rec.Stoch.RSI": _vote_stochastic_rsi,
    "Rec.Ichimoku": _vote_ichimoku,
}
