"""Users' SQL in a locked-down session: one SELECT, only the lake's files, no extension, no setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from quant_lib.contracts import TableSpec
from quant_resources.lakehouse._scan import connect
from quant_resources.lakehouse.errors import QueryError

if TYPE_CHECKING:
    import pyarrow as pa


def run_query(sql: str, sources: Mapping[str, tuple[TableSpec, Sequence[Path]]]) -> pa.Table:
    """Run one SELECT over views of the given files.

    Parameters
    ----------
    sql : str
        One SELECT (or EXPLAIN) statement.
    sources : mapping of table name to (TableSpec, files)
        What each view reads; files already verified.

    Returns
    -------
    pyarrow.Table
        The result.

    Raises
    ------
    QueryError
        If it is not one SELECT, or DuckDB refuses it.
    """
    import duckdb

    names = tuple(sorted(sources))
    connection = connect()
    for name, (spec, paths) in sources.items():
        if paths:
            connection.read_parquet([str(p) for p in paths], hive_partitioning=False).create_view(name)
        else:
            connection.register(name, spec.arrow_schema().empty_table())
    files = [str(path) for _, paths in sources.values() for path in paths]
    connection.execute("SET memory_limit = '4GB'")
    connection.execute("SET allowed_paths = $files", {"files": files})
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    try:
        statements = connection.extract_statements(sql)
        allowed = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
        if len(statements) != 1 or statements[0].type not in allowed:
            raise QueryError("only one SELECT statement is run; tables are written by materialising assets", names)
        return connection.sql(sql).to_arrow_table()
    except duckdb.Error as error:
        raise QueryError(str(error), names) from error
    finally:
        connection.close()
