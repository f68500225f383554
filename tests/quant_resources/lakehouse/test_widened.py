"""A decision table that gains a nullable column: what an older release decided reads as missing, and stays whole."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from deltalake import DeltaTable

from quant_lib.contracts import Column, Ownership, TableSpec
from quant_resources.lakehouse import Lake, SchemaChangedError

DAY, NEXT = dt.date(2022, 1, 31), dt.date(2022, 2, 1)
GAINED = (
    Column("tail", "float64", "gained later", nullable=True),
    Column("note", "string", "gained later", nullable=True),
    Column("tries", "int64", "gained later", nullable=True),
    Column("sure", "bool", "gained later", nullable=True),
    Column("seen", "date", "gained later", nullable=True),
    Column("heard", "timestamp", "gained later", nullable=True),
)
VALUES = {
    "tail": 0.5,
    "note": "x",
    "tries": 3,
    "sure": True,
    "seen": pd.Timestamp("2022-01-30"),
    "heard": pd.Timestamp("2022-01-30 12:00", tz="UTC"),
}


def with_columns(kit, *columns):
    return TableSpec(
        "choices", "Decision rows.", "", Ownership.DECISION, kit.CHOICES.key, (*kit.CHOICES.columns, *columns)
    )


@pytest.fixture
def older(lake, kit):
    """A lake of an older release: two profiles, one of them decided to hold nothing on the next day."""
    lake.replace(kit.CHOICES, kit.choices("p", DAY, {"X:A": 0.4, "X:B": 0.6}), date=DAY, profile="p")
    lake.replace(kit.CHOICES, kit.choices("q", DAY, {"X:C": 1.0}), date=DAY, profile="q")
    lake.replace(kit.CHOICES, kit.choices("q", NEXT, {}), date=NEXT, profile="q")
    return lake


@pytest.fixture
def wide(kit):
    return with_columns(kit, *GAINED)


def decide(lake, spec, kit, profile="p", date=NEXT, weights=None):
    rows = kit.choices(profile, date, weights or {"X:A": 1.0}).assign(**VALUES).astype(spec.pandas_types())
    return lake.replace(spec, rows, date=date, profile=profile), rows


def test_what_was_stored_before_reads_as_missing_and_typed(older, wide):
    rows = Lake(older.root, [wide]).read("choices")
    assert rows["weight"].tolist() == [0.4, 0.6, 1.0]
    assert rows[list(VALUES)].isna().to_numpy().all()
    types = {"float64": "float64", "string": "str", "int64": "Int64", "bool": "boolean", "date": "datetime64[us]"}
    for column in GAINED:
        assert str(rows[column.name].dtype) == types.get(column.type, "datetime64[us, UTC]")
    assert Lake(older.root, [wide]).decision("choices", "q", NEXT).empty


def test_old_rows_and_new_ones_stand_in_one_table(older, wide, kit):
    newer = Lake(older.root, [wide])
    before = {n: newer.content_hash("choices", profile=n, date=DAY) for n in "pq"}
    receipt, rows = decide(newer, wide, kit)
    assert (receipt.version, receipt.changed) == (3, True)
    for lake in (newer, Lake(older.root, [wide])):  # with and without this process's memory of the log
        pd.testing.assert_frame_equal(lake.decision("choices", "p", NEXT), rows, check_exact=True)
        held = lake.read("choices")
        assert held["weight"].tolist() == [0.4, 0.6, 1.0, 1.0]
        assert held["tail"].isna().tolist() == [True, True, False, True]
        assert held["note"].dropna().tolist() == ["x"]
        assert lake.decision("choices", "p", DAY)["tail"].isna().all()
        # What was decided is what it was, to the byte.
        assert {n: lake.content_hash("choices", profile=n, date=DAY) for n in "pq"} == before
        assert lake.verify() == []
        sql = "select count(*) n, count(tail) known, sum(tries) tries, max(heard) heard from choices"
        assert lake.query(sql).to_pylist() == [{"n": 4, "known": 1, "tries": 3, "heard": VALUES["heard"]}]
        assert lake.query("select * from choices").column_names == list(wide.column_names)


def test_a_query_of_a_table_nobody_wrote_since_has_the_column(older, wide):
    lake = Lake(older.root, [wide])
    assert lake.query("select symbol, tail, note from choices order by 1 desc limit 1").to_pylist() == [
        {"symbol": "X:C", "tail": None, "note": None}
    ]
    typed = lake.query("select typeof(tail) a, typeof(tries) b, typeof(heard) c from choices limit 1").to_pylist()
    assert typed == [{"a": "DOUBLE", "b": "BIGINT", "c": "TIMESTAMP WITH TIME ZONE"}]


def test_a_version_of_before_is_read_as_it_was(older, wide, kit):
    newer = Lake(older.root, [wide])
    hashes = [older.content_hash("choices", version=v) for v in range(3)]
    decide(newer, wide, kit)
    assert len(newer.read("choices", version=2)) == 3
    assert newer.query("select count(tail) n from choices", as_of_version={"choices": 2}).to_pylist() == [{"n": 0}]
    assert [Lake(older.root, [wide]).content_hash("choices", version=v) for v in range(3)] == hashes
    # The older release reads the columns it knows, and writes nothing that would lack the others.
    old = Lake(older.root, [kit.CHOICES])
    assert old.read("choices", version=2)["weight"].tolist() == [0.4, 0.6, 1.0]
    assert old.read("choices")["weight"].tolist() == [0.4, 0.6, 1.0, 1.0]
    with pytest.raises(SchemaChangedError, match="stored but not declared: tail float64"):
        old.replace(kit.CHOICES, kit.choices("p", NEXT, {"X:A": 1.0}), date=NEXT, profile="p")


def test_a_decision_made_again_is_stored_with_its_columns(older, wide, kit):
    """The same rows with a column nobody recorded are no longer what was stored: they are written."""
    newer = Lake(older.root, [wide])
    receipt, rows = decide(newer, wide, kit, date=DAY, weights={"X:A": 0.4, "X:B": 0.6})
    assert receipt.changed
    pd.testing.assert_frame_equal(newer.decision("choices", "p", DAY), rows, check_exact=True)
    again, _ = decide(newer, wide, kit, date=DAY, weights={"X:A": 0.4, "X:B": 0.6})
    assert not again.changed


def test_another_delta_reader_sees_the_same(older, wide, kit):
    decide(Lake(older.root, [wide]), wide, kit)
    rows = DeltaTable(str(older.root / "choices")).to_pyarrow_table().to_pandas().sort_values(["profile", "date"])
    assert rows["tail"].fillna(-1.0).tolist() == [-1.0, -1.0, 0.5, -1.0]


@pytest.mark.parametrize("flips", [1, 2])
def test_damage_of_an_old_file_is_still_found(older, wide, kit, flips):
    newer = Lake(older.root, [wide])
    decide(newer, wide, kit)
    files = sorted((older.root / "choices").rglob("*.parquet"))
    for path in files[:flips]:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.chmod(0o644)
        path.write_bytes(bytes(data))
    assert len(Lake(older.root, [wide]).verify()) == flips


def test_what_must_not_be_missing_cannot_be_gained(older, kit):
    hard = with_columns(kit, Column("rank", "int64", "promised"))
    with pytest.raises(SchemaChangedError, match="declared but not stored: rank int64"):
        Lake(older.root, [hard]).read("choices")
    rows = kit.choices("p", NEXT, {"X:A": 1.0}).assign(rank=1)
    with pytest.raises(SchemaChangedError, match="move"):
        Lake(older.root, [hard]).replace(hard, rows, date=NEXT, profile="p")
    assert Lake(older.root, [hard]).version("choices") == 2


def test_a_column_promised_after_it_was_gained_is_refused_where_rows_lack_it(older, wide, kit):
    decide(Lake(older.root, [wide]), wide, kit)
    hard = with_columns(kit, *(Column(c.name, c.type, c.description) for c in GAINED))
    lake = Lake(older.root, [hard])
    assert lake.decision("choices", "p", NEXT)["tail"].tolist() == [0.5]
    for wanted in (["symbol", "tail"], None):
        with pytest.raises(SchemaChangedError, match="declared but not stored: tail float64"):
            lake.read("choices", columns=wanted)


def test_a_type_that_changed_or_a_column_that_went_is_refused(older, kit):
    other = TableSpec(
        "choices", "Decision rows.", "", Ownership.DECISION, kit.CHOICES.key,
        (*kit.CHOICES.columns[:-1], Column("weight", "int64", "other type", nullable=True)),
    )  # fmt: skip
    gone = TableSpec("choices", "Decision rows.", "", Ownership.DECISION, kit.CHOICES.key, kit.CHOICES.columns[:-1])
    with pytest.raises(SchemaChangedError, match="stored but not declared: weight float64"):
        Lake(older.root, [other]).read("choices")
    rows = kit.choices("p", NEXT, {"X:A": 1.0})
    for spec, given in ((other, rows.astype({"weight": "int64"})), (gone, rows.drop(columns="weight"))):
        with pytest.raises(SchemaChangedError, match="stored but not declared: weight float64"):
            Lake(older.root, [spec]).replace(spec, given, date=NEXT, profile="p")


def test_facts_that_are_shared_are_made_again_rather_than_read_as_missing(lake, kit):
    lake.replace_dates(kit.FACTS, kit.facts([DAY]), dates=[DAY])
    more = TableSpec(
        "facts", "Shared rows.", "", Ownership.SHARED, kit.FACTS.key,
        (*kit.FACTS.columns, Column("more", "float64", "gained", nullable=True)),
    )  # fmt: skip
    newer = Lake(lake.root, [more])
    assert newer.outdated("facts")
    with pytest.raises(SchemaChangedError, match="more float64"):
        newer.read("facts")
    newer.rebuild(more, kit.facts([DAY]).assign(more=np.nan))
    assert not newer.outdated("facts")
    assert newer.read("facts")["more"].isna().all()


def test_what_lacks_nothing_any_more_is_read_the_same(older, wide, kit):
    newer = Lake(older.root, [wide])
    decide(newer, wide, kit)
    for profile, date in (("p", DAY), ("q", DAY), ("q", NEXT)):
        decide(newer, wide, kit, profile, date)
    assert newer.read("choices")[list(VALUES)].notna().to_numpy().all()
    assert newer.verify() == []
