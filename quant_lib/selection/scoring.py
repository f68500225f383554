"""Probabilities and the Log-MPS score (semantics 5.3 and 5.4).

Each feature becomes a probability in (0, 1] across the universe of the date, and
the score is their weighted product, computed as a sum of logarithms. Scoring
knows the side of the trade: what argues for holding an asset argues against
shorting it (D49).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.selection._errors import ContradictoryRulesError, InvalidUniverseError, UnknownSignalError

__all__ = [
    "FALLBACK_WEIGHTS",
    "METHODS",
    "MISSING",
    "SCORE_FEATURES",
    "WEIGHTS_VERSION",
    "Score",
    "ScoreFeature",
    "log_mps",
    "probability",
    "score_weights",
]

FloatArray = npt.NDArray[np.float64]
Method = Literal["rank", "rank_desc", "logistic", "zscore", "minmax", "cdf_absolute", "cdf_relative"]

MISSING = 0.01
"""Probability of a feature that is not known."""
_FLOOR = 0.01
_CLIP = 1e-3
_TINY = 1e-9
_SIGMA = 3.0
_MAX_WEIGHT = 20.0
_OTHER_MOMENTUM_WEIGHT = 0.5


@dataclass(frozen=True, slots=True)
class ScoreFeature:
    """One feature of the score.

    Parameters
    ----------
    name : str
        Column of the feature matrix.
    method : str
        Probability mapping for a long position, see `METHODS`. Whether a ``cdf`` feature is already
        a probability (absolute) or is judged against its peers (relative) is declared
        here, never guessed from the day's data.
    weight : float
        Production weight. A prior from a search on 2025 data, not an estimate of anything.
    fallback_weight : float
        Weight of the flat alternative.
    directional : bool
        Argues for one side: mapped the other way round for SHORT.
    """

    name: str
    method: Method
    weight: float
    fallback_weight: float
    directional: bool = False


WEIGHTS_VERSION = "log-mps-v4/1"
"""Version of the table below; written beside every selection made with it."""

SCORE_FEATURES: tuple[ScoreFeature, ...] = (
    ScoreFeature("momentum", "rank", 1.7469, 1.5, directional=True),
    ScoreFeature("stability", "rank", 0.0458, 1.0),
    ScoreFeature("liquidity", "cdf_absolute", 0.2946, 0.5),
    ScoreFeature("antifragility", "rank", 0.6263, 0.5),
    ScoreFeature("survival", "cdf_absolute", 1.4, 1.0),
    ScoreFeature("efficiency", "cdf_absolute", 1.5348, 0.5),
    ScoreFeature("entropy", "rank_desc", 0.0322, 1.0),
    ScoreFeature("hurst_clean", "rank", 0.3485, 0.5),
    ScoreFeature("adx", "cdf_relative", 1.0, 1.0),
    ScoreFeature("recommend_all", "rank", 1.0, 1.0, directional=True),
    ScoreFeature("recommend_ma", "rank", 1.0, 1.0, directional=True),
    ScoreFeature("skew", "rank_desc", 0.5, 0.5),
    ScoreFeature("kurtosis", "rank_desc", 0.5, 1.0),
    ScoreFeature("cvar", "cdf_relative", 1.0, 1.0),
)
"""The production score (semantics 5.4), complete; features a matrix does not have are left out and listed."""

FALLBACK_WEIGHTS: Mapping[str, float] = MappingProxyType({f.name: f.fallback_weight for f in SCORE_FEATURES})
"""The flat alternative, usable as `overrides`."""

_NAMES = tuple(feature.name for feature in SCORE_FEATURES)


@dataclass(frozen=True)
class Score:
    """Log-MPS scores of a universe.

    Parameters
    ----------
    probabilities : DataFrame, shape (n_rows, n_features)
        In (0, 1], columns in the order of `SCORE_FEATURES`, index of the matrix.
    alpha : Series
        ``alpha_score`` in (0, 1].
    weights : mapping of str to float
        Weight of each feature used.
    left_out : tuple of str
        Features of the score that the matrix does not have.
    """

    probabilities: pd.DataFrame
    alpha: pd.Series
    weights: Mapping[str, float]
    left_out: tuple[str, ...]


def probability(values: npt.ArrayLike, method: Method, *, sigma: float = _SIGMA) -> FloatArray:
    """Map a figure to a probability across the universe (semantics 5.3).

    Parameters
    ----------
    values : array of shape (n,)
        Figures of one date; NaN where unknown, infinity is refused.
    method : str
        ``rank``: 0.01 + 0.99 (rho - 1)/(m - 1), rho the average ascending rank among the m known, 0.01 when m = 1.
        ``rank_desc``: the same of the negated figure.
        ``logistic``: 1/(1 + exp(-z)). ``zscore``: (clip(z, +-sigma) + sigma)/(2 sigma).
        ``minmax``: (x - min)/(max - min), 0.5 for a constant.
        ``cdf_relative``: the normal distribution function of z, at least 0.001.
        ``cdf_absolute``: the figure itself, clipped to [0.001, 1].
        z = (x - mean)/(sample standard deviation + 1e-9), 0 when m = 1.
    sigma : float
        Width of ``zscore``; 3, or 3.49 for CARS 2.1.

    Returns
    -------
    array of shape (n,)
        In [0, 1]; an unknown figure gets 0.01 whatever the method.

    Raises
    ------
    UnknownSignalError
        No such method.
    InvalidUniverseError
        A figure is infinite.
    """
    figures = np.asarray(values, dtype="float64")
    if method not in METHODS:
        raise UnknownSignalError(method, tuple(METHODS), "method")
    if np.isinf(figures).any():
        raise InvalidUniverseError("figures to score", "one is infinite", "repair the feature")
    known = ~np.isnan(figures)
    mapped = np.full(figures.shape, MISSING)
    if known.any():
        mapped[known] = METHODS[method](figures[known], sigma)
    return mapped


def score_weights(
    *, overrides: Mapping[str, float] | None = None, dominant_signal: str | None = None, dominant_weight: float = 3.0
) -> dict[str, float]:
    """Weights of the score after overrides.

    Parameters
    ----------
    overrides : mapping of str to float, optional
        Replace production weights; 0 switches a feature off.
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
        A name the score does not have. It is never ignored.
    ContradictoryRulesError
        A weight outside [0, 20].
    """
    weights = {feature.name: feature.weight for feature in SCORE_FEATURES}
    for name, weight in (overrides or {}).items():
        if name not in weights:
            raise UnknownSignalError(name, _NAMES, "weights override")
        weights[name] = float(weight)
    if dominant_signal is not None:
        if dominant_signal not in weights:
            raise UnknownSignalError(dominant_signal, _NAMES, "dominant_signal")
        weights["momentum"] = _OTHER_MOMENTUM_WEIGHT
        weights[dominant_signal] = float(dominant_weight)
    for name, weight in weights.items():
        if not 0.0 <= weight <= _MAX_WEIGHT:
            raise ContradictoryRulesError(f"weight of {name}", f"{weight} is outside [0, {_MAX_WEIGHT:g}]")
    return weights


def log_mps(
    matrix: pd.DataFrame,
    directions: pd.Series,
    *,
    overrides: Mapping[str, float] | None = None,
    dominant_signal: str | None = None,
    dominant_weight: float = 3.0,
) -> Score:
    """Score a universe: the product of P_f ** w_f over features, as exp(sum w ln P).

    Parameters
    ----------
    matrix : DataFrame
        One row per candidate of one date, columns named as in `SCORE_FEATURES`; others are not read.
    directions : Series of str
        LONG or SHORT of each row, aligned to `matrix`.
    overrides, dominant_signal, dominant_weight
        As in `score_weights`. An override of a feature the matrix does not have is listed with the feature.

    Returns
    -------
    Score

    Raises
    ------
    UnknownSignalError
        An override the score does not have, or a dominant signal that it or this matrix does not have.
    InvalidUniverseError
        A direction that is neither LONG nor SHORT, or an infinite figure.
    """
    weights = score_weights(overrides=overrides, dominant_signal=dominant_signal, dominant_weight=dominant_weight)
    present = [feature for feature in SCORE_FEATURES if feature.name in matrix.columns]
    names = tuple(feature.name for feature in present)
    if dominant_signal is not None and dominant_signal not in names:
        raise UnknownSignalError(dominant_signal, names, "dominant_signal")
    short = _shorts(directions, matrix.index)
    columns = {feature.name: _directed(matrix[feature.name], feature, short) for feature in present}
    probabilities = pd.DataFrame(columns, index=matrix.index, columns=list(names), dtype="float64")
    used = {name: weights[name] for name in names}
    logs = np.zeros(len(matrix))
    for name, weight in used.items():  # one column at a time: equal rows get equal scores to the last bit
        logs += weight * np.log(np.maximum(probabilities[name].to_numpy(), _TINY))
    # The smallest normal number keeps a very poor score positive, as its contract asks.
    alpha = np.maximum(np.exp(logs), np.finfo("float64").tiny)
    left_out = tuple(name for name in _NAMES if name not in names)
    return Score(probabilities, pd.Series(alpha, index=matrix.index, name="alpha_score"), used, left_out)


def _shorts(directions: pd.Series, index: pd.Index) -> npt.NDArray[np.bool_]:
    sides = directions.reindex(index)
    if not sides.isin(["LONG", "SHORT"]).all():
        raise InvalidUniverseError("directions", "one is neither LONG nor SHORT", "declare the side of every candidate")
    return (sides == "SHORT").to_numpy(dtype=bool)


def _directed(values: pd.Series, feature: ScoreFeature, short: npt.NDArray[np.bool_]) -> FloatArray:
    figures = values.to_numpy(dtype="float64", na_value=np.nan)
    long_side = probability(figures, feature.method)
    if not feature.directional:
        return long_side
    return np.asarray(np.where(short, probability(-figures, feature.method), long_side))


def _rank(x: FloatArray, _: float) -> FloatArray:
    if len(x) == 1:
        return np.full(1, _FLOOR)
    ordered = np.sort(x)
    # Average rank of ties: halfway between the first and the last place they take.
    place = 0.5 * (np.searchsorted(ordered, x, side="left") + np.searchsorted(ordered, x, side="right") - 1)
    return np.asarray(_FLOOR + (1.0 - _FLOOR) * place / (len(x) - 1), dtype="float64")


def _rank_desc(x: FloatArray, sigma: float) -> FloatArray:
    return _rank(-x, sigma)


def _z(x: FloatArray) -> FloatArray:
    spread = np.std(x, ddof=1) if len(x) > 1 else 0.0
    return np.asarray((x - np.mean(x)) / (spread + _TINY), dtype="float64")


def _logistic(x: FloatArray, _: float) -> FloatArray:
    return np.asarray(1.0 / (1.0 + np.exp(-_z(x))), dtype="float64")


def _zscore(x: FloatArray, sigma: float) -> FloatArray:
    return np.asarray((np.clip(_z(x), -sigma, sigma) + sigma) / (2.0 * sigma), dtype="float64")


def _minmax(x: FloatArray, _: float) -> FloatArray:
    low, high = float(np.min(x)), float(np.max(x))
    if high == low:
        return np.full(len(x), 0.5)
    return np.asarray((x - low) / (high - low), dtype="float64")


def _cdf_relative(x: FloatArray, _: float) -> FloatArray:
    normal = [0.5 * math.erfc(-z / math.sqrt(2.0)) for z in _z(x)]
    return np.asarray(np.clip(np.array(normal, dtype="float64"), _CLIP, 1.0))


def _cdf_absolute(x: FloatArray, _: float) -> FloatArray:
    return np.asarray(np.clip(x, _CLIP, 1.0), dtype="float64")


METHODS: Mapping[str, Callable[[FloatArray, float], FloatArray]] = MappingProxyType(
    {
        "rank": _rank,
        "rank_desc": _rank_desc,
        "logistic": _logistic,
        "zscore": _zscore,
        "minmax": _minmax,
        "cdf_absolute": _cdf_absolute,
        "cdf_relative": _cdf_relative,
    }
)
"""Probability mappings by name."""
