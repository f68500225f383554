"""Engine ``cvxportfolio`` (semantics 8.7).

The library is GPL-3: an extra of its own, imported here and nowhere else, and
only when a sleeve asks for it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from quant_lib.allocation._library import Asked, LibraryEngine, asked_of, constrained
from quant_lib.allocation._problem import Problem, Solution


def engine() -> LibraryEngine:
    """Minimum variance, the one objective its single-period policy states as this platform does.

    Its "returns minus risk" is no Sharpe ratio, and it knows neither risk budgets
    nor trees.
    """
    return LibraryEngine("cvxportfolio", {"min_variance": _min_variance})


def _min_variance(problem: Problem) -> Solution:
    import cvxportfolio as cvx

    asked = asked_of(problem)
    scale = float(np.trace(asked.covariance)) / len(asked.covariance)
    policy = cvx.SinglePeriodOptimization(
        -cvx.FullCovariance(Sigma=asked.covariance / scale),
        _constraints(asked),
        include_cash_return=False,
        solver="CLARABEL",
    )
    capital = pd.Series(0.0, index=[*asked.covariance.index, "cash"])
    capital["cash"] = 1.0
    trades = policy.execute(capital, market_data=None, t=pd.Timestamp("2000-01-01"))[0]
    weights = trades[asked.covariance.index].to_numpy(dtype="float64")
    return constrained(problem, weights, "SinglePeriodOptimization/FullCovariance")


def _constraints(asked: Asked) -> list[object]:
    import cvxportfolio as cvx

    names = asked.covariance.index
    rules: list[object] = [cvx.LongOnly(), cvx.NoCash(), cvx.MaxWeights(pd.Series(asked.upper, index=names))]
    rows = zip(asked.A, asked.b, strict=True)
    return [*rules, *(cvx.FactorMaxLimit(pd.Series(row, index=names), float(limit)) for row, limit in rows)]
