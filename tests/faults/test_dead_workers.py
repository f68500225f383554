"""N32: the worker is killed, the command line is killed, the machine is rebooted: the run is failed within two minutes.

One home, one market that answers slowly, `quant up` with its daemon.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import dagster as dg
import pytest

from quant_assets.run_launcher import process_began, worker_pid
from quant_resources.lakehouse import Lake
from quant_resources.market import Faults, MarketServer, SyntheticSource, parse_clock

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
DAY = "2022-06-30"
LIMIT = 120.0
"""Seconds in which a dead run must be marked as failed."""

LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  }
}
"""


class Desk:
    """`quant` in a home of its own, and Dagster's view of it."""

    def __init__(self, home, market):
        self.home, self.lake = home, Lake(home / "lakehouse")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("QUANT_", "DAGSTER_"))}
        self.env |= {
            "QUANT_HOME": str(home),
            "QUANT_MARKET_URL": market.url,
            "QUANT_PLATFORM__HISTORY_START": "2020-01-01",
            "QUANT_PLATFORM__START_DATE": "2021-06-01",
            "QUANT_PLATFORM__INGESTION__CHECKPOINT_BARS": "12000",
            "QUANT_PLATFORM__INGESTION__CONCURRENCY": "2",
        }
        self.children = []

    def quant(self, *arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "quant_assets.cli", *arguments], cwd=ROOT, env=self.env, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.children.append(process)
        return process

    def finish(self, *arguments, seconds=400):
        process = self.quant(*arguments)
        output, _ = process.communicate(timeout=seconds)
        return process.returncode, output

    def up(self):
        code, output = self.finish("up", "--port", str(self.port))
        assert code == 0, output

    def services(self):
        return json.loads((self.home / "up.json").read_text())

    def launch(self, job):
        """Launch a run of a date as the page does; return its id."""
        selector = {"repositoryLocationName": "quant_assets", "repositoryName": "__repository__", "jobName": job}
        params = {
            "selector": selector,
            "mode": "default",
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": DAY}]},
        }
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            json.dumps({"query": LAUNCH, "variables": {"params": params}}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            made = json.load(answer)["data"]["launchPipelineExecution"]
        assert made["__typename"] == "LaunchRunSuccess", made
        return made["run"]["runId"]

    def instance(self):
        return dg.DagsterInstance.from_config(str(self.home / "dagster"))

    def until(self, true, seconds, what):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = true()
            if found:
                return found
            time.sleep(0.25)
        raise AssertionError(f"{what}: not within {seconds:g} s")

    def until_half_ingested(self):
        """Wait until some parts of the worklist are committed and some are not."""

        def half():
            if not self.lake.exists("ohlcv_fetches"):
                return False
            statuses = self.lake.read("ohlcv_fetches")["status"]
            return statuses.eq("fetched").any() and statuses.eq("pending").any()

        self.until(half, 240, "half of the bars")

    def until_failed(self, run_id):
        """Wait for the run to be marked as failed; return after how many seconds."""
        began = time.monotonic()
        with self.instance() as instance:
            self.until(
                lambda: instance.get_run_by_id(run_id).status is dg.DagsterRunStatus.FAILURE, LIMIT, "marked as failed"
            )
        return time.monotonic() - began

    def until_started(self, run_id):
        with self.instance() as instance:
            self.until(
                lambda: instance.get_run_by_id(run_id).status is dg.DagsterRunStatus.STARTED, 120, "the run's start"
            )

    def worker(self, run_id):
        with self.instance() as instance:
            run = instance.get_run_by_id(run_id)
            return self.until(lambda: worker_pid(instance, run), 120, "the worker's process")

    def newest_run(self):
        with self.instance() as instance:
            return instance.get_runs(limit=1)[0].run_id

    def close(self):
        self.finish("down")
        for process in self.children:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


@pytest.fixture
def desk(tmp_path):
    with MarketServer(SyntheticSource(), parse_clock(DAY), Faults(latency=0.1)) as market:
        made = Desk(tmp_path / "home", market)
        yield made
        made.close()


def test_dead_runs_are_noticed_and_the_next_one_goes_on(desk, capsys):
    seconds = {}
    desk.up()
    run = desk.launch("data")
    desk.until_half_ingested()
    os.kill(desk.worker(run), signal.SIGKILL)
    seconds["worker killed"] = desk.until_failed(run)
    kept = desk.lake.read("ohlcv")
    assert desk.lake.verify() == []
    assert not kept.duplicated(["symbol", "date"]).any()

    cli = desk.quant("run", "data", "--date", DAY)
    desk.until(lambda: desk.newest_run() != run, 120, "a run of the command line")
    second = desk.newest_run()
    desk.until(lambda: len(desk.lake.read("ohlcv")) > len(kept), 500, "more bars")
    os.killpg(cli.pid, signal.SIGKILL)
    seconds["command line killed"] = desk.until_failed(second)

    third = desk.launch("data")
    pid = desk.worker(third)
    desk.until_started(third)
    assert process_began(pid) is not None
    services = desk.services()
    for entry in services.values():  # a reboot: everything at once
        os.killpg(int(entry["pid"]), signal.SIGKILL)
    desk.until(lambda: process_began(pid) is None, 30, "a dead worker")
    desk.up()
    seconds["rebooted"] = desk.until_failed(third)

    before = desk.lake.read("ohlcv")
    code, output = desk.finish("run", "data", "--date", DAY)
    assert code == 0, output
    bars = desk.lake.read("ohlcv")
    key = ["symbol", "date"]
    assert bars.set_index(key).loc[before.set_index(key).index].equals(before.set_index(key))
    assert not bars.duplicated(key).any()
    assert desk.lake.read("ohlcv_fetches")["status"].isin(["fetched", "already_current"]).all()
    assert desk.lake.verify() == []
    with capsys.disabled():
        sys.stdout.write(f"\nmarked as failed after seconds: {seconds}\n")
