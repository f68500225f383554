"""Status of the checks a command shows."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from dagster import DagsterInstance

if TYPE_CHECKING:
    from quant_assets.checks.status import CheckStatus
    from quant_resources.config import Project
    from quant_resources.settings import Settings


def check_statuses(
    instance: DagsterInstance, settings: Settings, project: Project, profiles: list[str], date: dt.date
) -> list[CheckStatus]:
    """Return the current status of every check of the shared facts and some sleeves."""
    from quant_assets.checks.shared import shared_contracts
    from quant_assets.checks.sleeve import SleeveContracts
    from quant_assets.checks.status import statuses_of

    contracts = shared_contracts(project, str(settings.artifacts_dir))
    for profile in profiles:
        contracts += SleeveContracts(project, project.sleeve(profile), str(settings.artifacts_dir)).contracts()
    return statuses_of(instance, contracts, date)
