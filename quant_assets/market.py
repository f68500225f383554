"""The market every asset and command asks."""

from __future__ import annotations

from quant_resources.config import Project
from quant_resources.settings import Settings
from quant_resources.tradingview.resource import TradingViewResource


def market_resource(settings: Settings, project: Project) -> TradingViewResource:
    """Client of the configured market, with the platform's time-outs."""
    return TradingViewResource(
        url=settings.market_url,
        source=settings.market_source,
        as_of=settings.market_as_of,
        home=str(settings.home),
        rate=settings.market_rate,
        symbol_timeout=project.platform.ingestion.symbol_timeout_s,
        concurrency=project.platform.ingestion.concurrency,
    )
