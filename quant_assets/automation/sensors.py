"""Sensors: new candidates start ingestion, new bars start features, a failed run tells somebody."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from quant_assets import keys
from quant_assets.automation.landed import landed_since, materialised_after, newest_storage_id, requests_for
from quant_assets.checks.factory import Contract
from quant_resources.alerts import Alert, AlertsResource, shortened
from quant_resources.lakehouse.resource import LakehouseResource

if TYPE_CHECKING:
    from quant_resources.lakehouse import Lake


INTERVAL_SECONDS = 60


def candidates_landed_sensor(job: Any, candidates: Sequence[dg.AssetKey]) -> dg.SensorDefinition:
    """Start ingestion for dates whose new candidates have symbols nobody asked bars for yet.

    It cannot set itself off again: a symbol that was asked for, whatever came of it,
    is no longer new, and ingestion materialises no candidates.
    """

    @dg.sensor(
        name="candidates_landed",
        job=job,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Ingests the bars of candidates that nobody asked bars for yet. Starts from what lands after it "
        "was turned on; waits for the run that found them to end.",
    )
    def candidates_landed(
        context: dg.SensorEvaluationContext, lakehouse: LakehouseResource
    ) -> dg.SensorResult | dg.SkipReason:
        if context.cursor is None:
            context.update_cursor(str(newest_storage_id(context.instance, candidates)))
            return dg.SkipReason("turned on: candidates that land from now on are looked at")
        tick = landed_since(context.instance, candidates, int(context.cursor), dt.datetime.now(dt.UTC))
        new: dict[str, set[str]] = {}
        for event in tick.events:
            unknown = unasked_symbols(lakehouse.lake, event.asset.path[0], dt.date.fromisoformat(event.date))
            if unknown:
                new.setdefault(event.date, set()).update(unknown)
        requests = [
            request
            for date, symbols in sorted(new.items())
            for request in requests_for([date], run_key=_digest(symbols), why="candidates landed")
        ]
        return _outcome(requests, tick.cursor, f"{len(tick.events)} events, no new symbol; {tick.waiting} wait")

    return candidates_landed


def unasked_symbols(lake: "Lake", profile: str, date: dt.date) -> set[str]:
    """Candidates of a sleeve and date whose bars nobody asked for on that date."""
    symbols = set(lake.decision("candidates", profile, date)["symbol"])
    asked = set(lake.read("ohlcv_fetches", date=date)["symbol"]) if lake.exists("ohlcv_fetches") else set()
    return symbols - asked


def bars_landed_sensor(job: Any, contracts: Iterable[Contract]) -> dg.SensorDefinition:
    """Start health and features for dates whose bars landed and passed their blocking checks.

    It cannot set itself off again: it watches bars, and features materialise none.
    A date whose features came after its bars (the day's whole run does both) is done.
    """
    gates = [one for one in contracts if one.asset == keys.OHLCV and one.blocking]

    @dg.sensor(
        name="bars_landed",
        job=job,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Judges health and computes features of dates whose bars landed and passed their checks, "
        "consecutive dates in one run. Bars whose checks failed start nothing.",
    )
    def bars_landed(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        from quant_assets.checks.status import statuses_of

        if context.cursor is None:
            context.update_cursor(str(newest_storage_id(context.instance, [keys.OHLCV])))
            return dg.SkipReason("turned on: bars that land from now on are looked at")
        tick = landed_since(context.instance, [keys.OHLCV], int(context.cursor), dt.datetime.now(dt.UTC))
        newest = {event.date: event for event in tick.events}
        open_dates = [e for e in newest.values() if not materialised_after(context.instance, keys.FEATURES, e)]
        sound: list[str] = []
        refused: list[str] = []
        for event in open_dates:
            states = statuses_of(context.instance, gates, dt.date.fromisoformat(event.date))
            (sound if all(state.passed for state in states) else refused).append(event.date)
        if refused:
            context.log.warning(f"bars of {', '.join(refused)} did not pass their checks; no features are started")
        requests = list(requests_for(sound, run_key=str(tick.cursor), why="bars landed"))
        note = f"{len(tick.events)} events, {len(refused)} dates with failed checks; {tick.waiting} wait"
        return _outcome(requests, tick.cursor, note)

    return bars_landed


def _outcome(requests: list[dg.RunRequest], cursor: int, note: str) -> dg.SensorResult:
    if requests:
        return dg.SensorResult(run_requests=requests, cursor=str(cursor))
    return dg.SensorResult(skip_reason=note, cursor=str(cursor))


def _digest(symbols: Iterable[str]) -> str:
    return hashlib.sha256(",".join(sorted(symbols)).encode()).hexdigest()[:16]


def run_failed_sensor() -> dg.SensorDefinition:
    """Tell the webhook about every failed run; where none is set, say so in the tick and do nothing."""

    @dg.run_failure_sensor(
        name="run_failed",
        # Runs of the command line carry no code location; only a sensor that watches every location sees them.
        monitor_all_code_locations=True,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Posts every failed run to the webhook in QUANT_ALERT_WEBHOOK (JSON: text, job, partition, step "
        "and cause; secrets masked). Without one it does nothing, so it is safe to leave on.",
    )
    def run_failed(context: dg.RunFailureSensorContext, alerts: AlertsResource) -> dg.SkipReason | None:
        alert = alert_of(context)
        if alerts.notifier().send(alert):
            context.log.info(f"told the webhook: run {alert.run_id} failed")
            return None
        return dg.SkipReason(f"run {alert.run_id} failed; no webhook is set in {alerts.variable}")

    return run_failed


def alert_of(context: dg.RunFailureSensorContext) -> Alert:
    """Describe a failed run: its first failed step, and what its checks judged or the error that began it."""
    from dagster._core.storage.tags import (
        ASSET_PARTITION_RANGE_END_TAG,
        ASSET_PARTITION_RANGE_START_TAG,
        PARTITION_NAME_TAG,
    )

    run, step, cause = context.dagster_run, "", context.failure_event.message or "the run failed"
    events = context.get_step_failure_events()
    if events:
        step = events[0].step_key or ""
        error = events[0].step_failure_data.error
        while error is not None and error.cause is not None:
            error = error.cause
        cause = error.message if error is not None else cause
    told = _failed_checks(context.instance, run.run_id)
    first, last = (run.tags.get(tag, "") for tag in (ASSET_PARTITION_RANGE_START_TAG, ASSET_PARTITION_RANGE_END_TAG))
    partition = run.tags.get(PARTITION_NAME_TAG) or (f"{first}..{last}" if first else "")
    return Alert(run.job_name, run.run_id, partition, step, shortened(told or cause), dt.datetime.now(dt.UTC))


def _failed_checks(instance: dg.DagsterInstance, run_id: str) -> str:
    """Say what the blocking checks that failed in a run judged; Dagster's own error only names them."""
    told = []
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        verdict = entry.dagster_event.asset_check_evaluation_data if entry.dagster_event else None
        if verdict is not None and verdict.blocking and not verdict.passed:
            told.append(f"{verdict.asset_key.to_user_string()}:{verdict.check_name}: {verdict.description}")
    return "; ".join(told)
