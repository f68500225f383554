"""Tails of return streams: antifragility, fragility, survival of stress (semantics 3.12)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]

FULL_HISTORY = 252
"""Sessions from which on a score counts in full."""
_RANGE_FLOOR = 1e-9


def antifragility(returns: FloatArray) -> FloatArray:
    """Score streams by how much they gain from extremes.

    ``(minmax(skew) + minmax(tail gain)) min(1, T / 252)``, where the tail gain is
    the mean of the returns above the 95 % quantile.

    Parameters
    ----------
    returns : array of shape (T, n), T >= 2
        Complete simple returns.

    Returns
    -------
    array of shape (n,)
        From 0 to 2, relative to the other streams.
    """
    gain = tail_gain(returns)
    significance = min(1.0, len(returns) / FULL_HISTORY)
    return (_minmax(skewness(returns)) + _minmax(gain)) * significance


def skewness(returns: FloatArray) -> FloatArray:
    """Compute the population skewness of each column; 0 for a constant one."""
    centred = returns - returns.mean(axis=0)
    sigma = np.sqrt((centred**2).mean(axis=0))
    live = sigma > 1e-12 * np.abs(returns).max(axis=0, initial=0.0)
    scaled = np.where(live, centred, 0.0) / np.where(live, sigma, 1.0)
    return np.asarray((scaled**3).mean(axis=0))


def tail_gain(returns: FloatArray) -> FloatArray:
    """Mean of the returns above the 95 % quantile of each column; 0 where none is."""
    above = returns > np.quantile(returns, 0.95, axis=0)
    total = np.where(above, returns, 0.0).sum(axis=0)
    return np.asarray(total / np.maximum(above.sum(axis=0), 1))


def _minmax(values: FloatArray) -> FloatArray:
    low = values.min()
    return np.asarray((values - low) / (values.max() - low + _RANGE_FLOOR))


def tail_table(returns: pd.DataFrame, *, stress: Sequence[tuple[str, pd.Timestamp, pd.Timestamp]] = ()) -> pd.DataFrame:
    """Tail measures of each stream.

    Parameters
    ----------
    returns : DataFrame of shape (T, n), T >= 2
        Complete simple returns, index of sessions.
    stress : sequence of (name, first session, last session)
        Periods a stream may have survived. One that lies outside the returns is
        unknown, not failed.

    Returns
    -------
    DataFrame, index of columns of `returns`
        ``skew``; ``tail_gain``; ``antifragility`` from 0 to 2; ``var_95`` and
        ``cvar_95``, returns; ``tail_ratio``, gain over loss at 5 %, NaN without a
        loss; ``max_drawdown``, compounded, <= 0; ``survival``, share of the
        stress periods covered in which fewer than 5 % of returns were zero, NaN
        where none is covered; ``fragility``: ``1 - antifragility / max`` plus
        ``|cvar_95| / max``, plus ``2 (1 - survival)`` where that is known.
    """
    X = returns.to_numpy(dtype="float64")
    low, high = np.quantile(X, 0.05, axis=0), np.quantile(X, 0.95, axis=0)
    below = low >= X
    cvar = np.where(below, X, 0.0).sum(axis=0) / below.sum(axis=0)
    wealth = np.vstack([np.ones(X.shape[1]), np.cumprod(1.0 + X, axis=0)])
    drawdown = (wealth / np.maximum.accumulate(wealth, axis=0) - 1.0).min(axis=0)
    score = antifragility(X)
    survival = _survival(returns, stress)
    worst, best = float(np.abs(cvar).max()), float(score.max())
    fragility = (1.0 - score / best if best > 0.0 else np.ones_like(score)) + (
        np.abs(cvar) / worst if worst > 0.0 else 0.0
    )
    return pd.DataFrame(
        {
            "skew": skewness(X),
            "tail_gain": tail_gain(X),
            "antifragility": score,
            "var_95": low,
            "cvar_95": cvar,
            "tail_ratio": np.divide(high, -low, out=np.full_like(low, np.nan), where=low < 0.0),
            "max_drawdown": drawdown,
            "survival": survival,
            "fragility": fragility + np.where(np.isnan(survival), 0.0, 2.0 * (1.0 - survival)),
        },
        index=returns.columns,
    )


def stream_tails(
    streams: pd.DataFrame, *, stress: Sequence[tuple[str, pd.Timestamp, pd.Timestamp]] = ()
) -> pd.DataFrame:
    """Rows of the table ``stream_tails`` without profile and date: `tail_table` of each atom; none for a book of cash.

    Parameters
    ----------
    streams : DataFrame of shape (T, n)
        Synthetic long returns, complete; columns of atom ids.
    stress
        As in `tail_table`.
    """
    # Measured on nobody, the columns are still there; so is the index of dates that stress periods are cut from.
    measured = streams if streams.shape[1] else pd.DataFrame({"": 0.0}, index=streams.index)
    found = tail_table(measured, stress=stress).loc[streams.columns]
    return found.rename_axis(index="atom_id").reset_index()


def _survival(returns: pd.DataFrame, stress: Sequence[tuple[str, pd.Timestamp, pd.Timestamp]]) -> FloatArray:
    outcomes = []
    for _, first, last in stress:
        if len(returns) == 0 or first < returns.index[0] or last > returns.index[-1]:
            continue
        window = returns.loc[first:last].to_numpy(dtype="float64")
        outcomes.append((window == 0.0).mean(axis=0) < 0.05)
    if not outcomes:
        return np.full(returns.shape[1], np.nan)
    return np.asarray(np.mean(outcomes, axis=0), dtype="float64")
