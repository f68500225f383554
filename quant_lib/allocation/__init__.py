"""Portfolio allocation: weights of synthetic long streams under asset and cluster caps.

`allocate` is the one entry. An engine is looked up by name, solves one risk
profile, and the result says what really solved it, every attempt, how the
covariance was conditioned and which caps had to be raised.
"""

from __future__ import annotations

from quant_lib.allocation._allocate import allocate
from quant_lib.allocation._covariance import Covariance, estimate_covariance
from quant_lib.allocation._engines import ENGINES, Engine, Problem, Solution, supported_profiles
from quant_lib.allocation._errors import (
    AllocationFailedError,
    AllocationInputError,
    InfeasibleCapsError,
    InvalidRequestError,
    NonFiniteReturnsError,
    SolverError,
    UnsupportedAllocationError,
)
from quant_lib.allocation._limits import Limits, Relaxation, effective_limits, project_to_limits
from quant_lib.allocation._request import DEFAULT_LADDER, AllocationRequest
from quant_lib.allocation._result import Allocation, Attempt, content_hash

__all__ = [
    "DEFAULT_LADDER",
    "ENGINES",
    "Allocation",
    "AllocationFailedError",
    "AllocationInputError",
    "AllocationRequest",
    "Attempt",
    "Covariance",
    "Engine",
    "InfeasibleCapsError",
    "InvalidRequestError",
    "Limits",
    "NonFiniteReturnsError",
    "Problem",
    "Relaxation",
    "Solution",
    "SolverError",
    "UnsupportedAllocationError",
    "allocate",
    "content_hash",
    "effective_limits",
    "estimate_covariance",
    "project_to_limits",
    "supported_profiles",
]
