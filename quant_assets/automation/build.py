"""Schedules, sensors and freshness, put together from the configuration."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from quant_assets import keys
from quant_assets.automation.sensors import bars_landed_sensor, candidates_landed_sensor, run_failed_sensor
from quant_assets.checks.factory import Contract
from quant_resources.config import Project
from quant_resources.settings import Settings


@dataclass(frozen=True)
class Automation:
    """What Dagster starts by itself, and the jobs it starts."""

    jobs: tuple[Any, ...]
    schedules: tuple[dg.ScheduleDefinition, ...]
    sensors: tuple[dg.SensorDefinition, ...]


def build_automation(settings: Settings, project: Project, contracts: Sequence[Contract], daily: Any) -> Automation:
    """Build the automation of the platform.

    Everything that would start work is off until a person turns it on; word of
    failed runs is on, since without a webhook it does nothing.

    Parameters
    ----------
    settings : Settings
        Of this machine: a market whose clock stands still has no next day.
    project : Project
        Sleeves and the time of the daily run.
    contracts : sequence of Contract
        Checks that gate what follows.
    daily : job
        The whole day.
    """
    ingest = dg.define_asset_job(
        "ingest_bars",
        dg.AssetSelection.assets(keys.OHLCV, keys.OHLCV_REPAIR),
        description="Bars of the followed symbols, and what repair can fill of their holes.",
    )
    features = dg.define_asset_job(
        "refresh_features",
        dg.AssetSelection.assets(keys.OHLCV_REPAIR, keys.OHLCV_HEALTH, keys.FEATURES),
        description="Repair, health and features of bars that are there.",
    )
    candidates = [keys.sleeve_key(name, "candidates") for name in sorted(project.sleeves)]
    return Automation(
        jobs=(ingest, features),
        schedules=(daily_schedule(settings, project, daily),),
        sensors=(
            candidates_landed_sensor(ingest, candidates),
            bars_landed_sensor(features, contracts),
            run_failed_sensor(),
        ),
    )


def daily_schedule(settings: Settings, project: Project, daily: Any) -> dg.ScheduleDefinition:
    """Run the whole day that has just closed, each day after the UTC close."""
    hour, minute = project.platform.automation.daily_at.split(":")

    @dg.schedule(
        name="daily_after_close",
        job=daily,
        cron_schedule=f"{int(minute)} {int(hour)} * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Materialises the UTC day that has just closed: shared facts, then sleeves whose market was open.",
    )
    def daily_after_close(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if settings.market_as_of:
            return dg.SkipReason(f"the market's clock stands at {settings.market_as_of}: it has no new day")
        date = closed_day(context.scheduled_execution_time)
        return dg.RunRequest(
            run_key=date.isoformat(),
            partition_key=date.isoformat(),
            asset_selection=assets_of_day(project, date),
            tags={"quant/why": "schedule"},
        )

    return daily_after_close


def assets_of_day(project: Project, date: dt.date) -> list[dg.AssetKey]:
    """Every shared fact, and the steps of the sleeves whose market has a session on the date."""
    import numpy as np

    from quant_assets.sleeve_rules import sleeve_calendar

    day = np.array([date], dtype="datetime64[us]")
    open_sleeves = [
        name for name in sorted(project.sleeves) if sleeve_calendar(project, project.sleeve(name)).is_session(day)[0]
    ]
    return [*keys.DATA_KEYS, *(keys.sleeve_key(name, step) for name in open_sleeves for step in keys.SLEEVE_STEPS)]


def closed_day(moment: dt.datetime) -> dt.date:
    """Return the last UTC day that had closed at a moment, whatever zone the moment is written in."""
    return moment.astimezone(dt.UTC).date() - dt.timedelta(days=1)


def shared_freshness(project: Project) -> dg.FreshnessPolicy:
    """How old a shared table may be before Dagster warns and fails it.

    It judges the asset, not a date of it: a backfill of an old date makes it
    fresh too. That a date reaches the decision is what ``foundation`` checks.
    """
    rules = project.platform.automation
    return dg.FreshnessPolicy.time_window(
        fail_window=dt.timedelta(hours=rules.stale_after_h), warn_window=dt.timedelta(hours=rules.late_after_h)
    )
