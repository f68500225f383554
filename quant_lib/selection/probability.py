"""Probability mappings: from a figure to a probability across the universe of a date (semantics 5.3)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from quant_lib.selection._errors import InvalidUniverseError, UnknownSignalError

__all__ = ["METHODS", "MISSING", "Method", "probability"]

FloatArray = npt.NDArray[np.float64]
Method = Literal["rank", "rank_desc", "logistic", "zscore", "minmax", "cdf_absolute", "cdf_relative"]

MISSING = 0.01
"""Probability of a feature that is not known, unless an engine declares another."""
_FLOOR = 0.01
_CLIP = 1e-3
_TINY = 1e-9
_SIGMA = 3.0


def probability(
    values: npt.ArrayLike, method: Method, *, sigma: float = _SIGMA, missing: float = MISSING
) -> FloatArray:
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
    missing : float
        Probability of an unknown figure.

    Returns
    -------
    array of shape (n,)
        In [0, 1]; an unknown figure gets `missing` whatever the method.

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
    mapped = np.full(figures.shape, missing)
    if known.any():
        mapped[known] = METHODS[method](figures[known], sigma)
    return mapped


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
    normal = [0.5 * math.erfc(-z / math.sqrt(2.0)) for z in _z(x).tolist()]
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
