"""The lakehouse in Dagster, and what importing it costs."""

import datetime as dt
import subprocess
import sys

import pytest

from quant_resources.lakehouse.resource import LakehouseResource


def test_one_lake_per_folder_and_process(tmp_path):
    one, two = (LakehouseResource(root=str(tmp_path / "lake")) for _ in range(2))
    assert one.lake is two.lake
    assert one.lake.root == tmp_path / "lake"
    assert LakehouseResource(root=str(tmp_path / "other")).lake is not one.lake


def test_reads_go_through_dagster_duckdb_in_utc(tmp_path, kit, monkeypatch):
    from quant_resources.lakehouse import Lake, resource

    opened, real = [], resource._connect

    def connect():
        opened.append(1)
        return real()

    lake = Lake(tmp_path / "lake", [kit.FACTS], connect=connect)
    lake.replace(kit.FACTS, kit.facts([dt.date(2022, 1, 31)]), date=dt.date(2022, 1, 31))
    for _ in range(3):
        assert lake.read("facts")["stamp"].iloc[0].isoformat() == "2022-02-01T00:00:00+00:00"
    assert opened == [1]


@pytest.mark.parametrize("module", ["quant_resources.lakehouse", "quant_resources.lakehouse.resource"])
def test_definitions_load_without_the_heavy_libraries(module):
    code = (
        f"import sys, {module}; "
        "print([m for m in ('deltalake', 'duckdb', 'pandas', 'pyarrow', 'dagster_duckdb') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_importing_the_lake_alone_does_not_import_dagster():
    code = "import sys, quant_resources.lakehouse; print('dagster' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_every_declared_table_takes_an_empty_and_gives_a_typed_frame(lake_of_everything):
    lake, day = lake_of_everything, dt.date(2022, 1, 31)
    for name, spec in lake._specs.items():
        import pandas as pd

        empty = pd.DataFrame({column: pd.Series(dtype=kind) for column, kind in spec.pandas_types().items()})
        profile = "p" if spec.ownership == "decision" else None
        assert lake.replace(spec, empty, date=day, profile=profile).changed
        assert lake.read(name).dtypes.astype(str).to_dict() == spec.pandas_types()
        assert lake.dates(name) == ([day] if profile else [])
    assert lake.query("select count(*) as n from features").to_pylist() == [{"n": 0}]
    assert len(lake.pin()) == len(lake._specs)


@pytest.fixture
def lake_of_everything(tmp_path):
    from quant_resources.lakehouse import Lake

    return Lake(tmp_path / "lakehouse")
