"""What is known of a symbol besides its bars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quant_resources.market.bars import FloatArray

MAX_DECIMALS = 10
_SAMPLE = 60


@dataclass(frozen=True, slots=True)
class Instrument:
    """The unchanging facts about one symbol.

    Attributes
    ----------
    symbol : str
        ``EXCHANGE:TICKER``, upper case; perpetuals end in ``.P``.
    market : str
        Screener market: crypto, america, forex, futures or cfd.
    type : str
        Vendor's kind: spot, swap, stock, fund, forex, futures or index.
    typespecs : tuple of str
        Vendor's finer kinds, such as crypto and perpetual.
    base, quote : str
        Base asset and trading currency; the ticker itself and the currency for TradFi.
    description : str
        Name for people.
    pricescale : int or None
        Steps per unit of price: a tick is ``minmov / pricescale``. None: measured
        on the bars known at the clock.
    minmov : int
        Smallest number of steps a price moves by.
    timezone, session : str
        IANA zone and session hours in the vendor's notation.
    sector : str or None
        Sector, where known.
    """

    symbol: str
    market: str
    type: str
    typespecs: tuple[str, ...]
    base: str
    quote: str
    description: str
    pricescale: int | None = None
    minmov: int = 1
    timezone: str = "Etc/UTC"
    session: str = "24x7"
    sector: str | None = None

    @property
    def exchange(self) -> str:
        """Venue prefix of the symbol."""
        return self.symbol.partition(":")[0]

    @property
    def name(self) -> str:
        """Ticker without the venue."""
        return self.symbol.partition(":")[2]

    @property
    def display_exchange(self) -> str:
        """Venue as the chart writes it: ``Binance`` for ``BINANCE``; initials stay upper case."""
        return self.exchange.capitalize() if len(self.exchange) > 4 else self.exchange


def price_scale(prices: FloatArray) -> int:
    """Return the power of ten on whose grid the newest prices lie.

    Parameters
    ----------
    prices : array of float64, any shape
        Prices, newest last; the last 60 rows are looked at.

    Returns
    -------
    int
        ``10 ** decimals`` with at most ten decimals; 100 where there is no price.
    """
    sample = prices[-_SAMPLE:].ravel()
    sample = sample[np.isfinite(sample)]
    if len(sample) == 0:
        return 100
    for decimals in range(MAX_DECIMALS):
        scaled = sample * 10.0**decimals
        if np.all(np.abs(scaled - np.rint(scaled)) <= 1e-9 * np.maximum(np.abs(scaled), 1.0)):
            return int(10**decimals)
    return int(10**MAX_DECIMALS)
