"""Portfolio allocation: weights of synthetic long streams under asset and cluster caps.

`allocate` is the one entry. An engine is looked up by name, solves one risk
profile, and the result says what really solved it, every attempt, how the
covariance was conditioned and which caps had to be raised.
"""

from __future__ import annotations

from quant_lib.allocation._allocate import allocate, allocate_prepared
from quant_lib.allocation._antifragility import antifragility, stream_tails, tail_table
from quant_lib.allocation._context import AllocationContext
from quant_lib.allocation._covariance import Covariance, estimate_covariance
from quant_lib.allocation._engines import ENGINES, Engine, supported_profiles
from quant_lib.allocation._errors import (
    AllocationFailedError,
    AllocationInputError,
    InfeasibleCapsError,
    InfeasibleProfileError,
    InvalidRequestError,
    MissingEngineError,
    NonFiniteReturnsError,
    SolverError,
    UnsupportedAllocationError,
)
from quant_lib.allocation._inputs import Prepared, prepare
from quant_lib.allocation._limits import Limits, Relaxation, effective_limits, project_to_limits
from quant_lib.allocation._orders import size_orders
from quant_lib.allocation._problem import Problem, Solution
from quant_lib.allocation._request import DEFAULT_LADDER, NET_TARGET_PROFILES, AllocationRequest
from quant_lib.allocation._result import Allocation, Attempt, content_hash
from quant_lib.objectives import (
    BASELINES,
    LIBRARIES,
    SUPPORTED,
    EngineName,
    RiskProfile,
    allocation_pairs,
    unsupported,
)

__all__ = [
    "BASELINES",
    "DEFAULT_LADDER",
    "ENGINES",
    "LIBRARIES",
    "NET_TARGET_PROFILES",
    "SUPPORTED",
    "Allocation",
    "AllocationContext",
    "AllocationFailedError",
    "AllocationInputError",
    "AllocationRequest",
    "Attempt",
    "Covariance",
    "Engine",
    "EngineName",
    "InfeasibleCapsError",
    "InfeasibleProfileError",
    "InvalidRequestError",
    "Limits",
    "MissingEngineError",
    "NonFiniteReturnsError",
    "Prepared",
    "Problem",
    "Relaxation",
    "RiskProfile",
    "Solution",
    "SolverError",
    "UnsupportedAllocationError",
    "allocate",
    "allocate_prepared",
    "allocation_pairs",
    "antifragility",
    "content_hash",
    "effective_limits",
    "estimate_covariance",
    "prepare",
    "project_to_limits",
    "size_orders",
    "stream_tails",
    "supported_profiles",
    "tail_table",
    "unsupported",
]
