"""What a screener request can be refused for, in the vendor's words."""

from __future__ import annotations

from dataclasses import dataclass

from quant_resources.market.errors import MarketError


@dataclass(eq=False)
class ScanRefusedError(MarketError):
    """A screener request that is answered with HTTP 400."""

    text: str

    def __str__(self) -> str:
        return self.text


def unknown_field(name: object) -> ScanRefusedError:
    """Return the refusal of a column that does not exist."""
    return ScanRefusedError(f'Unknown field "{name}"')
