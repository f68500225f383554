"""All declarations, in column order."""

from __future__ import annotations

from typing import Final

from quant_lib.features._catalogue_base import BAR, MOMENTUM, POSITION, RATINGS, RISK
from quant_lib.features._catalogue_statistical import MEMORY, TAILS
from quant_lib.features._catalogue_trend import AVERAGES, OSCILLATORS, TREND
from quant_lib.features._feature import Feature

CATALOGUE: Final[tuple[Feature, ...]] = (
    *BAR,
    *RATINGS,
    *AVERAGES,
    *TREND,
    *OSCILLATORS,
    *MOMENTUM,
    *RISK,
    *MEMORY,
    *TAILS,
    *POSITION,
)
