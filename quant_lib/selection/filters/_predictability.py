"""Predictability: what cannot be told from noise, and what is too wild to hold (semantics 5.9, design 10.14)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from quant_lib.selection._errors import ContradictoryRulesError
from quant_lib.selection.filters._base import FloatArray, Trail, bounded, figures, sides, verdict
from quant_lib.selection.vetoes import Verdict, Veto, VetoRules

__all__ = ["Predictability"]

_SPECTRAL = 2
_ENTROPY_FACTOR, _EFFICIENCY_FACTOR = 1.2, 0.8
_KURTOSIS, _VOLATILITY, _ROC, _RANGE = 20.0, 2.5, (-80.0, 100.0), 100.0
_PERSISTENT = 0.55


@dataclass(frozen=True, kw_only=True)
class Predictability:
    """Veto what looks like noise and what has extreme figures.

    Entropy, efficiency and Hurst are judged as percentiles of what independent, identically
    distributed noise of the same length gives: raw limits never fire on it or miss it, because each estimator is
    biased by its sample size (D44). So a limit *is* the share of noise it turns away.

    Parameters
    ----------
    entropy_max : float in [0, 1]
        Largest entropy, as a noise percentile. Rejects 1 - entropy_max of noise.
    efficiency_min : float in [0, 1]
        Smallest efficiency ratio, as a noise percentile. Rejects efficiency_min of noise.
    hurst_band : (float, float)
        Random-walk band, as noise percentiles; strictly inside it is vetoed. Rejects its width.
    toxic_persistence : bool
        Also veto persistence (H > 0.55) against the trade.

    Notes
    -----
    Excess kurtosis above 20, annual volatility above 2.5, rate of change outside [-80 %, 100 %] and a daily range above
    100 % are hard: extremes are no matter of degree that a thin day should relax. What is not known is vetoed.
    """

    entropy_max: float = 0.95
    efficiency_min: float = 0.05
    hurst_band: tuple[float, float] = (0.48, 0.52)
    toxic_persistence: bool = False

    name: ClassVar[str] = "predictability"
    bars: ClassVar[int] = 1
    trailing: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for field in ("entropy_max", "efficiency_min"):
            if not 0.0 <= getattr(self, field) <= 1.0:
                raise ContradictoryRulesError(field, f"{getattr(self, field)} is no percentile in [0, 1]")
        low, high = self.hurst_band
        if not 0.0 <= low <= high <= 1.0:
            raise ContradictoryRulesError("hurst_band", f"{low} to {high} is no band of percentiles in [0, 1]")

    @property
    def columns(self) -> tuple[str, ...]:
        """Features of the date it reads."""
        base = ("entropy_noise_pct", "efficiency_noise_pct", "hurst_noise_pct", "kurtosis", "volatility", "roc")
        return (*base, "volatility_d", "hurst", "momentum") if self.toxic_persistence else (*base, "volatility_d")

    def noise_share(self) -> float:
        """Share of independent noise the three noise tests reject, as if they were independent of each other."""
        low, high = self.hurst_band
        return 1.0 - self.entropy_max * (1.0 - self.efficiency_min) * (1.0 - (high - low))

    def prepare(self, facts: pd.DataFrame, trail: Trail) -> dict[str, FloatArray]:
        """Nothing to prepare."""
        return {}

    def relaxed(self, stage: int) -> Predictability:
        """From stage 2 on, entropy_max x 1.2 (at most 1) and efficiency_min x 0.8."""
        if stage < _SPECTRAL:
            return self
        return replace(
            self,
            entropy_max=min(1.0, _ENTROPY_FACTOR * self.entropy_max),
            efficiency_min=_EFFICIENCY_FACTOR * self.efficiency_min,
        )

    def vetoes(self) -> tuple[Veto, ...]:
        """Three soft tests against noise, and hard limits on extremes."""
        made = [
            self._soft("entropy", "entropy above what noise allows", self._entropy),
            self._soft("efficiency", "efficiency below what noise allows", self._efficiency),
            self._soft("hurst", "Hurst exponent of a random walk", self._hurst),
            _extreme("kurtosis", "kurtosis", "excess kurtosis", None, _KURTOSIS),
            _extreme("extreme_volatility", "volatility", "annual volatility", None, _VOLATILITY),
            _extreme("extreme_roc", "roc", "rate of change", *_ROC),
            _extreme("extreme_range", "volatility_d", "daily range", None, _RANGE),
        ]
        if self.toxic_persistence:
            made.append(Veto("toxic_persistence", "hard", "persistent against the trade", _toxic, source=self.name))
        return tuple(made)

    def _soft(self, name: str, words: str, judge: object) -> Veto:
        return Veto(name, "soft", words, judge, source=self.name)  # type: ignore[arg-type]

    def _entropy(self, facts: pd.DataFrame, _: VetoRules) -> Verdict:
        return bounded(figures(facts, "entropy_noise_pct"), what="noise percentile of entropy", high=self.entropy_max)

    def _efficiency(self, facts: pd.DataFrame, _: VetoRules) -> Verdict:
        value = figures(facts, "efficiency_noise_pct")
        return bounded(value, what="noise percentile of efficiency", low=self.efficiency_min)

    def _hurst(self, facts: pd.DataFrame, _: VetoRules) -> Verdict:
        value = figures(facts, "hurst_noise_pct")
        low, high = self.hurst_band
        inside = ((value > low) & (value < high)) | np.isnan(value)
        nearest = np.where(value - low < high - value, low, high)

        def note(at: int) -> str:
            if np.isnan(value[at]):
                return "noise percentile of Hurst is not known"
            return f"noise percentile of Hurst {value[at]:.4g} inside the random-walk band {low:g} to {high:g}"

        return verdict(inside, value, nearest, note)


def _extreme(name: str, column: str, what: str, low: float | None, high: float) -> Veto:
    def judge(facts: pd.DataFrame, _: VetoRules) -> Verdict:
        return bounded(figures(facts, column), what=what, low=low, high=high)

    return Veto(name, "hard", f"{what} beyond its limit", judge, source="predictability")


def _toxic(facts: pd.DataFrame, _: VetoRules) -> Verdict:
    persistence, drift = figures(facts, "hurst"), sides(facts) * figures(facts, "momentum")
    bites = (~(persistence <= _PERSISTENT)) & ~(drift >= 0.0)
    return verdict(
        bites,
        drift,
        0.0,
        lambda at: f"persistent (H {persistence[at]:.2f}) with momentum {drift[at]:.3g} against the trade",
    )
