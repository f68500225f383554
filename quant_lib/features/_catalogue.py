"""The declarations themselves, in column order."""

from __future__ import annotations

from typing import Final, TypedDict, Unpack

from quant_lib.contracts.spec import ColumnType
from quant_lib.features._feature import Feature

MIN_MA_VOTES: Final = 10
"""Moving-average votes, of 15, below which no rating is given (semantics 3.5)."""

_QUOTE = "quote currency"
_CLOSE = ("close",)
_RANGE = ("high", "low")
_HLC = ("high", "low", "close")
_HLCV = ("high", "low", "close", "volume")

_PINE = "Pine Script built-in"
_VOTES = "spec tradingview 4.1, 4.3"

# Bars after which a recursive average has forgotten its seed to well below 1e-9: (13/14)^500 = 8e-17 for Wilder
# smoothing over 14, (199/201)^3000 = 9e-14 for the EMA of 200 bars behind the ratings.
_WILDER_SETTLE = 500
_RATING_SETTLE = 3000


class _Rest(TypedDict, total=False):
    """What most features leave at its default."""

    args: tuple[int | float | str, ...]
    nullable: bool
    type: ColumnType
    ge: float
    le: float
    gt: float
    stored: bool


def _window(
    name: str,
    description: str,
    unit: str,
    inputs: tuple[str, ...],
    kernel: str,
    bars: int,
    source: str,
    **rest: Unpack[_Rest],
) -> Feature:
    """Declare a feature of the last ``bars`` bars and nothing older."""
    return Feature(name, description, unit, inputs, kernel, bars, bars, source, **rest)


def _recursive(
    name: str,
    description: str,
    unit: str,
    inputs: tuple[str, ...],
    kernel: str,
    warmup: int,
    source: str,
    settle: int = _WILDER_SETTLE,
    **rest: Unpack[_Rest],
) -> Feature:
    """Declare a feature that depends, ever more weakly, on every older bar."""
    return Feature(name, description, unit, inputs, kernel, warmup, settle, source, unbounded=True, **rest)


_BAR: tuple[Feature, ...] = (
    _window("close", "Last closed price", _QUOTE, _CLOSE, "bar", 1, "the bar", args=("close",), nullable=False, gt=0.0),
    _window(
        "volume", "Traded quantity of the bar", "base units", ("volume",), "bar", 1, "the bar", args=("volume",), ge=0.0
    ),
)

_RATINGS: tuple[Feature, ...] = (
    _recursive(
        "recommend_all",
        f"Overall technical rating: mean of the two groups; missing below {MIN_MA_VOTES} moving-average votes",
        "",
        _HLCV,
        "recommend_all",
        50,
        _VOTES,
        settle=_RATING_SETTLE,
        ge=-1.0,
        le=1.0,
    ),
    _recursive(
        "recommend_ma",
        f"Moving-average rating: mean of up to 15 votes; missing below {MIN_MA_VOTES}",
        "",
        _HLCV,
        "recommend_ma",
        50,
        _VOTES,
        settle=_RATING_SETTLE,
        ge=-1.0,
        le=1.0,
    ),
    _recursive(
        "recommend_other",
        "Oscillator rating: mean of up to 11 votes",
        "",
        _HLC,
        "recommend_other",
        12,
        _VOTES,
        settle=_RATING_SETTLE,
        ge=-1.0,
        le=1.0,
    ),
    _recursive(
        "recommend_all_weighted",
        "0.574 x recommend_ma + 0.3914 x recommend_other",
        "",
        _HLCV,
        "recommend_all_weighted",
        50,
        "semantics 3.4, mission formula",
        settle=_RATING_SETTLE,
        ge=-0.9654,
        le=0.9654,
    ),
    _recursive(
        "n_votes_ma",
        "Moving-average votes that are defined, of 15",
        "votes",
        _HLCV,
        "n_votes_ma",
        1,
        "semantics 3.5",
        settle=_RATING_SETTLE,
        nullable=False,
        type="int64",
        ge=0,
        le=15,
    ),
    _recursive(
        "n_votes_other",
        "Oscillator votes that are defined, of 11",
        "votes",
        _HLC,
        "n_votes_other",
        1,
        "semantics 3.6",
        settle=_RATING_SETTLE,
        nullable=False,
        type="int64",
        ge=0,
        le=11,
    ),
)

