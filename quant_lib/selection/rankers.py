"""Rankers: the order in which candidates are recruited (semantics 5.6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.regime import Regime, RegimeLabel
from quant_lib.selection._errors import ContradictoryRulesError, InvalidUniverseError, UnknownSignalError
from quant_lib.selection.matrix import SOURCES, STRATEGIES, Strategy

__all__ = [
    "REGIME_MIN_BARS",
    "EnsembleRanker",
    "MpsRanker",
    "RankContext",
    "Ranker",
    "RegimeRanker",
    "SignalRanker",
    "infer_strategy",
    "normalised_rank",
    "rank_order",
    "regime_fit",
    "volatility_clustering",
]

FloatArray = npt.NDArray[np.float64]
KEY = ["symbol", "logic", "direction"]
REGIME_MIN_BARS = 64
"""Bars an asset needs before its fit to a regime means anything."""
_PERSISTENT, _REVERTING, _CLUSTERED = 0.55, 0.45, 0.5


@dataclass(frozen=True)
class RankContext:
    """What rankers may look at beside the score.

    Parameters
    ----------
    figures : DataFrame
        Score columns of the candidates (see `quant_lib.selection.matrix.SOURCES`), and ``hurst`` and
        ``volatility_clustering`` where a regime ranker needs them; index of the candidates.
    strategy : str
        What the sleeve does.
    regime : Regime, optional
    """

    figures: pd.DataFrame
    strategy: Strategy = "trend_following"
    regime: Regime | None = None


class Ranker(Protocol):
    """Gives every candidate a figure; the larger, the earlier it is recruited."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Score columns it reads."""

    @property
    def needs_regime(self) -> bool:
        """Whether it reads the market's regime."""

    def score(self, candidates: pd.DataFrame, context: RankContext) -> FloatArray:
        """Figure of each candidate (symbol, logic, direction, alpha_score); NaN ranks last."""


@dataclass(frozen=True)
class MpsRanker:
    """By the engine's score, which already knows the side of the trade."""

    columns: tuple[str, ...] = ()
    needs_regime: bool = False

    def score(self, candidates: pd.DataFrame, context: RankContext) -> FloatArray:
        """Return the alpha score."""
        return candidates["alpha_score"].to_numpy(dtype="float64")


@dataclass(frozen=True)
class SignalRanker:
    """By one named figure.

    Parameters
    ----------
    signal : str
        Score column.
    ascending : bool, optional
        Whether small figures come first. By default the side decides: descending for LONG, ascending for SHORT.
    """

    signal: str
    ascending: bool | None = None
    needs_regime: bool = False

    def __post_init__(self) -> None:
        if self.signal not in SOURCES:
            raise UnknownSignalError(self.signal, tuple(SOURCES), "ranking signal")

    @property
    def columns(self) -> tuple[str, ...]:
        """The signal."""
        return (self.signal,)

    def score(self, candidates: pd.DataFrame, context: RankContext) -> FloatArray:
        """Return the figure, turned so that the best is the largest."""
        figures = context.figures[self.signal].to_numpy(dtype="float64")
        if self.ascending is not None:
            return -figures if self.ascending else figures
        return np.where((candidates["direction"] == "SHORT").to_numpy(dtype=bool), -figures, figures)


@dataclass(frozen=True)
class RegimeRanker:
    """By how well an asset fits the strategy in the market's regime."""

    columns: tuple[str, ...] = ()
    needs_regime: bool = True

    def score(self, candidates: pd.DataFrame, context: RankContext) -> FloatArray:
        """Return the fit, see `regime_fit`."""
        if context.regime is None:
            raise InvalidUniverseError("regime", "the ranker fits assets to it", "pass the regime of the decision date")
        return regime_fit(
            context.figures["hurst"].to_numpy(dtype="float64"),
            context.figures["volatility_clustering"].to_numpy(dtype="float64"),
            context.regime,
            context.strategy,
        )


