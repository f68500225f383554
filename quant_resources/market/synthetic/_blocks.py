"""The synthetic market's bars, block of days after block of days."""

from __future__ import annotations

import datetime as dt
import math
from typing import Final

import numpy as np
import numpy.typing as npt

from quant_resources.market.bars import FloatArray
from quant_resources.market.synthetic._events import DARK, RESTARTS, SHOCKS, Defects, DefectState, Restart, Shock
from quant_resources.market.synthetic._factors import N_ASSETS, AssetDays, FactorModel, FactorState
from quant_resources.market.synthetic._universe import ASSETS, EPOCH, LISTINGS, Listing

BLOCK_DAYS: Final = 128

# Quote units per USD: start, drift a day, standard deviation a day, pull to the start a day.
_RATES: Final = {
    "USDT": (1.0, 0.0, 0.0, 0.0),
    "USDC": (1.0, 0.0, 0.0002, 0.25),
    "TUSD": (1.0, 0.0, 0.0005, 0.15),
    "FDUSD": (1.0, 0.0, 0.0003, 0.25),
    "BUSD": (1.0, 0.0, 0.0002, 0.25),
    "EUR": (0.89, 0.0, 0.0045, 0.004),
    "TRY": (5.95, 0.0007, 0.006, 0.0),
    "IDR": (14_100.0, 0.00005, 0.003, 0.001),
    "JPY": (109.0, 0.00004, 0.005, 0.001),
}
_CURRENCIES: Final = tuple(_RATES)
_CASH_TURNOVER: Final = {"USDC": 150e6, "TUSD": 4e6, "FDUSD": 60e6, "EUR": 25e6, "USDT": 35e6}
_CASH_PAIR_NOISE: Final = 0.00008
_BASIS: Final = 0.0002
_DIGITS: Final = 5
_LEAST_TICKS: Final = 20
_RANGE: Final = 0.85

# The turnover's persistent parts, as standard deviation and memory of log turnover.
_COMMON_TURNOVER: Final = (0.30, 0.98)
_ASSET_TURNOVER: Final = (0.45, 0.95)
_SYMBOL_TURNOVER: Final = 0.15
_MOVE_TURNOVER: Final = 0.40

_ANY_STREAM: Final = 0
_BLOCK_STREAM: Final = 1


def _generator(seed: int, stream: int, number: int, part: int) -> np.random.Generator:
    """Return an independent stream; Philox is counter based, so streams never depend on one another."""
    key = np.array([seed, (stream << 60) | (number << 8) | part], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key))


def _day_index(day: dt.date) -> int:
    return (day - EPOCH).days


def _pricescale(listing: Listing) -> int:
    """Return steps per unit of price: six significant digits of the price at listing, more where a crash is coming."""
    if listing.asset < 0:
        return 10_000 if listing.quote == "USDT" else 100 if listing.quote == "TRY" else 1
    price = ASSETS[listing.asset].price * listing.multiplier * _RATES[listing.quote][0]
    decimals = _DIGITS - math.floor(math.log10(price))
    if listing.base in {event.asset for event in DARK}:
        decimals += 4
    return int(10 ** min(max(decimals, 0), 10))


PRICESCALES: Final = tuple(_pricescale(listing) for listing in LISTINGS)


