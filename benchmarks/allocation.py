"""Every comparable risk profile against three libraries: one walk-forward, one run, warm.

Each engine gets the returns of a window and gives back weights under one asset cap. The custom engine's time is that
of the whole `allocate`: validation, Ledoit-Wolf, conditioning, solution, certificate, hashes. A library's time is its
documented path on the same returns with its own Ledoit-Wolf, solver as shipped. `python -m benchmarks.allocation 20`
walks 20 windows in place of 100.
"""

import contextlib
import io
import statistics
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

from quant_lib.allocation import AllocationRequest, allocate

ANN = 365.0
TRAIN, STEP = 252, 5
CAP = 0.25
WINDOWS = 100
SIZES = (25, 100, 400)
PEER_WINDOWS = {25: 15, 100: 5, 400: 2}
"""Windows a peer walks, by number of assets: enough for a median, since it takes seconds for the largest."""
PROFILES = ("hrp", "min_variance", "max_sharpe", "erc")

Solve = Callable[[pd.DataFrame], np.ndarray]


def market(n: int, windows: int) -> pd.DataFrame:
    rng = np.random.default_rng(n)
    sessions = TRAIN + STEP * windows
    factors = rng.standard_normal((sessions, 3)) * 0.02 + 0.0005
    own = rng.standard_normal((sessions, n)) * rng.uniform(0.01, 0.05, n)
    names = [f"a{i:03d}" for i in range(n)]
    return pd.DataFrame(factors @ rng.uniform(0.0, 1.5, (3, n)) + own, columns=names)


def custom(profile: str) -> Solve:
    request = AllocationRequest(risk_profile=profile, ann=ANN, asset_cap=CAP, cluster_cap=1.0)

    def solve(returns: pd.DataFrame) -> np.ndarray:
        clusters = pd.Series(np.arange(returns.shape[1]) % 10, index=returns.columns)
        found = allocate(returns, clusters, request)
        assert not found.fallback
        return found.weights.to_numpy()

    return solve


def riskfolio(profile: str) -> Solve:
    import riskfolio as rp

    def solve(returns: pd.DataFrame) -> np.ndarray:
        if profile == "hrp":
            found = rp.HCPortfolio(returns=returns).optimization(
                model="HRP", codependence="pearson", method_cov="ledoit", rm="MV", linkage="ward"
            )
            return found["weights"].to_numpy()
        portfolio = rp.Portfolio(returns=returns)
        portfolio.assets_stats(method_mu="hist", method_cov="ledoit")
        portfolio.upperlng = CAP
        if profile == "erc":
            return portfolio.rp_optimization(model="Classic", rm="MV")["weights"].to_numpy()
        objective = {"min_variance": "MinRisk", "max_sharpe": "Sharpe"}[profile]
        return portfolio.optimization(model="Classic", rm="MV", obj=objective, l=0)["weights"].to_numpy()

    return solve


def skfolio(profile: str) -> Solve:
    from skfolio import RiskMeasure
    from skfolio.cluster import HierarchicalClustering, LinkageMethod
    from skfolio.moments import LedoitWolf
    from skfolio.optimization import HierarchicalRiskParity, MeanRisk, ObjectiveFunction, RiskBudgeting
    from skfolio.prior import EmpiricalPrior

    prior = EmpiricalPrior(covariance_estimator=LedoitWolf())
    variance = RiskMeasure.VARIANCE

    def model():
        if profile == "hrp":
            tree = HierarchicalClustering(linkage_method=LinkageMethod.WARD)
            return HierarchicalRiskParity(
                risk_measure=variance, prior_estimator=prior, hierarchical_clustering_estimator=tree, max_weights=CAP
            )
        if profile == "erc":
            return RiskBudgeting(risk_measure=variance, prior_estimator=prior, max_weights=CAP)
        objective = {"min_variance": "minimize_risk", "max_sharpe": "maximize_ratio"}[profile]
        return MeanRisk(
            objective_function=ObjectiveFunction(objective),
            risk_measure=variance,
            prior_estimator=prior,
            max_weights=CAP,
        )

    return lambda returns: np.asarray(model().fit(returns).weights_)


def pyportfolioopt(profile: str) -> Solve | None:
    from pypfopt import EfficientFrontier, HRPOpt
    from pypfopt.risk_models import CovarianceShrinkage

    if profile == "erc":
        return None  # it has no risk budgets

    def solve(returns: pd.DataFrame) -> np.ndarray:
        sigma = CovarianceShrinkage(returns, returns_data=True, frequency=int(ANN)).ledoit_wolf()
        if profile == "hrp":
            return np.array(list(HRPOpt(returns, sigma).optimize(linkage_method="ward").values()))
        frontier = EfficientFrontier(returns.mean() * ANN, sigma, weight_bounds=(0.0, CAP))
        found = frontier.min_volatility() if profile == "min_variance" else frontier.max_sharpe(risk_free_rate=0.0)
        return np.array(list(found.values()))

    return solve


def walk(solve: Solve, returns: pd.DataFrame, windows: int) -> tuple[float, float]:
    """Median milliseconds a window, wall and processor, after one warm-up."""
    wall, cpu = [], []
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        solve(returns.iloc[:TRAIN])
        for index in range(windows):
            window = returns.iloc[index * STEP : index * STEP + TRAIN]
            started, used = time.perf_counter(), time.process_time()
            weights = solve(window)
            wall.append(time.perf_counter() - started)
            cpu.append(time.process_time() - used)
            assert abs(weights.sum() - 1.0) < 1e-4
    return statistics.median(wall) * 1e3, statistics.median(cpu) * 1e3


def main(n_windows: int = WINDOWS) -> None:
    print(
        "allocation: median ms a window of a warm walk-forward (processor ms in brackets), asset cap 0.25; ratios of processor time"
    )
    print(f"{'profile':<14}{'n':>5}{'custom':>18}{'riskfolio':>20}{'skfolio':>20}{'pyportfolioopt':>20}")
    for n in SIZES:
        returns = market(n, n_windows)
        for profile in PROFILES:
            ours = walk(custom(profile), returns, n_windows)
            cells = [f"{ours[0]:8.2f} ({ours[1]:.2f})"]
            for make in (riskfolio, skfolio, pyportfolioopt):
                cells.append(peer_cell(make(profile), returns, min(PEER_WINDOWS[n], n_windows), ours[1]))
            print(f"{profile:<14}{n:>5}{cells[0]:>18}" + "".join(f"{cell:>20}" for cell in cells[1:]), flush=True)


def peer_cell(solve: Solve | None, returns: pd.DataFrame, windows: int, ours: float) -> str:
    if solve is None:
        return "no such profile"
    try:
        wall, cpu = walk(solve, returns, windows)
    except Exception as failure:
        return f"failed ({type(failure).__name__})"
    return f"{wall:.1f} ({cpu:.1f}) {cpu / ours:.1f}x"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else WINDOWS)
