"""What an allocation gives back: weights, and everything needed to judge them (semantics 8.10)."""

from __future__ import annotations

import hashlib
import json
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
    outcome : {"solved", "failed", "skipped"}
        How it ended.
    note : str
        Why, or what the caps did.
    """

    risk_profile: str
    backend: str
    outcome: Literal["solved", "failed", "skipped"]
    note: str = ""


@dataclass(frozen=True)
class Allocation:
    """Weights of synthetic long streams and how they came about.

    Parameters
    ----------
    engine, risk_profile : str
        As requested.
    status : {"solved", "cash"}
        ``cash`` where there was nothing to allocate to.
    backend : str
        What really solved it.
    fallback : bool
        Another objective than the requested one was used.
    attempts : tuple of Attempt
        In order; the last one is the solution's.
    weights : Series
        Fraction of capital, index of atom ids in ascending order, sum `gross`.
    risk_contributions : Series
        Share of portfolio variance, sum 1.
    clusters : Series of int64
        Cluster of each atom, as given.
    objective : float or None
        Variance a year for ``min_variance``, None where the profile has no objective.
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
    asset_cap, cluster_cap : float or None
        As enforced.
    relaxations : tuple of Relaxation
        Limits that could not be kept as requested.
    slacks : dict of str to float
        Room left under ``asset_cap`` and ``cluster_cap``, and the ``budget`` residual.
    warnings : tuple of str
        Conditions a person should read.
    inputs_hash, weights_hash : str
        SHA-256 of returns, clusters and request; of atom ids and weights rounded to 1e-8.
    """

    engine: str
    risk_profile: str
    status: Literal["solved", "cash"]
    backend: str
    fallback: bool
    attempts: tuple[Attempt, ...]
    weights: pd.Series
    risk_contributions: pd.Series
    clusters: pd.Series
    objective: float | None
    kappa_raw: float | None
    kappa: float | None
    shrinkage: float | None
    ledoit_wolf: float | None
    expected_volatility: float | None
    effective_n: float | None
    max_cluster_weight: float | None
    asset_cap: float | None
    cluster_cap: float | None
    relaxations: tuple[Relaxation, ...]
    slacks: dict[str, float]
    warnings: tuple[str, ...]
    inputs_hash: str
    weights_hash: str

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
            "fallback": self.fallback,
            "attempts": json.dumps([asdict(attempt) for attempt in self.attempts]),
            "n_assets": len(self.weights),
            "objective": self.objective,
            "kappa": self.kappa,
            "shrinkage": self.shrinkage,
            "gross": exposure,
            "net": self.gross if net is None else net,
            "cash": 1.0 - exposure,
            "effective_n": self.effective_n,
            "max_cluster_weight": self.max_cluster_weight,
            "expected_volatility": self.expected_volatility,
            "sparse": sparse,
            "relaxations": json.dumps([asdict(relaxation) for relaxation in self.relaxations]),
            "warnings": "; ".join(self.warnings),
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
