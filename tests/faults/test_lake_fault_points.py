"""Death at every step of a publish, chosen in turn; a model of power loss; a disk that refuses."""

import datetime as dt
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pandas as pd
import pytest

from quant_lib.contracts import Column, Ownership, TableSpec
from quant_resources.lakehouse import Lake, StorageError, TableMissingError

DAY = dt.date(2022, 1, 31)
FACTS = TableSpec(
    "facts", "Shared rows.", "", Ownership.SHARED, ("date", "symbol"),
    (Column("date", "date", "day"), Column("symbol", "string", "symbol"), Column("value", "float64", "value")),
)  # fmt: skip
STEPS = [
    (os, "fsync"), (os, "open"), (Path, "open"), (Path, "replace"), (Path, "hardlink_to"), (Path, "unlink"), (Path, "mkdir"),
]  # fmt: skip


class DeadError(BaseException):
    """The process is gone: nothing it would still do happens."""


@contextmanager
def dying_at(n):
    """Let ``n`` steps that touch the disk happen and no more; yields the count."""
    done = {"steps": 0}

    def guarded(real):
        def step(*args, **kwargs):
            if done["steps"] >= n:
                raise DeadError
            done["steps"] += 1
            return real(*args, **kwargs)

        return step

    patches = [mock.patch.object(owner, name, guarded(getattr(owner, name))) for owner, name in STEPS]
    for patch in patches:
        patch.start()
    try:
        yield done
    finally:
        for patch in patches:
            patch.stop()


def rows(value, days=(DAY, dt.date(2022, 2, 1))):
    frame = pd.DataFrame({"date": pd.to_datetime(list(days)), "symbol": "X:A", "value": float(value)})
    return frame.astype(FACTS.pandas_types())


def publish(root, value):
    """Replace one day in each of two months: two files, one commit."""
    days = [DAY, dt.date(2022, 2, 1)]
    Lake(root, [FACTS]).replace_dates(FACTS, rows(value, days), dates=days)


def values(root):
    try:
        return set(Lake(root, [FACTS]).read("facts")["value"])
    except TableMissingError:
        return set()


@pytest.mark.parametrize("base", [False, True], ids=["first version", "next version"])
def test_death_at_every_step_leaves_before_or_after(tmp_path, base, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # it is counted as a step, and costs nothing
    outcomes, n = [], 0
    while True:
        root = tmp_path / f"lake{n}"
        if base:
            publish(root, 1)
        before = values(root)
        with dying_at(n) as done:
            try:
                publish(root, 2)
            except DeadError:
                finished = False
            else:
                finished = True
        after = values(root)
        assert after in (before, {2.0}), f"step {n}"
        assert Lake(root, [FACTS]).verify() == []
        outcomes.append(after)
        publish(root, 2)
        assert values(root) == {2.0}
        lake = Lake(root, [FACTS])
        lake.sweep(older_than=0.0)
        assert values(root) == {2.0}
        assert len(list(root.glob("facts/month=*/*"))) == (4 if base else 2)
        if finished:
            break
        n += 1
    assert done["steps"] > 12
    assert outcomes[0] == before
    assert outcomes[-1] == {2.0}


def recorded(root, value):
    """Publish and return what was done to the disk, in order."""
    events = []
    real = {name: getattr(owner, name) for owner, name in STEPS}

    def fsync(descriptor):
        events.append(("sync", Path(f"/proc/self/fd/{descriptor}").readlink()))
        real["fsync"](descriptor)

    def replace(self, target):
        events.append(("name", Path(target), self.read_bytes(), self))
        return real["replace"](self, target)

    def link(self, target):
        events.append(("name", self, Path(target).read_bytes(), Path(target)))
        return real["hardlink_to"](self, target)

    with (
        mock.patch.object(os, "fsync", fsync),
        mock.patch.object(Path, "replace", replace),
        mock.patch.object(Path, "hardlink_to", link),
    ):
        publish(root, value)
    return events


def test_every_state_a_power_cut_may_leave_is_readable(tmp_path):
    """Bytes not synced may be lost, names in a folder not synced may be lost or kept, in any combination we try."""
    root = tmp_path / "lake"
    publish(root, 1)
    shutil.copytree(root, tmp_path / "base")
    events = recorded(root, 2)
    assert [event[0] for event in events].count("name") == 3
    for cut in range(len(events) + 1):
        synced, pending, durable = set(), {}, {}
        for event in events[:cut]:
            if event[0] == "name":
                _, target, data, source = event
                pending[target] = data if source in synced else b""
            else:
                synced.add(event[1])
                for target in [t for t in pending if t.parent == event[1]]:
                    durable[target] = pending.pop(target)
        logs = {t: d for t, d in pending.items() if t.suffix == ".json"}
        for kept in ({}, pending, logs):
            state = tmp_path / "state"
            shutil.copytree(tmp_path / "base", state)
            for target, data in {**durable, **kept}.items():
                (state / target.relative_to(root)).write_bytes(data)
            assert values(state) in ({1.0}, {2.0}), f"cut after {cut} steps"
            if cut == len(events):
                assert values(state) == {2.0}, "acknowledged and not durable"
            shutil.rmtree(state)


def test_a_full_disk_leaves_the_old_version_and_says_so(tmp_path, writers):
    root = tmp_path / "lake"
    assert writers.wait(writers.start("replace", root, "p", count=1, rows=5)) == 0
    big = {"count": 1, "rows": 50_000, "first": 1}
    assert writers.wait(writers.start("replace", root, "p", **big, file_limit=20_000)) != 0
    error = Path(f"{root}.p.error").read_text()
    assert "StorageError" in error
    assert "could not be written (File too large); the stored version is unchanged" in error
    assert writers.lake(root).version("choices") == 0
    assert len(writers.lake(root).decision("choices", "p", writers.kit.DAY)) == 5
    assert not list(root.glob("*/*/.tmp-*"))
    assert writers.wait(writers.start("replace", root, "p", **big)) == 0
    assert len(writers.lake(root).decision("choices", "p", writers.kit.DAY)) == 50_000


def test_a_log_that_cannot_be_written_is_a_storage_error(tmp_path):
    root = tmp_path / "lake"
    publish(root, 1)
    with (
        mock.patch.object(Path, "hardlink_to", side_effect=OSError(28, "No space left on device")),
        pytest.raises(StorageError, match=r"_delta_log/0+1\.json could not be written \(No space left on device\)"),
    ):
        publish(root, 2)
    assert values(root) == {1.0}
    publish(root, 2)
    assert values(root) == {2.0}
