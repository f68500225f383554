"""Performance metrics of a daily return series (semantics 9.7), raw and unclipped."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure: value is None where the series does not define it."""

    name: str
    value: float | None
    unit: str


def _ratio(numerator: float, denominator: float) -> float | None:
    return numerator / denominator if denominator > 0.0 and math.isfinite(numerator) else None


def drawdown(returns: FloatArray) -> FloatArray:
    """Drawdown after each session, as a fraction <= 0; wealth starts at 1, so a first loss counts."""
    wealth = np.cumprod(1.0 + returns)
    peak = np.maximum.accumulate(np.concatenate(([1.0], wealth)))[1:]
    return np.asarray(wealth / peak - 1.0, dtype=np.float64)


def _longest_underwater(dd: FloatArray) -> int:
    longest = run = 0
    for below in dd < 0.0:
        run = run + 1 if below else 0
        longest = max(longest, run)
    return longest


def _annualised_return(r: FloatArray, ann: float) -> float | None:
    total = float(np.prod(1.0 + r))
    return total ** (ann / len(r)) - 1.0 if total > 0.0 else -1.0


def _moments(r: FloatArray) -> tuple[float | None, float | None]:
    spread = float(r.std())
    if len(r) < 3 or spread <= 1e-15:
        return None, None
    z = (r - r.mean()) / spread
    return float((z**3).mean()), float((z**4).mean() - 3.0)


def performance_metrics(
    returns: pd.Series, *, ann: float, benchmark: pd.Series | None = None, daily: pd.DataFrame | None = None
) -> list[Metric]:
    """Metrics of a stitched daily series.

    Parameters
    ----------
    returns : Series of shape (n_sessions,)
        Net simple returns, fractions; no missing values.
    ann : float
        Sessions a year of the series' calendar.
    benchmark : Series, optional
        Benchmark returns; joined on the dates both have.
    daily : DataFrame, optional
        Accounting of `simulate` (cost, turnover, gross, net) for the cost metrics.

    Returns
    -------
    list of Metric
        Annual figures use geometric compounding for returns and ``sqrt(ann)`` for
        risk. Sharpe and Sortino are ratios of arithmetic means at a zero risk-free
        rate. ``var_95`` and ``cvar_95`` are historical, at the 5 % quantile.

    Raises
    ------
    ValueError
        If the series is empty or holds a missing value.
    """
    r = returns.to_numpy(dtype=np.float64)
    if not len(r) or np.isnan(r).any():
        missing = int(np.isnan(r).sum())
        raise ValueError(
            f"performance needs a complete, non-empty series; got {len(r)} sessions with {missing} missing"
        )
    std = float(r.std(ddof=1)) if len(r) > 1 else 0.0
    vol = std * math.sqrt(ann)
    downside = math.sqrt(float(np.minimum(r, 0.0) @ np.minimum(r, 0.0)) / len(r)) * math.sqrt(ann)
    dd = drawdown(r)
    mdd = float(dd.min())
    annual = _annualised_return(r, ann)
    losses = float(-np.minimum(r, 0.0).sum())
    var_95 = float(np.quantile(r, 0.05))
    skew, kurtosis = _moments(r)
    metrics = [
        Metric("n_days", float(len(r)), "sessions"),
        Metric("total_return", float(np.prod(1.0 + r) - 1.0), "fraction"),
        Metric("annualized_return", annual, "fraction a year"),
        Metric("annualized_vol", vol, "fraction a year"),
        Metric("sharpe", _ratio(float(r.mean()) * ann, vol if std > 1e-15 else 0.0), "ratio"),
        Metric("sortino", _ratio(float(r.mean()) * ann, downside), "ratio"),
        Metric("max_drawdown", mdd, "fraction"),
        Metric("calmar", None if annual is None else _ratio(annual, -mdd), "ratio"),
        Metric("longest_underwater", float(_longest_underwater(dd)), "sessions"),
        Metric("omega", _ratio(float(np.maximum(r, 0.0).sum()), losses), "ratio"),
        Metric("win_rate", float((r > 0.0).mean()), "fraction"),
        Metric("var_95", var_95, "fraction"),
        Metric("cvar_95", float(r[r <= var_95].mean()), "fraction"),
        Metric("best_day", float(r.max()), "fraction"),
        Metric("worst_day", float(r.min()), "fraction"),
        Metric("skew", skew, ""),
        Metric("excess_kurtosis", kurtosis, ""),
    ]
    if daily is not None:
        metrics += _trading_metrics(daily, ann)
    if benchmark is not None:
        metrics += _relative_metrics(returns, benchmark, ann)
    return metrics


def _trading_metrics(daily: pd.DataFrame, ann: float) -> list[Metric]:
    mean: Callable[[str], float] = lambda name: float(daily[name].mean())  # noqa: E731 - a local abbreviation
    return [
        Metric("annual_turnover", mean("turnover") * ann, "one-way, fraction of capital a year"),
        Metric("annual_cost", mean("cost") * ann, "fraction a year"),
        Metric("mean_gross", mean("gross"), "fraction of capital"),
        Metric("mean_net", mean("net"), "fraction of capital"),
        Metric("forced_exits", float(daily["events"].str.count("forced_exit|series_break").sum()), "positions"),
    ]


def _relative_metrics(returns: pd.Series, benchmark: pd.Series, ann: float) -> list[Metric]:
    joined = pd.concat([returns, benchmark], axis=1, join="inner", keys=["r", "b"]).dropna()
    if len(joined) < 2 or joined["b"].std() <= 1e-15:
        return [Metric("beta", None, ""), Metric("correlation", None, ""), Metric("alpha", None, "fraction a year")]
    cov = float(joined["r"].cov(joined["b"]))
    beta = cov / float(joined["b"].var())
    spread = float(joined["r"].std())
    return [
        Metric("beta", beta, ""),
        Metric("correlation", cov / (spread * float(joined["b"].std())) if spread > 1e-15 else None, ""),
        Metric("alpha", (float(joined["r"].mean()) - beta * float(joined["b"].mean())) * ann, "fraction a year"),
    ]