_TREND: tuple[Feature, ...] = (
    _window(
        "sma_50", "Simple moving average of close over 50 bars", _QUOTE, _CLOSE, "sma", 50, _PINE, args=(50,), ge=0.0
    ),
    _window(
        "sma_200",
        "Simple moving average of close over 200 bars",
        _QUOTE,
        _CLOSE,
        "sma",
        200,
        _PINE,
        args=(200,),
        ge=0.0,
    ),
    _window(
        "vwma_20",
        "Volume-weighted average close of 20 bars; missing where their volume is zero or unknown",
        _QUOTE,
        ("close", "volume"),
        "vwma",
        20,
        _PINE,
        args=(20,),
        ge=0.0,
    ),
    _recursive(
        "adx_14", "Average directional index", "percent", _HLC, "adx", 28, _PINE, args=(14, 14), ge=0.0, le=100.0
    ),
    _recursive(
        "dmp_14", "Positive directional indicator", "percent", _HLC, "di_plus", 15, _PINE, args=(14,), ge=0.0, le=100.0
    ),
    _recursive(
        "dmn_14", "Negative directional indicator", "percent", _HLC, "di_minus", 15, _PINE, args=(14,), ge=0.0, le=100.0
    ),
    _window(
        "donchian_upper_20",
        "Highest high of the 20 bars before this one",
        _QUOTE,
        ("high",),
        "donchian_upper",
        21,
        "semantics 3.8",
        args=(20,),
        gt=0.0,
    ),
    _window(
        "donchian_lower_20",
        "Lowest low of the 20 bars before this one",
        _QUOTE,
        ("low",),
        "donchian_lower",
        21,
        "semantics 3.8",
        args=(20,),
        gt=0.0,
    ),
    _recursive("atr_14", "Average true range (Wilder)", _QUOTE, _HLC, "atr", 14, _PINE, args=(14,), ge=0.0),
)

_OSCILLATORS: tuple[Feature, ...] = (
    _recursive("rsi_14", "Relative strength index", "percent", _CLOSE, "rsi", 15, _PINE, args=(14,), ge=0.0, le=100.0),
    _recursive("macd", "EMA of 12 bars less EMA of 26 bars of close", _QUOTE, _CLOSE, "macd_line", 26, _PINE),
    _recursive("macd_signal", "EMA of 9 bars of macd", _QUOTE, _CLOSE, "macd_signal", 34, _PINE),
    _recursive("macd_hist", "macd less macd_signal", _QUOTE, _CLOSE, "macd_hist", 34, _PINE),
)

_MOMENTUM: tuple[Feature, ...] = tuple(
    _window(
        f"momentum_{bars}",
        f"Compounded return over {bars} bars: close / close {bars} bars ago - 1",
        "fraction",
        _CLOSE,
        "compounded_return",
        bars + 1,
        "semantics 0.5",
        args=(bars,),
        ge=-1.0,
    )
    for bars in (20, 60, 120)
)

_RISK: tuple[Feature, ...] = (
    _window(
        "momentum",
        "Mean daily return of the last 120 bars x annualisation factor",
        "fraction a year",
        _CLOSE,
        "mean_return",
        121,
        "semantics 3.9, 0.4",
        args=(120,),
    ),
    _window(
        "volatility",
        "Standard deviation (ddof 1) of the last 120 daily returns x root of the annualisation factor",
        "fraction a year",
        _CLOSE,
        "volatility",
        121,
        "semantics 3.9, 0.4",
        args=(120,),
        ge=0.0,
    ),
    _window(
        "volatility_d",
        "Range of the bar, (high - low) / low",
        "percent",
        _RANGE,
        "range_percent",
        1,
        "semantics 1.9",
        ge=0.0,
    ),
    _window(
        "value_traded",
        "Close x volume of the bar",
        _QUOTE,
        ("close", "volume"),
        "value_traded",
        1,
        "semantics 1.9",
        ge=0.0,
    ),
    _window(
        "turnover",
        "Median of close x volume over the last 30 bars; missing where any of them is unknown",
        _QUOTE,
        ("close", "volume"),
        "turnover",
        30,
        "design 10.3",
        args=(30,),
        ge=0.0,
    ),
    _window(
        "change", "Close against the previous close", "percent", _CLOSE, "change_percent", 2, "semantics 3.1", ge=-100.0
    ),
)

