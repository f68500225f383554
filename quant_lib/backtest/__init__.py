"""Walk-forward evaluation: windows, reference accounting, metrics."""

from __future__ import annotations

from quant_lib.backtest.accounting import (
    CostModel,
    ExecutionRules,
    OrphanedWeightsError,
    Simulation,
    simulate,
)
from quant_lib.backtest.holding import holding_returns
from quant_lib.backtest.metrics import Metric, drawdown, performance_metrics
from quant_lib.backtest.windows import Window, WindowSizeError, walk_forward_windows

__all__ = [
    "CostModel",
    "ExecutionRules",
    "Metric",
    "OrphanedWeightsError",
    "Simulation",
    "Window",
    "WindowSizeError",
    "drawdown",
    "holding_returns",
    "performance_metrics",
    "simulate",
    "walk_forward_windows",
]
