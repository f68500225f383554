"""Expectation maximisation for two Student states of scale, with and without memory.

Forward and backward passes as in Rabiner (1989), scaled at each step; the weights
that a Student density gives its observations as in Lange, Little and Taylor (1989).
Four degrees of freedom: the density is ``(1 + x²/4v)**-2.5``, which needs a square
root and no logarithm, and never underflows.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

FloatArray = npt.NDArray[np.float64]

_CONSTANT = math.log(2.0 * 0.375)
"""Log density of |t| with four degrees of freedom at zero: twice 3/8."""


@njit(cache=True)
def densities(x: FloatArray, variance: FloatArray, out: FloatArray) -> None:
    """Fill ``out`` of shape (n, 2) with the density of each |x| in each state, without its constant."""
    for k in range(2):
        root, spread = 1.0 / math.sqrt(variance[k]), 0.25 / variance[k]
        for t in range(x.size):
            y = 1.0 + x[t] * x[t] * spread
            out[t, k] = root / (y * y * math.sqrt(y))


@njit(cache=True)
def forward(density: FloatArray, start: FloatArray, move: FloatArray, alpha: FloatArray, scale: FloatArray) -> float:
    """Fill ``alpha`` of shape (n, 2) with filtered state probabilities; returns the log-likelihood."""
    likelihood = 0.0
    a0, a1 = start[0], start[1]
    for t in range(density.shape[0]):
        if t > 0:
            a0 = alpha[t - 1, 0] * move[0, 0] + alpha[t - 1, 1] * move[1, 0]
            a1 = alpha[t - 1, 0] * move[0, 1] + alpha[t - 1, 1] * move[1, 1]
        a0 *= density[t, 0]
        a1 *= density[t, 1]
        total = a0 + a1
        alpha[t, 0], alpha[t, 1], scale[t] = a0 / total, a1 / total, total
        likelihood += math.log(total)
    return float(likelihood + density.shape[0] * _CONSTANT)


@njit(cache=True)
def smooth(
    density: FloatArray, alpha: FloatArray, scale: FloatArray, move: FloatArray, gamma: FloatArray, joint: FloatArray
) -> None:
    """Fill ``gamma`` with smoothed state probabilities and ``joint`` with expected moves: one backward pass."""
    joint[:] = 0.0
    b0 = b1 = 1.0
    for t in range(density.shape[0] - 1, -1, -1):
        g0, g1 = alpha[t, 0] * b0, alpha[t, 1] * b1
        gamma[t, 0], gamma[t, 1] = g0 / (g0 + g1), g1 / (g0 + g1)
        if t > 0:
            e0, e1 = density[t, 0] * b0 / scale[t], density[t, 1] * b1 / scale[t]
            for i in range(2):
                joint[i, 0] += alpha[t - 1, i] * move[i, 0] * e0
                joint[i, 1] += alpha[t - 1, i] * move[i, 1] * e1
            b0, b1 = move[0, 0] * e0 + move[0, 1] * e1, move[1, 0] * e0 + move[1, 1] * e1


@njit(cache=True)
def reestimate(
    x: FloatArray,
    gamma: FloatArray,
    joint: FloatArray,
    memory: bool,
    start: FloatArray,
    move: FloatArray,
    variance: FloatArray,
    floor: float,
) -> None:
    """Replace the parameters by those most likely given the smoothed states."""
    for k in range(2):
        weight = square = 0.0
        for t in range(x.size):
            u = 5.0 / (4.0 + x[t] * x[t] / variance[k])
            weight += gamma[t, k]
            square += gamma[t, k] * u * x[t] * x[t]
        if weight > 0.0:
            variance[k] = max(square / weight, floor)
        if memory:
            leaving = joint[k, 0] + joint[k, 1]
            start[k] = gamma[0, k]
            if leaving > 0.0:
                move[k, 0], move[k, 1] = joint[k, 0] / leaving, joint[k, 1] / leaving
        else:
            start[k] = weight / x.size
            move[0, k] = move[1, k] = start[k]


@njit(cache=True)
def fit(
    x: FloatArray,
    memory: bool,
    start: FloatArray,
    move: FloatArray,
    variance: FloatArray,
    tolerance: float,
    floor: float,
    alpha: FloatArray,
    history: FloatArray,
) -> int:
    """Iterate in place until the log-likelihood gains less than ``tolerance``; returns the iterations done.

    ``alpha`` ends as the filtered probabilities under the final parameters,
    ``history`` as the log-likelihood at each of them; its size is the most iterations.
    Without ``memory`` the next state does not depend on this one.
    """
    density, gamma = np.empty((x.size, 2)), np.empty((x.size, 2))
    scale, joint = np.empty(x.size), np.empty((2, 2))
    for step in range(history.size):
        densities(x, variance, density)
        history[step] = forward(density, start, move, alpha, scale)
        if step > 0 and history[step] - history[step - 1] < tolerance:
            return step + 1
        if step + 1 < history.size:
            smooth(density, alpha, scale, move, gamma, joint)
            reestimate(x, gamma, joint, memory, start, move, variance, floor)
    return int(history.size)
