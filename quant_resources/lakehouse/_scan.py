"""Reading immutable files through DuckDB: no SQL text is built, values travel as expressions."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
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


def scan(
    cursor: duckdb.DuckDBPyConnection,
    spec: TableSpec,
    paths: Sequence[str],
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
    spec : TableSpec
        Table the files belong to.
    paths : sequence of str
        Files, already verified, in key order; each is sorted by key.
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

    relation = cursor.read_parquet(list(paths), hive_partitioning=False)
    date = ColumnExpression("date")
    if since is not None:
        relation = relation.filter(date >= ConstantExpression(since))
    if until is not None:
        relation = relation.filter(date <= ConstantExpression(until))
    if symbols is not None:
        wanted = [ConstantExpression(symbol) for symbol in symbols]
        relation = relation.filter(ColumnExpression("symbol").isin(*wanted))
    return relation.select(*(ColumnExpression(spec.column(name).name) for name in columns)).to_arrow_table()
