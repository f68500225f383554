"""`kill -9` in the middle of ingestion of a real `quant run data`: the next run goes on, waits for nothing, tears nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from quant_resources.lakehouse import Lake

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
DAY = "2022-06-30"
CHECKPOINT = 60_000


@pytest.fixture
def quant(tmp_path):
    """Start `quant` in a home of its own, on the embedded market."""
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("QUANT_")},
        "QUANT_HOME": str(tmp_path / "home"),
        "QUANT_MARKET_AS_OF": DAY,
        "QUANT_PLATFORM__HISTORY_START": "2020-01-01",
        "QUANT_PLATFORM__START_DATE": "2021-06-01",
        "QUANT_PLATFORM__INGESTION__CHECKPOINT_BARS": str(CHECKPOINT),
    }
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "quant_assets.cli", *arguments], cwd=ROOT, env=env, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield start, tmp_path / "home" / "lakehouse"
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for_a_part(lake, process):
    """Return once some parts of the worklist are committed and some are not."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stdout.read()
        if lake.exists("ohlcv_fetches"):
            statuses = lake.read("ohlcv_fetches")["status"]
            if statuses.eq("fetched").any() and statuses.eq("pending").any():
                return
        time.sleep(0.05)
    raise AssertionError("ingestion never got half-way")


def test_the_next_run_goes_on_where_the_killed_one_was(quant):
    start, lakehouse = quant
    lake = Lake(lakehouse)
    first = start("run", "data", "--date", DAY)
    wait_for_a_part(lake, first)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    kept = lake.read("ohlcv")
    done = set(kept["symbol"])
    assert not kept.duplicated(["symbol", "date"]).any()
    assert lake.verify() == []
    second = start("run", "data", "--date", DAY)
    output, _ = second.communicate(timeout=400)
    assert second.returncode == 0, output
    fetches = lake.read("ohlcv_fetches").set_index("symbol")
    assert fetches["status"].isin(["fetched", "already_current"]).all()
    bars = lake.read("ohlcv")
    assert not bars.duplicated(["symbol", "date"]).any()
    before = kept.set_index(["symbol", "date"])
    after = bars.set_index(["symbol", "date"]).loc[before.index]
    assert after.equals(before)  # nothing that was committed was asked for or written again
    assert done < set(bars["symbol"])
    assert lake.verify() == []
