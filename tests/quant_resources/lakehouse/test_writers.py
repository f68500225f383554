"""Writers that race and writers that die: nothing acknowledged is lost, nothing is torn."""

import json
import random
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from quant_resources.lakehouse import Lake

WRITER = textwrap.dedent(
    """
    import datetime as dt, json, sys
    import numpy as np, pandas as pd
    from quant_lib.contracts import Column, Ownership, TableSpec
    from quant_resources.lakehouse import Lake
    SPEC = TableSpec("facts", "rows", "", Ownership.SHARED, ("date", "symbol"), (
        Column("date", "date", "day"), Column("symbol", "string", "symbol"),
        Column("value", "float64", "value", nullable=True), Column("stamp", "timestamp", "instant")))
    root, name, n, rows = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    lake = Lake(root, [SPEC])
    day = pd.Timestamp("2022-01-05")
    print("ready", flush=True)
    for k in range(n):
        frame = pd.DataFrame({"date": day, "symbol": [f"X:{name}_{k}_{i}" for i in range(rows)], "value": float(k),
                              "stamp": pd.Timestamp("2022-01-06", tz="UTC")}).astype(SPEC.pandas_types())
        lake.add_missing(SPEC, frame)
        print(json.dumps(k), flush=True)
    """
)


def start(root, name, n, rows):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root), name, str(n), str(rows)], stdout=subprocess.PIPE, text=True
    )


def race(root, kit, writers, commits):
    """All writers add cells of one partition at once; every acknowledged row must be there, once."""
    processes = [start(root, f"W{w}", commits, 1) for w in range(writers)]
    acknowledged = set()
    for w, process in enumerate(processes):
        out, _ = process.communicate(timeout=300)
        assert process.returncode == 0
        acknowledged |= {f"X:W{w}_{json.loads(line)}_0" for line in out.splitlines()[1:]}
    stored = Lake(root, [kit.FACTS]).read("facts")["symbol"]
    assert len(acknowledged) == writers * commits
    assert stored.is_unique
    assert set(stored) == acknowledged


def test_two_processes_adding_to_one_partition_lose_nothing(tmp_path, kit):
    race(tmp_path / "lake", kit, writers=3, commits=12)


@pytest.mark.slow
def test_eight_processes_two_hundred_commits_each(tmp_path, kit):
    race(tmp_path / "lake", kit, writers=8, commits=200)


def kill_and_check(root, kit, kills, seed):
    """Kill writers at random moments; every read is one whole version holding all that was acknowledged."""
    rng = random.Random(seed)
    acknowledged: dict[int, int] = {}
    for round_ in range(kills):
        process = start(root, f"K{round_}", 1000, 400)
        assert process.stdout.readline().strip() == "ready"
        deadline = time.monotonic() + rng.uniform(0.0, 0.12)
        done = -1
        while time.monotonic() < deadline:
            line = process.stdout.readline()
            done = json.loads(line)
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate()
        acknowledged[round_] = max([done, *(json.loads(x) for x in rest.splitlines() if x.strip().isdigit())])
        lake = Lake(root, [kit.FACTS])
        if not lake.exists("facts"):
            assert acknowledged[round_] == -1
            continue
        got = lake.read("facts")
        batches = got["symbol"].str.extract(r"X:K(\d+)_(\d+)_")
        sizes = got.groupby([batches[0], batches[1]]).size()
        assert (sizes == 400).all(), "a torn batch"
        for r, k in acknowledged.items():
            present = {int(b) for (a, b) in sizes.index if int(a) == r}
            assert set(range(k + 1)) <= present, "an acknowledged batch is gone"
    assert lake.verify() == []
    lake.sweep(older_than=0.0)
    assert not list(root.glob("*/*/.tmp-*"))
    assert len(Lake(root, [kit.FACTS]).read("facts")) == len(got)


def test_kill_nine_while_publishing(tmp_path, kit):
    kill_and_check(tmp_path / "lake", kit, kills=4, seed=11)


@pytest.mark.slow
def test_kill_nine_a_hundred_times(tmp_path, kit):
    kill_and_check(tmp_path / "lake", kit, kills=100, seed=7)
