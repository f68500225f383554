"""Percentile: only the best share of what passed everything else (semantics 5.9)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from quant_lib.selection._errors import ContradictoryRulesError
from quant_lib.selection.filters._base import FloatArray, Trail
from quant_lib.selection.vetoes import Veto

__all__ = ["Percentile"]


@dataclass(frozen=True, kw_only=True)
class Percentile:
    """Keep the best int(n x share) of the n that passed every other veto, one at least.

    A quota over the profile's own ranking, so it is applied there and not candidate by candidate; it is hard.

    Parameters
    ----------
    share : float in (0, 1]
    """

    share: float = 0.10

    name: ClassVar[str] = "percentile"
    bars: ClassVar[int] = 1
    trailing: ClassVar[tuple[str, ...]] = ()
    columns: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if not 0.0 < self.share <= 1.0:
            raise ContradictoryRulesError("percentile share", f"{self.share} is outside (0, 1]")

    def quota(self, n: int) -> int:
        """Places for n candidates."""
        # A share written in decimals must not lose a place to binary rounding: 0.29 x 100 is 28.999999999999996.
        return max(1, math.floor(n * self.share + 1e-9)) if n else 0

    def prepare(self, facts: pd.DataFrame, trail: Trail) -> dict[str, FloatArray]:
        """Nothing to prepare."""
        return {}

    def relaxed(self, stage: int) -> Percentile:
        """Never."""
        return self

    def vetoes(self) -> tuple[Veto, ...]:
        """None of its own."""
        return ()
