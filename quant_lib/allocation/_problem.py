"""What an engine is asked, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from quant_lib.allocation._context import Facts
from quant_lib.allocation._covariance import Covariance
from quant_lib.allocation._limits import Limits
from quant_lib.allocation._request import AllocationRequest

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """Everything an engine may use.

    Parameters
    ----------
    labels : tuple of str, length n
        Atom ids in ascending order.
    returns : array of shape (T, n)
        Complete synthetic long returns, oldest first.
    covariance : Covariance
        Conditioned, annualised.
    limits : Limits
        The feasible set.
    request : AllocationRequest
        What was asked.
    facts : Facts
        Regime, benchmark, what is held.
    """

    labels: tuple[str, ...]
    returns: FloatArray
    covariance: Covariance
    limits: Limits
    request: AllocationRequest
    facts: Facts = field(default_factory=Facts)

    @property
    def excess(self) -> FloatArray:
        """Expected return of each atom over the risk-free rate, a year: the sample mean times sessions a year."""
        return np.asarray(self.returns.mean(axis=0) * self.request.ann - self.request.risk_free)


@dataclass(frozen=True)
class Solution:
    """What an engine gives back.

    Parameters
    ----------
    weights : array of shape (n,)
        Proposed weights; the caller projects rounding away and validates.
    backend : str
        What really solved it.
    objective : float or None
        Objective value, None where the profile has none.
    note : str
        What a reader should know, e.g. that caps moved the weights.
    status : str
        How the solver says it ended.
    engine : str, optional
        Engine that solved it, where it is not the one asked.
    risk_profile : str, optional
        Objective that was solved, where the one asked stands for another.
    limits : Limits, optional
        The feasible set, where it is not the problem's.
    roles : tuple of str
        ``CORE`` or ``AGGRESSOR`` by atom; empty where the profile has no roles.
    slacks : mapping of str to float
        Room under constraints that are the profile's own.
    """

    weights: FloatArray
    backend: str
    objective: float | None = None
    note: str = ""
    status: str = "optimal"
    engine: str | None = None
    risk_profile: str | None = None
    limits: Limits | None = None
    roles: tuple[str, ...] = ()
    slacks: Mapping[str, float] = field(default_factory=dict)
