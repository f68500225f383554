"""kill -9 at any time: what was acknowledged stays, what is read is one whole version."""

import random
import time

import pytest

from quant_resources.lakehouse import TableMissingError

ROWS = 300


def check(lake, writers, root, name, k_min):
    """The partition is one whole version, at least as new as the last acknowledged one; returns its k."""
    try:
        got = lake.decision("choices", name, writers.kit.DAY)
    except TableMissingError:
        assert k_min < 0, "an acknowledged partition is gone"
        return -1
    assert len(got) == ROWS
    k = int(got["weight"].iloc[0])
    expected = writers.kit.rows_of(writers.kit.CHOICES, name, got["symbol"].tolist(), float(k))["weight"]
    assert (got["weight"] - expected).between(0, 0.5).all(), "rows of two versions"
    assert k >= k_min
    return k


def kill_writers(writers, root, kills, seed, longest):
    """Kill a writer of each kind again and again; check after every kill, sweep at the end."""
    rng = random.Random(seed)
    newest, first = -1, 0
    for number in range(kills):
        added = f"K{number}"
        pids = [
            writers.start("replace", root, "p", count=10_000, rows=ROWS, first=first),
            writers.start("add", root, added, count=10_000, rows=40),
        ]
        if number % 3:  # else it is killed while it opens the lake or makes the table
            writers.await_acks(root, "p", newest)
        time.sleep(rng.uniform(0.0, longest))
        for pid in rng.sample(pids, 2):
            writers.kill(pid)
        acknowledged = max((k for k, _, _ in writers.acks(root, "p")), default=-1)
        lake = writers.lake(root)
        newest = check(lake, writers, root, "p", max(newest, acknowledged))
        first = newest + 1
        acks = len(writers.acks(root, added))
        if lake.exists("facts"):
            symbols = lake.read("facts")["symbol"]
            batches = symbols.str.extract(r"X:(K\d+_\d+)_")[0].value_counts()
            assert (batches == 40).all(), "a torn batch"
            assert sum(batch.startswith(f"{added}_") for batch in batches.index) in (acks, acks + 1)
    assert newest >= kills // 3
    return lake


def no_strays(root, lake):
    lake.sweep(older_than=0.0)
    named = {root / name / file.path for name in lake.tables() for e in lake._logs[name].entries() for file in e.add}
    assert set(root.glob("*/*/*.parquet")) == named
    assert not list(root.glob("*/*/.tmp-*"))


def test_killed_writers_lose_and_tear_nothing(tmp_path, writers):
    root = tmp_path / "lake"
    lake = kill_writers(writers, root, kills=12, seed=11, longest=0.05)
    assert lake.verify() == []
    before = {name: lake.content_hash(name) for name in lake.tables()}
    no_strays(root, lake)
    assert {name: writers.lake(root).content_hash(name) for name in before} == before


@pytest.mark.slow
def test_a_thousand_kills(tmp_path, writers):
    for part in range(10):
        root = tmp_path / f"lake{part}"
        lake = kill_writers(writers, root, kills=50, seed=part, longest=0.1)
        assert lake.verify() == []
        no_strays(root, lake)


def test_killed_while_creating_the_table(tmp_path, writers):
    rng = random.Random(3)
    created = 0
    for number in range(12):
        root = tmp_path / f"lake{number}"
        pid = writers.start("replace", root, "p", count=1, rows=ROWS)
        time.sleep(rng.uniform(0.0, 0.06))
        writers.kill(pid)
        acknowledged = max((k for k, _, _ in writers.acks(root, "p")), default=-1)
        created += check(writers.lake(root), writers, root, "p", acknowledged) >= 0
        pid = writers.start("replace", root, "p", count=1, rows=ROWS, first=1)
        assert writers.wait(pid) == 0
        assert check(writers.lake(root), writers, root, "p", 1) == 1
