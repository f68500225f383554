"""`quant query`: SQL over the lakehouse."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from quant_assets.cli.console import command, emit_json, fail, out

_SHOWN_ROWS = 200


def _versions(pairs: list[str]) -> dict[str, int]:
    versions = {}
    for pair in pairs:
        table, _, number = pair.partition("=")
        if not table or not number.isdigit():
            fail(f"--as-of-version takes TABLE=VERSION, was {pair!r}")
        versions[table] = int(number)
    return versions


@command
def query(
    sql: Annotated[str, typer.Argument(help='SQL, for example "select count(*) from ohlcv".')],
    csv: Annotated[bool, typer.Option("--csv", help="Comma-separated output.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON output.")] = False,
    as_of_version: Annotated[
        list[str] | None, typer.Option(help="Pin a table to a version, TABLE=VERSION; repeatable.")
    ] = None,
) -> None:
    """Query every table as a DuckDB view, at its newest or a pinned version.

    Stored bars are never rescaled: ohlcv_adjusted('2024-03-30') reads them on the basis known on that date, and
    ohlcv_difference('2024-03-26', '2024-03-31') lists what became known in between.
    """
    from quant_resources.lakehouse import Lake
    from quant_resources.settings import load_settings

    table = Lake(load_settings().lakehouse_dir).query(sql, as_of_version=_versions(as_of_version or []))
    if csv:
        import pyarrow.csv

        pyarrow.csv.write_csv(table, sys.stdout.buffer)
    elif as_json:
        emit_json(table.to_pylist())
    else:
        _print_table(table)


def _print_table(table: object) -> None:
    import pyarrow as pa
    from rich.table import Table

    if not isinstance(table, pa.Table):
        raise TypeError(type(table))
    grid = Table(show_edge=False, header_style="bold")
    for field in table.schema:
        numeric = pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
        grid.add_column(field.name, justify="right" if numeric else "left", overflow="fold")
    for row in table.slice(0, _SHOWN_ROWS).to_pylist():
        grid.add_row(*("" if value is None else str(value) for value in row.values()))
    out.print(grid)
    if table.num_rows > _SHOWN_ROWS:
        out.print(f"{_SHOWN_ROWS} of {table.num_rows} rows shown; --csv or --json gives all", style="dim")
