"""Friction: what its own trading costs would eat (semantics 5.9 [B])."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from quant_lib.selection._errors import ContradictoryRulesError
from quant_lib.selection.filters._base import FloatArray, Trail, figures, sides, verdict
from quant_lib.selection.vetoes import Verdict, Veto, VetoRules

__all__ = ["Friction"]

_STRONG = 1.0


@dataclass(frozen=True, kw_only=True)
class Friction:
    """Veto what earns less than its estimated cost of impact and a hurdle.

    net = side x momentum - ECI, ECI = volatility x sqrt(ticket / turnover): the square-root law of market impact, for
    a ticket of the profile's capital times its largest weight. Side is -1 for SHORT: a falling price is what it earns.

    Parameters
    ----------
    ticket : float, in USD
        Largest order: capital x largest weight.
    hurdle : float, fraction a year
        Least net. A candidate with side x momentum above 1 passes with any net of at least 0.
    """

    ticket: float
    hurdle: float = 0.0

    name: ClassVar[str] = "friction"
    bars: ClassVar[int] = 1
    trailing: ClassVar[tuple[str, ...]] = ()
    columns: ClassVar[tuple[str, ...]] = ("momentum", "volatility")

    def __post_init__(self) -> None:
        if not (math.isfinite(self.ticket) and self.ticket > 0.0):
            raise ContradictoryRulesError("friction ticket", f"{self.ticket} is not a positive amount")
        if not math.isfinite(self.hurdle):
            raise ContradictoryRulesError("friction hurdle", f"{self.hurdle} is not a finite number")

    def prepare(self, facts: pd.DataFrame, trail: Trail) -> dict[str, FloatArray]:
        """Estimated cost of impact, and what momentum leaves after it."""
        turnover = figures(facts, "liquidity_usd")
        with np.errstate(divide="ignore", invalid="ignore"):
            impact = figures(facts, "volatility") * np.sqrt(self.ticket / turnover)
        return {"eci": impact, "net_momentum": sides(facts) * figures(facts, "momentum") - impact}

    def relaxed(self, stage: int) -> Friction:
        """Stages 3 and 4 set soft vetoes aside as a whole; no threshold of this filter moves."""
        return self

    def vetoes(self) -> tuple[Veto, ...]:
        """One soft veto."""
        return (Veto("friction", "soft", "momentum does not pay for its impact", self._judge, source=self.name),)

    def _judge(self, facts: pd.DataFrame, _: VetoRules) -> Verdict:
        net, impact = figures(facts, "net_momentum"), figures(facts, "eci")
        strong = (sides(facts) * figures(facts, "momentum") > _STRONG) & (net >= 0.0)
        bites = ~(net >= self.hurdle) & ~strong

        def note(at: int) -> str:
            if np.isnan(net[at]):
                return "momentum, volatility or turnover is not known"
            return f"momentum after impact {net[at]:.3g} (impact {impact[at]:.3g}) below {self.hurdle:g}"

        return verdict(bites, net, self.hurdle, note)
