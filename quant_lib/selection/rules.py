"""How a sleeve selects, as plain values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from quant_lib.selection._errors import ContradictoryRulesError
from quant_lib.selection.engines import DEFAULT_ENGINE, engine_named
from quant_lib.selection.filters import Filter, Percentile
from quant_lib.selection.matrix import STRATEGIES, Strategy
from quant_lib.selection.rankers import MpsRanker, Ranker
from quant_lib.selection.relaxation import FINAL_STAGE
from quant_lib.selection.scoring import Engine
from quant_lib.selection.vetoes import VetoRules

__all__ = ["Scarcity", "SelectionRules"]

Scarcity = Literal["cash", "ssp"]


@dataclass(frozen=True, kw_only=True)
class SelectionRules:
    """How a sleeve selects.

    Parameters
    ----------
    vetoes : VetoRules
        Limits of the hard vetoes every sleeve asks for, darwinian ones included.
    filters : tuple of Filter
        Chain of the profile beyond those.
    engine : str
        Scoring engine, see `quant_lib.selection.engines.ENGINES`.
    weight_set : str
        Version of its weights.
    weights : mapping of str to float
        Overrides of the engine's weights.
    dominant_signal : str, optional
    dominant_weight : float
    strategy : str
        Whether persistence argues for a candidate, and which fit to a regime counts.
    ranker : Ranker
        Order of recruitment.
    top_n : int
        Winners of each cluster and side.
    dynamic_top_n : bool
        Fewer seats in a cluster whose members move together: round(top_n (1 - mean correlation) + 0.5).
    min_winners, max_winners : int
        Floor below which the selection is sparse, and cap.
    max_stage : int
        Last relaxation stage tried; engines that do not relax stop after the first.
    scarcity : {"cash", "ssp"}
        What a sparse selection does with the seats nobody took: leave them in cash, or invest all in what there is.
    exempt : tuple of str
        Symbols soft vetoes do not apply to: benchmarks.
    cluster_threshold : float
        Ward distance at which clusters are cut.
    max_clusters : int
    cluster_lookbacks : tuple of int, in sessions
    shrink : float
        Shrinkage of the correlation.
    condition_limit : float
        Condition number of the correlations up to which engines that condition them shrink further.
    cluster_half_life : float, optional, in sessions
        Exponential weights of the correlation; equal weights by default.
    liquidity_scale : float, in USD
        Turnover that counts as fully liquid: 1e7 for coins, 5e8 for stocks.
    overall_rating : str
        Feature read as the overall rating: ``recommend_all`` or ``recommend_all_weighted``.

    Raises
    ------
    ContradictoryRulesError
        A number out of range, a floor above the cap, or a filter twice.
    UnknownSignalError
        An engine, weight or dominant signal that does not exist.
    """

    vetoes: VetoRules = field(default_factory=VetoRules)
    filters: tuple[Filter, ...] = ()
    engine: str = DEFAULT_ENGINE
    weight_set: str = "production"
    weights: Mapping[str, float] = field(default_factory=dict)
    dominant_signal: str | None = None
    dominant_weight: float = 3.0
    strategy: Strategy = "trend_following"
    ranker: Ranker = field(default_factory=MpsRanker)
    top_n: int = 3
    dynamic_top_n: bool = False
    min_winners: int = 15
    max_winners: int = 25
    max_stage: int = FINAL_STAGE
    scarcity: Scarcity = "cash"
    exempt: tuple[str, ...] = ()
    cluster_threshold: float = 0.7
    max_clusters: int = 25
    cluster_lookbacks: tuple[int, ...] = (60, 120, 200)
    shrink: float = 0.01
    condition_limit: float = 5000.0
    cluster_half_life: float | None = None
    liquidity_scale: float = 1e7
    overall_rating: str = "recommend_all"

    def __post_init__(self) -> None:
        self._judge_numbers()
        if self.overall_rating not in ("recommend_all", "recommend_all_weighted"):
            raise ContradictoryRulesError("overall_rating", f"{self.overall_rating!r} is not an overall rating")
        self._judge_names()
        self.scoring()

    def _judge_numbers(self) -> None:
        for name, least in (("top_n", 1), ("min_winners", 0), ("max_winners", 1), ("max_stage", 1)):
            if getattr(self, name) < least:
                raise ContradictoryRulesError(name, f"{getattr(self, name)} is below {least}")
        if self.max_stage > FINAL_STAGE:
            raise ContradictoryRulesError("max_stage", f"{self.max_stage} is above {FINAL_STAGE}")
        if self.min_winners > self.max_winners:
            raise ContradictoryRulesError("min_winners", f"{self.min_winners} is above max_winners {self.max_winners}")
        if not self.condition_limit >= 1.0:
            raise ContradictoryRulesError("condition_limit", f"{self.condition_limit} is below 1")
        if not (math.isfinite(self.liquidity_scale) and self.liquidity_scale > 0.0):
            raise ContradictoryRulesError("liquidity_scale", f"{self.liquidity_scale} is not a positive number")

    def _judge_names(self) -> None:
        if self.strategy not in STRATEGIES:
            raise ContradictoryRulesError("strategy", f"{self.strategy!r} is not one of {', '.join(STRATEGIES)}")
        if self.scarcity not in ("cash", "ssp"):
            raise ContradictoryRulesError("scarcity", f"{self.scarcity!r} is neither cash nor ssp")
        if self.needs_regime and self.strategy == "breakout":
            raise ContradictoryRulesError("strategy", "breakout has no fit to a regime; rank by mps or a signal")
        names = [one.name for one in self.filters]
        if len(set(names)) != len(names):
            raise ContradictoryRulesError("filters", f"a filter stands twice in {', '.join(names)}")

    def scoring(self) -> Engine:
        """Return the engine with the weights of these rules."""
        return engine_named(
            self.engine,
            weight_set=self.weight_set,
            overrides=self.weights,
            dominant_signal=self.dominant_signal,
            dominant_weight=self.dominant_weight,
        )

    @property
    def needs_regime(self) -> bool:
        """Whether score or ranking read the market's regime."""
        return self.ranker.needs_regime or self.scoring().regime_factor

    @property
    def bars(self) -> int:
        """Bars of features up to the date that the filters look back on; 1, the date alone."""
        return max((one.bars for one in self.filters), default=1)

    @property
    def trailing_days(self) -> int:
        """Calendar days before the date that surely hold those bars, weekends and holidays included."""
        return 2 * self.bars + 10 if self.bars > 1 else 0

    @property
    def trailing(self) -> tuple[str, ...]:
        """Features the filters read over those bars."""
        return tuple(dict.fromkeys(column for one in self.filters for column in one.trailing))

    @property
    def percentile(self) -> Percentile | None:
        """The quota, where the chain has one."""
        return next((one for one in self.filters if isinstance(one, Percentile)), None)
