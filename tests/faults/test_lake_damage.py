"""Damage is found before DuckDB sees a byte, and the message says what, where and how to repair it."""

import datetime as dt
import random
import shutil
from unittest import mock

import numpy as np
import pandas as pd
import pytest

from quant_lib.contracts import Column, Ownership, TableSpec
from quant_resources.lakehouse import DamagedFileError, Lake, _scan

FACTS = TableSpec(
    "facts", "Shared rows.", "", Ownership.SHARED, ("date", "symbol"),
    (Column("date", "date", "day"), Column("symbol", "string", "symbol"), Column("value", "float64", "value")),
)  # fmt: skip
CHOICES = TableSpec(
    "choices", "Decision rows.", "", Ownership.DECISION, ("profile", "date", "symbol"),
    (
        Column("profile", "string", "sleeve"),
        Column("date", "date", "day"),
        Column("symbol", "string", "symbol"),
        Column("weight", "float64", "weight"),
    ),
)  # fmt: skip
DAY, NEXT = dt.date(2022, 6, 30), dt.date(2022, 7, 1)


def facts(days, value=1.0, n=200):
    frame = pd.DataFrame(
        [(pd.Timestamp(day), f"X:S{i:03d}", value + i) for day in days for i in range(n)],
        columns=["date", "symbol", "value"],
    )
    return frame.astype(FACTS.pandas_types())


def choices(profile, day, n=20):
    rows = [(profile, pd.Timestamp(day), f"X:S{i}", float(i)) for i in range(n)]
    return pd.DataFrame(rows, columns=list(CHOICES.column_names)).astype(CHOICES.pandas_types())


@pytest.fixture
def root(tmp_path):
    """Two months of facts in two versions, two decisions."""
    lake = Lake(tmp_path / "lake", [FACTS, CHOICES])
    lake.replace_dates(FACTS, facts([DAY, NEXT]), dates=[DAY, NEXT])
    lake.replace(FACTS, facts([NEXT], value=5.0), date=NEXT)
    for day in (DAY, NEXT):
        lake.replace(CHOICES, choices("p", day), date=day, profile="p")
    return lake.root


def fresh(root):
    return Lake(root, [FACTS, CHOICES])


def file_of(root, table, version=None, **cell):
    """Path of the newest file of a month or decision."""
    snapshot = fresh(root)._logs[table].snapshot(version)
    key = (cell["month"], "") if "month" in cell else (cell["profile"], cell["date"].isoformat())
    return root / table / snapshot.cells[key].path


def flip(path, rng):
    data = bytearray(path.read_bytes())
    position = rng.randrange(len(data))
    data[position] ^= 1 << rng.randrange(8)
    path.write_bytes(data)
    return position


def flips_are_found(root, path, count, seed, use):
    """Flip one bit at a time; every use must refuse before DuckDB is asked."""
    rng, sound = random.Random(seed), path.read_bytes()
    with mock.patch.object(_scan, "scan", side_effect=AssertionError("DuckDB was asked")):
        for _ in range(count):
            position = flip(path, rng)
            with pytest.raises(DamagedFileError) as found:
                use(fresh(root))
            assert path.name in str(found.value), position
            path.write_bytes(sound)
    fresh(root).read("facts")


USES = {
    "read": lambda lake: lake.read("facts"),
    "pin": lambda lake: lake.pin(),
    "query": lambda lake: lake.query("select sum(value) from facts"),
    "add": lambda lake: lake.add_missing(FACTS, facts([dt.date(2022, 7, 2)])),
    "replace": lambda lake: lake.replace(FACTS, facts([dt.date(2022, 7, 2)]), date=dt.date(2022, 7, 2)),
}


@pytest.mark.parametrize("use", USES)
def test_a_flipped_bit_of_data_is_found_by_every_use(root, use):
    flips_are_found(root, file_of(root, "facts", month="2022-07"), 25, 1, USES[use])


def test_a_flipped_bit_of_the_newest_log_entry_is_found(root):
    flips_are_found(root, root / "facts/_delta_log" / f"{1:020d}.json", 100, 2, USES["read"])


@pytest.mark.slow
def test_a_thousand_flipped_bits_of_data_and_log(root):
    flips_are_found(root, file_of(root, "facts", month="2022-07"), 600, 3, USES["read"])
    flips_are_found(root, root / "facts/_delta_log" / f"{1:020d}.json", 400, 4, USES["read"])


def test_a_flipped_bit_of_an_older_log_entry_is_found_by_verify(root):
    path = root / "facts/_delta_log" / f"{0:020d}.json"
    rng, sound = random.Random(5), path.read_bytes()
    for _ in range(40):
        flip(path, rng)
        found = fresh(root).verify()
        assert found
        assert path.name in found[0].file
        path.write_bytes(sound)
    assert fresh(root).verify() == []


def test_a_log_entry_of_another_table_or_time_is_found(root):
    log = root / "facts/_delta_log"
    keep = tuple((log / f"{v:020d}.json").read_bytes() for v in (0, 1))
    (log / f"{1:020d}.json").write_bytes(keep[0])
    with pytest.raises(DamagedFileError, match="is version 0"):
        fresh(root).read("facts")
    (log / f"{1:020d}.json").write_bytes(keep[1])
    other = Lake(root.parent / "other", [FACTS])  # an honest history of the same table, elsewhere
    other.replace(FACTS, facts([DAY], value=9.0), date=DAY)
    (log / f"{0:020d}.json").write_bytes((other.root / "facts/_delta_log" / f"{0:020d}.json").read_bytes())
    with pytest.raises(DamagedFileError, match="does not lead to the file list that was committed"):
        fresh(root).read("facts")
    assert any("its successor was built on" in damage.problem for damage in fresh(root).verify())


