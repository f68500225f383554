"""Engine ``pyportfolioopt`` (semantics 8.7)."""

from __future__ import annotations

from typing import Any

import numpy as np

from quant_lib.allocation._custom import capped
from quant_lib.allocation._library import LibraryEngine, asked_of, constrained, needs_tree
from quant_lib.allocation._problem import Problem, Solution


def engine() -> LibraryEngine:
    """Every objective PyPortfolioOpt states as this platform does; it has no risk budgets."""
    return LibraryEngine(
        "pyportfolioopt",
        {
            "hrp": _hrp,
            "market_neutral": _market_neutral,
            "max_sharpe": _max_sharpe,
            "min_variance": _min_variance,
        },
    )


def _frontier(problem: Problem, *, neutral: bool = False) -> Any:
    from pypfopt import EfficientFrontier

    asked = asked_of(problem, neutral=neutral)
    bounds = [(0.0, float(upper)) for upper in asked.upper]
    frontier = EfficientFrontier(asked.mean, asked.covariance, weight_bounds=bounds, solver="CLARABEL")
    if len(asked.b):
        frontier.add_constraint(lambda w: asked.A @ w <= asked.b)
    return frontier


def _values(weights: Any) -> Any:
    return np.array(list(weights.values()), dtype="float64")


def _min_variance(problem: Problem) -> Solution:
    return constrained(problem, _values(_frontier(problem).min_volatility()), "EfficientFrontier/min_volatility")


def _market_neutral(problem: Problem) -> Solution:
    found = _frontier(problem, neutral=True).min_volatility()
    return constrained(problem, _values(found), "EfficientFrontier/min_volatility+neutral")


def _max_sharpe(problem: Problem) -> Solution:
    found = _frontier(problem).max_sharpe(risk_free_rate=problem.request.risk_free)
    return constrained(problem, _values(found), "EfficientFrontier/max_sharpe")


def _hrp(problem: Problem) -> Solution:
    from pypfopt import HRPOpt

    needs_tree(problem, "HRPOpt")
    asked, linkage = asked_of(problem), problem.request.linkage
    found = HRPOpt(asked.returns, asked.covariance).optimize(linkage_method=linkage)
    weights = np.array([found[name] for name in problem.labels], dtype="float64")
    return capped(problem, weights, f"HRPOpt/{linkage}")
