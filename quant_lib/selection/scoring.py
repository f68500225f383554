"""Scores of a universe: what each named engine makes of its features (semantics 5.4 and 5.5).

An engine declares its features, how each becomes a probability, how an unknown
figure counts, and how probabilities combine. Scoring knows the side of the
trade: what argues for holding an asset argues against shorting it (D49).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.selection._errors import ContradictoryRulesError, InvalidUniverseError, UnknownSignalError
from quant_lib.selection.probability import METHODS, MISSING, Method, probability

__all__ = [
    "METHODS",
    "MISSING",
    "Engine",
    "Score",
    "ScoreFeature",
    "engine_weights",
    "score",
]

FloatArray = npt.NDArray[np.float64]
Combination = Literal["product", "sum", "constant"]

_FLOOR = 1e-9
_MAX_WEIGHT = 20.0
_OTHER_MOMENTUM_WEIGHT = 0.5
_HURDLE_BELOW_FLOOR = 0.05
_SMALLEST = float(np.finfo("float64").tiny)


@dataclass(frozen=True, slots=True)
class ScoreFeature:
    """One feature of a score.

    Parameters
    ----------
    name : str
        Column of the score matrix.
    method : str
        Probability mapping for a long position, see `METHODS`. Whether a ``cdf`` feature is already
        a probability (absolute) or is judged against its peers (relative) is declared
        here, never guessed from the day's data.
    weight : float
        Weight of the engine's own version.
    directional : bool
        Argues for one side: mapped the other way round for SHORT.
    """

    name: str
    method: Method
    weight: float
    directional: bool = False


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A named scoring formula.

    Parameters
    ----------
    name : str
        As a profile asks for it.
    version : str
        Of formula and weights; written beside every selection made with it.
    features : tuple of ScoreFeature
        Complete list of what it reads.
    combine : {"product", "sum", "constant"}
        exp(sum w ln P), sum w P, or 1 for every candidate.
    missing : float
        Probability of an unknown figure.
    sigma : float
        Width of the ``zscore`` mapping.
    within_cluster : bool
        Probabilities are taken among the members of a cluster instead of the universe.
    fragility_discount : bool
        Multiply by 1 - 0.5 fragility / largest fragility.
    regime_factor : bool
        Multiply by max(0.1, 1 + fit of the asset to the market's regime).
    relaxes : bool
        Soft vetoes are relaxed in stages where the floor is missed (semantics 5.8).
    conditioned : bool
        Correlations of the clusters are shrunk further until their condition number is within the profile's bound.
    relaxed_hurdle : bool
        A negative momentum floor of the profile takes the engine's friction hurdle down with it.
    seats : int
        Least seats of a cluster, whatever the profile's ``top_n``.
    hurdle : float
        Friction hurdle where the profile leaves it to the engine.
    """

    name: str
    version: str
    features: tuple[ScoreFeature, ...]
    combine: Combination = "product"
    missing: float = MISSING
    sigma: float = 3.0
    within_cluster: bool = False
    fragility_discount: bool = False
    regime_factor: bool = False
    relaxes: bool = False
    conditioned: bool = False
    relaxed_hurdle: bool = False
    seats: int = 1
    hurdle: float = 0.02

    @property
    def names(self) -> tuple[str, ...]:
        """Features in their declared order."""
        return tuple(feature.name for feature in self.features)

    @property
    def reads(self) -> tuple[str, ...]:
        """Every column of the score matrix it needs."""
        return (*self.names, "fragility") if self.fragility_discount else self.names

    def hurdle_with(self, momentum_min: float | None) -> float:
        """Friction hurdle beside a profile's momentum floor: min(hurdle, floor - 0.05) where that is negative."""
        if self.relaxed_hurdle and momentum_min is not None and momentum_min < 0.0:
            return min(self.hurdle, momentum_min - _HURDLE_BELOW_FLOOR)
        return self.hurdle

    def weighted(self, weights: Mapping[str, float]) -> Engine:
        """Return the same formula with other weights."""
        return replace(self, features=tuple(replace(f, weight=weights[f.name]) for f in self.features))


