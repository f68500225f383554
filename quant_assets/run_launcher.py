"""Dagster's default run launcher, which also notices workers that died without a word.

The default one cannot be asked whether a worker lives: a run whose process was killed together with the code server
(a reboot, an out-of-memory kill), or that the command line had started, would stay "started" for ever and keep its
pool slots. Run monitoring asks this one every half minute.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dagster import DagsterEventType, DagsterInstance, DefaultRunLauncher
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus

if TYPE_CHECKING:
    from dagster import DagsterRun

PID_TAG = "quant/pid"
_CLOCK_SLACK_S = 60.0
"""A worker began before its run was marked as started; more than this after it, the process is another one."""


def process_began(pid: int) -> float | None:
    """Return when a living process began (Unix seconds), or None where it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        booted = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime"))
    except OSError:
        return None
    if fields[0] in "ZX":
        return None
    return float(booted.split()[1]) + int(fields[19]) / os.sysconf("SC_CLK_TCK")


def worker_pid(instance: DagsterInstance, run: DagsterRun) -> int | None:
    """Process that executes a run: of the command line by its tag, of a code server by what its worker reported."""
    tag = run.tags.get(PID_TAG, "")
    if tag.isdigit():
        return int(tag)
    for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT):
        event = entry.dagster_event
        told = None if event is None else event.engine_event_data.metadata.get("pid")
        if told is not None and str(told.value).isdigit():
            return int(str(told.value))
    return None


def worker_is_gone(instance: DagsterInstance, run: DagsterRun) -> bool:
    """Whether the process of a started run no longer exists; False where nothing tells which process it was."""
    pid = worker_pid(instance, run)
    if pid is None:
        return False
    began = process_began(pid)
    record = instance.get_run_record_by_id(run.run_id)
    started = None if record is None else record.start_time
    return began is None or (started is not None and began > started + _CLOCK_SLACK_S)


class LocalRunLauncher(DefaultRunLauncher):
    """Launches runs as the default launcher does; tells the monitoring daemon whether their workers live."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Yes."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Look the worker's process up on this machine."""
        if worker_is_gone(self._instance, run):
            return CheckRunHealthResult(WorkerStatus.FAILED, "its process ended without a word")
        return CheckRunHealthResult(WorkerStatus.RUNNING)
