"""No-trade band: small changes are not worth their cost (semantics 8.9)."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from quant_lib.allocation._limits import Limits, project_to_limits
from quant_lib.allocation._problem import Problem, Solution

FloatArray = npt.NDArray[np.float64]

_ROUNDING = 1e-12


def hold_band(problem: Problem, solution: Solution) -> Solution:
    """Leave weights within the band of what is held where they are.

    What is not traded keeps its drifted weight; the rest keeps its proportions
    and holds what is left of the budget. Where what is left does not fit the
    caps, the weight that is furthest from its target is traded too, until it
    does.

    Parameters
    ----------
    problem : Problem
        Its request has the band, its facts what is held.
    solution : Solution
        Validated weights.

    Returns
    -------
    Solution
        Within the same limits; the note says how many weights stayed.
    """
    band, held = problem.request.no_trade_band, problem.facts.previous
    limits = solution.limits or problem.limits
    if band == 0.0 or held is None:
        return solution
    change = np.abs(solution.weights - held)
    stay = (change <= band) & (held >= 0.0) & (held <= limits.upper + _ROUNDING)
    while stay.any():
        weights = _rest_within(solution.weights, held, stay, limits)
        if weights is not None:
            note = f"{int(stay.sum())} of {len(stay)} weights within {band:g} of what is held stay"
            told = f"{solution.note}; {note}" if solution.note else note
            return dataclasses.replace(solution, weights=weights, note=told)
        stay[int(np.argmax(np.where(stay, change, -1.0)))] = False
    return solution


def _rest_within(
    target: FloatArray, held: FloatArray, stay: npt.NDArray[np.bool_], limits: Limits
) -> FloatArray | None:
    """Weights with some held fixed, or None where the others cannot take the rest within the limits."""
    fixed = np.where(stay, held, 0.0)
    left = limits.gross - float(fixed.sum())
    room = limits.room - limits.cluster_sums(fixed)
    if left < -_ROUNDING or room.min() < -_ROUNDING:
        return None
    if stay.all():
        return fixed if abs(left) <= _ROUNDING else None
    rest = Limits(
        limits.asset_cap,
        limits.cluster_cap,
        max(left, 0.0),
        limits.groups,
        ceilings=np.where(stay, 0.0, limits.upper),
        rooms=np.clip(room, 0.0, None),
    )
    if rest.capacity < rest.gross - _ROUNDING:
        return None
    weights = fixed + project_to_limits(np.where(stay, 0.0, target), rest)
    return weights if limits.violation(weights) <= 1e-9 else None