_POSITION: tuple[Feature, ...] = (
    Feature(
        "n_bars",
        "Bars of the current segment so far, this one included",
        "bars",
        (),
        "n_bars",
        1,
        None,
        "semantics 3.9",
        unbounded=True,
        nullable=False,
        type="int64",
        ge=1,
    ),
    Feature(
        "segment",
        "Number of the segment the bar belongs to, from 0; no window crosses into another",
        "",
        (),
        "segment",
        1,
        None,
        "semantics 2.6",
        unbounded=True,
        nullable=False,
        type="int64",
        ge=0,
    ),
)

_ON_REQUEST: tuple[Feature, ...] = (
    _window("stoch_k", "Stochastic %K (14, 3)", "percent", _HLC, "stoch_k", 16, _PINE, stored=False),
    _window("stoch_d", "Stochastic %D (14, 3, 3)", "percent", _HLC, "stoch_d", 18, _PINE, stored=False),
    _recursive(
        "stoch_rsi_k", "Stochastic RSI %K (3, 3, 14, 14)", "percent", _CLOSE, "stoch_rsi_k", 30, _PINE, stored=False
    ),
    _recursive(
        "stoch_rsi_d", "Stochastic RSI %D (3, 3, 14, 14)", "percent", _CLOSE, "stoch_rsi_d", 32, _PINE, stored=False
    ),
    _window(
        "cci_20", "Commodity channel index of hlc3", "", _HLC, "cci", 20, "semantics 3.7", args=(20,), stored=False
    ),
    _window("ao", "Awesome oscillator: SMA(5) less SMA(34) of hl2", _QUOTE, _RANGE, "ao", 34, _PINE, stored=False),
    _window("mom_10", "Close less close 10 bars ago", _QUOTE, _CLOSE, "momentum", 11, _PINE, args=(10,), stored=False),
    _window("willr_14", "Williams %R", "percent", _HLC, "williams_r", 14, _PINE, args=(14,), stored=False),
    _window("uo", "Ultimate oscillator (7, 14, 28)", "percent", _HLC, "ultimate_oscillator", 29, _PINE, stored=False),
    _recursive(
        "bb_power", "Bull power plus bear power over EMA 13", _QUOTE, _HLC, "bull_bear_power", 13, _PINE, stored=False
    ),
    _window(
        "ichimoku_tenkan", "Ichimoku conversion line (9)", _QUOTE, _RANGE, "midpoint", 9, _PINE, args=(9,), stored=False
    ),
    _window(
        "ichimoku_kijun", "Ichimoku base line (26)", _QUOTE, _RANGE, "midpoint", 26, _PINE, args=(26,), stored=False
    ),
    _window("hma_9", "Hull moving average of close", _QUOTE, _CLOSE, "hma", 11, _PINE, args=(9,), stored=False),
    _recursive(
        "ema_50",
        "Exponential moving average of close",
        _QUOTE,
        _CLOSE,
        "ema",
        50,
        _PINE,
        args=(50,),
        settle=1500,
        stored=False,
    ),
    _recursive(
        "ema_200",
        "Exponential moving average of close",
        _QUOTE,
        _CLOSE,
        "ema",
        200,
        _PINE,
        args=(200,),
        settle=_RATING_SETTLE,
        stored=False,
    ),
    _window(
        "bb_width_20",
        "Bollinger band width: 4 population standard deviations over the mean of 20 bars",
        "fraction",
        _CLOSE,
        "bollinger_width",
        20,
        "semantics 3.8",
        args=(20,),
        ge=0.0,
        stored=False,
    ),
)

CATALOGUE: Final[tuple[Feature, ...]] = (
    *_BAR,
    *_RATINGS,
    *_TREND,
    *_OSCILLATORS,
    *_MOMENTUM,
    *_RISK,
    *_POSITION,
    *_ON_REQUEST,
)
