"""Which weights are positive, guessed from one factor: the first active set of a large problem.

Where every covariance comes from one factor, long-only optima have a closed form:
assets enter in the order of reward over loading until the next one would not pay
for the factor's risk (Elton, Gruber and Padberg, "Simple criteria for optimal
portfolio selection", Journal of Finance 31, 1976). On the first principal
component that is wrong about a few assets only, and rounds of `settle` over some
dozens of free weights put it right, instead of rounds over hundreds.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quant_lib.allocation._quadratic import InteriorPoint, QuadraticProgram, cold_start

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_POWER_STEPS = 8
_OWN_SHARE = 0.05
_ROUNDS = 50


def single_index_start(program: QuadraticProgram, reward: FloatArray) -> InteriorPoint:
    """Guess the active bounds at zero from one factor.

    Parameters
    ----------
    program : QuadraticProgram
        With a positive diagonal.
    reward : array of shape (n,)
        Gradient that a unit of ``Px`` is weighed against: expected returns, or
        the budget's row for least variance.

    Returns
    -------
    InteriorPoint
        The guess; no active bound where one factor says nothing.
    """
    start = cold_start(program)
    free = single_index_support(program.P, reward)
    return start if not free.any() else InteriorPoint(start.x, ~free, start.at_upper, start.at_row)


def single_index_support(P: FloatArray, reward: FloatArray) -> BoolArray:
    """Find the positive weights of ``max reward'x - ½x'Px`` if P were one factor and own risk.

    Parameters
    ----------
    P : array of shape (n, n)
        Covariance with a positive diagonal.
    reward : array of shape (n,)
        Reward of a unit of each weight.

    Returns
    -------
    boolean array of shape (n,)
    """
    loading = _first_component(P)
    variance = np.diag(P)
    own = np.maximum(variance - loading**2, _OWN_SHARE * variance)
    free = reward > 0.0
    for _ in range(_ROUNDS):
        tilt = loading / own
        price = float(tilt[free] @ reward[free]) / (1.0 + float(tilt[free] @ loading[free]))
        paid = reward > loading * price
        if (paid == free).all():
            break
        free = paid
    return np.asarray(free)


def _first_component(P: FloatArray) -> FloatArray:
    """Find the loadings on the component of most variance, by a few power steps from the sum of all."""
    v = P.sum(axis=1)
    for _ in range(_POWER_STEPS):
        norm = float(np.linalg.norm(v))
        if norm == 0.0:
            return np.zeros_like(v)
        v = P @ (v / norm)
    norm = float(np.linalg.norm(v))
    return np.zeros_like(v) if norm == 0.0 else np.asarray(v / np.sqrt(norm))
