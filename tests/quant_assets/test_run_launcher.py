"""The monitoring daemon is told the truth about the workers of runs, whoever started them."""

import os
import subprocess
import sys
import time

import dagster as dg
import pytest
from dagster._core.events import EngineEventData
from dagster._core.launcher import WorkerStatus
from dagster._core.test_utils import create_run_for_test

from quant_assets.run_launcher import PID_TAG, LocalRunLauncher, process_began, worker_is_gone, worker_pid

STARTED = dg.DagsterRunStatus.STARTED


@pytest.fixture
def instance():
    with dg.DagsterInstance.local_temp(
        overrides={"run_launcher": {"module": "quant_assets.run_launcher", "class": "LocalRunLauncher"}}
    ) as made:
        yield made


@pytest.fixture
def dead_pid():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def health(instance, run):
    assert instance.run_launcher.supports_check_run_worker_health
    return instance.run_launcher.check_run_worker_health(run).status


def test_a_run_of_the_command_line_by_its_tag(instance, dead_pid):
    assert isinstance(instance.run_launcher, LocalRunLauncher)
    alive = create_run_for_test(instance, status=STARTED, tags={PID_TAG: str(os.getpid())})
    gone = create_run_for_test(instance, status=STARTED, tags={PID_TAG: str(dead_pid)})
    assert health(instance, alive) is WorkerStatus.RUNNING
    assert health(instance, gone) is WorkerStatus.FAILED


def test_a_run_of_a_code_server_by_what_its_worker_reported(instance, dead_pid):
    for pid, expected in ((os.getpid(), WorkerStatus.RUNNING), (dead_pid, WorkerStatus.FAILED)):
        run = create_run_for_test(instance, status=STARTED)
        instance.report_engine_event("Started process for run", run, EngineEventData.in_process(pid))
        assert worker_pid(instance, run) == pid
        assert health(instance, run) is expected


def test_a_run_of_which_nothing_is_known_is_left_alone(instance):
    run = create_run_for_test(instance, status=STARTED)
    assert worker_pid(instance, run) is None
    assert health(instance, run) is WorkerStatus.RUNNING


def test_another_process_under_the_same_number_is_not_the_worker(instance, monkeypatch):
    """After a reboot the number of a dead worker may be anybody's."""
    run = create_run_for_test(instance, tags={PID_TAG: str(os.getpid())})
    record = instance.get_run_record_by_id(run.run_id)
    for start_time, gone in ((process_began(os.getpid()) - 3_600, True), (process_began(os.getpid()) + 5, False)):
        monkeypatch.setattr(instance, "get_run_record_by_id", lambda _, at=start_time: record._replace(start_time=at))
        assert worker_is_gone(instance, run) is gone


def test_a_zombie_is_no_worker():
    process = subprocess.Popen([sys.executable, "-c", ""])
    try:
        for _ in range(500):
            if process_began(process.pid) is None:
                break
            time.sleep(0.01)
        assert process_began(process.pid) is None  # ended and not yet waited for
    finally:
        process.wait()


def test_the_instance_that_ships_uses_it(monkeypatch):
    import yaml

    from quant_assets.home import _instance_settings

    settings = yaml.safe_load(_instance_settings().read_text())
    assert settings["run_launcher"] == {"module": "quant_assets.run_launcher", "class": "LocalRunLauncher"}
    monitoring = settings["run_monitoring"]
    assert monitoring["enabled"]
    assert monitoring["start_timeout_seconds"] + monitoring["poll_interval_seconds"] <= 120


def test_a_new_run_frees_the_pool_slots_of_ended_runs_and_of_no_other(instance, dead_pid):
    from quant_assets.cli.execution import _release_dead_runs

    storage = instance.event_log_storage
    instance.event_log_storage.set_concurrency_slots("tradingview", 3)
    ended = create_run_for_test(instance, status=dg.DagsterRunStatus.FAILURE)
    gone = create_run_for_test(instance, status=STARTED, tags={PID_TAG: str(dead_pid)})
    alive = create_run_for_test(instance, status=STARTED, tags={PID_TAG: str(os.getpid())})
    for run in (ended, gone, alive):
        storage.claim_concurrency_slot("tradingview", run.run_id, "ohlcv")
    assert storage.get_concurrency_info("tradingview").active_run_ids == {ended.run_id, gone.run_id, alive.run_id}
    _release_dead_runs(instance)
    assert storage.get_concurrency_info("tradingview").active_run_ids == {alive.run_id}
    assert instance.get_run_by_id(gone.run_id).status is dg.DagsterRunStatus.FAILURE
    assert instance.get_run_by_id(alive.run_id).status is STARTED
