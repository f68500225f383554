"""Daily log returns of the synthetic assets: a factor model with regimes, GARCH and fat tails.

An asset's return is the market's times its beta, plus its sector's, plus its own.
Each of these series has its own GARCH(1,1) variance and Student-t shocks; the
market's variance and drift also depend on a three-state Markov regime. Sectors and
assets drift slowly (an AR(1) drift), so that on any day many assets trend upwards
while many others trend downwards. A weak pull keeps price levels within a few
orders of magnitude of where they started, however long the market runs.

Days are made in blocks with a random stream per block, so that a longer history
only appends.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from quant_resources.market.bars import FloatArray
from quant_resources.market.synthetic._universe import ASSETS, SECTORS

Generator = np.random.Generator
IntArray = npt.NDArray[np.int64]

_ALPHA: Final = 0.08
_BETA: Final = 0.90
_TAIL: Final = 4.5
_LARGEST_SHOCK: Final = 9.0
_VARIANCE_RANGE: Final = (0.25, 9.0)

_MARKET_VOLATILITY: Final = 0.0165
_SECTOR_VOLATILITY: Final = 0.017
_LOOSE_SHARE: Final = 0.4
_SECTOR_DRIFT: Final = 0.0010
_ASSET_DRIFT: Final = 0.0022
_DRIFT_MEMORY: Final = 0.5 ** (1 / 30)
_PULL: Final = math.log(2.0) / 600

# Regimes: calm, ordinary, stress.
_REGIME_VOLATILITY: Final = np.array([0.7, 1.0, 1.7])
_REGIME_DRIFT: Final = np.array([0.0006, 0.0002, -0.0015])
_REGIME_MOVES: Final = np.array(
    [
        [0.980, 0.018, 0.002],
        [0.016, 0.970, 0.014],
        [0.010, 0.070, 0.920],
    ]
).cumsum(axis=1)

N_ASSETS: Final = len(ASSETS)
_N_COMMON: Final = 1 + len(SECTORS)


@dataclass(slots=True)
class FactorState:
    """Where the recursion stands after the last day made."""

    variance: FloatArray
    shock: FloatArray
    drift: FloatArray
    level: FloatArray
    regime: int

    @classmethod
    def start(cls) -> FactorState:
        """Return the state before the first day."""
        n = _N_COMMON + N_ASSETS
        return cls(np.ones(n), np.zeros(n), np.zeros(n), np.zeros(N_ASSETS), 1)


@dataclass(frozen=True, slots=True)
class AssetDays:
    """One block of days.

    Attributes
    ----------
    opened, closed : array of float64, shape (n_days, n_assets)
        Log level at the open (the close before) and at the close, relative to the market's first day.
    sigma : array of float64, shape (n_days, n_assets)
        Conditional standard deviation of the day's log return.
    """

    opened: FloatArray
    closed: FloatArray
    sigma: FloatArray


class FactorModel:
    """The constants of one seed's market.

    Parameters
    ----------
    rng : Generator
        Stream the constants are drawn from.
    """

    def __init__(self, rng: Generator) -> None:
        turnover = np.array([asset.turnover for asset in ASSETS])
        # Small caps are wilder: from about 1.5 % a day of their own for the largest to 5 % for the smallest.
        size = np.clip(np.log10(turnover / 5e5) / 3.6, 0.0, 1.0)
        own = 0.046 - 0.031 * size + rng.uniform(-0.003, 0.003, N_ASSETS)
        self._scale = np.concatenate([[_MARKET_VOLATILITY], np.full(len(SECTORS), _SECTOR_VOLATILITY), own])
        self._sector: IntArray = np.array([asset.sector for asset in ASSETS], dtype=np.int64)
        # Four in ten go their own way, so that even in a crash there are assets to be long of, and the reverse.
        loose = rng.random(N_ASSETS) < _LOOSE_SHARE
        self._market_beta = np.where(loose, rng.uniform(-0.5, 0.3, N_ASSETS), rng.uniform(0.7, 1.4, N_ASSETS))
        self._market_beta[:2] = 1.0
        self._sector_beta = rng.uniform(0.4, 1.2, N_ASSETS)
        drift = np.full(_N_COMMON + N_ASSETS, _ASSET_DRIFT) * (
            0.55 + 0.45 * (1.0 - np.concatenate([np.ones(_N_COMMON), size]))
        )
        drift[0] = 0.0
        drift[1:_N_COMMON] = _SECTOR_DRIFT
        self._drift_step = drift * math.sqrt(1.0 - _DRIFT_MEMORY**2)

    def run(self, rng: Generator, n_days: int, state: FactorState) -> AssetDays:
        """Make the next `n_days` days and move `state` to their end.

        Parameters
        ----------
        rng : Generator
            The block's own stream.
        n_days : int
            Days in the block.
        state : FactorState
            Changed in place.
        """
        n = _N_COMMON + N_ASSETS
        # Student-t shocks scaled to unit variance.
        shocks = rng.standard_t(_TAIL, (n_days, n)) * math.sqrt((_TAIL - 2.0) / _TAIL)
        np.clip(shocks, -_LARGEST_SHOCK, _LARGEST_SHOCK, out=shocks)
        drift_shocks = rng.standard_normal((n_days, n)) * self._drift_step
        coins = rng.random(n_days)
        factors = np.empty((n_days, n))
        deviations = np.empty((n_days, n))
        for day in range(n_days):
            state.regime = int(np.searchsorted(_REGIME_MOVES[state.regime], coins[day], side="right").clip(0, 2))
            factors[day], deviations[day] = self._one_day(shocks[day], drift_shocks[day], state)
        return self._assets(factors, deviations, state)

    def _one_day(self, shock: FloatArray, drift_shock: FloatArray, state: FactorState) -> tuple[FloatArray, FloatArray]:
        variance = (1.0 - _ALPHA - _BETA) + _ALPHA * state.shock**2 + _BETA * state.variance
        state.variance = np.clip(variance, *_VARIANCE_RANGE)
        state.shock = np.sqrt(state.variance) * shock
        state.drift = _DRIFT_MEMORY * state.drift + drift_shock
        deviation = np.sqrt(state.variance) * self._scale
        deviation[0] *= _REGIME_VOLATILITY[state.regime]
        factor = deviation * shock + state.drift
        factor[0] += _REGIME_DRIFT[state.regime]
        return factor, deviation

    def _assets(self, factors: FloatArray, deviations: FloatArray, state: FactorState) -> AssetDays:
        sectors = 1 + self._sector
        returns = self._market_beta * factors[:, :1] + self._sector_beta * factors[:, sectors] + factors[:, _N_COMMON:]
        sigma = np.sqrt(
            (self._market_beta * deviations[:, :1]) ** 2
            + (self._sector_beta * deviations[:, sectors]) ** 2
            + deviations[:, _N_COMMON:] ** 2
        )
        closed = np.empty_like(returns)
        level = state.level
        for day in range(len(returns)):
            level = level * (1.0 - _PULL) + returns[day]
            closed[day] = level
        opened = np.vstack([state.level, closed[:-1]])
        state.level = level
        return AssetDays(opened, closed, sigma)
