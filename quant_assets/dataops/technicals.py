"""The vendor's technicals as an asset: a snapshot of the present, never of the past."""

import datetime as dt
from typing import TYPE_CHECKING, Any

import dagster as dg

from quant_assets import keys
from quant_assets.common import (
    NETWORK_RETRY,
    no_retry_where_hopeless,
    partition_dates,
    result,
    schema_metadata,
)
from quant_lib.contracts import TECHNICALS
from quant_resources.artifacts import ArtifactsResource
from quant_resources.config import Project
from quant_resources.lakehouse.resource import LakehouseResource
from quant_resources.tradingview.resource import TradingViewResource

if TYPE_CHECKING:
    from quant_resources.lakehouse import Receipt


def technicals_asset(project: Project, common: dict[str, Any]) -> dg.AssetsDefinition:
    """Vendor technicals of the followed symbols that trade on the market's last closed day."""

    @dg.asset(
        key=keys.TECHNICALS,
        deps=[keys.INSTRUMENTS],
        description=f"{TECHNICALS.description} A past date has none: the vendor serves only the present.",
        metadata=schema_metadata(TECHNICALS),
        kinds={"tradingview", "deltalake"},
        tags={"flow": "dataops"},
        pool="tradingview",
        retry_policy=NETWORK_RETRY,
        **common,
    )
    def technicals(
        context: dg.AssetExecutionContext,
        lakehouse: LakehouseResource,
        tradingview: TradingViewResource,
        artifacts: ArtifactsResource,
    ) -> dg.MaterializeResult[Any]:
        from quant_assets.dataops.following import followed_on
        from quant_assets.dataops.technicals_rows import keep, record_past, snapshot_rules, store_snapshot, vouched_rows
        from quant_resources.technicals import resume_snapshot, take_snapshot

        lake, dates, receipts = lakehouse.lake, partition_dates(context), []
        with tradingview.client() as client, no_retry_where_hopeless():
            clock = client.clock()
            last_closed = clock.date() - dt.timedelta(days=1)
            receipts = [record_past(lake, date) for date in dates if date != last_closed]
            if last_closed not in dates:
                return _said(receipts, len(dates), last_closed)
            catalogue = lake.read("instruments", date=last_closed)
            trading = set(catalogue.loc[catalogue["active"], "symbol"])
            wanted = [s for s in followed_on(lake, project, catalogue, last_closed) if s in trading]
            there = vouched_rows(lake, artifacts, last_closed)
            missing = sorted(set(wanted) - set(there["symbol"]))
            if len(there) and not missing:
                return _said([keep(lake, last_closed), *receipts], len(receipts), last_closed, kept=len(there))
            snapshot = take_snapshot(client, missing, last_closed, snapshot_rules(project), clock=clock)
            snapshot = resume_snapshot(there, snapshot) if len(there) else snapshot
        evidence = store_snapshot(lake, artifacts, snapshot, last_closed, context.run.run_id)
        return _said([evidence.receipt, *receipts], len(receipts), last_closed, **evidence.metadata())

    return technicals


def _said(receipts: "list[Receipt]", past: int, last_closed: dt.date, **metadata: Any) -> dg.MaterializeResult[Any]:
    """Build the result; days that could not be snapshotted are told, not filled."""
    if past:
        metadata["past_dates"] = past
        metadata["note"] = f"the vendor serves only {last_closed}; of {past} earlier days nothing could be fetched"
    return result(receipts, **metadata)
