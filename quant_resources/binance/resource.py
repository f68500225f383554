"""Binance as a Dagster resource: off unless an address is set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster import ConfigurableResource
from pydantic import Field

if TYPE_CHECKING:
    from quant_resources.binance.client import BinanceClient


class BinanceResource(ConfigurableResource):  # type: ignore[type-arg]
    """The exchange as a second source of the catalogue."""

    url: str = Field(default="", description="Empty: not asked. 'live': Binance. Else a server that answers like it.")
    timeout: float = Field(default=20.0, description="Seconds for one request.")
    attempts: int = Field(default=3, description="Tries per request.")

    @property
    def enabled(self) -> bool:
        """Whether the exchange is asked at all."""
        return self.url != ""

    def client(self) -> BinanceClient:
        """Return a client; nothing is asked yet."""
        from quant_resources.binance.client import BinanceClient

        return BinanceClient(self.url, timeout=self.timeout, attempts=self.attempts)
