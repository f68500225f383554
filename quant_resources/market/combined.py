"""Several sources as one market: coins beside shares, each with its own hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from quant_resources.market.bars import Bars
from quant_resources.market.errors import SymbolInTwoSourcesError
from quant_resources.market.instruments import Instrument
from quant_resources.market.sources import FeedSource, MarketSource


class CombinedSource:
    """Every symbol of several sources, each served by the one that has it.

    Parameters
    ----------
    sources : sequence of MarketSource
        Two or more.

    Raises
    ------
    SymbolInTwoSourcesError
        A symbol is in two of them: which bars are meant is not for us to choose.
    """

    def __init__(self, sources: Sequence[MarketSource]) -> None:
        self._sources = tuple(sources)
        self._of: dict[str, MarketSource] = {}
        instruments: dict[str, Instrument] = {}
        for source in self._sources:
            listed = source.instruments()
            both = sorted(set(listed) & set(self._of))
            if both:
                raise SymbolInTwoSourcesError(tuple(both), self._of[both[0]].name, source.name)
            self._of.update(dict.fromkeys(listed, source))
            instruments.update(listed)
        self._instruments = dict(sorted(instruments.items()))

    @property
    def name(self) -> str:
        """What `parse_source` would read."""
        return ",".join(source.name for source in self._sources)

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes of every source, with the source they are of."""
        return tuple(f"{source.name}: {note}" for source in self._sources for note in source.notes)

    def instruments(self) -> Mapping[str, Instrument]:
        """Return every symbol of every source, ascending."""
        return self._instruments

    def bars(self, symbol: str, before: float) -> Bars:
        """Return the bars of `symbol` from its source.

        Raises
        ------
        KeyError
            No source has it.
        """
        return self._of[symbol].bars(symbol, before)

    def as_found(self, symbol: str, before: float) -> Bars:
        """Return the bars as its source's feed delivered them, where it has a feed.

        Raises
        ------
        KeyError
            No source has it.
        """
        source = self._of[symbol]
        return source.as_found(symbol, before) if isinstance(source, FeedSource) else source.bars(symbol, before)
