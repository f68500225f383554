"""One in-process Dagster run with progress, timings and a summary."""

from __future__ import annotations

import datetime as dt
import os
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster import DagsterEventType, DagsterInstance
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from quant_assets.cli.console import err
from quant_assets.loading import without_collection
from quant_assets.run_launcher import PID_TAG, worker_is_gone
from quant_lib.errors import QuantError

if TYPE_CHECKING:
    from dagster import EventLogEntry

    from quant_resources.config import Project
    from quant_resources.settings import Settings


@dataclass
class StepLine:
    """What is known of one step of the run."""

    name: str
    seconds: float = 0.0
    status: str = "skipped"
    message: str = ""


@dataclass
class Outcome:
    """Result of a run, for people and machines."""

    date: dt.date
    run_id: str
    success: bool = False
    seconds: float = 0.0
    steps: dict[str, StepLine] = field(default_factory=dict)
    failed_checks: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)
    checks_passed: int = 0

    @property
    def outside_steps(self) -> float:
        """Seconds no step accounts for: loading the definitions, planning, and Dagster's own book-keeping."""
        return max(0.0, self.seconds - sum(step.seconds for step in self.steps.values()))

    def document(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "date": self.date.isoformat(),
            "run_id": self.run_id,
            "success": self.success,
            "seconds": round(self.seconds, 3),
            "seconds_outside_steps": round(self.outside_steps, 3),
            "steps": [vars(step) for step in self.steps.values()],
            "checks_passed": self.checks_passed,
            "checks_failed": [{"check": name, "message": text} for name, text in self.failed_checks],
            "warnings": [{"check": name, "message": text} for name, text in self.warnings],
        }

    def print_summary(self, console: Console) -> None:
        """Say what took how long, what failed and why."""
        for step in self.steps.values():
            mark = {"done": "[green]✓[/]", "failed": "[red]✗[/]"}.get(step.status, "[yellow]–[/]")
            console.print(f" {mark} {step.name:<62} {step.seconds:7.2f} s")
            if step.message:
                console.print(f"     {step.message}", markup=False, style="red")
        for name, text in self.warnings:
            console.print(f" [yellow]![/] {name}: ", end="")
            console.print(text, markup=False)
        for name, text in self.failed_checks:
            console.print(f" [red]✗[/] check {name}: ", end="")
            console.print(text, markup=False)
        word = "[bold green]passed[/]" if self.success else "[bold red]failed[/]"
        console.print(
            f"{self.date} {word} in {self.seconds:.1f} s: {sum(s.status == 'done' for s in self.steps.values())} of "
            f"{len(self.steps)} steps, {self.checks_passed} checks passed, {len(self.failed_checks)} failed; "
            f"{self.outside_steps:.1f} s ({self.outside_steps / max(self.seconds, 1e-9):.0%}) between the steps"
        )


