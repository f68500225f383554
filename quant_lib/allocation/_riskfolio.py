"""Engine ``riskfolio`` (semantics 8.7)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from quant_lib.allocation._custom import capped
from quant_lib.allocation._errors import SolverError
from quant_lib.allocation._library import LibraryEngine, asked_of, constrained, needs_tree, risk_budgeted
from quant_lib.allocation._problem import Problem, Solution


def engine() -> LibraryEngine:
    """Every objective Riskfolio-Lib states as this platform does."""
    return LibraryEngine(
        "riskfolio",
        {
            "erc": _risk_parity,
            "hrp": _hrp,
            "market_neutral": _market_neutral,
            "max_sharpe": _max_sharpe,
            "min_variance": _min_variance,
            "risk_parity": _risk_parity,
        },
    )


def _portfolio(problem: Problem, *, neutral: bool = False) -> Any:
    """Portfolio with the conditioned covariance and the sample mean, a session."""
    import riskfolio

    asked, ann = asked_of(problem, neutral=neutral), problem.request.ann
    portfolio = riskfolio.Portfolio(returns=asked.returns)
    portfolio.mu = (asked.mean / ann).to_frame().T
    portfolio.cov = asked.covariance / ann
    portfolio.solvers = ["CLARABEL"]
    # One bound for all stands in `upperlng`; bounds that differ are rows like those of the clusters.
    own = np.flatnonzero(asked.upper < 1.0)
    A, b = np.vstack([np.eye(len(asked.upper))[own], asked.A]), np.concatenate([asked.upper[own], asked.b])
    if len(b):
        portfolio.ainequality, portfolio.binequality = A, b[:, None]
    return portfolio


def _weights(found: pd.DataFrame | None, backend: str) -> Any:
    if found is None:
        raise SolverError(backend, "no weights", "the library returned None")
    return found["weights"].to_numpy(dtype="float64")


def _classic(problem: Problem, objective: str, *, neutral: bool = False) -> Solution:
    backend = f"Classic/MV/{objective}"
    rate = problem.request.risk_free / problem.request.ann
    portfolio = _portfolio(problem, neutral=neutral)
    found = portfolio.optimization(model="Classic", rm="MV", obj=objective, rf=rate, l=0, hist=True)
    return constrained(problem, _weights(found, backend), backend)


def _min_variance(problem: Problem) -> Solution:
    return _classic(problem, "MinRisk")


def _max_sharpe(problem: Problem) -> Solution:
    return _classic(problem, "Sharpe")


def _market_neutral(problem: Problem) -> Solution:
    return _classic(problem, "MinRisk", neutral=True)


def _risk_parity(problem: Problem) -> Solution:
    found = _portfolio(problem).rp_optimization(model="Classic", rm="MV", rf=0, b=None, hist=True)
    return risk_budgeted(problem, _weights(found, "rp_optimization/MV"), "rp_optimization/MV")


def _hrp(problem: Problem) -> Solution:
    import riskfolio

    needs_tree(problem, "HCPortfolio/HRP")
    asked, linkage = asked_of(problem), problem.request.linkage
    portfolio = riskfolio.HCPortfolio(returns=asked.returns)
    found = portfolio.optimization(
        model="HRP",
        codependence="custom_cov",
        method_cov="custom_cov",
        custom_cov=asked.covariance / problem.request.ann,
        rm="MV",
        rf=0,
        linkage=linkage,
        leaf_order=False,
    )
    weights = None if found is None else found.reindex(list(problem.labels))
    return capped(problem, _weights(weights, "HCPortfolio/HRP"), f"HCPortfolio/HRP/{linkage}")
