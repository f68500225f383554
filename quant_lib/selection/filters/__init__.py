"""Filters: rules a profile puts between its candidates and its winners (semantics 5.9).

Each filter declares the features it reads, how many trailing bars it needs, and
the vetoes it casts, every one typed hard or soft. Only soft ones relax.
"""

from __future__ import annotations

from quant_lib.selection.filters._advanced_trend import AdvancedTrend
from quant_lib.selection.filters._base import Filter, Trail
from quant_lib.selection.filters._friction import Friction
from quant_lib.selection.filters._percentile import Percentile
from quant_lib.selection.filters._predictability import Predictability
from quant_lib.selection.filters._trend_regime import TrendRegime

__all__ = ["AdvancedTrend", "Filter", "Friction", "Percentile", "Predictability", "Trail", "TrendRegime"]