class BlockMaker:
    """Makes the blocks of one seed in order and remembers where it stands.

    Parameters
    ----------
    seed : int
        Two makers with one seed make the same blocks.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        rng = _generator(seed, _ANY_STREAM, 0, 0)
        self._model = FactorModel(rng)
        self._taste = rng.normal(0.0, 0.25, len(LISTINGS))
        self._defects = Defects()
        self._factor_state = FactorState.start()
        self._defect_state = DefectState.start()
        self._rates = np.zeros(len(_CURRENCIES))
        self._turnover = np.zeros(1 + N_ASSETS)
        # Log price minus log level, per asset: set where a listing starts or restarts.
        self._offset = np.array([math.log(asset.price) for asset in ASSETS])
        self._scale = np.array(PRICESCALES, dtype=np.float64)
        self.n_blocks = 0

    def next(self) -> FloatArray:
        """Make the next block.

        Returns
        -------
        array of float64, shape (5, BLOCK_DAYS, n_symbols)
            Open, high, low, close and volume of `LISTINGS`; NaN where there is no bar.
        """
        number = self.n_blocks
        first = number * BLOCK_DAYS
        assets = self._model.run(_generator(self._seed, _BLOCK_STREAM, number, 0), BLOCK_DAYS, self._factor_state)
        opened, closed = self._with_events(first, assets)
        rng = _generator(self._seed, _BLOCK_STREAM, number, 1)
        rate_open, rate_close = self._next_rates(rng)
        values = np.empty((5, BLOCK_DAYS, len(LISTINGS)))
        self._fill_prices(rng, values, opened, closed, assets.sigma, rate_open, rate_close)
        moves = np.abs(closed - opened) / assets.sigma
        self._fill_volume(rng, values, moves, rate_close)
        self._defects.apply(_generator(self._seed, _BLOCK_STREAM, number, 2), first, values, self._defect_state)
        values[:, ~_listed(first)] = np.nan
        self.n_blocks += 1
        return values

    def _with_events(self, first: int, assets: AssetDays) -> tuple[FloatArray, FloatArray]:
        """Return log USD prices at the open and at the close, scripted events applied."""
        at_open = np.tile(self._offset, (BLOCK_DAYS, 1))
        at_close = at_open.copy()
        for row, column, event in _scripted(first):
            if isinstance(event, Shock):
                # The day opens before the shock and closes after it.
                at_open[row + 1 :, column] += event.move
                at_close[row:, column] += event.move
                continue
            if event.price is not None:
                change = math.log(event.price) - assets.opened[row, column] - at_open[row, column]
            else:
                change = math.log(event.factor)
            at_open[row:, column] += change
            at_close[row:, column] += change
        self._offset = at_close[-1].copy()
        return assets.opened + at_open, assets.closed + at_close

    def _next_rates(self, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Return quote units per USD at the open and at the close, shape (n_days, n_currencies)."""
        start, drift, deviation, pull = np.array(list(_RATES.values())).T
        noise = rng.standard_normal((BLOCK_DAYS, len(_CURRENCIES)))
        path = np.empty((BLOCK_DAYS + 1, len(_CURRENCIES)))
        path[0] = self._rates
        for day in range(BLOCK_DAYS):
            path[day + 1] = path[day] * (1.0 - pull) + drift + deviation * noise[day]
        self._rates = path[-1]
        rates = start * np.exp(path)
        return rates[:-1], rates[1:]

    def _fill_prices(
        self,
        rng: np.random.Generator,
        values: FloatArray,
        opened: FloatArray,
        closed: FloatArray,
        sigma: FloatArray,
        rate_open: FloatArray,
        rate_close: FloatArray,
    ) -> None:
        """Fill open, high, low and close. The extremes are those of a Brownian bridge between open and close."""
        move = closed - opened
        width = 2.0 * (_RANGE * sigma) ** 2
        up, down = -np.log(rng.random((2, *move.shape)))
        above = 0.5 * (move + np.sqrt(move**2 + width * up))
        below = 0.5 * (move - np.sqrt(move**2 + width * down))
        basis = np.exp(_BASIS * rng.standard_normal((BLOCK_DAYS, len(LISTINGS))))
        noise = np.exp(_CASH_PAIR_NOISE * np.abs(rng.standard_normal((2, BLOCK_DAYS, len(LISTINGS)))))
        usd = np.exp(np.stack([opened, opened + above, opened + below, closed]))
        for column, listing in enumerate(LISTINGS):
            quote = _CURRENCIES.index(listing.quote)
            if listing.asset >= 0:
                prices = usd[:, :, listing.asset] * (listing.multiplier * basis[:, column])
            else:
                base = _CURRENCIES.index(listing.base)
                start, end = 1.0 / rate_open[:, base], 1.0 / rate_close[:, base]
                prices = np.stack([start, np.maximum(start, end), np.minimum(start, end), end])
            start, end = rate_open[:, quote], rate_close[:, quote]
            values[0, :, column] = prices[0] * start
            values[1, :, column] = prices[1] * np.maximum(start, end)
            values[2, :, column] = prices[2] * np.minimum(start, end)
            values[3, :, column] = prices[3] * end
            if listing.asset < 0:
                values[1, :, column] *= noise[0, :, column]
                values[2, :, column] /= noise[1, :, column]
        ticks = np.maximum(np.rint(values[:4] * self._scale), _LEAST_TICKS)
        values[:4] = ticks / self._scale

    def _fill_volume(
        self, rng: np.random.Generator, values: FloatArray, moves: FloatArray, rate_close: FloatArray
    ) -> None:
        """Fill volume: log turnover has persistent parts, and grows with the size of the day's move."""
        noise = rng.standard_normal((BLOCK_DAYS, 1 + N_ASSETS))
        own = rng.standard_normal((BLOCK_DAYS, len(LISTINGS)))
        memory = np.full(1 + N_ASSETS, _ASSET_TURNOVER[1])
        deviation = np.full(1 + N_ASSETS, _ASSET_TURNOVER[0])
        deviation[0], memory[0] = _COMMON_TURNOVER
        steps = deviation * np.sqrt(1.0 - memory**2) * noise
        path = np.empty_like(steps)
        state = self._turnover
        for day in range(BLOCK_DAYS):
            state = memory * state + steps[day]
            path[day] = state
        self._turnover = state
        log_turnover = path[:, :1] + path[:, 1:] + _MOVE_TURNOVER * (np.minimum(moves, 8.0) - 0.75)
        for column, listing in enumerate(LISTINGS):
            rate = rate_close[:, _CURRENCIES.index(listing.quote)]
            log_own = _SYMBOL_TURNOVER * own[:, column] + self._taste[column]
            if listing.asset >= 0:
                turnover = (
                    ASSETS[listing.asset].turnover * listing.share * np.exp(log_turnover[:, listing.asset] + log_own)
                )
            else:
                turnover = _CASH_TURNOVER[listing.base] * np.exp(path[:, 0] + log_own)
            values[4, :, column] = np.rint(turnover * rate / values[3, :, column] * 100.0) / 100.0


