"""Declarations: averages, trend and channels, oscillators."""

from __future__ import annotations

from typing import Final

from quant_lib.features._declare import CLOSE, HLC, PINE, QUOTE, RANGE, recursive, window
from quant_lib.features._feature import Feature

_LENGTHS = (10, 20, 30, 50, 100, 200)
_EMA_SETTLE = {10: 200, 20: 300, 30: 500, 50: 1500, 100: 1600, 200: 3000}

AVERAGES: Final[tuple[Feature, ...]] = (
    *(
        window(f"sma_{n}", f"Mean close of {n} bars (SMA)", QUOTE, CLOSE, "sma", n, PINE, args=(n,), ge=0.0)
        for n in _LENGTHS
    ),
    *(
        recursive(
            f"ema_{n}",
            f"Exponential moving average of close over {n} bars",
            QUOTE,
            CLOSE,
            "ema",
            n,
            PINE,
            args=(n,),
            settle=_EMA_SETTLE[n],
            ge=0.0,
        )
        for n in _LENGTHS
    ),
    window("hma_9", "Hull moving average of close over 9 bars", QUOTE, CLOSE, "hma", 11, PINE, args=(9,)),
    window(
        "vwma_20",
        "Volume-weighted average close of 20 bars; missing where their volume is zero or unknown",
        QUOTE,
        ("close", "volume"),
        "vwma",
        20,
        PINE,
        args=(20,),
        ge=0.0,
    ),
    window(
        "sma200_slope",
        "Least-squares slope per bar of the last 20 values of sma_200",
        QUOTE,
        CLOSE,
        "average_slope",
        219,
        "semantics 3.8",
        args=(200, 20),
    ),
)

TREND: Final[tuple[Feature, ...]] = (
    recursive("adx_14", "Average directional index", "percent", HLC, "adx", 28, PINE, args=(14, 14), ge=0.0, le=100.0),
    recursive(
        "dmp_14", "Positive directional indicator", "percent", HLC, "di_plus", 15, PINE, args=(14,), ge=0.0, le=100.0
    ),
    recursive(
        "dmn_14", "Negative directional indicator", "percent", HLC, "di_minus", 15, PINE, args=(14,), ge=0.0, le=100.0
    ),
    window(
        "donchian_upper_20",
        "Highest high of the 20 bars before this one",
        QUOTE,
        ("high",),
        "donchian_upper",
        21,
        "semantics 3.8",
        args=(20,),
        gt=0.0,
    ),
    window(
        "donchian_lower_20",
        "Lowest low of the 20 bars before this one",
        QUOTE,
        ("low",),
        "donchian_lower",
        21,
        "semantics 3.8",
        args=(20,),
        gt=0.0,
    ),
    window(
        "bb_width_20",
        "Bollinger band width: 4 population standard deviations over the mean of 20 bars",
        "fraction",
        CLOSE,
        "bollinger_width",
        20,
        "semantics 3.8",
        args=(20,),
        ge=0.0,
    ),
    recursive("atr_14", "Average true range (Wilder)", QUOTE, HLC, "atr", 14, PINE, args=(14,), ge=0.0),
    window("ichimoku_conv", "Ichimoku conversion line (9)", QUOTE, RANGE, "midpoint", 9, PINE, args=(9,), gt=0.0),
    window("ichimoku_base", "Ichimoku base line (26)", QUOTE, RANGE, "midpoint", 26, PINE, args=(26,), gt=0.0),
)

OSCILLATORS: Final[tuple[Feature, ...]] = (
    recursive("rsi_14", "Relative strength index", "percent", CLOSE, "rsi", 15, PINE, args=(14,), ge=0.0, le=100.0),
    window("stoch_k", "Stochastic %K (14, 3)", "percent", HLC, "stoch_k", 16, PINE, ge=0.0, le=100.0),
    window("stoch_d", "Stochastic %D (14, 3, 3)", "percent", HLC, "stoch_d", 18, PINE, ge=0.0, le=100.0),
    recursive(
        "stoch_rsi_k",
        "Stochastic RSI %K (3, 3, 14, 14)",
        "percent",
        CLOSE,
        "stoch_rsi_k",
        30,
        PINE,
        ge=0.0,
        le=100.0,
    ),
    recursive(
        "stoch_rsi_d",
        "Stochastic RSI %D (3, 3, 14, 14)",
        "percent",
        CLOSE,
        "stoch_rsi_d",
        32,
        PINE,
        ge=0.0,
        le=100.0,
    ),
    window("cci_20", "Commodity channel index of (high + low + close) / 3", "", HLC, "cci", 20, PINE, args=(20,)),
    window("ao", "Awesome oscillator: SMA(5) less SMA(34) of (high + low) / 2", QUOTE, RANGE, "ao", 34, PINE),
    window("mom_10", "Close less close 10 bars ago", QUOTE, CLOSE, "momentum", 11, PINE, args=(10,)),
    recursive("macd", "EMA of 12 bars less EMA of 26 bars of close", QUOTE, CLOSE, "macd_line", 26, PINE),
    recursive("macd_signal", "EMA of 9 bars of macd", QUOTE, CLOSE, "macd_signal", 34, PINE),
    recursive("macd_hist", "macd less macd_signal", QUOTE, CLOSE, "macd_hist", 34, PINE),
    window("willr_14", "Williams %R", "percent", HLC, "williams_r", 14, PINE, args=(14,), ge=-100.0, le=0.0),
    recursive("bb_power", "Bull power plus bear power over EMA 13", QUOTE, HLC, "bull_bear_power", 13, PINE),
    window("uo", "Ultimate oscillator (7, 14, 28)", "percent", HLC, "ultimate_oscillator", 29, PINE, ge=0.0, le=100.0),
)
