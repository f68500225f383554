"""Commits: compare-and-swap, readable by any Delta reader, and the same whichever way a version is reached."""

import datetime as dt
import logging
import shutil
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import pandas as pd
import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, QueryBuilder, Schema
from deltalake.transaction import AddAction

from quant_lib.contracts import Column, Ownership, TableSpec
from quant_resources.lakehouse import Lake, SchemaChangedError, UnknownTableError, WriteConflictError
from quant_resources.lakehouse._log import CommitConflict, TableLog

DAY, NEXT = dt.date(2022, 1, 31), dt.date(2022, 2, 1)


@pytest.fixture
def log(lake, kit):
    lake.replace(kit.CHOICES, kit.choices("p", DAY, {"X:A": 0.4}), date=DAY, profile="p")
    return TableLog(lake.root, kit.CHOICES)


def test_a_commit_on_an_older_version_is_rejected_and_changes_nothing(lake, kit, log):
    stale = log.snapshot()
    lake.replace(kit.CHOICES, kit.choices("q", DAY, {"X:A": 0.4}), date=DAY, profile="q")
    with pytest.raises(CommitConflict):
        log.commit(stale, [], stale.files, {"operation": "replace"})
    assert lake.version("choices") == 1
    assert lake.row_count("choices") == 2


def test_a_second_creation_is_rejected(log):
    with pytest.raises(CommitConflict):
        log.commit(None, [], [], {"operation": "replace"})
    assert log.newest() == 0


def test_a_writer_that_loses_builds_again_on_the_winner(lake, kit, monkeypatch):
    """Another process adds the same cell, and one more, between plan and commit."""
    other, real = Lake(lake.root, [kit.FACTS, kit.CHOICES]), TableLog.commit
    lake.add_missing(kit.FACTS, kit.facts([DAY]))

    def overtaken(self, *args):
        monkeypatch.setattr(TableLog, "commit", real)
        other.add_missing(kit.FACTS, kit.facts([NEXT], symbols=["X:A"], value=-1.0))
        return real(self, *args)

    monkeypatch.setattr(TableLog, "commit", overtaken)
    receipt = lake.add_missing(kit.FACTS, kit.facts([NEXT], value=50.0))
    assert receipt.attempts == 2
    assert (receipt.rows, receipt.rows_added) == (2, 1)
    assert lake.read("facts", date=NEXT)["value"].tolist() == [-1.0, 51.0]


def test_a_writer_that_always_loses_says_so(lake, kit, log, monkeypatch):
    monkeypatch.setattr("quant_resources.lakehouse._commit.PATIENCE", 0.05)
    monkeypatch.setattr(TableLog, "commit", mock.Mock(side_effect=CommitConflict))
    with pytest.raises(WriteConflictError, match=r"other writers committed first \d+ times in a row, nothing was"):
        lake.replace(kit.CHOICES, kit.choices("p", DAY, {"X:A": 0.9}), date=DAY, profile="p")


