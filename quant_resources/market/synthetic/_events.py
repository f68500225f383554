"""What goes wrong in the synthetic market: scripted events and seeded defects.

Defects strike a few named small symbols only; the rest of the market is clean, as
most of a real venue is. Each kind exists to be met by the data checks.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from quant_resources.market.bars import FloatArray, Int64Array
from quant_resources.market.synthetic._universe import LISTINGS

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Shock:
    """A scripted move of an asset's log price on one day."""

    asset: str
    day: dt.date
    move: float


@dataclass(frozen=True, slots=True)
class Restart:
    """From `day` on the ticker is another asset (`price`) or another denomination (`factor`)."""

    asset: str
    day: dt.date
    price: float | None = None
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Dark:
    """No bars from `first` to `last`, both included."""

    asset: str
    first: dt.date
    last: dt.date


# LUNA loses 99.98 % in five days, goes dark and returns as another asset; ALPACA repeats it late and in one day.
SHOCKS: Final = (
    Shock("LUNA", dt.date(2022, 5, 9), -0.75),
    Shock("LUNA", dt.date(2022, 5, 10), -0.60),
    Shock("LUNA", dt.date(2022, 5, 11), -2.80),
    Shock("LUNA", dt.date(2022, 5, 12), -4.10),
    Shock("LUNA", dt.date(2022, 5, 13), -0.60),
    Shock("ALPACA", dt.date(2026, 4, 13), -6.95),
    Shock("SRM", dt.date(2022, 11, 8), -0.45),
    Shock("SRM", dt.date(2022, 11, 9), -0.60),
    Shock("ANC", dt.date(2022, 5, 11), -0.90),
    Shock("TRUMP", dt.date(2025, 3, 3), 0.62),
)
RESTARTS: Final = (
    Restart("LUNA", dt.date(2022, 5, 31), price=8.9),
    Restart("COCOS", dt.date(2021, 1, 23), factor=1000.0),
    Restart("ALPACA", dt.date(2026, 5, 8), price=0.9),
)
DARK: Final = (
    Dark("LUNA", dt.date(2022, 5, 14), dt.date(2022, 5, 30)),
    Dark("COCOS", dt.date(2021, 1, 20), dt.date(2021, 1, 22)),
    Dark("ALPACA", dt.date(2026, 4, 15), dt.date(2026, 5, 7)),
)

# Tickers of the symbols struck, and the chance per day.
_HALTED: Final = (
    "XEMUSDT",
    "REEFUSDT",
    "LOOMUSDT",
    "BURGERUSDT",
    "VIDTUSDT",
    "FISUSDT",
    "FISTRY",
    "VIDTTRY",
    "ONTUSDT",
    "NMRUSDT",
)
_HALT_CHANCE: Final = 1 / 160
_HALT_DAYS: Final = 4
_OUTAGE_CHANCE: Final = 1 / 365
_STALLED: Final = ("BTGUSDT", "FISUSDT", "QTUMUSDT", "1000CHEEMSUSDT")
_STALL_CHANCE: Final = 1 / 250
_STALL_DAYS: Final = (4, 8)
_MISPRINTED: Final = ("OMGUSDT", "BURGERUSDT", "KAVAUSDT", "BTCJPY")
_MISPRINT_CHANCE: Final = 1 / 300
_MISPRINT_FACTOR: Final = 20.0
_CROSSED: Final = ("XEMUSDT", "IOTAUSDT", "VIDTUSDT")
_CROSSED_CHANCE: Final = 1 / 200
_IDLE: Final = ("FISTRY", "VIDTTRY", "BTCJPY", "PAXGTRY")
_IDLE_CHANCE: Final = 1 / 25

_COLUMN: Final = {listing.name: column for column, listing in enumerate(LISTINGS)}


def _chances(tickers: tuple[str, ...], chance: float) -> FloatArray:
    row = np.zeros(len(LISTINGS))
    row[[_COLUMN[ticker] for ticker in tickers]] = chance
    return row


