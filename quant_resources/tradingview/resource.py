"""TradingView as a Dagster resource: embedded by default, live or elsewhere by one setting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dagster import ConfigurableResource
from pydantic import Field

from quant_resources.tradingview._pace import Gate, Pace
from quant_resources.tradingview.errors import MarketOffError
from quant_resources.tradingview.models import Endpoints, Limits, Runtime, host_of, is_loopback

if TYPE_CHECKING:
    from quant_resources.tradingview.client import TradingViewClient

LIVE: Final = "live"
OFF: Final = "off"
LIVE_RATE: Final = 10.0
"""Requests a second to a server of the world, where no rate is configured."""


class TradingViewResource(ConfigurableResource):  # type: ignore[type-arg]
    """Screener and chart socket, from wherever `url` says.

    The client code is the same in all three cases; only the address differs. The
    login is never configuration: it is read from the environment, and not used
    for the embedded market.
    """

    url: str = Field(default="", description="Empty: the embedded market. 'live': TradingView. Else that server.")
    source: str = Field(default="synthetic", description="Of the embedded market: synthetic, synthetic:7, parquet:DIR.")
    as_of: str = Field(default="", description="Of the embedded market: a date (its close), an instant, or now.")
    home: str = Field(default="", description="Folder in which processes agree on a pace; empty: none is kept.")
    rate: float = Field(default=0.0, description="Requests a second of all processes; 0: 10 to the world, else none.")
    paid: bool = Field(default=False, description="Live only: use the host for paying accounts.")
    concurrency: int = Field(default=16, description="Chart sessions open at once on the one socket.")
    connect_timeout: float = Field(default=15.0, description="Seconds for connecting.")
    request_timeout: float = Field(
        default=0.0, description="Seconds for one screener request; 0: 30 to the world, 180 inside the machine."
    )
    symbol_timeout: float = Field(default=15.0, description="Seconds for one symbol, per attempt.")
    data_timeout: float = Field(default=20.0, description="Seconds a socket may send nothing but heartbeats.")
    attempts: int = Field(default=4, description="Tries per symbol.")

    @property
    def embedded(self) -> bool:
        """Whether the market runs in this process."""
        return self.url == ""

    def endpoints(self) -> Endpoints:
        """Return where to connect; starts the embedded market if that is where."""
        if self.url == OFF:
            raise MarketOffError("the market", "QUANT_MARKET_URL is off", "set it to embedded, live or a URL")
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
            request_timeout=self.request_timeout or base.request_timeout,
            symbol_timeout=self.symbol_timeout,
            data_timeout=self.data_timeout,
            attempts=self.attempts,
        )

    def runtime(self, endpoints: Endpoints, limits: Limits) -> Runtime:
        """Return what makes time pass; with a home, requests keep the pace its processes agreed on."""
        if self.embedded or not self.home:
            return Runtime()
        local = is_loopback(endpoints.chart)
        rate = self.rate or (0.0 if local else LIVE_RATE)
        pace = Pace(switch_of(Path(self.home)).parent, host_of(endpoints.site), rate)
        plain = Runtime()
        return replace(plain, gate=Gate(pace, limits.retry_after_cap, plain.sleep, plain.monotonic))

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
        limits = self.limits(endpoints)
        runtime = self.runtime(endpoints, limits)
        yield TradingViewClient(endpoints, limits, anonymous=self.embedded, runtime=runtime)


def switch_of(home: Path) -> Path:
    """Return the file whose presence stops every request of the processes of a home."""
    return home / "market" / "off"
