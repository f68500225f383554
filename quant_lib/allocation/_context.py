"""What a decision knows beside its returns: regime, benchmark, what is held."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.allocation._errors import AllocationInputError
from quant_lib.regime import Regime

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class AllocationContext:
    """Facts some risk profiles need; each is optional and its absence is told, never replaced.

    Parameters
    ----------
    regime : Regime, optional
        For ``barbell`` and ``adaptive``.
    benchmark : Series, optional
        Simple returns of the benchmark by session, for ``market_neutral``.
    previous : Series, optional
        Weights held before trading, drifted to the decision's close, by atom;
        atoms that are not held may be left out. For the turnover penalty and
        the no-trade band.
    factors : Series, optional
        +1 or -1 by atom, for `AllocationRequest.net_target`.
    """

    regime: Regime | None = None
    benchmark: pd.Series | None = None
    previous: pd.Series | None = None
    factors: pd.Series | None = None


@dataclass(frozen=True)
class Facts:
    """An `AllocationContext` lined up with sorted sessions and atoms.

    Parameters
    ----------
    regime : Regime or None
        As given.
    benchmark : array of shape (T,) or None
        NaN where the benchmark has no return.
    previous : array of shape (n,) or None
        0 where not held.
    factors : array of shape (n,) or None
        +1 or -1.
    """

    regime: Regime | None = None
    benchmark: FloatArray | None = None
    previous: FloatArray | None = None
    factors: FloatArray | None = None


def line_up(context: AllocationContext | None, sessions: pd.Index, atoms: pd.Index) -> Facts:
    """Order what is known by the sorted sessions and atoms.

    Raises
    ------
    AllocationInputError
        A previous weight is not finite, or an atom has no factor.
    """
    if context is None:
        return Facts()
    benchmark = previous = factors = None
    if context.benchmark is not None:
        benchmark = context.benchmark.reindex(sessions).to_numpy(dtype="float64")
    if context.previous is not None:
        previous = context.previous.reindex(atoms, fill_value=0.0).to_numpy(dtype="float64")
        wrong = ~np.isfinite(previous)
        if wrong.any():
            raise AllocationInputError("a previous weight is not finite", tuple(map(str, atoms[wrong])))
    if context.factors is not None:
        factors = context.factors.reindex(atoms).to_numpy(dtype="float64")
        missing = ~np.isin(factors, (-1.0, 1.0))
        if missing.any():
            raise AllocationInputError("the factor is neither 1 nor -1", tuple(map(str, atoms[missing])))
    return Facts(context.regime, benchmark, previous, factors)
