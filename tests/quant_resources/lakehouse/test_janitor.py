"""The janitor: removes what nobody names, never what somebody does."""

import datetime as dt
import os
import threading

import pytest

from quant_resources.lakehouse import Lake, _write
from quant_resources.lakehouse._lock import sweeping, writing

DAY = dt.date(2022, 1, 31)


@pytest.fixture
def littered(lake, kit):
    """Three versions, of which two files are only named by old ones, and the leftovers of killed writers."""
    for weight in (0.1, 0.2, 0.3):
        lake.replace(kit.CHOICES, kit.choices("p", DAY, {"X:A": weight}), date=DAY, profile="p")
    folder = lake.root / "choices/profile=p"
    stray = folder / f"2022-01-31-{'a' * 64}-{'b' * 64}.parquet"
    stray.write_bytes(b"never committed")
    (folder / ".tmp-half").write_bytes(b"half")
    (lake.root / "choices/_delta_log/.tmp-entry").write_bytes(b"entry")
    return lake


def test_strays_go_and_every_version_stays_readable(littered):
    removed = littered.sweep(older_than=0.0)
    assert sorted(path.name[:5] for path in removed) == [".tmp-", ".tmp-", "2022-"]
    assert [littered.read("choices", version=v)["weight"].item() for v in range(3)] == [0.1, 0.2, 0.3]
    assert littered.verify() == []
    assert littered.sweep(older_than=0.0) == []


def test_what_is_young_stays(littered):
    assert littered.sweep() == []
    for path in littered.root.rglob("*"):
        os.utime(path, (0, 0))
    assert len(littered.sweep()) == 3


def test_a_table_that_is_being_written_is_left_alone(littered):
    with writing(littered.root / "choices"):
        assert littered.sweep(older_than=0.0) == []
    with sweeping(littered.root / "choices") as alone:
        assert alone
    assert len(littered.sweep(older_than=0.0)) == 3


def test_a_file_written_and_not_yet_committed_survives_a_sweep(lake, kit, monkeypatch):
    """The janitor runs while a writer stands between its file and its commit."""
    planned, real = threading.Event(), _write.Planner.plan
    swept = []

    def plan(self, base):
        plans = real(self, base)
        planned.set()
        other = Lake(lake.root, [kit.FACTS, kit.CHOICES])
        thread = threading.Thread(target=lambda: swept.extend(other.sweep(older_than=0.0)))
        thread.start()
        thread.join()
        return plans

    monkeypatch.setattr(_write.Planner, "plan", plan)
    lake.replace(kit.CHOICES, kit.choices("p", DAY, {"X:A": 0.1}), date=DAY, profile="p")
    assert planned.is_set()
    assert swept == []
    assert len(lake.read("choices")) == 1


def test_a_damaged_log_stops_the_janitor(littered):
    from quant_resources.lakehouse import DamagedFileError

    path = littered.root / "choices/_delta_log" / f"{1:020d}.json"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(DamagedFileError):
        Lake(littered.root, [littered.spec("choices")]).sweep(older_than=0.0)
    assert len(list(littered.root.glob("choices/profile=p/*.parquet"))) == 4
