"""Users' SQL: reads the lake's views, and nothing else whatever it tries."""

import datetime as dt
import hashlib
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_lib.errors import InvalidKeyError, QuantError
from quant_resources.lakehouse import Lake, QueryError, TableMissingError

DAY, NEXT = dt.date(2022, 1, 31), dt.date(2022, 2, 1)


def fill(lake, kit):
    lake.replace_dates(kit.FACTS, kit.facts([DAY, NEXT]), dates=[DAY, NEXT])
    lake.replace(kit.CHOICES, kit.choices("p", DAY, {"X:A": 0.4}), date=DAY, profile="p")
    return lake


@pytest.fixture
def filled(lake, kit):
    return fill(lake, kit)


@pytest.fixture(scope="module")
def besieged(tmp_path_factory, toy):
    """A lake many attacks share; each proves that it changed nothing."""
    return fill(Lake(tmp_path_factory.mktemp("siege") / "lake", [toy.FACTS, toy.CHOICES]), toy)


def tree_hash(root):
    """Hash of every path and byte below a folder."""
    digest = hashlib.sha256()
    for path in sorted(p for p in Path(root).rglob("*") if p.is_file()):
        digest.update(str(path).encode() + path.read_bytes())
    return digest.hexdigest()


ATTACKS = [
    "select * from read_text('/etc/passwd')",
    "select * from read_blob('/etc/passwd')",
    "select * from read_csv('/etc/passwd')",
    "select * from READ_CSV_AUTO('/etc/passwd')",
    "select * from '/etc/passwd'",
    "from '/etc/passwd'",
    "select * from glob('/etc/*')",
    "select (select content from read_text('/etc/passwd'))",
    "select * from facts where exists (select 1 from read_text('/etc/passwd'))",
    "with x as (select * from read_text('/etc/passwd')) select * from x",
    "select 1 union all select size from read_blob('/etc/passwd')",
    "select * from facts, lateral (select * from read_text('/etc/passwd'))",
    "select * from query('select * from read_text(''/etc/passwd'')')",
    "select * from query_table('facts')",
    "select * from ohlcv_adjusted()",
    "select * from ohlcv_adjusted((select content from read_text('/etc/passwd')))",
    "select * from parquet_scan('{file}')",
    "select * from read_parquet('{file}')",
    "select * from parquet_metadata('{file}')",
    "select * from sniff_csv('{file}')",
    "select * from json_execute_serialized_sql('{{}}')",
    "copy facts to '{file}'",
    "copy facts to '{file}' (use_tmp_file false)",
    "copy (select 1) to '{new}'",
    "with x as (copy (select 1 as a) to '{file}' (use_tmp_file false)) select * from x",
    "with x as (copy (select 1 as a) to '{new}') select * from x",
    "with y as (with x as (copy (select 1 as a) to '{file}' (use_tmp_file false)) select * from x) select * from y",
    "select * from (with x as (copy (select 1 as a) to '{file}' (use_tmp_file false)) select * from x)",
    "with x as (insert into facts values (1)) select 1",
    "with x as (delete from facts returning *) select * from x",
    "explain analyze copy (select 1 as a) to '{file}' (use_tmp_file false)",
    "explain select 1",
    "export database '{new}'",
    "install httpfs",
    "force install httpfs",
    "load httpfs",
    "load '{file}'",
    "attach '{new}'",
    "attach '{new}' as x",
    "select * from read_text('https://example.com')",
    "create table t as select 1",
    "create or replace view facts as select 1",
    "create secret s (type s3, key_id 'a')",
    "drop view facts",
    "insert into facts values (1)",
    "update facts set value = 1",
    "delete from facts",
    "set memory_limit = '1TB'",
    "set enable_external_access = true",
    "reset enable_external_access",
    "pragma database_list",
    "call pragma_version()",
    "use memory",
    "begin",
    "checkpoint",
    "vacuum",
    "prepare x as select 1",
    "execute x",
    "select 1; select 2",
    "select 1; copy (select 1) to '{new}'",
    "select * from kit_python_variable",
    "pivot facts on symbol",
    "",
    ";",
    "   ",
    "-- nothing",
    "selec",
    "select * from facts where",
    "select nothing from facts",
    "select * from no_such_table",
    "select error('x')",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_not_one_select_over_the_lake_is_refused_and_changes_nothing(besieged, attack):
    kit_python_variable = pa.table({"a": [1]})  # DuckDB would find it by name
    folder = besieged.root.parent
    file = next(besieged.root.glob("facts/month=2022-01/*.parquet"))
    before = tree_hash(folder)
    with pytest.raises(QueryError, match="tables: choices, facts") as refused:
        besieged.query(attack.format(file=file, new=folder / "new"))
    assert "root:" not in str(refused.value)
    assert tree_hash(folder) == before
    assert besieged.verify() == []
    assert kit_python_variable.num_rows == 1


def test_a_user_error_keeps_duckdbs_words(filled):
    with pytest.raises(QueryError, match='syntax error at or near "selec"'):
        filled.query("selec 1")
    with pytest.raises(QueryError, match=r'(?s)column "nope" not found.*tables: choices, facts'):
        filled.query("select nope from facts")


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) as n from facts",
        "FROM facts SELECT count(*) AS n",
        "with a as (select * from facts), b as (select * from a) select count(*) as n from b",
        "with recursive t(n) as (select 1 union all select n + 1 from t where n < 4) select max(n) as n from t",
        "select count(*) as n from main.facts",
        "select count(*) as n from (select * from facts union all select * from facts where false)",
        "select max(i) as n from range(5) as t(i)",
        "select count(*) as n from facts where symbol in (select unnest(['X:A', 'X:B']))",
        "select count(*) as n from (from facts unpivot (v for k in (value)))",
        "-- a comment; with a semicolon\nselect count(*) as n /* and; another */ from facts;",
    ],
)
def test_every_shape_of_select_runs(besieged, sql):
    assert besieged.query(sql).to_pylist() == [{"n": 4}]


