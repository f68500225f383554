"""Writing and reading partitions."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from quant_resources.lakehouse import (
    DamagedFileError,
    FrameMismatchError,
    Lake,
    QueryError,
    TableMissingError,
    UnknownTableError,
)

D1, D2, D3 = dt.date(2022, 1, 30), dt.date(2022, 1, 31), dt.date(2022, 2, 1)


def test_round_trip_keeps_types_and_order(lake, kit):
    frame = kit.facts([D2, D1, D3])
    lake.replace_dates(kit.FACTS, frame.sample(frac=1, random_state=1), dates=[D1, D2, D3])
    got = lake.read("facts")
    expected = frame.sort_values(["date", "symbol"]).reset_index(drop=True)
    pd.testing.assert_frame_equal(got, expected)
    assert got.dtypes.astype(str).to_dict() == kit.FACTS.pandas_types()


def test_replacing_a_day_leaves_every_other_day_alone(lake, kit):
    lake.replace_dates(kit.FACTS, kit.facts([D1, D2, D3]), dates=[D1, D2, D3])
    lake.replace(kit.FACTS, kit.facts([D2], symbols=["X:C"], value=9.0), date=D2)
    assert lake.read("facts", date=D2)["symbol"].tolist() == ["X:C"]
    assert lake.read("facts", until=D1)["symbol"].tolist() == ["X:A", "X:B"]
    assert lake.read("facts", since=D3)["symbol"].tolist() == ["X:A", "X:B"]


def test_a_rerun_with_equal_rows_makes_no_version(lake, kit):
    first = lake.replace(kit.CHOICES, kit.choices("p", D1, {"X:A": 0.4}), date=D1, profile="p")
    again = lake.replace(kit.CHOICES, kit.choices("p", D1, {"X:A": 0.4}), date=D1, profile="p")
    assert (first.changed, again.changed) == (True, False)
    assert first.version == again.version
    assert first.content_hash == again.content_hash
    changed = lake.replace(kit.CHOICES, kit.choices("p", D1, {"X:A": 0.5}), date=D1, profile="p")
    assert changed.changed


def test_an_old_version_stays_readable(lake, kit):
    lake.replace(kit.CHOICES, kit.choices("p", D1, {"X:A": 0.4}), date=D1, profile="p")
    pin = lake.pin()["choices"]
    lake.replace(kit.CHOICES, kit.choices("p", D1, {"X:B": 0.9}), date=D1, profile="p")
    assert lake.read("choices", version=pin)["symbol"].tolist() == ["X:A"]
    assert lake.read("choices")["symbol"].tolist() == ["X:B"]


def test_an_empty_decision_is_an_answer_and_an_unwritten_one_is_an_error(lake, kit):
    lake.replace(kit.CHOICES, kit.choices("p", D1, {}), date=D1, profile="p")
    assert lake.decision("choices", "p", D1).empty
    assert lake.dates("choices", profile="p") == [D1]
    with pytest.raises(TableMissingError, match="`quant run alpha --profile p --date 2022-01-31`"):
        lake.decision("choices", "p", D2)


def test_a_date_without_facts_says_what_to_run(lake, kit):
    """A decision on a date whose shared data was never made is no decision on an empty universe."""
    says = f"`quant run data --date {D2}`"
    with pytest.raises(TableMissingError, match=says):
        lake.facts("facts", D2)
    lake.add_missing(kit.FACTS, kit.facts([D1]))
    with pytest.raises(TableMissingError, match=says):
        lake.facts("facts", D2)
    assert len(lake.facts("facts", D1)) == len(kit.facts([D1]))


def test_added_rows_never_touch_stored_ones(lake, kit):
    lake.add_missing(kit.FACTS, kit.facts([D1], value=1.0))
    receipt = lake.add_missing(kit.FACTS, kit.facts([D1, D2], symbols=["X:A", "X:C"], value=100.0))
    got = lake.read("facts").set_index(["date", "symbol"])["value"]
    assert got[(pd.Timestamp(D1), "X:A")] == 1.0
    assert receipt.rows_added == 3
    assert not lake.add_missing(kit.FACTS, kit.facts([D1])).changed


def test_filters_on_symbols_and_columns(lake, kit):
    lake.replace_dates(kit.FACTS, kit.facts([D1, D3]), dates=[D1, D3])
    got = lake.read("facts", columns=["symbol", "value"], symbols=["X:B", "it's; drop table facts --"])
    assert got.columns.tolist() == ["symbol", "value"]
    assert set(got["symbol"]) == {"X:B"}


@pytest.mark.parametrize(
    ("mutate", "message"),
    [
        (lambda f: f.drop(columns="value"), "columns missing"),
        (lambda f: f.assign(extra=1), "unknown"),
        (lambda f: pd.concat([f, f]), "keys repeat"),
        (lambda f: f.assign(symbol=None), "symbol is missing"),
        (lambda f: f.assign(date=pd.Timestamp("2021-05-05")), "do not belong"),
        (lambda f: f.assign(date=f["date"] + pd.Timedelta(hours=3)), "time of day"),
    ],
)
def test_a_bad_frame_is_refused_and_nothing_is_written(lake, kit, mutate, message):
    with pytest.raises(FrameMismatchError, match=message):
        lake.replace(kit.FACTS, mutate(kit.facts([D1])), date=D1)
    assert not lake.exists("facts")


def test_unknown_and_unwritten_tables_have_their_own_messages(lake):
    with pytest.raises(UnknownTableError, match="choices, facts"):
        lake.read("nope")
    with pytest.raises(TableMissingError, match="materialise the asset"):
        lake.read("facts")


def test_a_version_that_never_was(lake, kit):
    lake.replace(kit.FACTS, kit.facts([D1]), date=D1)
    with pytest.raises(TableMissingError, match="no version 7"):
        lake.read("facts", version=7)


class TestDamage:
    def file(self, lake):
        return next(lake.root.glob("facts/month=*/*.parquet"))

    @pytest.fixture
    def written(self, lake, kit):
        lake.replace(
            kit.FACTS,
            kit.facts(
                [
                    D1,
                ],
                symbols=[f"X:S{i}" for i in range(300)],
            ),
            date=D1,
        )
        return lake

    def test_every_flipped_bit_is_found_before_the_numbers_are_used(self, written, kit):
        path = self.file(written)
        sound = path.read_bytes()
        rng = np.random.default_rng(7)
        for position in rng.integers(0, len(sound), 120):
            broken = bytearray(sound)
            broken[position] ^= 1 << int(rng.integers(0, 8))
            path.write_bytes(broken)
            with pytest.raises(DamagedFileError, match="holds other bytes"):
                Lake(written.root, [kit.FACTS]).read("facts")

    @pytest.mark.parametrize(
        ("harm", "message"),
        [
            (lambda p: p.unlink(), "is gone"),
            (lambda p: p.write_bytes(b""), "is empty"),
            (lambda p: p.write_bytes(p.read_bytes()[:-9]), "was cut to"),
            (lambda p: p.write_bytes(p.read_bytes()[:-40] + bytes(40)), "ends in zeros"),
        ],
    )
    def test_each_kind_of_damage_says_what_it_is(self, written, kit, harm, message):
        harm(self.file(written))
        fresh = Lake(written.root, [kit.FACTS])
        with pytest.raises(DamagedFileError, match=message):
            fresh.pin()
        assert [str(damage) for damage in fresh.verify()] == [str(fresh.verify()[0])]


class TestQuery:
    @pytest.fixture
    def filled(self, lake, kit):
        lake.replace_dates(kit.FACTS, kit.facts([D1, D3]), dates=[D1, D3])
        lake.replace(kit.CHOICES, kit.choices("p", D1, {"X:A": 0.4}), date=D1, profile="p")
        return lake

    def test_views_join_and_show_no_storage_columns(self, filled):
        got = filled.query("select f.*, c.weight from facts f join choices c using (date, symbol)")
        assert got.column_names == ["date", "symbol", "value", "stamp", "weight"]
        assert got.num_rows == 1

    def test_time_travel(self, filled, kit):
        filled.replace(kit.CHOICES, kit.choices("p", D1, {"X:Z": 0.1}), date=D1, profile="p")
        assert filled.query("select symbol from choices").to_pylist() == [{"symbol": "X:Z"}]
        assert filled.query("select symbol from choices", as_of_version={"choices": 0}).to_pylist() == [
            {"symbol": "X:A"}
        ]

    @pytest.mark.parametrize(
        "sql",
        [
            "select * from read_text('/etc/passwd')",
            "select * from '/etc/passwd'",
            "install httpfs",
            "load httpfs",
            "attach 'x.db'",
            "set memory_limit='1TB'",
            "copy facts to '/tmp/stolen.csv'",
            "create table t as select 1",
            "drop view facts",
            "select 1; select 2",
            "",
            "selec",
        ],
    )
    def test_only_one_select_over_the_lake_runs(self, filled, sql):
        with pytest.raises(QueryError, match="tables: choices, facts"):
            filled.query(sql)

    def test_a_lake_file_cannot_be_overwritten_by_sql(self, filled):
        path = next(filled.root.glob("facts/month=*/*.parquet"))
        before = path.read_bytes()
        with pytest.raises(QueryError):
            filled.query(f"copy facts to '{path}'")
        assert path.read_bytes() == before