@dataclass(frozen=True)
class EnsembleRanker:
    """Weighted mean of the normalised ranks of other rankers. One that fails fails the ensemble.

    Parameters
    ----------
    parts : sequence of (Ranker, weight)
        Weights are normalised to sum to 1.
    """

    parts: Sequence[tuple[Ranker, float]] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        weights = [weight for _, weight in self.parts]
        if not weights or min(weights) < 0.0 or not np.isfinite(weights).all() or sum(weights) <= 0.0:
            raise ContradictoryRulesError("ensemble", "needs at least one ranker with a positive weight, none negative")

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of all parts."""
        return tuple(dict.fromkeys(column for ranker, _ in self.parts for column in ranker.columns))

    @property
    def needs_regime(self) -> bool:
        """Whether a part does."""
        return any(ranker.needs_regime for ranker, _ in self.parts)

    def score(self, candidates: pd.DataFrame, context: RankContext) -> FloatArray:
        """Return the weighted mean."""
        total = sum(weight for _, weight in self.parts)
        out = np.zeros(len(candidates))
        for ranker, weight in self.parts:
            out += weight / total * normalised_rank(ranker.score(candidates, context))
        return out


def normalised_rank(scores: FloatArray) -> FloatArray:
    """Average ascending rank on [0, 1]; a single one gets 1, unknown ones 0."""
    known = ~np.isnan(scores)
    out = np.zeros(len(scores))
    x = scores[known]
    if len(x) == 1:
        out[known] = 1.0
    elif len(x) > 1:
        ordered = np.sort(x)
        place = 0.5 * (np.searchsorted(ordered, x, side="left") + np.searchsorted(ordered, x, side="right") - 1)
        out[known] = place / (len(x) - 1)
    return out


def rank_order(candidates: pd.DataFrame, scores: FloatArray) -> npt.NDArray[np.intp]:
    """Positions from best to worst: larger scores first, unknown ones last, equal ones by symbol, logic, direction."""
    keys = [candidates[name].to_numpy(dtype=object).astype("U") for name in reversed(KEY)]
    worst_last = np.where(np.isnan(scores), np.inf, -scores)
    return np.lexsort((*keys, worst_last))


_QUADRANT: Mapping[str, Mapping[str, float]] = {
    "trend_following": {"INFLATIONARY_TREND": 0.6, "EXPANSION": 0.6, "STAGNATION": -0.3, "NORMAL": 0.0, "CRISIS": 0.2},
    "mean_reversion": {"INFLATIONARY_TREND": -0.6, "EXPANSION": 0.0, "STAGNATION": 0.6, "NORMAL": 0.6, "CRISIS": 0.4},
}


def regime_fit(hurst: FloatArray, clustering: FloatArray, regime: Regime, strategy: Strategy) -> FloatArray:
    """Fit of assets to a strategy in a market regime (table of semantics 5.6).

    Parameters
    ----------
    hurst : array of shape (n,)
        Hurst exponent; NaN contributes nothing.
    clustering : array of shape (n,)
        Volatility clustering, see `volatility_clustering`; NaN contributes nothing.
    regime : Regime
        Of the market, on the decision date.
    strategy : {"trend_following", "mean_reversion"}

    Returns
    -------
    array of shape (n,)
        In about [-1, 1].

    Raises
    ------
    ContradictoryRulesError
        The strategy has no fit: for breakout the mission defines none, and a constant would only sort names.
    UnknownSignalError
        A quadrant that the table does not have: that of a market nobody measured is not one of calm.
    """
    if strategy not in _QUADRANT:
        raise ContradictoryRulesError("strategy", f"{strategy} has no fit to a regime; rank it by another method")
    quadrants = _QUADRANT[strategy]
    if regime.quadrant not in quadrants:
        raise UnknownSignalError(regime.quadrant, tuple(quadrants), "regime quadrant")
    fit = np.full(len(hurst), quadrants[regime.quadrant])
    with np.errstate(invalid="ignore"):
        if strategy == "trend_following":
            fit += np.where(hurst > _PERSISTENT, np.minimum(0.4, 2.0 * (hurst - _PERSISTENT)), 0.0)
            fit -= np.where(hurst < _REVERTING, 0.4, 0.0)
            fit += np.where(clustering > _CLUSTERED, 0.1, 0.0)
        else:
            fit -= np.where(hurst > _PERSISTENT, 0.4, 0.0)
            fit += np.where(hurst < _REVERTING, np.minimum(0.4, 2.0 * (_REVERTING - hurst)), 0.0)
            fit += 0.2 if regime.label == RegimeLabel.QUIET else 0.0
    return fit


def volatility_clustering(returns: FloatArray) -> FloatArray:
    """Lag-1 autocorrelation of absolute returns.

    Parameters
    ----------
    returns : array of shape (n_sessions, n_assets)
        Complete returns, oldest first.

    Returns
    -------
    array of shape (n_assets,)
        NaN below 64 sessions or without variance.
    """
    size = np.abs(returns)
    if len(size) < REGIME_MIN_BARS:
        return np.full(returns.shape[1], np.nan)
    a, b = size[:-1] - size[:-1].mean(axis=0), size[1:] - size[1:].mean(axis=0)
    scale = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    # A constant size leaves only rounding behind; that is no variance.
    varies = scale > 1e-20 * (size**2).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(varies, (a * b).sum(axis=0) / scale, np.nan))


def infer_strategy(profile: str, configured: str | None = None) -> Strategy:
    """Strategy of a profile: the configured one, else what its name says, else trend following."""
    if configured is not None:
        for strategy in STRATEGIES:
            if strategy == configured:
                return strategy
        raise UnknownSignalError(configured, STRATEGIES, "selection strategy")
    if "mean_rev" in profile or "meanrev" in profile:
        return "mean_reversion"
    return "breakout" if "breakout" in profile else "trend_following"