def test_a_missing_log_entry_in_the_middle_is_found(root):
    (root / "facts/_delta_log" / f"{0:020d}.json").unlink()
    with pytest.raises(DamagedFileError, match=r"0000\.json is gone"):
        fresh(root).read("facts")


def swap(path):
    other = next(p for p in path.parent.parent.glob("month=2022-06/*.parquet"))
    path.write_bytes(other.read_bytes())


HARMS = {
    "is gone": lambda path: path.unlink(),
    "is empty": lambda path: path.write_bytes(b""),
    "was cut to": lambda path: path.write_bytes(path.read_bytes()[:-7]),
    "grew to": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "ends in zeros": lambda path: path.write_bytes(path.read_bytes()[:-100] + bytes(100)),
    "holds the bytes of month=2022-06": swap,
    "holds other bytes": lambda path: path.write_bytes(bytes(reversed(path.read_bytes()))),
}


@pytest.mark.parametrize("message", HARMS)
def test_each_kind_of_damage_has_its_own_message(root, message):
    path = file_of(root, "facts", month="2022-07")
    same_size = fresh(root)
    if message.startswith("holds the bytes"):  # a swap only goes unnoticed by size where sizes agree
        same_size.replace(FACTS, facts([DAY], value=5.0), date=DAY)
        path = file_of(root, "facts", month="2022-07")
        other = file_of(root, "facts", month="2022-06")
        assert path.stat().st_size == other.stat().st_size
        path.write_bytes(other.read_bytes())
    else:
        HARMS[message](path)
    lake = fresh(root)
    with pytest.raises(DamagedFileError, match=message) as found:
        lake.pin()
    text = str(found.value)
    assert "table facts, month=2022-07" in text
    assert path.name in text
    assert "quant backfill data --from 2022-07-01 --to 2022-07-31" in text
    assert [damage.problem for damage in lake.verify()] == [found.value.damages[0].problem]
    assert lake.read("facts", until=DAY).shape[0] == 200, "sound months stay readable"


def test_damage_after_the_first_read_is_found_by_the_next(root):
    lake = fresh(root)
    lake.read("facts")
    path = file_of(root, "facts", month="2022-07")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedFileError, match="was cut"):
        lake.read("facts")


def test_a_damaged_decision_names_its_command_and_running_it_heals(root):
    path = file_of(root, "choices", profile="p", date=DAY)
    sound = path.read_bytes()
    flip(path, random.Random(1))
    lake = fresh(root)
    with pytest.raises(DamagedFileError) as found:
        lake.decision("choices", "p", DAY)
    assert found.value.fix == "`quant run alpha --profile p --date 2022-06-30`"
    assert len(lake.decision("choices", "p", NEXT)) == 20
    version = lake.version("choices")
    receipt = lake.replace(CHOICES, choices("p", DAY), date=DAY, profile="p")
    assert (receipt.changed, lake.version("choices")) == (False, version)
    assert path.read_bytes() == sound
    assert len(lake.decision("choices", "p", DAY)) == 20


def test_writing_a_whole_month_heals_it(root):
    flip(file_of(root, "facts", month="2022-07"), random.Random(1))
    lake = fresh(root)
    days = [dt.date(2022, 7, d) for d in range(1, 32)]
    lake.replace_dates(FACTS, facts(days), dates=days)
    assert len(lake.read("facts", since=NEXT)) == 31 * 200


def test_set_aside_makes_the_rest_writable_and_keeps_the_bytes(root):
    path = file_of(root, "facts", month="2022-07")
    flip(path, random.Random(1))
    broken = path.read_bytes()
    lake = fresh(root)
    (receipt,) = lake.set_aside(lake.verify())
    assert (receipt.changed, receipt.rows_removed) == (True, 200)
    assert (root / "facts/.damaged" / path.name).read_bytes() == broken
    assert lake.read("facts", since=NEXT).empty
    lake.add_missing(FACTS, facts([NEXT], value=7.0))
    assert lake.read("facts", since=NEXT)["value"].iloc[0] == 7.0
    with pytest.raises(DamagedFileError, match="is gone"):
        lake.read("facts", version=1)
    assert lake.set_aside(lake.verify()) == []


def test_a_damaged_checkpoint_never_changes_an_answer(tmp_path):
    lake = Lake(tmp_path / "lake", [CHOICES])
    with mock.patch("os.fsync"), mock.patch("quant_resources.lakehouse._log.CHECKPOINT_EVERY", 8):
        for k in range(20):
            day = DAY + dt.timedelta(days=k)
            lake.replace(CHOICES, choices("p", day, n=1), date=day, profile="p")
    expected = lake.dates("choices")
    (path,) = (lake.root / "choices/_delta_log").glob(f"{15:020d}.checkpoint.parquet")
    sound, rng = path.read_bytes(), np.random.default_rng(1)
    for position in rng.integers(0, len(sound), 30):
        broken = bytearray(sound)
        broken[position] ^= 1 << int(rng.integers(0, 8))
        path.write_bytes(broken)
        assert Lake(lake.root, [CHOICES]).dates("choices") == expected
    path.unlink()
    assert Lake(lake.root, [CHOICES]).dates("choices") == expected


def test_a_moved_lake_is_verified_and_read_at_its_new_place(root, tmp_path):
    moved = tmp_path / "elsewhere"
    shutil.copytree(root, moved)
    pd.testing.assert_frame_equal(fresh(moved).read("facts"), fresh(root).read("facts"))
    assert fresh(moved).verify() == []
