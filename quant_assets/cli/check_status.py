"""Per-partition status of checks: the one place that asks Dagster's storage for it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagster import AssetCheckKey, DagsterInstance

if TYPE_CHECKING:
    from quant_resources.config import Project
    from quant_resources.settings import Settings


@dataclass
class CheckStatus:
    """Status of one check for one partition."""

    check: str
    status: str
    passed: bool
    blocking: bool


def check_statuses(
    instance: DagsterInstance, settings: Settings, project: Project, profiles: list[str], date: dt.date
) -> list[CheckStatus]:
    """Return the current status of every check of the shared facts and some sleeves.

    A result whose data was materialised again afterwards is stale and does not
    count as passed; neither does one that never ran.
    """
    from quant_assets.checks.shared import shared_contracts
    from quant_assets.checks.sleeve import SleeveContracts

    contracts = shared_contracts(project, str(settings.artifacts_dir))
    for profile in profiles:
        contracts += SleeveContracts(project, project.sleeve(profile), str(settings.artifacts_dir)).contracts()
    by_key = {AssetCheckKey(contract.asset, contract.name): contract for contract in contracts}
    found = {
        info.check_key: info
        for info in instance.event_log_storage.get_asset_check_partition_info(
            list(by_key), partition_keys=[date.isoformat()]
        )
    }
    rows = []
    for key, contract in by_key.items():
        info = found.get(key)
        if info is None:
            status = "never ran"
        elif info.latest_materialization_storage_id is None:
            status = "nothing materialised"
        elif not info.is_current:
            status = "stale: materialised again after the check"
        else:
            status = info.latest_execution_status.value.lower()
        rows.append(CheckStatus(key.to_user_string(), status, status == "succeeded", contract.blocking))
    return rows
