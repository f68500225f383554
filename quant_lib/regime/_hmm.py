"""Volatility state: two hidden Markov states of absolute returns, filtered and not smoothed (semantics 7.4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quant_lib.regime._errors import RegimeInputError
from quant_lib.regime._types import HmmState

FloatArray = npt.NDArray[np.float64]

MIN_OBSERVATIONS = 40
SEPARATION = 0.5
"""Distance of the states' means, in standard deviations within a state, above which they are two."""
MEMORY = 10.83
"""Likelihood ratio above which states last: 99.9 % quantile of a chi-square with one degree of freedom."""
CERTAIN, BARS = 0.7, 2
VARIANCE_FLOOR = 1e-6
TOLERANCE = 1e-3
MOST_ITERATIONS = 500


@dataclass(frozen=True, slots=True)
class HmmFit:
    """A fitted model and what it says of each bar.

    Parameters
    ----------
    probability : array of shape (n,)
        Filtered probability of the state of larger moves: of each bar given
        that bar and those before it.
    separation : float
        Difference of the states' mean absolute returns, over the root mean
        square of their standard deviations.
    memory : float
        Twice the log-likelihood gained over the same two states in random
        order; about chi-square with one degree of freedom where returns are
        independent.
    persistence : float
        ``p(stay low) + p(stay high) - 1``; 0 where the next state does not
        depend on this one, towards 1 for long states.
    converged : bool
        Whether the likelihood stopped growing.
    iterations : int
        Re-estimations done.
    means : tuple of float
        Mean absolute return in the low and the high state, as fractions.
    history : array of shape (iterations,)
        Log-likelihood at each iteration; it never falls.
    """

    probability: FloatArray
    separation: float
    memory: float
    persistence: float
    converged: bool
    iterations: int
    means: tuple[float, float]
    history: FloatArray

    @property
    def apart(self) -> bool:
        """Whether there are two states: they differ in size, and they last.

        Size alone does not show it. Any fat-tailed series splits into small and
        large moves; they are states only where large follows large.
        """
        return self.separation > SEPARATION and self.memory > MEMORY and self.persistence > 0.0

    def state(self) -> HmmState:
        """State of the newest bar, see `hysteresis`; NORMAL where the two states are not apart."""
        if not self.apart:
            return HmmState.NORMAL
        return HmmState.CRISIS if hysteresis(self.probability)[-1] else HmmState.QUIET


def hysteresis(probability: FloatArray, certain: float = CERTAIN, bars: int = BARS) -> npt.NDArray[np.bool_]:
    """State that changes only where the model was certain for some bars in a row.

    Parameters
    ----------
    probability : array of shape (n,)
        Probability of the high state.
    certain : float
        Probability that must be exceeded, of either state.
    bars : int
        Bars in a row for which it must.

    Returns
    -------
    array of shape (n,)
        True in the high state. Before the model was ever certain: false.
    """
    state = np.zeros(probability.size, dtype=np.bool_)
    up = down = 0
    now = False
    for t, p in enumerate(probability.tolist()):
        up = up + 1 if p > certain else 0
        down = down + 1 if 1.0 - p > certain else 0
        now = (now or up >= bars) and down < bars
        state[t] = now
    return state


def fit_hmm(returns: npt.ArrayLike) -> HmmFit:
    """Fit two states of scale to absolute returns, which in each state are those of a Student t(4) about zero.

    Own expectation maximisation, started from the halves around the median: no
    random start and no thread, so that equal returns give equal bits, and no
    library that takes a second to import. Gaussian densities on standardised
    absolute returns would cut noise in two by size alone (means 1.3 deviations
    apart in each of 600 white noise series), and explain an outlier by a state
    of its own that ends the day after.

    Parameters
    ----------
    returns : array of shape (n,)
        Simple returns as fractions, oldest first, complete. Parameters are
        estimated on all of them: pass none that was not known.

    Returns
    -------
    HmmFit

    Raises
    ------
    RegimeInputError
        Fewer than 40 returns, a value that is not finite, or returns that do
        not move on at least half of the bars.
    """
    r = np.ascontiguousarray(returns, dtype=np.float64)
    if r.size < MIN_OBSERVATIONS or not bool(np.isfinite(r).all()):
        raise RegimeInputError("the volatility model", f"{r.size} returns, {int((~np.isfinite(r)).sum())} not finite")
    scale = float(np.median(np.abs(r)))
    if not scale > 1e-9:
        raise RegimeInputError("the volatility model", "half of the returns are zero")
    x = np.abs(r) / scale
    alpha, move, variance, history = _maximise(x, memory=True)
    _, _, _, without = _maximise(x, memory=False)
    low, high = (0, 1) if variance[0] <= variance[1] else (1, 0)
    # Mean and standard deviation of |t(4)| are both its scale.
    size = np.sqrt(variance)
    return HmmFit(
        probability=alpha[:, high].copy(),
        separation=float((size[high] - size[low]) / np.sqrt(0.5 * (variance[0] + variance[1]))),
        memory=float(max(0.0, 2.0 * (history[-1] - without[-1]))),
        persistence=float(move[0, 0] + move[1, 1] - 1.0),
        converged=bool(history.size < MOST_ITERATIONS or history[-1] - history[-2] < TOLERANCE),
        iterations=int(history.size),
        means=(scale * float(size[low]), scale * float(size[high])),
        history=history,
    )


def _maximise(x: FloatArray, *, memory: bool) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return filtered probabilities, moves, variances and the likelihoods on the way."""
    from quant_lib.regime import _hmm_kernels as kernels

    upper = x > np.median(x)
    halves = (x[~upper], x[upper])
    variance = np.array([max(float(np.mean(half * half)), VARIANCE_FLOOR) for half in halves])
    start = np.array([0.5, 0.5])
    move = np.array([[0.9, 0.1], [0.1, 0.9]]) if memory else np.full((2, 2), 0.5)
    alpha, history = np.empty((x.size, 2)), np.empty(MOST_ITERATIONS)
    done = kernels.fit(x, memory, start, move, variance, TOLERANCE, VARIANCE_FLOOR, alpha, history)
    return alpha, move, variance, history[:done].copy()