@dataclass(frozen=True)
class Score:
    """Scores of a universe.

    Parameters
    ----------
    values, probabilities : DataFrame, shape (n_rows, n_features)
        Figures as read and as mapped, columns in the engine's order, index of the matrix.
    alpha : Series
        ``alpha_score``, larger is better.
    engine : Engine
        With the weights used.
    missing : mapping of str to int
        How many rows lack each feature; features nobody lacks are not listed.
    """

    values: pd.DataFrame
    probabilities: pd.DataFrame
    alpha: pd.Series
    engine: Engine
    missing: Mapping[str, int]

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each feature."""
        return {feature.name: feature.weight for feature in self.engine.features}


def engine_weights(
    engine: Engine,
    *,
    overrides: Mapping[str, float] | None = None,
    dominant_signal: str | None = None,
    dominant_weight: float = 3.0,
) -> dict[str, float]:
    """Weights of an engine after a profile's overrides.

    Parameters
    ----------
    engine : Engine
    overrides : mapping of str to float, optional
        Replace weights; 0 switches a feature off.
    dominant_signal : str, optional
        Feature that gets `dominant_weight`; momentum then gets 0.5, unless it is momentum.
        It is applied after `overrides`.
    dominant_weight : float

    Returns
    -------
    dict of str to float

    Raises
    ------
    UnknownSignalError
        A name the engine does not score. It is never ignored.
    ContradictoryRulesError
        A weight outside [-20, 20], or a negative one where probabilities are multiplied.
    """
    weights = {feature.name: feature.weight for feature in engine.features}
    for name, weight in (overrides or {}).items():
        if name not in weights:
            raise UnknownSignalError(name, engine.names, "weights override")
        weights[name] = float(weight)
    if dominant_signal is not None:
        if dominant_signal not in weights:
            raise UnknownSignalError(dominant_signal, engine.names, "dominant_signal")
        if "momentum" in weights:
            weights["momentum"] = _OTHER_MOMENTUM_WEIGHT
        weights[dominant_signal] = float(dominant_weight)
    least = -_MAX_WEIGHT if engine.combine == "sum" else 0.0
    for name, weight in weights.items():
        if not least <= weight <= _MAX_WEIGHT:
            raise ContradictoryRulesError(f"weight of {name}", f"{weight} is outside [{least:g}, {_MAX_WEIGHT:g}]")
    return weights


def score(
    engine: Engine,
    matrix: pd.DataFrame,
    directions: pd.Series,
    *,
    clusters: pd.Series | None = None,
    regime_fit: pd.Series | None = None,
) -> Score:
    """Score a universe of one date.

    Parameters
    ----------
    engine : Engine
        With its final weights, see `engine_weights` and `Engine.weighted`.
    matrix : DataFrame
        One row per candidate, a column for everything in ``engine.reads``; NaN where not known.
    directions : Series of str
        LONG or SHORT of each row, aligned to `matrix`.
    clusters : Series of int, optional
        Cluster of each row; needed by engines that score within clusters.
    regime_fit : Series, optional
        Fit of each row to the market's regime; needed by engines with a regime factor.

    Returns
    -------
    Score

    Raises
    ------
    InvalidUniverseError
        A column the engine reads is not there, a figure is infinite, a direction is neither LONG nor SHORT,
        or clusters or regime are needed and not given.
    """
    lacking = sorted(set(engine.reads) - set(matrix.columns))
    if lacking:
        raise InvalidUniverseError(
            "score matrix",
            f"{engine.name} reads {', '.join(lacking)}",
            "compute these features or choose another engine",
        )
    short = _shorts(directions, matrix.index)
    groups = _groups(engine, clusters, matrix.index)
    values = matrix[list(engine.names)].astype("float64")
    mapped = {f.name: _mapped(values[f.name], f, engine, short, groups) for f in engine.features}
    probabilities = pd.DataFrame(mapped, index=matrix.index, columns=list(engine.names), dtype="float64")
    alpha = _combine(engine, mapped, len(matrix))
    if engine.fragility_discount:
        alpha = alpha * (1.0 - 0.5 * _relative(matrix["fragility"].to_numpy(dtype="float64")))
    if engine.regime_factor:
        if regime_fit is None:
            raise InvalidUniverseError(
                "regime", f"{engine.name} multiplies by the fit to it", "pass the market's regime"
            )
        alpha = alpha * np.maximum(0.1, 1.0 + regime_fit.reindex(matrix.index).to_numpy(dtype="float64"))
    unknown = values.isna().sum()
    missing = {str(name): int(n) for name, n in unknown.items() if n}
    return Score(values, probabilities, pd.Series(alpha, index=matrix.index, name="alpha_score"), engine, missing)


def _combine(engine: Engine, probabilities: Mapping[str, FloatArray], n: int) -> FloatArray:
    if engine.combine == "constant":
        return np.ones(n)
    total = np.zeros(n)
    for feature in engine.features:  # one column at a time: equal rows get equal scores to the last bit
        p = probabilities[feature.name]
        total += feature.weight * (p if engine.combine == "sum" else np.log(np.maximum(p, _FLOOR)))
    # The smallest normal number keeps a very poor product positive.
    return total if engine.combine == "sum" else np.maximum(np.exp(total), _SMALLEST)


def _relative(fragility: FloatArray) -> FloatArray:
    """Share of the largest fragility; an unknown one counts as the largest."""
    largest = np.nanmax(fragility) if np.isfinite(fragility).any() else 0.0
    if largest <= 0.0:
        return np.where(np.isnan(fragility), 1.0, 0.0)
    return np.asarray(np.where(np.isnan(fragility), 1.0, fragility / largest))


def _groups(engine: Engine, clusters: pd.Series | None, index: pd.Index) -> list[npt.NDArray[np.intp]] | None:
    if not engine.within_cluster:
        return None
    if clusters is None:
        raise InvalidUniverseError("clusters", f"{engine.name} scores within them", "cluster the universe first")
    labels = clusters.reindex(index).to_numpy(dtype="float64", na_value=np.nan)
    if np.isnan(labels).any():
        lacking = ", ".join(map(str, index[np.isnan(labels)]))
        raise InvalidUniverseError("clusters", f"{lacking} is in none", f"{engine.name} scores within clusters")
    return [np.flatnonzero(labels == label) for label in np.unique(labels)]


def _shorts(directions: pd.Series, index: pd.Index) -> npt.NDArray[np.bool_]:
    sides = directions.reindex(index)
    if not sides.isin(["LONG", "SHORT"]).all():
        raise InvalidUniverseError("directions", "one is neither LONG nor SHORT", "declare the side of every candidate")
    return (sides == "SHORT").to_numpy(dtype=bool)


def _mapped(
    values: pd.Series,
    feature: ScoreFeature,
    engine: Engine,
    short: npt.NDArray[np.bool_],
    groups: list[npt.NDArray[np.intp]] | None,
) -> FloatArray:
    figures = values.to_numpy(dtype="float64", na_value=np.nan)

    def one_side(x: FloatArray) -> FloatArray:
        if groups is None:
            return probability(x, feature.method, sigma=engine.sigma, missing=engine.missing)
        out = np.empty(len(x))
        for members in groups:
            out[members] = probability(x[members], feature.method, sigma=engine.sigma, missing=engine.missing)
        return out

    if not feature.directional or not short.any():
        return one_side(figures)
    return np.asarray(np.where(short, one_side(-figures), one_side(figures)))
