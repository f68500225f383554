"""Engines: who solves a risk profile, looked up by name.

An engine is one entry in `ENGINES` and a module that is imported when it is
asked for; a risk profile is one entry in an engine's own table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import numpy as np
import numpy.typing as npt

from quant_lib.allocation._covariance import Covariance
from quant_lib.allocation._errors import UnsupportedAllocationError
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
    """

    labels: tuple[str, ...]
    returns: FloatArray
    covariance: Covariance
    limits: Limits
    request: AllocationRequest


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
    """

    weights: FloatArray
    backend: str
    objective: float | None = None
    note: str = ""


class Engine(Protocol):
    """Solver of one or more risk profiles."""

    @property
    def profiles(self) -> tuple[str, ...]:
        """Risk profiles it solves."""
        ...

    def fallbacks(self, risk_profile: str) -> tuple[str, ...]:
        """Risk profiles to try, in order, when `risk_profile` fails (semantics 8.8)."""
        ...

    def solve(self, problem: Problem, risk_profile: str) -> Solution:
        """Solve, or raise `SolverError`."""
        ...


def _custom() -> Engine:
    from quant_lib.allocation._custom import CustomEngine

    return CustomEngine()


ENGINES: Mapping[str, Callable[[], Engine]] = MappingProxyType({"custom": _custom})
"""Engine by name; the value imports and makes it."""


def supported_profiles() -> dict[str, tuple[str, ...]]:
    """Risk profiles of every engine, by engine name."""
    return {name: make().profiles for name, make in sorted(ENGINES.items())}


def find_engine(name: str, *risk_profiles: str) -> Engine:
    """Engine that solves all of `risk_profiles`.

    Raises
    ------
    UnsupportedAllocationError
        There is no such engine, or it does not solve one of them; it names what is supported.
    """
    make = ENGINES.get(name)
    engine = make() if make is not None else None
    for risk_profile in risk_profiles:
        if engine is None or risk_profile not in engine.profiles:
            raise UnsupportedAllocationError(name, risk_profile, supported_profiles())
    assert engine is not None
    return engine
