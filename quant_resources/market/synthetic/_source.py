"""The synthetic market as a source."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Mapping
from typing import Final

import numpy as np

from quant_resources.market.bars import Bars, FloatArray
from quant_resources.market.clock import DAY
from quant_resources.market.instruments import Instrument
from quant_resources.market.synthetic._blocks import BLOCK_DAYS, PRICESCALES, BlockMaker
from quant_resources.market.synthetic._universe import EPOCH, LISTINGS, instrument

LAST_DAY: Final = dt.date(2049, 12, 31)
"""Last day the synthetic market can make; later clocks see it end there."""

_START: Final = int(dt.datetime.combine(EPOCH, dt.time(), dt.UTC).timestamp())
_END: Final = int(dt.datetime.combine(LAST_DAY, dt.time(), dt.UTC).timestamp()) + DAY


class SyntheticSource:
    """About two hundred Binance spot and perpetual symbols from 2020-01-01 on.

    Returns follow a factor model with regimes, GARCH variance, fat tails and slow
    drifts; there are several quotes of one base, lira and rupiah pairs with large
    nominal volume, cash-like pairs, young and delisted listings, halts, outages,
    stalls, days without volume, bad prints, a redenomination, and tickers that
    crash by 99.9 % and return weeks later as another asset. Tickers are those of
    real assets; everything else is invented.

    Bars of a day depend on the seed and the day only: a later request appends.

    Parameters
    ----------
    seed : int
        0 to 2**63 - 1. Equal seeds give equal bytes.
    """

    def __init__(self, seed: int = 42) -> None:
        self.seed = seed
        self._lock = threading.Lock()
        self._maker: BlockMaker | None = None
        self._blocks: list[FloatArray] = []
        self._bars: dict[str, Bars] = {}
        self._instruments = {
            listing.symbol: instrument(listing, scale) for listing, scale in zip(LISTINGS, PRICESCALES, strict=True)
        }
        self._column = {listing.symbol: column for column, listing in enumerate(LISTINGS)}

    @property
    def name(self) -> str:
        """What `parse_source` would read."""
        return f"synthetic:{self.seed}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know about the data."""
        return ("prices, volumes and events are invented; only the tickers are real",)

    def instruments(self) -> Mapping[str, Instrument]:
        """Return every symbol there will ever be, ascending."""
        return self._instruments

    def bars(self, symbol: str, before: float) -> Bars:
        """Return the whole-day bars of `symbol` that open before `before` (Unix seconds UTC).

        Raises
        ------
        KeyError
            When the market has no such symbol.
        """
        column = self._column[symbol]
        before = min(before, _END)
        n_days = max(0, -int((_START - before) // DAY))
        with self._lock:
            self._extend(n_days)
            bars = self._bars.get(symbol)
            if bars is None:
                bars = self._bars[symbol] = self._collect(column)
        return bars.slice(0, bars.position(before))

    def _extend(self, n_days: int) -> None:
        if n_days <= len(self._blocks) * BLOCK_DAYS:
            return
        if self._maker is None:
            self._maker = BlockMaker(self.seed)
        while len(self._blocks) * BLOCK_DAYS < n_days:
            # Symbol first, so that collecting one symbol reads memory in order.
            self._blocks.append(np.ascontiguousarray(self._maker.next().transpose(2, 1, 0)))
        self._bars.clear()

    def _collect(self, column: int) -> Bars:
        if not self._blocks:
            return Bars.empty()
        values = np.concatenate([block[column] for block in self._blocks])
        present = ~np.isnan(values[:, 3])
        time = _START + DAY * np.flatnonzero(present).astype(np.int64)
        values = values[present]
        values.flags.writeable = False
        time.flags.writeable = False
        return Bars(time, values)