@dataclass(slots=True)
class DefectState:
    """Defects that outlast a block: the first day index after them, and the price a stall holds."""

    halted_until: FloatArray
    stalled_until: FloatArray
    last_close: FloatArray

    @classmethod
    def start(cls) -> DefectState:
        """Return the state before the first day."""
        n = len(LISTINGS)
        return cls(np.zeros(n), np.zeros(n), np.full(n, np.nan))


class Defects:
    """Draws and applies the seeded defects of a block."""

    def __init__(self) -> None:
        self._halt = _chances(_HALTED, _HALT_CHANCE)
        self._stall = _chances(_STALLED, _STALL_CHANCE)
        self._misprint = _chances(_MISPRINTED, _MISPRINT_CHANCE)
        self._crossed = _chances(_CROSSED, _CROSSED_CHANCE)
        self._idle = _chances(_IDLE, _IDLE_CHANCE)

    def apply(self, rng: np.random.Generator, first: int, values: FloatArray, state: DefectState) -> None:
        """Damage a block of bars in place; a missing bar becomes NaN.

        Parameters
        ----------
        rng : Generator
            The block's stream for defects.
        first : int
            Day index of the block's first row.
        values : array of float64, shape (5, n_days, n_symbols)
            Open, high, low, close, volume on the price grid.
        state : DefectState
            Changed in place.
        """
        _, n_days, n = values.shape
        dice = rng.random((5, n_days, n))
        lengths = rng.random((n_days, n))
        outages: Flags = np.less(rng.random(n_days), _OUTAGE_CHANCE)
        closes = values[3].copy()
        self._stalls(first, values, closes, dice[0] < self._stall, lengths, state)
        self._flatten(values, closes, np.argwhere(dice[1] < self._idle), state, volume=0.0)
        for day, column in np.argwhere(dice[2] < self._misprint):
            values[3, day, column] *= _MISPRINT_FACTOR
            values[1, day, column] = max(values[1, day, column], values[3, day, column])
        crossed = dice[3] < self._crossed
        values[1][crossed] = values[2][crossed]
        state.last_close = closes[-1]
        self._halts(first, values, dice[4] < self._halt, lengths, outages, state)

    def _stalls(
        self,
        first: int,
        values: FloatArray,
        closes: FloatArray,
        starts: Flags,
        lengths: FloatArray,
        state: DefectState,
    ) -> None:
        shortest, longest = _STALL_DAYS
        cells: list[tuple[int, int]] = []
        for column in np.flatnonzero(self._stall):
            for day in range(len(closes)):
                if starts[day, column] and first + day >= state.stalled_until[column]:
                    days = shortest + int(lengths[day, column] * (longest - shortest + 1))
                    state.stalled_until[column] = first + day + days
                if first + day < state.stalled_until[column]:
                    cells.append((day, int(column)))
        self._flatten(values, closes, np.array(sorted(cells), dtype=np.int64).reshape(-1, 2), state, volume=None)

    @staticmethod
    def _flatten(
        values: FloatArray, closes: FloatArray, cells: Int64Array, state: DefectState, *, volume: float | None
    ) -> None:
        """Hold the bar at the close before it; cells come in order of day, so a run of them holds one price."""
        for day, column in cells:
            held = closes[day - 1, column] if day > 0 else state.last_close[column]
            if np.isnan(held):
                continue
            values[:4, day, column] = held
            closes[day, column] = held
            if volume is not None:
                values[4, day, column] = volume

    def _halts(
        self,
        first: int,
        values: FloatArray,
        starts: Flags,
        lengths: FloatArray,
        outages: Flags,
        state: DefectState,
    ) -> None:
        for column in np.flatnonzero(self._halt):
            for day in range(values.shape[1]):
                if starts[day, column] and first + day >= state.halted_until[column]:
                    state.halted_until[column] = first + day + 1 + int(lengths[day, column] * _HALT_DAYS)
                if outages[day] or first + day < state.halted_until[column]:
                    values[:, day, column] = np.nan
