"""TradingView as a Dagster resource: embedded by default, live or elsewhere by one setting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dagster import ConfigurableResource
from pydantic import Field

from quant_resources.tradingview.models import Endpoints, Limits, is_loopback

if TYPE_CHECKING:
    from quant_resources.tradingview.client import TradingViewClient

LIVE: Final = "live"


class TradingViewResource(ConfigurableResource):  # type: ignore[type-arg]
    """Screener and chart socket, from wherever `url` says.

    The client code is the same in all three cases; only the address differs. The
    login is never configuration: it is read from the environment, and not used
    for the embedded market.
    """

    url: str = Field(default="", description="Empty: the embedded market. 'live': TradingView. Else that server.")
    source: str = Field(default="synthetic", description="Of the embedded market: synthetic, synthetic:7, parquet:DIR.")
    as_of: str = Field(default="", description="Of the embedded market: a date (its close), an instant, or now.")
    paid: bool = Field(default=False, description="Live only: use the host for paying accounts.")
    concurrency: int = Field(default=16, description="Chart sessions open at once on the one socket.")
    connect_timeout: float = Field(default=15.0, description="Seconds for connecting.")
    request_timeout: float = Field(default=30.0, description="Seconds for one screener request.")
    symbol_timeout: float = Field(default=15.0, description="Seconds for one symbol, per attempt.")
    data_timeout: float = Field(default=20.0, description="Seconds a socket may send nothing but heartbeats.")
    attempts: int = Field(default=4, description="Tries per symbol.")

    @property
    def embedded(self) -> bool:
        """Whether the market runs in this process."""
        return self.url == ""

    def endpoints(self) -> Endpoints:
        """Return where to connect; starts the embedded market if that is where."""
        if self.url == LIVE:
            return Endpoints.live(paid=self.paid)
        if not self.embedded:
            return Endpoints.at(self.url)
        from quant_resources.tradingview._embedded import embedded_market

        return Endpoints.at(embedded_market(self.source, self.as_of))

    def limits(self, endpoints: Endpoints) -> Limits:
        """Return the limits: polite pauses towards the world, short ones inside the machine."""
        base = Limits.loopback() if is_loopback(endpoints.chart) else Limits()
        return replace(
            base,
            concurrency=self.concurrency,
            connect_timeout=self.connect_timeout,
            request_timeout=self.request_timeout,
            symbol_timeout=self.symbol_timeout,
            data_timeout=self.data_timeout,
            attempts=self.attempts,
        )

    @contextmanager
    def client(self) -> Iterator[TradingViewClient]:
        """Open a client.

        Yields
        ------
        TradingViewClient
            Connections are opened by its calls and closed with them.
        """
        from quant_resources.tradingview.client import TradingViewClient

        endpoints = self.endpoints()
        yield TradingViewClient(endpoints, self.limits(endpoints), anonymous=self.embedded)