def test_threads_of_one_lake_lose_nothing(lake, kit):
    def decide(k):
        profile = f"p{k % 5}"
        day = DAY + dt.timedelta(days=k // 5)
        return lake.replace(kit.CHOICES, kit.choices(profile, day, {f"X:{k}": 1.0}), date=day, profile=profile)

    with ThreadPoolExecutor(5) as pool:
        versions = sorted(receipt.version for receipt in pool.map(decide, range(20)))
    assert versions == list(range(20))
    assert set(lake.read("choices")["symbol"]) == {f"X:{k}" for k in range(20)}


def test_any_delta_reader_opens_the_tables(lake, kit, log):
    lake.replace_dates(kit.FACTS, kit.facts([DAY, NEXT]), dates=[DAY, NEXT])
    lake.replace(kit.FACTS, kit.facts([DAY], symbols=["X:C"]), date=DAY)
    table = DeltaTable(str(lake.root / "facts"))
    assert (table.version(), table.metadata().partition_columns) == (1, ["month"])
    assert [field.name for field in table.schema().fields] == [*kit.FACTS.column_names, "month"]
    query = "select month, count(*) as n, max(value) as top from facts group by month order by month"
    rows = pa.table(QueryBuilder().register("facts", table).execute(query).read_all()).to_pylist()
    assert rows == [{"month": "2022-01", "n": 1, "top": 1.0}, {"month": "2022-02", "n": 2, "top": 4.0}]
    choices = DeltaTable(str(log.root))
    pruned = choices.file_uris(file_pruning_predicate=[("profile", "=", "p")])
    assert len(pruned) == 1
    assert pa.table(choices.get_add_actions(flatten=True)).to_pylist()[0]["min.date"] == DAY
    assert len(table.history()) == 2


def test_a_foreign_commit_is_noticed(lake, kit, log):
    """A commit by other software is not used and not overwritten."""
    path = next(lake.root.glob("choices/profile=p/*.parquet"))
    copy = path.with_name("part-0.parquet")
    copy.write_bytes(path.read_bytes())
    add = AddAction(f"profile=p/{copy.name}", copy.stat().st_size, {"profile": "p"}, 0, True, '{"numRecords": 1}')
    schema = Schema.from_arrow(kit.CHOICES.arrow_schema())
    DeltaTable(str(log.root)).create_write_transaction(
        [add], "append", schema, ["profile"], commit_properties=CommitProperties(max_commit_retries=0)
    )
    with pytest.raises(Exception, match=r"0001\.json holds other bytes than were committed"):
        lake.read("choices")


def grow(lake, kit, n):
    for k in range(n):
        day = DAY + dt.timedelta(days=k % 7)
        lake.replace(kit.CHOICES, kit.choices("p", day, {"X:A": float(k)}), date=day, profile="p")


@pytest.fixture
def grown(lake, kit, monkeypatch):
    """24 versions, with checkpoints; commits cost no sync."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    monkeypatch.setattr("quant_resources.lakehouse._log.CHECKPOINT_EVERY", 10)
    grow(lake, kit, 24)
    return lake


def test_a_version_is_the_same_whichever_way_it_is_reached(grown, kit):
    warm = TableLog(grown.root, kit.CHOICES)
    for version in [3, 23, 9, 10, 19, 4, 22]:
        cold = TableLog(grown.root, kit.CHOICES)
        from_the_start = cold._from_the_start(cold.entry(version))
        assert warm.snapshot(version) == cold.snapshot(version) == from_the_start
        assert warm.snapshot(version).version == version
    names = {path.name for path in (grown.root / "choices/_delta_log").glob("*.checkpoint.parquet")}
    assert names == {f"{9:020d}.checkpoint.parquet", f"{19:020d}.checkpoint.parquet"}


def test_a_checkpoint_that_cannot_be_written_is_only_a_warning(lake, kit, monkeypatch, caplog):
    monkeypatch.setattr("quant_resources.lakehouse._log.CHECKPOINT_EVERY", 2)
    monkeypatch.setattr(DeltaTable, "create_checkpoint", mock.Mock(side_effect=OSError("no space")))
    with caplog.at_level(logging.WARNING):
        grow(lake, kit, 4)
    assert lake.version("choices") == 3
    assert "no checkpoint of version 1 was written: no space" in caplog.text


def test_history_tells_every_version(grown):
    history = grown.history("choices")
    assert history["version"].tolist() == list(range(24))
    assert history["rows"].tolist() == [1, 2, 3, 4, 5, 6, *[7] * 18]
    assert history["files_removed"].tolist() == [*[0] * 7, *[1] * 17]
    assert history["at"].is_monotonic_increasing
    assert history["at"].dt.tz is not None
    assert set(history["operation"]) == {"replace"}
    assert history["content_hash"].iloc[-1] == grown.content_hash("choices")
    assert history["content_hash"].is_unique


def test_a_table_deleted_and_made_again_is_read_afresh(lake, kit):
    lake.replace(kit.CHOICES, kit.choices("p", DAY, {"X:A": 0.4}), date=DAY, profile="p")
    assert lake.read("choices")["symbol"].tolist() == ["X:A"]
    shutil.rmtree(lake.root / "choices")
    assert not lake.exists("choices")
    lake.replace(kit.CHOICES, kit.choices("p", DAY, {"X:B": 0.4}), date=DAY, profile="p")
    assert lake.version("choices") == 0
    assert lake.read("choices")["symbol"].tolist() == ["X:B"]


def test_a_longer_history_put_in_a_tables_place_is_read_afresh(lake, kit, tmp_path):
    lake.replace(kit.CHOICES, kit.choices("p", DAY, {"X:A": 0.4}), date=DAY, profile="p")
    assert len(lake.read("choices")) == 1
    restored = Lake(tmp_path / "backup", [kit.CHOICES])
    for k in range(3):
        restored.replace(kit.CHOICES, kit.choices("q", DAY, {f"X:{k}": 1.0}), date=DAY, profile="q")
    shutil.rmtree(lake.root / "choices")
    shutil.copytree(restored.root / "choices", lake.root / "choices")
    assert lake.version("choices") == 2
    assert lake.read("choices")["symbol"].tolist() == ["X:2"]


def test_a_table_of_another_release_is_refused_with_the_difference(lake, kit, log):
    columns = (*kit.CHOICES.columns[:-1], Column("weight", "int64", "count"), Column("extra", "string", "new"))
    changed = TableSpec("choices", "Decision rows.", "", Ownership.DECISION, kit.CHOICES.key, columns)
    newer = Lake(lake.root, [changed])
    message = r"declared but not stored: weight int64, extra string; stored but not declared: weight float64"
    with pytest.raises(SchemaChangedError, match=message):
        newer.read("choices")
    rows = kit.choices("p", DAY, {"X:A": 1}).assign(extra="x").astype({"weight": "int64"})
    with pytest.raises(SchemaChangedError, match="materialises it anew") as refused:
        newer.replace(changed, rows, date=DAY, profile="p")
    assert f"move {lake.root / 'choices'} out of the lakehouse and run" in str(refused.value)
    shutil.move(lake.root / "choices", lake.root.parent / "choices_before")
    assert newer.replace(changed, rows, date=DAY, profile="p").version == 0
    assert newer.read("choices")["extra"].tolist() == ["x"]
    shutil.rmtree(lake.root / "choices")
    shutil.move(lake.root.parent / "choices_before", lake.root / "choices")
    with pytest.raises(UnknownTableError):
        lake.replace(changed, rows, date=DAY, profile="p")
    assert lake.version("choices") == 0


@pytest.mark.parametrize(
    ("name", "key"), [("../x", ("profile", "date")), ("Facts", ("profile", "date")), ("facts", ("date", "profile"))]
)
def test_a_table_name_or_key_that_no_folder_can_bear_is_refused(tmp_path, name, key):
    columns = (Column("profile", "string", "p"), Column("date", "date", "d"))
    spec = TableSpec(name, "Rows.", "", Ownership.DECISION, key, columns)
    with pytest.raises(ValueError, match="key starts with"):
        Lake(tmp_path, [spec])


def test_equal_content_hashes_whatever_the_order_of_writes(tmp_path, kit):
    """Content does not depend on who wrote what when, nor on wall-clock columns."""
    days = [DAY, NEXT, dt.date(2022, 2, 2)]
    one, two = (Lake(tmp_path / name, [kit.FACTS]) for name in "ab")
    frame = kit.facts(days)
    one.replace_dates(kit.FACTS, frame, dates=days)
    for day in reversed(days):
        two.add_missing(kit.FACTS, frame[frame["date"] == pd.Timestamp(day)].sample(frac=1, random_state=1))
    assert one.content_hash("facts") == two.content_hash("facts")
    names = [sorted(p.name for p in lake.root.glob("facts/*/*.parquet")) for lake in (one, two)]
    assert set(names[0]) <= set(names[1]), "equal rows are equal bytes"
    two.replace(kit.FACTS, frame[frame["date"] == pd.Timestamp(DAY)].assign(value=0.5), date=DAY)
    assert one.content_hash("facts") != two.content_hash("facts")