def _scripted(first: int) -> list[tuple[int, int, Shock | Restart]]:
    """Return row, asset column and event of what happens in the block, in order of time."""
    events: list[Shock | Restart] = [Restart(asset.code, asset.listed, price=asset.price) for asset in ASSETS]
    events += [*RESTARTS, *SHOCKS]
    codes = [asset.code for asset in ASSETS]
    placed = [(_day_index(event.day) - first, codes.index(event.asset), event) for event in events]
    return sorted((item for item in placed if 0 <= item[0] < BLOCK_DAYS), key=lambda item: item[:2])


def _listed(first: int) -> npt.NDArray[np.bool_]:
    """Return where the block has bars: between first and last listing day and not in the dark."""
    days = np.arange(first, first + BLOCK_DAYS)[:, None]
    start = np.array([_day_index(listing.first) for listing in LISTINGS])
    never = np.iinfo(np.int64).max
    end = np.array([never if listing.last is None else _day_index(listing.last) for listing in LISTINGS])
    listed = (days >= start) & (days <= end)
    for dark in DARK:
        rows = (days[:, 0] >= _day_index(dark.first)) & (days[:, 0] <= _day_index(dark.last))
        columns = np.array([listing.base == dark.asset for listing in LISTINGS])
        listed[np.ix_(rows, columns)] = False
    return listed
