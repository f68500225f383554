"""The catalogue as an asset: listings of a date, and the history of every value."""

import datetime as dt
from typing import Any

import dagster as dg

from quant_assets import keys
from quant_assets.common import NETWORK_RETRY, no_retry_where_hopeless, partition_dates, result, schema_metadata
from quant_lib.contracts import INSTRUMENTS
from quant_resources.binance.resource import BinanceResource
from quant_resources.config import Project
from quant_resources.lakehouse.resource import LakehouseResource
from quant_resources.tradingview.resource import TradingViewResource


def instruments_asset(project: Project, common: dict[str, Any]) -> dg.AssetsDefinition:
    """Every symbol of the followed venues, lost ones included, with the source of each value."""

    @dg.asset(
        key=keys.INSTRUMENTS,
        description=INSTRUMENTS.description,
        metadata=schema_metadata(INSTRUMENTS),
        kinds={"tradingview", "deltalake"},
        tags={"flow": "dataops"},
        pool="tradingview",
        retry_policy=NETWORK_RETRY,
        **common,
    )
    def instruments(
        context: dg.AssetExecutionContext,
        lakehouse: LakehouseResource,
        tradingview: TradingViewResource,
        binance: BinanceResource,
    ) -> dg.MaterializeResult[Any]:
        import pandas as pd

        from quant_assets.dataops.catalogue_history import (
            all_symbols,
            catalogue_figures,
            exchange_listings,
            last_known_rows,
            update_versions,
        )
        from quant_resources.catalogue import build_instruments, fetch_listings
        from quant_resources.ingestion import require_days_over

        lake, dates = lakehouse.lake, partition_dates(context)
        followed = [project.universes[name] for name in project.platform.follow]
        with tradingview.client() as client, no_retry_where_hopeless():
            clock = client.clock()
            require_days_over(dates, clock)
            last_closed = clock.date() - dt.timedelta(days=1)
            parts = [fetch_listings(client, universe, project.named_symbols(universe)) for universe in followed]
            listings = pd.concat(parts, ignore_index=True)
        with no_retry_where_hopeless():
            told = exchange_listings(binance, followed)
        seen, receipts = last_known_rows(lake, all_symbols(listings, told), followed), []
        for date in dates:
            rows = build_instruments(listings, date, scanned_today=date == last_closed, exchange=told, last_known=seen)
            receipts.append(lake.replace(INSTRUMENTS, rows, date=date))
        receipts.append(update_versions(lake, dates))
        return result(receipts, **catalogue_figures(lake, rows, dates[-1]))

    return instruments
