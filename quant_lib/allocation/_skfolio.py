"""Engine ``skfolio`` (semantics 8.7)."""

from __future__ import annotations

from typing import Any

import numpy as np

from quant_lib.allocation._custom import capped
from quant_lib.allocation._library import LibraryEngine, asked_of, constrained, needs_tree, risk_budgeted
from quant_lib.allocation._problem import Problem, Solution


def engine() -> LibraryEngine:
    """Every objective skfolio states as this platform does."""
    return LibraryEngine(
        "skfolio",
        {
            "equal_weight": _equal_weight,
            "erc": _risk_budgeting,
            "hrp": _hrp,
            "market_neutral": _market_neutral,
            "max_sharpe": _max_sharpe,
            "min_variance": _min_variance,
            "risk_parity": _risk_budgeting,
        },
    )


def _prior(problem: Problem) -> Any:
    """Prior with the conditioned covariance and the sample mean, a session."""
    from skfolio.prior import BasePrior, ReturnDistribution

    ann = problem.request.ann
    mean, covariance = problem.returns.mean(axis=0), problem.covariance.matrix / ann

    class Conditioned(BasePrior):  # type: ignore[misc]
        """What every engine is handed."""

        def __init__(self) -> None:
            pass

        def fit(self, X: Any, y: None = None, **fit_params: Any) -> Conditioned:
            self.return_distribution_ = ReturnDistribution(mu=mean, covariance=covariance, returns=np.asarray(X))
            return self

    return Conditioned()


def _mean_risk(problem: Problem, objective: str, backend: str, *, neutral: bool = False) -> Solution:
    from skfolio import RiskMeasure
    from skfolio.optimization import MeanRisk, ObjectiveFunction

    asked = asked_of(problem, neutral=neutral)
    model = MeanRisk(
        objective_function=ObjectiveFunction(objective),
        risk_measure=RiskMeasure.VARIANCE,
        prior_estimator=_prior(problem),
        max_weights=asked.upper,
        risk_free_rate=problem.request.risk_free / problem.request.ann,
        **_rows(asked.A, asked.b),
    )
    return constrained(problem, np.asarray(model.fit(asked.returns).weights_), backend)


def _rows(A: Any, b: Any) -> dict[str, Any]:
    return {"left_inequality": A, "right_inequality": b} if len(b) else {}


def _min_variance(problem: Problem) -> Solution:
    return _mean_risk(problem, "minimize_risk", "MeanRisk/minimize_risk")


def _max_sharpe(problem: Problem) -> Solution:
    return _mean_risk(problem, "maximize_ratio", "MeanRisk/maximize_ratio")


def _market_neutral(problem: Problem) -> Solution:
    return _mean_risk(problem, "minimize_risk", "MeanRisk/minimize_risk+neutral", neutral=True)


def _risk_budgeting(problem: Problem) -> Solution:
    from skfolio import RiskMeasure
    from skfolio.optimization import RiskBudgeting

    asked = asked_of(problem)
    model = RiskBudgeting(
        risk_measure=RiskMeasure.VARIANCE,
        prior_estimator=_prior(problem),
        max_weights=asked.upper,
        **_rows(asked.A, asked.b),
    )
    return risk_budgeted(problem, np.asarray(model.fit(asked.returns).weights_), "RiskBudgeting/variance")


def _hrp(problem: Problem) -> Solution:
    from skfolio import RiskMeasure
    from skfolio.cluster import HierarchicalClustering, LinkageMethod
    from skfolio.distance import PearsonDistance
    from skfolio.optimization import HierarchicalRiskParity

    needs_tree(problem, "HierarchicalRiskParity")
    model = HierarchicalRiskParity(
        risk_measure=RiskMeasure.VARIANCE,
        prior_estimator=_prior(problem),
        distance_estimator=PearsonDistance(),
        hierarchical_clustering_estimator=HierarchicalClustering(linkage_method=LinkageMethod(problem.request.linkage)),
    )
    weights = np.asarray(model.fit(asked_of(problem).returns).weights_)
    return capped(problem, weights, f"HierarchicalRiskParity/{problem.request.linkage}")


def _equal_weight(problem: Problem) -> Solution:
    from skfolio.optimization import EqualWeighted

    weights = np.asarray(EqualWeighted().fit(asked_of(problem).returns).weights_)
    return capped(problem, weights, "EqualWeighted")
