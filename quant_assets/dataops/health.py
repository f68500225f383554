"""Repair of the stored bars, and the verdict on them."""

import datetime as dt
from typing import Any

import dagster as dg

from quant_assets import keys
from quant_assets.common import NETWORK_RETRY, no_retry_where_hopeless, partition_dates, result, schema_metadata
from quant_assets.sleeve_rules import health_rules, repair_rules
from quant_lib.contracts import OHLCV_HEALTH, OHLCV_HOLES
from quant_resources.config import Project
from quant_resources.lakehouse.resource import LakehouseResource
from quant_resources.tradingview.resource import TradingViewResource


def repair_asset(project: Project, common: dict[str, Any]) -> dg.AssetsDefinition:
    """Fill holes, newest first, before health looks."""

    @dg.asset(
        key=keys.OHLCV_REPAIR,
        deps=[keys.INSTRUMENTS, keys.OHLCV],
        description=OHLCV_HOLES.description,
        metadata=schema_metadata(OHLCV_HOLES),
        kinds={"tradingview", "deltalake"},
        tags={"flow": "dataops"},
        pool="tradingview",
        retry_policy=NETWORK_RETRY,
        **common,
    )
    def ohlcv_repair(
        context: dg.AssetExecutionContext, lakehouse: LakehouseResource, tradingview: TradingViewResource
    ) -> dg.MaterializeResult[Any]:
        from quant_resources.calendars import calendar_book
        from quant_resources.ingestion import repair

        lake, reports = lakehouse.lake, []
        with tradingview.client() as client, no_retry_where_hopeless():
            for date in partition_dates(context):
                scope = lake.read("ohlcv_fetches", date=date)["symbol"].tolist()
                reports.append(
                    repair(
                        lake,
                        client,
                        calendar_book(lake, date),
                        scope,
                        date,
                        start=project.platform.history_start,
                        now=dt.datetime.now(dt.UTC),
                        rules=repair_rules(project),
                    )
                )
        causes = reports[-1].holes["cause"].replace("", "filled").value_counts().sort_index()
        return result(
            [report.receipt for report in reports],
            bars_filled=sum(report.bars_added for report in reports),
            remembered=reports[-1].remembered,
            **{f"holes_{cause}": int(n) for cause, n in causes.items()},
        )

    return ohlcv_repair


def health_asset(project: Project, common: dict[str, Any]) -> dg.AssetsDefinition:
    """Judge every stored symbol, after repair."""

    @dg.asset(
        key=keys.OHLCV_HEALTH,
        deps=[keys.OHLCV, keys.OHLCV_REPAIR],
        description=OHLCV_HEALTH.description,
        metadata=schema_metadata(OHLCV_HEALTH),
        kinds={"deltalake"},
        tags={"flow": "dataops"},
        **common,
    )
    def ohlcv_health(context: dg.AssetExecutionContext, lakehouse: LakehouseResource) -> dg.MaterializeResult[Any]:
        from quant_resources.calendars import calendar_book
        from quant_resources.ingestion import audit_date

        lake, receipts = lakehouse.lake, []
        for date in partition_dates(context):
            report, written = audit_date(lake, calendar_book(lake, date), date, health_rules(project))
            receipts.append(written[0])
        statuses = report.health["status"].value_counts().sort_index()
        found = report.findings["rule"].value_counts().sort_index()
        return result(
            receipts,
            **{f"symbols_{status}": int(n) for status, n in statuses.items()},
            **{f"findings_{rule}": int(n) for rule, n in found.items()},
        )

    return ohlcv_health
