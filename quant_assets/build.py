"""What a configuration makes of the platform: assets, checks, jobs and resources."""

from __future__ import annotations

import warnings

import dagster as dg

# Partitioned checks and single-run backfills are the design's; their preview and beta marks are known.
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
warnings.filterwarnings("ignore", category=dg.BetaWarning)
# The whole-day job runs one date at a time; only shared facts take ranges.
warnings.filterwarnings("ignore", message="Asset job daily materializes")

from quant_assets import keys  # noqa: E402
from quant_assets.alpha.sleeve import sleeve_assets  # noqa: E402
from quant_assets.automation import build_automation  # noqa: E402
from quant_assets.checks.factory import Contract, build_check  # noqa: E402
from quant_assets.checks.shared import shared_contracts  # noqa: E402
from quant_assets.checks.sleeve import SleeveContracts  # noqa: E402
from quant_assets.dataops.assets import dataops_assets  # noqa: E402
from quant_assets.market import market_resource  # noqa: E402
from quant_assets.partitions import daily_partitions  # noqa: E402
from quant_assets.research.regime_study import KEY as STUDY  # noqa: E402
from quant_assets.research.regime_study import judge_study, regime_study_asset  # noqa: E402
from quant_resources.alerts import AlertsResource  # noqa: E402
from quant_resources.artifacts import ArtifactsResource  # noqa: E402
from quant_resources.binance.resource import BinanceResource  # noqa: E402
from quant_resources.compute import ComputeResource  # noqa: E402
from quant_resources.config import Project  # noqa: E402
from quant_resources.lakehouse.resource import LakehouseResource  # noqa: E402
from quant_resources.settings import Settings  # noqa: E402


def build_definitions(settings: Settings, project: Project) -> dg.Definitions:
    """Assets, checks, jobs and resources for a configuration.

    Parameters
    ----------
    settings : Settings
        Where home is and which market is asked.
    project : Project
        Universes, scanners, sleeves.
    """
    partitions = daily_partitions(project.platform.start_date)
    assets, contracts = dataops_assets(project, partitions), shared_contracts(project, str(settings.artifacts_dir))
    jobs = [dg.define_asset_job("data", dg.AssetSelection.groups(keys.DATAOPS_GROUP))]
    for sleeve in project.sleeves.values():
        assets += sleeve_assets(project, sleeve, partitions)
        contracts += SleeveContracts(project, sleeve, str(settings.artifacts_dir)).contracts()
        jobs.append(dg.define_asset_job(sleeve.name, dg.AssetSelection.groups(sleeve.name)))
    assets.append(regime_study_asset(project, partitions))
    contracts.append(Contract(STUDY, "contract", "Schema; days add up; intervals are in order.", judge_study))
    # What explains the market takes long and decides nothing: it is asked for, not made every day.
    research = dg.AssetSelection.groups(keys.RESEARCH_GROUP)
    jobs.append(dg.define_asset_job("research", research))
    daily = dg.define_asset_job("daily", dg.AssetSelection.all() - research)
    automation = build_automation(settings, project, contracts, daily)
    return dg.Definitions(
        assets=assets,
        asset_checks=[build_check(contract, partitions) for contract in contracts],
        jobs=[*jobs, daily, *automation.jobs],
        schedules=automation.schedules,
        sensors=automation.sensors,
        executor=dg.in_process_executor,
        resources={
            "alerts": AlertsResource(),
            "lakehouse": LakehouseResource(root=str(settings.lakehouse_dir)),
            "artifacts": ArtifactsResource(root=str(settings.artifacts_dir)),
            "compute": ComputeResource(workers=settings.workers),
            "tradingview": market_resource(settings, project),
            "binance": BinanceResource(url=settings.binance_url),
        },
    )
