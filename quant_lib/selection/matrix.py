"""From the features of the date to what an engine scores (semantics 3.9, 3.12, 5.2)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["SOURCES", "STRATEGIES", "Strategy", "needed_features", "score_matrix"]

FloatArray = npt.NDArray[np.float64]
Strategy = Literal["trend_following", "mean_reversion", "breakout"]
STRATEGIES: tuple[Strategy, ...] = ("trend_following", "mean_reversion", "breakout")


@dataclass(frozen=True)
class _Context:
    liquidity_scale: float
    strategy: Strategy


@dataclass(frozen=True)
class _Source:
    """Facts a score column is made of, and how."""

    columns: tuple[str, ...]
    make: Callable[[Mapping[str, FloatArray], _Context], FloatArray]


def _same(column: str) -> _Source:
    return _Source((column,), lambda facts, _: facts[column])


def _fragility(facts: Mapping[str, FloatArray], _: _Context) -> FloatArray:
    """(1 - AF/max AF) + |CVaR|/max |CVaR| over the candidates (semantics 3.12)."""
    strength, loss = facts["antifragility"], np.abs(facts["cvar_95"])
    if not (np.isfinite(strength).any() and np.isfinite(loss).any()):
        return np.full(len(strength), np.nan)
    best, worst = np.nanmax(strength), np.nanmax(loss)
    return np.asarray(1.0 - strength / max(best, 1e-9) + loss / max(worst, 1e-9))


def _trendiness(facts: Mapping[str, FloatArray], context: _Context) -> FloatArray:
    """Count persistence for following a trend and against reverting to a mean."""
    return -facts["trendiness"] if context.strategy == "mean_reversion" else facts["trendiness"]


SOURCES: Mapping[str, _Source] = MappingProxyType(
    {
        "momentum": _same("momentum"),
        "stability": _Source(("volatility",), lambda f, _: 1.0 / (f["volatility"] + 1e-9)),
        "inverse_volatility": _Source(("volatility",), lambda f, _: 1.0 / (f["volatility"] + 1e-9)),
        "liquidity": _Source(("liquidity_usd",), lambda f, c: np.minimum(1.0, f["liquidity_usd"] / c.liquidity_scale)),
        "turnover": _same("liquidity_usd"),
        "antifragility": _same("antifragility"),
        "fragility": _Source(("antifragility", "cvar_95"), _fragility),
        "survival": _same("survival"),
        "efficiency": _same("efficiency"),
        "entropy": _same("entropy"),
        "entropy_order": _Source(("entropy",), lambda f, _: 1.0 - f["entropy"]),
        "trendiness": _Source(("trendiness",), _trendiness),
        "adx": _same("adx"),
        "recommend_all": _same("recommend_all"),
        "recommend_ma": _same("recommend_ma"),
        "recommend_other": _same("recommend_other"),
        "roc": _same("roc"),
        "volatility_d": _same("volatility_d"),
        "volume_change_pct": _same("volume_change_pct"),
        # Either tail far from the other is a risk: the size of the skew counts (semantics 3.9).
        "skew": _Source(("skew",), lambda f, _: np.abs(f["skew"])),
        "kurtosis": _same("kurtosis"),
        "cvar": _same("cvar_95"),
    }
)
"""What each score column is made of; columns of the facts, which are features of the date and money in dollars."""

_NOT_FEATURES = frozenset({"liquidity_usd"})


def needed_features(names: Collection[str]) -> tuple[str, ...]:
    """Features of the date behind some score columns, in a fixed order."""
    wanted = [column for name in names for column in SOURCES[name].columns if column not in _NOT_FEATURES]
    return tuple(dict.fromkeys(wanted))


def score_matrix(
    facts: pd.DataFrame, names: Collection[str], *, liquidity_scale: float, strategy: Strategy
) -> pd.DataFrame:
    """Columns an engine reads, for the candidates it compares.

    Parameters
    ----------
    facts : DataFrame
        One row per candidate; fragility compares these rows and no others.
    names : collection of str
        Keys of `SOURCES`.
    liquidity_scale : float, in USD
        Turnover that counts as fully liquid.
    strategy : str
        Whether persistence argues for a candidate or against it.

    Returns
    -------
    DataFrame
        Index of `facts`; NaN where a figure is not known.
    """
    context = _Context(liquidity_scale, strategy)
    columns = {column for name in names for column in SOURCES[name].columns}
    figures = {column: facts[column].to_numpy(dtype="float64", na_value=np.nan) for column in sorted(columns)}
    made = {name: SOURCES[name].make(figures, context) for name in names}
    return pd.DataFrame(made, index=facts.index, columns=list(names), dtype="float64")
