"""Advanced trend: strength, breakout, expansion (semantics 5.9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from quant_lib.selection._errors import ContradictoryRulesError
from quant_lib.selection.filters._base import FloatArray, Trail, figures, sides, verdict
from quant_lib.selection.vetoes import Verdict, Veto, VetoRules

__all__ = ["AdvancedTrend"]

Mode = Literal["adx_regime", "donchian_breakout", "bb_expansion"]
_NEAR = 0.005


@dataclass(frozen=True, kw_only=True)
class AdvancedTrend:
    """Veto what has no trend in the trade's direction. Hard: a circuit-breaker.

    Parameters
    ----------
    mode : {"adx_regime", "donchian_breakout", "bb_expansion"}
        ``adx_regime``: ADX(14) at or above `adx_min`, and the directional indicators on the trade's side.
        ``donchian_breakout``: LONG needs close >= 0.995 x the highest high of the 20 bars before, SHORT needs
        close <= 1.005 x their lowest low.
        ``bb_expansion``: Bollinger band width at least `expansion` times its median over the `lookback` bars before,
        with the close on the trade's side of the 20-bar volume-weighted mean: volatility leaves a squeeze,
        and the price says in which direction.
    adx_min : float
        In ADX points.
    expansion : float
        Ratio of band widths.
    lookback : int, in bars
    """

    mode: Mode = "adx_regime"
    adx_min: float = 20.0
    expansion: float = 1.25
    lookback: int = 20

    name: ClassVar[str] = "advanced_trend"

    def __post_init__(self) -> None:
        if self.mode not in _MODES:
            raise ContradictoryRulesError("advanced_trend mode", f"{self.mode!r} is not one of {', '.join(_MODES)}")
        if not 0.0 <= self.adx_min <= 100.0:
            raise ContradictoryRulesError("advanced_trend adx_min", f"{self.adx_min} is outside [0, 100]")
        if not self.expansion > 0.0 or self.lookback < 1:
            raise ContradictoryRulesError("advanced_trend expansion", "ratio and lookback must be positive")

    @property
    def columns(self) -> tuple[str, ...]:
        """Features of the date it reads."""
        return _MODES[self.mode]

    @property
    def trailing(self) -> tuple[str, ...]:
        """Features it reads over the trailing bars."""
        return ("bb_width_20",) if self.mode == "bb_expansion" else ()

    @property
    def bars(self) -> int:
        """Bars it looks back on, the date included."""
        return self.lookback + 1 if self.mode == "bb_expansion" else 1

    def prepare(self, facts: pd.DataFrame, trail: Trail) -> dict[str, FloatArray]:
        """Ratio of the band width to its recent median; known only where the whole window is."""
        if self.mode != "bb_expansion":
            return {}
        width = trail.values["bb_width_20"]
        with np.errstate(divide="ignore", invalid="ignore"):
            return {"bb_expansion": width[:, -1] / np.median(width[:, :-1], axis=1)}

    def relaxed(self, stage: int) -> AdvancedTrend:
        """Never."""
        return self

    def vetoes(self) -> tuple[Veto, ...]:
        """Hard vetoes of the mode."""
        if self.mode == "adx_regime":
            return (
                Veto("adx", "hard", "trend is not strong enough", self._adx, source=self.name),
                Veto(
                    "directional_movement", "hard", "directional indicators against the trade", _dmi, source=self.name
                ),
            )
        if self.mode == "donchian_breakout":
            return (Veto("donchian", "hard", "no breakout of the 20-bar channel", _donchian, source=self.name),)
        return (
            Veto("bb_expansion", "hard", "bands are not expanding", self._bands, source=self.name),
            Veto("bb_side", "hard", "close on the wrong side of its mean", _band_side, source=self.name),
        )

    def _adx(self, facts: pd.DataFrame, _: VetoRules) -> Verdict:
        value = figures(facts, "adx")

        def note(at: int) -> str:
            return "ADX is not known" if np.isnan(value[at]) else f"ADX {value[at]:.1f} below {self.adx_min:g}"

        return verdict(~(value >= self.adx_min), value, self.adx_min, note)

    def _bands(self, facts: pd.DataFrame, _: VetoRules) -> Verdict:
        value = figures(facts, "bb_expansion")

        def note(at: int) -> str:
            if np.isnan(value[at]):
                return "band width is not known over the window"
            return f"band width is {value[at]:.2f} times its median, {self.expansion:g} needed"

        return verdict(~(value >= self.expansion), value, self.expansion, note)


def _dmi(facts: pd.DataFrame, _: VetoRules) -> Verdict:
    gap = figures(facts, "dmp_14") - figures(facts, "dmn_14")

    def note(at: int) -> str:
        return "DI is not known" if np.isnan(gap[at]) else f"DI+ less DI- is {gap[at]:+.1f}, against the trade"

    return verdict(~(sides(facts) * gap > 0.0), gap, 0.0, note)


def _donchian(facts: pd.DataFrame, _: VetoRules) -> Verdict:
    long, close = sides(facts) > 0.0, figures(facts, "close")
    limit = np.where(
        long, (1.0 - _NEAR) * figures(facts, "donchian_upper_20"), (1.0 + _NEAR) * figures(facts, "donchian_lower_20")
    )
    bites = np.where(long, ~(close >= limit), ~(close <= limit))

    def note(at: int) -> str:
        if np.isnan(close[at]) or np.isnan(limit[at]):
            return "close or channel is not known"
        return f"close {close[at]:.6g} does not reach {limit[at]:.6g} of the 20-bar channel"

    return verdict(bites, close, limit, note)


def _band_side(facts: pd.DataFrame, _: VetoRules) -> Verdict:
    close, mean = figures(facts, "close"), figures(facts, "vwma_20")

    def note(at: int) -> str:
        if np.isnan(close[at]) or np.isnan(mean[at]):
            return "close or its mean is not known"
        return f"close {close[at]:.6g} is on the wrong side of its 20-bar mean {mean[at]:.6g}"

    return verdict(~(sides(facts) * (close - mean) > 0.0), close, mean, note)


_MODES: dict[str, tuple[str, ...]] = {
    "adx_regime": ("adx", "dmp_14", "dmn_14"),
    "donchian_breakout": ("close", "donchian_upper_20", "donchian_lower_20"),
    "bb_expansion": ("close", "vwma_20"),
}
"""Features each mode reads on the date."""