def test_types_names_and_zone(filled):
    got = filled.query("select * from facts order by date, symbol limit 1")
    assert got.column_names == ["date", "symbol", "value", "stamp"]
    assert got.schema.field("date").type == pa.date32()
    assert str(got.schema.field("stamp").type) == "timestamp[us, tz=UTC]"
    text = filled.query("select cast(min(stamp) as varchar) as at from facts").to_pylist()
    assert text == [{"at": "2022-02-01 00:00:00+00"}]


def test_the_catalogue_shows_every_table_and_hides_storage_columns(filled):
    names = [row["name"] for row in filled.query("show tables").to_pylist()]
    assert names == ["choices", "facts"]
    columns = filled.query("select column_name from information_schema.columns where table_name = 'facts'").to_pylist()
    assert [row["column_name"] for row in columns] == ["date", "symbol", "value", "stamp"]
    described = filled.query("describe choices").to_pylist()
    assert [(row["column_name"], row["column_type"]) for row in described][1] == ("date", "DATE")
    assert filled.query("summarize facts").num_rows == 4


def test_a_table_nothing_was_written_to_is_an_empty_view(lake):
    assert lake.query("select * from facts").schema.names == ["date", "symbol", "value", "stamp"]
    assert lake.query("select count(*) as n from choices").to_pylist() == [{"n": 0}]


def test_a_pinned_version_is_queried(filled, kit):
    filled.replace(kit.FACTS, kit.facts([DAY], symbols=["X:Z"]), date=DAY)
    count = "select count(*) as n from facts"
    assert filled.query(count).to_pylist() == [{"n": 3}]
    assert filled.query(count, as_of_version={"facts": 0}).to_pylist() == [{"n": 4}]
    with pytest.raises(TableMissingError, match="no version 9"):
        filled.query(count, as_of_version={"facts": 9})


def test_only_the_files_of_named_tables_are_opened(filled, monkeypatch):
    """A statement over one table verifies one table."""
    from quant_resources.lakehouse import _reads as module

    seen = []
    real = module.verified_paths
    monkeypatch.setattr(module, "verified_paths", lambda spec, *a, **k: seen.append(spec.name) or real(spec, *a, **k))
    filled.query("select count(*) from choices")
    assert seen == ["choices"]


# ---- keys as an attack (CVE-2026-41490: partition keys that became SQL)

INJECTIONS = [
    "x'; DROP TABLE facts;--", 'x"; DROP TABLE facts;--', "x' OR '1'='1", "$1", "?", "{0}", "%s", "/* */", "\\", "'", '"',
    "x'); COPY facts TO '/tmp/x'; --", "../../etc/passwd", "NULL", "\x00", "X:A' UNION SELECT * FROM choices --",
]  # fmt: skip


@pytest.mark.parametrize("text", INJECTIONS)
def test_values_never_become_sql_or_paths(filled, kit, text):
    before = tree_hash(filled.root)
    assert filled.read("facts", symbols=[text]).empty
    assert filled.read("choices", profile=text).empty
    assert filled.dates("choices", profile=text) == []
    with pytest.raises(TableMissingError):
        filled.decision("choices", text, DAY)
    with pytest.raises(InvalidKeyError):
        filled.replace(kit.CHOICES, kit.choices(text, DAY, {}), date=DAY, profile=text)
    with pytest.raises(QuantError):
        filled.read(text)
    with pytest.raises(QuantError):
        filled.read("facts", columns=[text])
    assert tree_hash(filled.root) == before


@settings(max_examples=25)
@given(text=st.text(min_size=1, max_size=20))
def test_any_text_is_a_symbol_that_is_stored_and_found_or_nothing(text, tmp_path_factory, toy):
    lake = Lake(tmp_path_factory.mktemp("lake"), [toy.FACTS])
    lake.add_missing(toy.FACTS, toy.facts([DAY], symbols=[text, text + "x"]))
    assert lake.read("facts", symbols=[text])["symbol"].tolist() == [text]
