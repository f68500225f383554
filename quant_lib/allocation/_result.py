"""What an allocation gives back: weights, and everything needed to judge them (semantics 8.10)."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from quant_lib.allocation._limits import Relaxation

HASH_DECIMALS = 8


@dataclass(frozen=True, slots=True)
class Attempt:
    """One risk profile that was tried.

    Parameters
    ----------
    risk_profile : str
        What was tried.
    backend : str
        Who tried.
    outcome : {"solved", "failed", "skipped", "infeasible"}
        How it ended.
    note : str
        Why, or what the caps did.
    """

    risk_profile: str
    backend: str
    outcome: Literal["solved", "failed", "skipped", "infeasible"]
    note: str = ""


@dataclass(frozen=True)
class Allocation:
    """Weights of synthetic long streams and how they came about.

    Parameters
    ----------
    engine, risk_profile : str
        As requested.
    status : {"solved", "cash", "infeasible"}
        ``cash`` where there was nothing to allocate to; ``infeasible`` where no
        weights satisfy the risk profile's own constraint, so that all is cash.
    backend : str
        What really solved it.
    solved_profile : str
        Objective that was solved: the requested one, what ``adaptive`` chose, or a fallback.
    solver_status : str
        How the solver says it ended.
    fallback : bool
        Another engine or objective than the requested one was used.
    attempts : tuple of Attempt
        In order; the last one is the solution's.
    weights : Series
        Fraction of capital, index of atom ids in ascending order, sum `gross`.
    risk_contributions : Series
        Share of portfolio variance, sum 1.
    clusters : Series of int64
        Cluster of each atom, as given.
    roles : Series of str
        ``CORE`` or ``AGGRESSOR`` of a barbell, empty otherwise.
    objective : float or None
        Variance a year for ``min_variance`` and ``market_neutral``, Sharpe ratio a
        year for ``max_sharpe``, None where the profile has no objective.
    kappa_raw, kappa : float or None
        Condition number of the covariance before and after the ladder.
    shrinkage, ledoit_wolf : float or None
        Ladder step, and intensity of the estimator.
    expected_volatility : float or None
        Ex ante, fraction a year, of the whole capital (cash included).
    effective_n : float or None
        ``(sum w)² / sum w²``: of what is invested, so cash does not inflate it.
    max_cluster_weight : float or None
        Largest cluster, fraction of capital.
    turnover : float or None
        One-way, from what is held, cash included; None where that is not known.
    asset_cap, cluster_cap : float or None
        As enforced.
    relaxations : tuple of Relaxation
        Limits that could not be kept as requested.
    slacks : dict of str to float
        Room left under ``asset_cap`` and ``cluster_cap``, the ``budget`` residual, and
        those of the risk profile's own constraints.
    warnings : tuple of str
        Conditions a person should read.
    lineage : dict of str to str
        SHA-256 of ``returns``, ``clusters`` and ``winners``.
    inputs_hash, weights_hash : str
        SHA-256 of returns, clusters, request and context; of atom ids and weights rounded to 1e-8.
    """

    engine: str
    risk_profile: str
    status: Literal["solved", "cash", "infeasible"]
    backend: str
    solved_profile: str
    solver_status: str
    fallback: bool
    attempts: tuple[Attempt, ...]
    weights: pd.Series
    risk_contributions: pd.Series
    clusters: pd.Series
    roles: pd.Series
    relaxations: tuple[Relaxation, ...]
    slacks: dict[str, float]
    warnings: tuple[str, ...]
    lineage: dict[str, str]
    inputs_hash: str
    weights_hash: str
    objective: float | None = None
    kappa_raw: float | None = None
    kappa: float | None = None
    shrinkage: float | None = None
    ledoit_wolf: float | None = None
    expected_volatility: float | None = None
    effective_n: float | None = None
    max_cluster_weight: float | None = None
    turnover: float | None = None
    asset_cap: float | None = None
    cluster_cap: float | None = None

    @property
    def hhi(self) -> float | None:
        """Herfindahl-Hirschman index of what is invested: one over `effective_n`."""
        return None if self.effective_n is None else 1.0 / self.effective_n

    @property
    def gross(self) -> float:
        """Sum of atom weights, before long and short legs of one asset net."""
        return float(self.weights.sum())

    @property
    def cash(self) -> float:
        """Capital not allocated."""
        return 1.0 - self.gross

    def weights_frame(self) -> pd.DataFrame:
        """Columns of the ``weights`` table without ``profile`` and ``date``, sorted by atom."""
        return pd.DataFrame(
            {
                "engine": pd.Series(self.engine, index=self.weights.index, dtype="str"),
                "risk_profile": pd.Series(self.risk_profile, index=self.weights.index, dtype="str"),
                "atom_id": self.weights.index.astype("str"),
                "weight": self.weights.astype("float64"),
                "risk_contribution": self.risk_contributions.astype("float64"),
                "cluster": self.clusters.astype("int64"),
                "role": self.roles.astype("str"),
            }
        ).reset_index(drop=True)

    def summary(self, *, gross: float | None = None, net: float | None = None, sparse: bool = False) -> dict[str, Any]:
        """Row of the ``allocations`` table without ``profile`` and ``date``.

        Parameters
        ----------
        gross, net : float, optional
            Of the flattened positions; the atoms' own where they are not given.
        sparse : bool
            Fewer winners than the floor.

        Returns
        -------
        dict of str to Any
        """
        exposure = self.gross if gross is None else gross
        return {
            "engine": self.engine,
            "risk_profile": self.risk_profile,
            "backend": self.backend,
            "status": self.status,
            "solved_profile": self.solved_profile,
            "solver_status": self.solver_status,
            "fallback": self.fallback,
            "attempts": json.dumps([asdict(attempt) for attempt in self.attempts]),
            "n_assets": len(self.weights),
            "objective": self.objective,
            "kappa_raw": self.kappa_raw if self.kappa_raw is None or math.isfinite(self.kappa_raw) else None,
            "kappa": self.kappa,
            "shrinkage": self.shrinkage,
            "ledoit_wolf": self.ledoit_wolf,
            "gross": exposure,
            "net": self.gross if net is None else net,
            "cash": 1.0 - exposure,
            "effective_n": self.effective_n,
            "hhi": self.hhi,
            "max_cluster_weight": self.max_cluster_weight,
            "asset_cap": self.asset_cap,
            "cluster_cap": self.cluster_cap,
            "expected_volatility": self.expected_volatility,
            "turnover": self.turnover,
            "sparse": sparse,
            "relaxations": json.dumps([asdict(relaxation) for relaxation in self.relaxations]),
            "slacks": json.dumps(self.slacks, sort_keys=True),
            "warnings": "; ".join(self.warnings),
            "lineage": json.dumps(self.lineage, sort_keys=True),
            "inputs_hash": self.inputs_hash,
            "weights_hash": self.weights_hash,
        }


def content_hash(weights: pd.Series) -> str:
    """SHA-256 of weights by label, rounded to 1e-8, whatever their order.

    Parameters
    ----------
    weights : Series
        Unique labels.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    ordered = weights.sort_index()
    rounded = np.round(ordered.to_numpy(dtype="float64"), HASH_DECIMALS) + 0.0  # -0.0 and 0.0 are one weight
    digest = hashlib.sha256(json.dumps([str(label) for label in ordered.index]).encode())
    digest.update(rounded.astype("<f8").tobytes())
    return digest.hexdigest()
