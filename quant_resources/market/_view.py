"""The market as it is known at its clock: the one door through which bars are served."""

from __future__ import annotations

import dataclasses

from quant_resources.market.bars import Bars, aggregate, as_known_at
from quant_resources.market.clock import Clock
from quant_resources.market.instruments import Instrument, price_scale
from quant_resources.market.sources import FeedSource, MarketSource

INTERVALS = ("1D", "1W", "1M", "3M", "6M", "12M")
"""Resolutions a daily source can serve."""


class MarketView:
    """A source seen through a clock.

    A symbol exists from its first bar on. Bars that open at or after the clock do
    not exist; of the day that is still running only the open is known.

    Parameters
    ----------
    source : MarketSource
        Where the bars come from.
    clock : Clock
        What time it is.
    """

    def __init__(self, source: MarketSource, clock: Clock) -> None:
        self.source = source
        self.clock = clock
        self._instruments = source.instruments()
        self._by_name: dict[str, str] = {}
        for symbol, instrument in self._instruments.items():
            self._by_name.setdefault(instrument.name, symbol)

    def now(self) -> float:
        """Return the clock in Unix seconds."""
        return self.clock.timestamp()

    def bars(self, symbol: str, now: float, resolution: str = "1D") -> Bars:
        """Return the bars of `symbol` known at `now`, oldest first; the newest may be forming.

        Parameters
        ----------
        symbol : str
            Full name as in the source.
        now : float
            Unix seconds, as `now` gave it.
        resolution : str
            One of `INTERVALS`.
        """
        return aggregate(as_known_at(self.source.bars(symbol, now), now), resolution)

    def as_found(self, symbol: str, now: float, resolution: str = "1D") -> Bars:
        """Return the bars a chart is sent: like `bars`, with the feed's repeated and empty ones where it has such."""
        if resolution != "1D" or not isinstance(self.source, FeedSource):
            return self.bars(symbol, now, resolution)
        return as_known_at(self.source.as_found(symbol, now), now)

    def listed(self, now: float) -> list[Instrument]:
        """Return what had a first bar before `now`, by symbol ascending; delisted symbols included."""
        return [
            self._scaled(instrument, now)
            for symbol, instrument in self._instruments.items()
            if len(self.source.bars(symbol, now)) > 0
        ]

    def find(self, text: str, now: float) -> Instrument | None:
        """Return the instrument a client means, or None.

        Parameters
        ----------
        text : str
            ``EXCHANGE:TICKER`` or a bare ticker, in any case.
        now : float
            Unix seconds. What has no bar before it does not exist.
        """
        wanted = text.strip().upper()
        symbol = wanted if wanted in self._instruments else self._by_name.get(wanted)
        if symbol is None or len(self.source.bars(symbol, now)) == 0:
            return None
        return self._scaled(self._instruments[symbol], now)

    def _scaled(self, instrument: Instrument, now: float) -> Instrument:
        """Measure the price grid of an instrument that does not state one, on what is known at `now`."""
        if instrument.pricescale is not None:
            return instrument
        prices = as_known_at(self.source.bars(instrument.symbol, now), now).values[:, :4]
        return dataclasses.replace(instrument, pricescale=price_scale(prices))