class _Listener:
    """Turns Dagster's events into progress and an outcome."""

    def __init__(self, outcome: Outcome, progress: Progress, total: int) -> None:
        self.outcome, self.progress, self.total = outcome, progress, total
        self.task = progress.add_task("starting", total=total)
        self.started: dict[str, float] = {}
        # A bar needs a terminal; a log gets a line a step, as it ends.
        self.lines = not (progress.disable or progress.console.is_terminal)

    def __call__(self, entry: EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None:
            return
        key = event.step_key or ""
        if event.event_type is DagsterEventType.STEP_START:
            self.started[key] = entry.timestamp
            self.progress.update(self.task, description=_readable(key))
        elif event.event_type is DagsterEventType.STEP_SUCCESS:
            self._finish(key, "done", event.step_success_data.duration_ms / 1000.0)
        elif event.event_type is DagsterEventType.STEP_FAILURE:
            seconds = entry.timestamp - self.started.get(key, entry.timestamp)
            self._finish(key, "failed", seconds, _root_cause(event.step_failure_data.error))
        elif event.event_type is DagsterEventType.ASSET_CHECK_EVALUATION:
            self._judge(event.asset_check_evaluation_data)

    def _finish(self, key: str, status: str, seconds: float, message: str = "") -> None:
        self.progress.advance(self.task)
        name = _readable(key)
        self.outcome.steps[name] = StepLine(name, seconds, status, message)
        if self.lines:
            done = f"[{len(self.outcome.steps)}/{self.total}] {name} {status} in {seconds:.1f} s"
            self.progress.console.print(done, markup=False, highlight=False)

    def _judge(self, evaluation: Any) -> None:
        name = f"{evaluation.asset_key.to_user_string()}:{evaluation.check_name}"
        text = evaluation.description or ""
        if not evaluation.passed:
            # A check that blocks nothing is for a person to look at; it does not fail the run.
            blocks = evaluation.severity is dg.AssetCheckSeverity.ERROR
            (self.outcome.failed_checks if blocks else self.outcome.warnings).append((name, text))
            return
        self.outcome.checks_passed += 1
        flag = evaluation.metadata.get("warning")
        if flag is not None and flag.value:
            self.outcome.warnings.append((name, text))


def _readable(step_key: str) -> str:
    return step_key.replace("__", "/")


def _root_cause(error: Any) -> str:
    """Message of the first error in a chain: what really went wrong.

    An error of a worker process carries its printed traceback as cause; what happened is the error.
    """
    while error is not None and error.cause is not None and error.cause.cls_name != "_RemoteTraceback":
        error = error.cause
    return "" if error is None else str(error.message).strip()


_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""The terminal is the progress bar's; the event log keeps everything."""


def execute(
    settings: Settings, project: Project, selection: list[dg.AssetKey], date: dt.date, *, quiet: bool = False
) -> Outcome:
    """Materialise assets and their checks for one date in this process.

    Parameters
    ----------
    settings : Settings
        Home and market.
    project : Project
        Configuration.
    selection : list of AssetKey
        Assets to materialise.
    date : datetime.date
        Partition.
    quiet : bool
        Show no progress.

    Returns
    -------
    Outcome
        Success only if every step ran and every blocking check passed.
    """
    with without_collection():
        from quant_assets.build import build_definitions

        job = build_definitions(settings, project).resolve_implicit_global_asset_job_def()
    outcome = Outcome(date, str(uuid.uuid4()))
    columns = (TextColumn("{task.description:<56}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    started = time.perf_counter()
    with DagsterInstance.get() as instance, Progress(*columns, console=err, transient=True, disable=quiet) as progress:
        _release_dead_runs(instance)
        listener = _Listener(outcome, progress, total=_step_count(job, selection))
        instance.add_event_listener(outcome.run_id, listener)
        result = job.execute_in_process(
            instance=instance,
            run_id=outcome.run_id,
            partition_key=date.isoformat(),
            asset_selection=selection,
            raise_on_error=False,
            run_config=_QUIET,
            tags={"quant/date": date.isoformat(), PID_TAG: str(os.getpid())},
        )
    outcome.success = result.success and not outcome.failed_checks
    outcome.seconds = time.perf_counter() - started
    return outcome


def _release_dead_runs(instance: DagsterInstance) -> None:
    """Fail runs whose process is gone, and free the pool slots of ended ones: the daemon may not run, or be late."""
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
        if worker_is_gone(instance, run):
            instance.report_run_failed(run, "its process ended without a word")
    storage = instance.event_log_storage
    pools = [storage.get_concurrency_info(key) for key in storage.get_concurrency_keys()]
    holders = [pool.active_run_ids | pool.assigned_run_ids | pool.pending_run_ids for pool in pools]
    for run_id in sorted(set().union(*holders)):
        holder = instance.get_run_by_id(run_id)
        if holder is None or holder.is_finished:
            storage.free_concurrency_slots_for_run(run_id)


def _step_count(job: dg.JobDefinition, selection: list[dg.AssetKey]) -> int:
    chosen = set(selection)
    return len(chosen) + sum(key.asset_key in chosen for key in job.asset_layer.asset_graph.asset_check_keys)


__all__ = ["Outcome", "QuantError", "StepLine", "execute"]
