"""Reading immutable files through DuckDB: no SQL text is built, values travel as expressions."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quant_lib.contracts import TableSpec

if TYPE_CHECKING:
    import datetime as dt

    import duckdb
    import pyarrow as pa

Connect = Callable[[], "AbstractContextManager[duckdb.DuckDBPyConnection]"]

SESSION: dict[str, Any] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "temp_directory": "",
}
"""Session settings: no extension is fetched or loaded, no Python variable is a table, nothing is spilled to disk."""


@contextmanager
def connect() -> Iterator[duckdb.DuckDBPyConnection]:
    """In-memory session."""
    import duckdb

    with duckdb.connect(":memory:", config=SESSION) as connection:
        yield connection


class Session:
    """One DuckDB connection per process, opened on first use; every read takes its own cursor.

    Parameters
    ----------
    connect : callable
        Opens a connection as a context manager.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._stack = ExitStack()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._process = 0
        self._lock = threading.Lock()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Cursor of this process's connection, in UTC."""
        with self._lock:
            if self._connection is None or self._process != os.getpid():
                self._stack = ExitStack()  # a forked child never touches its parent's connection
                self._connection = self._stack.enter_context(self._connect())
                self._process = os.getpid()
            cursor = self._connection.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        return cursor


_TYPES = {
    "string": "VARCHAR",
    "float64": "DOUBLE",
    "int64": "BIGINT",
    "bool": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
}


@dataclass(frozen=True)
class Source:
    """Verified files of one version of a table.

    Attributes
    ----------
    spec : TableSpec
        The table.
    paths : sequence of str
        Files in key order; each is sorted by key. There may be none.
    widened : bool
        Whether some files may lack a column that the table gained.
    """

    spec: TableSpec
    paths: Sequence[str]
    widened: bool = False

    def rows(
        self, connection: duckdb.DuckDBPyConnection, columns: Sequence[str]
    ) -> tuple[duckdb.DuckDBPyRelation, list[duckdb.Expression]]:
        """Rows of the files, and an expression for each declared column; missing where no file has it."""
        from duckdb import ColumnExpression, ConstantExpression

        relation = connection.read_parquet(list(self.paths), hive_partitioning=False, union_by_name=self.widened)
        stored, declared = set(relation.columns), [self.spec.column(name) for name in columns]
        return relation, [
            ColumnExpression(c.name)
            if c.name in stored
            else ConstantExpression(None).cast(_TYPES[c.type]).alias(c.name)
            for c in declared
        ]

    def view(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        """Make a view of all declared columns."""
        relation, columns = self.rows(connection, self.spec.column_names)
        whole = set(self.spec.column_names) <= set(relation.columns)
        (relation if whole else relation.select(*columns)).create_view(name)


def scan(
    cursor: duckdb.DuckDBPyConnection,
    source: Source,
    columns: Sequence[str],
    *,
    since: dt.date | None = None,
    until: dt.date | None = None,
    symbols: Sequence[str] | None = None,
) -> pa.Table:
    """Rows of some files, in key order.

    Parameters
    ----------
    cursor : DuckDBPyConnection
        Open session that preserves insertion order.
    source : Source
        Files of the table.
    columns : sequence of str
        Declared columns to return.
    since, until : datetime.date, optional
        Inclusive bounds of ``date``.
    symbols : sequence of str, optional
        Only these values of ``symbol``.

    Returns
    -------
    pyarrow.Table
        Possibly empty.
    """
    from duckdb import ColumnExpression, ConstantExpression

    relation, chosen = source.rows(cursor, columns)
    date = ColumnExpression("date")
    if since is not None:
        relation = relation.filter(date >= ConstantExpression(since))
    if until is not None:
        relation = relation.filter(date <= ConstantExpression(until))
    if symbols is not None:
        wanted = [ConstantExpression(symbol) for symbol in symbols]
        relation = relation.filter(ColumnExpression("symbol").isin(*wanted))
    return relation.select(*chosen).to_arrow_table()
