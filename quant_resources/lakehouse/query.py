"""Users' SQL in a locked-down session: one SELECT over the lake's views, and nothing else.

Three fences, each enough for what it keeps out:

1. The statement is parsed first and must be a single SELECT all of whose parts
   read. (DuckDB 2.0 accepts ``WITH x AS (COPY … TO 'file')`` inside a SELECT, and
   a path it may read is a path it may overwrite.)
2. Table functions come from a short list; none of them opens a file. Ours (`_macros`) read the same views.
3. External access is off but for the verified files of the tables the statement
   names, and the configuration is locked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from quant_resources.lakehouse._macros import MACROS
from quant_resources.lakehouse._scan import SESSION, Source
from quant_resources.lakehouse.errors import QueryError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
_TABLE_FUNCTIONS = frozenset(
    {"unnest", "range", "generate_series", "duckdb_columns", "duckdb_views", "duckdb_functions", "pragma_table_info"}
)
MEMORY_LIMIT = "2GB"

Sources = Callable[[Collection[str]], Mapping[str, Source]]


def run_query(sql: str, tables: Collection[str], sources: Sources) -> pa.Table:
    """Run one SELECT over views of the lake's tables.

    Parameters
    ----------
    sql : str
        One SELECT statement; ``DESCRIBE``, ``SUMMARIZE`` and ``SHOW TABLES`` count as such.
    tables : collection of str
        Tables there are.
    sources : callable
        Given table names, their verified files.

    Returns
    -------
    pyarrow.Table
        The result; instants in UTC.

    Raises
    ------
    QueryError
        If it is not one SELECT, reaches outside the lake, or DuckDB refuses it.
    """
    import duckdb

    names = tuple(sorted(tables))
    with duckdb.connect(":memory:", config={**SESSION, "memory_limit": MEMORY_LIMIT}) as connection:
        try:
            tree = _parsed(connection, sql, names)
            named = {node["table_name"] for node in _nodes(tree) if node.get("type") == "BASE_TABLE"}
            macros = _macros_in(tree, names)
            named |= {table for name in macros for table in MACROS[name].tables}
            # A catalogue query (SHOW TABLES, information_schema) sees every view.
            wanted = named if named and named <= set(names) else set(names)
            _open(connection, sources(sorted(wanted)), macros)
            return connection.sql(sql).to_arrow_table()
        except duckdb.Error as error:
            raise QueryError(str(error), names) from error


def _parsed(connection: duckdb.DuckDBPyConnection, sql: str, names: tuple[str, ...]) -> Any:
    """Syntax tree of the statement; `QueryError` unless it only reads views."""
    rows = connection.execute("SELECT json_serialize_sql(CAST($sql AS VARCHAR))", {"sql": sql}).fetchall()
    tree: dict[str, Any] = json.loads(rows[0][0]) if rows[0][0] else {"error": True, "error_message": "no statement"}
    if tree["error"]:
        reason = tree["error_message"]
        if tree.get("error_type") == "not implemented":
            reason = "only one SELECT statement is run; tables are written by materialising assets"
        raise QueryError(reason, names)
    if len(tree["statements"]) != 1:
        raise QueryError("only one SELECT statement is run at a time", names)
    for node in _nodes(tree):
        kind = str(node.get("type", ""))
        if kind.endswith("_NODE") and kind not in _NODES:
            raise QueryError("only SELECT may stand in a WITH clause; nothing is written by a query", names)
        function = node["function"]["function_name"].lower() if kind == "TABLE_FUNCTION" else "unnest"
        if function not in _TABLE_FUNCTIONS and function not in MACROS:
            raise QueryError(f"{function}() reads outside the lakehouse; query the tables by name", names)
    return tree


def _macros_in(tree: Any, names: Collection[str]) -> list[str]:
    """Table functions of ours that a statement calls; `QueryError` where the lake lacks a table one reads."""
    called = {
        node["function"]["function_name"].lower() for node in _nodes(tree) if node.get("type") == "TABLE_FUNCTION"
    }
    macros = sorted(called & set(MACROS))
    for name in macros:
        missing = sorted(set(MACROS[name].tables) - set(names))
        if missing:
            raise QueryError(f"{name}() reads {missing[0]}, which this lakehouse does not have", tuple(names))
    return macros


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of a syntax tree."""
    pending = [tree]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            yield item
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)


def _open(
    connection: duckdb.DuckDBPyConnection,
    sources: Mapping[str, Source],
    macros: Sequence[str],
) -> None:
    """Make the views and the table functions over them, then lock the door behind them."""
    for name, source in sources.items():
        if source.paths:
            source.view(connection, name)
        else:
            connection.from_arrow(source.spec.arrow_schema().empty_table()).create_view(name)
    for name in macros:
        connection.execute(MACROS[name].definition)
    files = [path for source in sources.values() for path in source.paths]
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET allowed_paths = $files", {"files": files})
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
