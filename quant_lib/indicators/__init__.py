"""TradingView-exact indicators and technical ratings over one series or many laid end to end.

Importing the package is cheap; the compiled kernels load with the first
indicator asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quant_lib.indicators._averages import (
        Bollinger,
        bollinger,
        ema,
        emas,
        hma,
        rma,
        rolling_median,
        rolling_std,
        sma,
        smas,
        vwma,
        wma,
    )
    from quant_lib.indicators._oscillators import (
        BullBear,
        Macd,
        Stochastic,
        awesome,
        bull_bear,
        cci,
        macd,
        momentum,
        place,
        rsi,
        stoch_rsi,
        stochastic,
        stochastic_of,
        ultimate,
        williams_of,
        williams_r,
    )
    from quant_lib.indicators._ranges import (
        DirectionalMovement,
        Ichimoku,
        atr,
        dmi,
        donchian,
        extremes,
        highest,
        ichimoku,
        lowest,
        midpoint,
        true_range,
    )
    from quant_lib.indicators._series import IndicatorInputError, change, lag

_HOME = {
    "_averages": (
        "Bollinger",
        "bollinger",
        "ema",
        "emas",
        "hma",
        "rma",
        "rolling_median",
        "rolling_std",
        "sma",
        "smas",
        "vwma",
        "wma",
    ),
    "_oscillators": (
        "BullBear",
        "Macd",
        "Stochastic",
        "awesome",
        "bull_bear",
        "cci",
        "macd",
        "momentum",
        "place",
        "rsi",
        "stoch_rsi",
        "stochastic",
        "stochastic_of",
        "ultimate",
        "williams_of",
        "williams_r",
    ),
    "_ranges": (
        "DirectionalMovement",
        "Ichimoku",
        "atr",
        "dmi",
        "donchian",
        "extremes",
        "highest",
        "ichimoku",
        "lowest",
        "midpoint",
        "true_range",
    ),
    "_series": ("IndicatorInputError", "change", "lag"),
}
_MODULE = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "Bollinger",
    "BullBear",
    "DirectionalMovement",
    "Ichimoku",
    "IndicatorInputError",
    "Macd",
    "Stochastic",
    "atr",
    "awesome",
    "bollinger",
    "bull_bear",
    "cci",
    "change",
    "dmi",
    "donchian",
    "ema",
    "emas",
    "extremes",
    "highest",
    "hma",
    "ichimoku",
    "lag",
    "lowest",
    "macd",
    "midpoint",
    "momentum",
    "place",
    "rma",
    "rolling_median",
    "rolling_std",
    "rsi",
    "sma",
    "smas",
    "stoch_rsi",
    "stochastic",
    "stochastic_of",
    "true_range",
    "ultimate",
    "vwma",
    "williams_of",
    "williams_r",
    "wma",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE[name]}"), name)
