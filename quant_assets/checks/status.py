"""Per-partition status of checks: the one place that asks Dagster's storage for it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from dagster import AssetCheckKey, DagsterInstance

from quant_assets.checks.factory import Contract


@dataclass
class CheckStatus:
    """Status of one check for one partition."""

    check: str
    status: str
    passed: bool
    blocking: bool


def statuses_of(instance: DagsterInstance, contracts: Iterable[Contract], date: dt.date) -> list[CheckStatus]:
    """Return the current status of some contracts for a date.

    A result whose data was materialised again afterwards is stale and does not
    count as passed; neither does one that never ran.
    """
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
