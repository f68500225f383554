"""Covariance: Ledoit-Wolf, annualised, and conditioned by a ladder of correlation shrinkages (semantics 8.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

VOLATILITY_FLOOR = 1e-6
"""Smallest daily volatility an asset is given; a diagonal floor, so that it is deterministic."""


@dataclass(frozen=True)
class Covariance:
    """A covariance that can be inverted, and how it became so.

    Parameters
    ----------
    matrix : array of shape (n, n)
        Annualised, symmetric.
    correlation : array of shape (n, n)
        Its correlations.
    volatility : array of shape (n,)
        Its volatilities, annualised.
    kappa_raw, kappa : float
        Condition number before and after the ladder.
    shrinkage : float
        Ladder step used.
    ledoit_wolf : float or None
        Intensity towards the constant-variance target; None for the sample estimator.
    bound_met : bool
        Whether `kappa` is within the requested bound.
    floored : tuple of int
        Columns whose volatility is the floor.
    """

    matrix: FloatArray
    correlation: FloatArray
    volatility: FloatArray
    kappa_raw: float
    kappa: float
    shrinkage: float
    ledoit_wolf: float | None
    bound_met: bool
    floored: tuple[int, ...]


def ledoit_wolf(returns: FloatArray) -> tuple[FloatArray, float]:
    """Shrink the sample covariance towards a multiple of the identity.

    Source: Ledoit and Wolf, "A well-conditioned estimator for large-dimensional
    covariance matrices", Journal of Multivariate Analysis 88 (2004).

    Parameters
    ----------
    returns : array of shape (T, n)
        Complete returns.

    Returns
    -------
    tuple of array of shape (n, n) and float
        Covariance per session (denominator T) and the shrinkage intensity in [0, 1].
    """
    T, n = returns.shape
    X = returns - returns.mean(axis=0)
    S = X.T @ X / T
    mean_variance = np.trace(S) / n
    dispersion = (np.sum(S**2) - n * mean_variance**2) / n
    # The sum over all pairs of x_i^2 x_j^2 is the square of a session's sum: no second product of matrices.
    noise = (np.sum(np.sum(X**2, axis=1) ** 2) / T - np.sum(S**2)) / (n * T)
    noise = min(noise, dispersion)
    intensity = float(noise / dispersion) if noise > 0.0 else 0.0
    shrunk = (1.0 - intensity) * S
    shrunk[np.diag_indices(n)] += intensity * mean_variance
    return np.asarray(shrunk, dtype="float64"), intensity


def estimate_covariance(
    returns: FloatArray,
    *,
    ann: float,
    kappa_max: float = 15_000.0,
    ladder: tuple[float, ...] = (0.0, 0.01, 0.15, 0.50, 0.95),
    estimator: Literal["ledoit_wolf", "sample"] = "ledoit_wolf",
) -> Covariance:
    """Annualised covariance whose condition number is judged before it is used.

    Parameters
    ----------
    returns : array of shape (T, n), T >= 2, n >= 1
        Complete simple returns, one row a session.
    ann : float
        Sessions a year.
    kappa_max : float
        Bound on the condition number of the covariance.
    ladder : tuple of float
        Shrinkages s of the correlation, ``C <- (1 - s) C + s I``, tried in
        order; the first that meets the bound is used, volatilities stay. Where
        none does, the last is used and `Covariance.bound_met` is false.
    estimator : {"ledoit_wolf", "sample"}
        A single column always uses the sample variance.

    Returns
    -------
    Covariance
    """
    if estimator == "ledoit_wolf" and returns.shape[1] > 1:
        daily, intensity = ledoit_wolf(returns)
    else:
        daily, intensity = np.atleast_2d(np.cov(returns, rowvar=False, ddof=1)), None
    C, sigma, floored = _correlation(daily)
    kappa_raw = kappa = condition_number(C * np.outer(sigma, sigma))
    shrinkage = 0.0
    for shrinkage in ladder:
        correlation = _shrunk(C, shrinkage)
        kappa = kappa_raw if shrinkage == 0.0 else condition_number(correlation * np.outer(sigma, sigma))
        if kappa <= kappa_max:
            break
    annual = sigma * np.sqrt(ann)
    return Covariance(
        matrix=correlation * np.outer(annual, annual),
        correlation=correlation,
        volatility=annual,
        kappa_raw=kappa_raw,
        kappa=kappa,
        shrinkage=shrinkage,
        ledoit_wolf=intensity,
        bound_met=kappa <= kappa_max,
        floored=floored,
    )


def condition_number(matrix: FloatArray) -> float:
    """Ratio of the extreme eigenvalues of a symmetric matrix; infinite where the smallest is not positive."""
    eigenvalues = np.linalg.eigvalsh(matrix)
    smallest, largest = float(eigenvalues[0]), float(eigenvalues[-1])
    # Below this the sign of an eigenvalue is rounding.
    if smallest <= largest * len(matrix) * np.finfo("float64").eps:
        return float("inf")
    return largest / smallest


def _correlation(daily: FloatArray) -> tuple[FloatArray, FloatArray, tuple[int, ...]]:
    observed = np.sqrt(np.clip(np.diag(daily), 0.0, None))
    floored = observed < VOLATILITY_FLOOR
    sigma = np.maximum(observed, VOLATILITY_FLOOR)
    # Dividing by the floored volatility shrinks the correlations of a dead stream towards 0.
    C = daily / np.outer(sigma, sigma)
    C = np.clip((C + C.T) / 2.0, -1.0, 1.0)
    np.fill_diagonal(C, 1.0)
    return C, sigma, tuple(int(i) for i in np.flatnonzero(floored))


def _shrunk(C: FloatArray, shrinkage: float) -> FloatArray:
    shrunk = (1.0 - shrinkage) * C
    np.fill_diagonal(shrunk, 1.0)
    return np.asarray(shrunk, dtype="float64")
