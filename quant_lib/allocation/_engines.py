"""Engines: who solves a risk profile, looked up by name.

An engine is one entry in `ENGINES` and a module that is imported when it is
asked for; what it solves is its entry in `SUPPORTED`.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

import numpy as np
import numpy.typing as npt

from quant_lib.allocation._errors import MissingEngineError, UnsupportedAllocationError
from quant_lib.allocation._problem import Problem, Solution
from quant_lib.objectives import LIBRARIES, SUPPORTED

FloatArray = npt.NDArray[np.float64]


class Engine(Protocol):
    """Solver of one or more risk profiles."""

    @property
    def profiles(self) -> tuple[str, ...]:
        """Risk profiles it solves."""
        ...

    def fallbacks(self, risk_profile: str) -> tuple[tuple[str, str], ...]:
        """Engines and risk profiles to try, in order, when `risk_profile` fails (semantics 8.8)."""
        ...

    def solve(self, problem: Problem, risk_profile: str) -> Solution:
        """Solve, or raise `SolverError`."""
        ...


def _custom() -> Engine:
    from quant_lib.allocation._custom import CustomEngine

    return CustomEngine()


def _adaptive() -> Engine:
    from quant_lib.allocation._custom import AdaptiveEngine

    return AdaptiveEngine()


def _market() -> Engine:
    from quant_lib.allocation._baselines import BaselineEngine

    return BaselineEngine()


def _from_library(name: str) -> Callable[[], Engine]:
    def make() -> Engine:
        made: Engine = importlib.import_module(f"quant_lib.allocation._{name}").engine()
        return made

    return make


ENGINES: Mapping[str, Callable[[], Engine]] = MappingProxyType(
    {"adaptive": _adaptive, "custom": _custom, "market": _market} | {name: _from_library(name) for name in LIBRARIES}
)
"""Engine by name; the value imports and makes it."""


def supported_profiles() -> dict[str, tuple[str, ...]]:
    """Risk profiles of every engine, by engine name."""
    return {name: SUPPORTED[name] for name in sorted(ENGINES)}


def find_engine(name: str, *risk_profiles: str) -> Engine:
    """Engine that solves all of `risk_profiles`.

    Raises
    ------
    UnsupportedAllocationError
        There is no such engine, or it does not solve one of them; it names what is supported.
    MissingEngineError
        Its library is not installed; it names the extra that installs it.
    """
    make = ENGINES.get(name)
    if make is None:
        raise UnsupportedAllocationError(name, risk_profiles[0] if risk_profiles else "", supported_profiles())
    library = LIBRARIES.get(name)
    known = SUPPORTED.get(name)
    for risk_profile in risk_profiles:
        if known is not None and risk_profile not in known:
            raise UnsupportedAllocationError(name, risk_profile, supported_profiles())
    if library is not None and importlib.util.find_spec(library.module) is None:
        raise MissingEngineError(name, library.distribution, library.extra)
    engine = make()
    for risk_profile in risk_profiles:
        if risk_profile not in engine.profiles:
            raise UnsupportedAllocationError(name, risk_profile, supported_profiles())
    return engine
