"""Where the market's bars come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from quant_resources.market.bars import Bars
from quant_resources.market.instruments import Instrument


@runtime_checkable
class MarketSource(Protocol):
    """Daily bars of a set of symbols.

    A source knows nothing of the clock. It promises the prefix property: the bars
    that open before an instant are the same whatever later instant is asked for.
    """

    @property
    def name(self) -> str:
        """What `parse_source` would read, such as ``synthetic:42``."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know about the data: rows dropped, duplicates, conversions."""

    def instruments(self) -> Mapping[str, Instrument]:
        """Return every symbol there will ever be, ascending. Listed or not is the bars' business."""

    def bars(self, symbol: str, before: float) -> Bars:
        """Return the whole-day bars of `symbol` that open before the instant `before` (Unix seconds UTC)."""


@runtime_checkable
class FeedSource(Protocol):
    """A source that also has the bars as its feed delivered them."""

    def as_found(self, symbol: str, before: float) -> Bars:
        """Return the bars of `MarketSource.bars` with repeated ones and ones without prices (NaN) among them."""
