"""Assets of the shared facts."""

import datetime as dt
from typing import Any

import dagster as dg
from pydantic import Field

from quant_assets import keys
from quant_assets.automation import shared_freshness
from quant_assets.common import NETWORK_RETRY, no_retry_where_hopeless, partition_dates, result, schema_metadata
from quant_assets.dataops.health import health_asset, repair_asset
from quant_assets.dataops.instruments import instruments_asset
from quant_assets.dataops.technicals import technicals_asset
from quant_assets.sleeve_rules import feature_rules
from quant_lib.contracts import OHLCV
from quant_lib.features.registry import FEATURES_TABLE
from quant_resources.config import Project
from quant_resources.kernel_cache import seconds_compiling
from quant_resources.lakehouse.resource import LakehouseResource
from quant_resources.tradingview.resource import TradingViewResource


def dataops_assets(project: Project, partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Every shared asset."""
    common: dict[str, Any] = {
        "partitions_def": partitions,
        "group_name": keys.DATAOPS_GROUP,
        "owners": list(project.platform.owners),
        "backfill_policy": dg.BackfillPolicy.single_run(),
        "code_version": "1",
        "freshness_policy": shared_freshness(project),
    }
    return [
        instruments_asset(project, common),
        _ohlcv(project, common),
        repair_asset(project, common),
        health_asset(project, common),
        _features(project, common),
        technicals_asset(project, common),
    ]


def _ohlcv(project: Project, common: dict[str, Any]) -> dg.AssetsDefinition:
    @dg.asset(
        key=keys.OHLCV,
        deps=[keys.INSTRUMENTS],
        description=OHLCV.description,
        metadata=schema_metadata(OHLCV),
        kinds={"tradingview", "deltalake"},
        tags={"flow": "dataops"},
        pool="tradingview",
        retry_policy=NETWORK_RETRY,
        **common,
    )
    def ohlcv(
        context: dg.AssetExecutionContext, lakehouse: LakehouseResource, tradingview: TradingViewResource
    ) -> dg.MaterializeResult[Any]:
        from quant_assets.dataops.following import followed_on, unlisted_on
        from quant_resources.ingestion import ingest

        lake, dates, reports = lakehouse.lake, partition_dates(context), []
        with tradingview.client() as client, no_retry_where_hopeless():
            for date in reversed(dates):
                catalogue = lake.read("instruments", date=date)
                reports.append(
                    ingest(
                        lake,
                        client,
                        catalogue,
                        followed_on(lake, project, catalogue, date),
                        date,
                        start=project.platform.history_start,
                        now=dt.datetime.now(dt.UTC),
                        progress=_log_progress(context),
                        checkpoint_bars=project.platform.ingestion.checkpoint_bars,
                    )
                )
        # The newest date is asked for first and brings the bars of all; symbols are counted as it found them.
        statuses = reports[0].fetches["status"].value_counts().sort_index()
        return result(
            [commit for report in reports for commit in report.commits],
            followed=len(reports[0].fetches),
            unlisted=", ".join(unlisted_on(lake, project, lake.read("instruments", date=dates[-1]), dates[-1])),
            bars_added=sum(report.rows_added for report in reports),
            bars_rejected=sum(len(report.rejects) for report in reports),
            bars_revised=sum(len(report.revised) for report in reports),
            **{f"symbols_{status}": int(n) for status, n in statuses.items()},
        )

    return ohlcv


def _log_progress(context: dg.AssetExecutionContext) -> Any:
    """Log a line about every tenth of the work."""

    def progress(done: int, total: int, symbol: str) -> None:
        if done == total or done % max(1, total // 10) == 0:
            context.log.info(f"bars {done}/{total} ({symbol})")

    return progress


class FeatureScope(dg.Config):
    """Whose features a run computes."""

    symbols: list[str] = Field(
        default_factory=list, description="Only these symbols; every symbol with bars by default."
    )


def _features(project: Project, common: dict[str, Any]) -> dg.AssetsDefinition:
    @dg.asset(
        key=keys.FEATURES,
        deps=[keys.OHLCV, keys.OHLCV_HEALTH],
        description=FEATURES_TABLE.description,
        metadata=schema_metadata(FEATURES_TABLE),
        kinds={"deltalake", "numba"},
        tags={"flow": "dataops"},
        **common,
    )
    def features(
        context: dg.AssetExecutionContext, config: FeatureScope, lakehouse: LakehouseResource
    ) -> dg.MaterializeResult[Any]:
        from quant_assets.dataops.feature_rows import refresh

        lake, warm_up = lakehouse.lake, dict[str, float]()
        with seconds_compiling(warm_up):
            made = refresh(lake, partition_dates(context)[-1], feature_rules(project), config.symbols or None)
        receipts, stands = made.store(lake), lake.content_hash(FEATURES_TABLE.name)
        return result(
            receipts, unchanged=stands, feature_columns=len(FEATURES_TABLE.columns), **made.figures, **warm_up
        )

    return features
