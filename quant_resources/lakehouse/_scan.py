"""Reading immutable files through DuckDB: values bound as parameters, identifiers only from declarations."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from quant_lib.contracts import TableSpec

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


def connect() -> duckdb.DuckDBPyConnection:
    """In-memory session: UTC, two threads, no extension is ever loaded or fetched."""
    import duckdb

    connection = duckdb.connect(
        ":memory:",
        config={"threads": 2, "autoinstall_known_extensions": False, "autoload_known_extensions": False},
    )
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def scan(
    connection: duckdb.DuckDBPyConnection,
    spec: TableSpec,
    paths: Sequence[Path],
    columns: Sequence[str],
    bounds: dict[str, Any],
) -> pa.Table:
    """Rows of some files, sorted by key.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Open session.
    spec : TableSpec
        Table the files belong to.
    paths : sequence of Path
        Files, already verified.
    columns : sequence of str
        Declared columns to return.
    bounds : dict
        Any of since, until (inclusive dates) and symbols (sequence of str).

    Returns
    -------
    pyarrow.Table
        Possibly empty.
    """
    from duckdb import ColumnExpression, ConstantExpression, FunctionExpression

    relation = connection.read_parquet([str(path) for path in paths], hive_partitioning=False)
    date = ColumnExpression("date")
    if bounds.get("since") is not None:
        relation = relation.filter(date >= ConstantExpression(bounds["since"]))
    if bounds.get("until") is not None:
        relation = relation.filter(date <= ConstantExpression(bounds["until"]))
    if bounds.get("symbols") is not None:
        wanted = ConstantExpression(list(bounds["symbols"]))
        relation = relation.filter(FunctionExpression("list_contains", wanted, ColumnExpression("symbol")))
    relation = relation.sort(*(ColumnExpression(name) for name in spec.key))
    return relation.select(*(ColumnExpression(name) for name in columns)).to_arrow_table()


def to_pandas(table: pa.Table, spec: TableSpec, columns: Sequence[str]) -> pd.DataFrame:
    """Arrow rows as a frame of the declared pandas types."""
    types = spec.pandas_types()
    frame: pd.DataFrame = table.to_pandas(date_as_object=False)
    return frame.astype({name: types[name] for name in columns})[list(columns)]


def empty(spec: TableSpec, columns: Sequence[str]) -> pd.DataFrame:
    """No rows, typed."""
    types = spec.pandas_types()
    return pd.DataFrame({name: pd.Series(dtype=types[name]) for name in columns})


def month_of(date: dt.date) -> str:
    """Delta partition of a shared table."""
    return f"{date:%Y-%m}"
