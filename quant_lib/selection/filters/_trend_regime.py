"""Trend regime: the long average decides which side may be held (semantics 5.9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from quant_lib.selection._errors import ContradictoryRulesError
from quant_lib.selection.filters._base import FloatArray, Trail, figures, sides, verdict
from quant_lib.selection.vetoes import Verdict, Veto, VetoRules

__all__ = ["TrendRegime"]

Source = Literal["close", "vwma", "sma_50"]
_COLUMN = {"close": "close", "vwma": "vwma_20", "sma_50": "sma_50"}


@dataclass(frozen=True, kw_only=True)
class TrendRegime:
    """Veto what is on the wrong side of its 200-bar average, or crossed it too long ago. Hard: a circuit-breaker.

    *Regime*: LONG needs source > SMA200 x (1 + threshold), SHORT needs source < SMA200 x (1 - threshold). Between the
    two lies the hysteresis band. Under `strict_regime` the band admits nobody; otherwise the side of the last bar
    outside it, up to `memory` bars ago, still holds.

    *Signal*: VWMA20 - SMA200 changed to the trade's sign within the last `lookback` bars. Without `strict_signal` its
    sign is enough, however old.

    Parameters
    ----------
    source : {"close", "vwma", "sma_50"}
        What is compared with the average.
    threshold : float, fraction
        Half the width of the band.
    lookback : int, in bars
        How fresh the crossing must be; 1 means on the date itself.
    strict_regime, strict_signal : bool
        See above.
    memory : int, in bars
        How long the hysteresis remembers.
    mode : {"level", "slope"}
        Research mode ``slope``: instead of the level, the slope of the SMA200 must point to the trade's side by more
        than `slope_min`.
    slope_min : float
        In the unit of the feature ``sma200_slope``.
    """

    source: Source = "close"
    threshold: float = 0.0
    lookback: int = 5
    strict_regime: bool = True
    strict_signal: bool = True
    memory: int = 60
    mode: Literal["level", "slope"] = "level"
    slope_min: float = 0.0

    name: ClassVar[str] = "trend_regime"

    def __post_init__(self) -> None:
        if self.source not in _COLUMN:
            raise ContradictoryRulesError("trend_regime source", f"{self.source!r} is not one of {', '.join(_COLUMN)}")
        if not 0.0 <= self.threshold < 1.0:
            raise ContradictoryRulesError("trend_regime threshold", f"{self.threshold} is outside [0, 1)")
        for field in ("lookback", "memory"):
            if getattr(self, field) < 1:
                raise ContradictoryRulesError(f"trend_regime {field}", f"{getattr(self, field)} is below 1 bar")

    @property
    def columns(self) -> tuple[str, ...]:
        """Features of the date it reads."""
        return ("sma200_slope",) if self.mode == "slope" else ()

    @property
    def trailing(self) -> tuple[str, ...]:
        """Features it reads over the trailing bars."""
        return tuple(dict.fromkeys((_COLUMN[self.source], "vwma_20", "sma_200")))

    @property
    def bars(self) -> int:
        """Bars it looks back on, the date included: a change of sign needs one bar before the window."""
        return max(self.lookback + 1 if self.strict_signal else 1, self.memory if self._remembers else 1)

    @property
    def _remembers(self) -> bool:
        return self.mode == "level" and not self.strict_regime

    def prepare(self, facts: pd.DataFrame, trail: Trail) -> dict[str, FloatArray]:
        """Distance of the source from the average, the side that holds, and the age of the crossing."""
        side = sides(facts)
        average = trail.values["sma_200"]
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = trail.values[_COLUMN[self.source]] / average - 1.0
        outside = np.where(distance > self.threshold, 1.0, np.where(distance < -self.threshold, -1.0, 0.0))
        outside[np.isnan(distance)] = np.nan
        gap = np.sign(trail.values["vwma_20"] - average)
        return {
            "trend_distance": distance[:, -1],
            "trend_side": _held_side(outside[:, -self.memory :]) if self._remembers else outside[:, -1],
            "trend_gap": side * gap[:, -1],
            "signal_age": _signal_age(side[:, None] * gap),
        }

    def relaxed(self, stage: int) -> TrendRegime:
        """Never."""
        return self

    def vetoes(self) -> tuple[Veto, ...]:
        """Two hard vetoes."""
        regime = self._slope if self.mode == "slope" else self._level
        return (
            Veto("trend_regime", "hard", "wrong side of the long average", regime, source=self.name),
            Veto("trend_signal", "hard", "no fresh crossing of the long average", self._signal, source=self.name),
        )

    def _level(self, facts: pd.DataFrame, _: VetoRules) -> Verdict:
        side, distance, held = sides(facts), figures(facts, "trend_distance"), figures(facts, "trend_side")

        def note(at: int) -> str:
            if np.isnan(distance[at]):
                return f"{self.source} or SMA200 is not known"
            return f"{self.source} is {distance[at]:+.2%} from SMA200, {side[at] * self.threshold:+.2%} needed"

        return verdict(~(held == side), distance, side * self.threshold + 0.0, note)

    def _slope(self, facts: pd.DataFrame, _: VetoRules) -> Verdict:
        side, slope = sides(facts), figures(facts, "sma200_slope")

        def note(at: int) -> str:
            if np.isnan(slope[at]):
                return "slope of SMA200 is not known"
            return f"slope of SMA200 {slope[at]:.3g} does not point to the trade by {self.slope_min:g}"

        return verdict(~(side * slope > self.slope_min), slope, side * self.slope_min + 0.0, note)

    def _signal(self, facts: pd.DataFrame, _: VetoRules) -> Verdict:
        if not self.strict_signal:
            gap = figures(facts, "trend_gap")
            return verdict(~(gap > 0.0), gap, 0.0, lambda at: "VWMA20 is not on the trade's side of SMA200")
        age = figures(facts, "signal_age")

        def note(at: int) -> str:
            return f"VWMA20 did not cross SMA200 to the trade's side within {self.lookback} bars"

        return verdict(~(age < self.lookback), age, float(self.lookback), note)


def _held_side(outside: FloatArray) -> FloatArray:
    """Side of the last bar outside the band; 0 where there is none, NaN where the date itself is not known."""
    n = outside.shape[1]
    decided = np.nan_to_num(outside) != 0.0
    last = n - 1 - np.argmax(decided[:, ::-1], axis=1)
    held = np.where(decided.any(axis=1), outside[np.arange(len(outside)), last], 0.0)
    return np.asarray(np.where(np.isnan(outside[:, -1]), np.nan, held))


def _signal_age(gap: FloatArray) -> FloatArray:
    """Bars since the gap last turned positive, 0 on the date; NaN where it did not, or is not positive now."""
    if gap.shape[1] < 2:
        return np.full(len(gap), np.nan)
    turned = (gap[:, 1:] > 0.0) & (gap[:, :-1] <= 0.0)
    age = np.argmax(turned[:, ::-1], axis=1).astype("float64")
    return np.asarray(np.where(turned.any(axis=1) & (gap[:, -1] > 0.0), age, np.nan))
