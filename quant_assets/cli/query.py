"""`quant query`: SQL over the lakehouse."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from quant_assets.cli.console import command, emit_json, fail, out

_TEXT_WIDTH = 20
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
    rows = [
        ["" if value is None else str(value) for value in row.values()]
        for row in table.slice(0, _SHOWN_ROWS).to_pylist()
    ]
    if rows and _least_width(table.column_names, rows) > out.width:
        _print_records(table.column_names, rows)
    else:
        grid = Table(show_edge=False, header_style="bold")
        for field in table.schema:
            numeric = pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
            grid.add_column(field.name, justify="right" if numeric else "left", overflow="fold")
        for row in rows:
            grid.add_row(*row)
        out.print(grid)
    if table.num_rows > _SHOWN_ROWS:
        out.print(f"{_SHOWN_ROWS} of {table.num_rows} rows shown; --csv or --json gives all", style="dim")


def _least_width(names: list[str], rows: list[list[str]]) -> int:
    """Characters a table needs to be read: figures and short words whole, text in lines of twenty or more."""
    cells = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return sum(max(len(name), min(cell, _TEXT_WIDTH)) + 3 for name, cell in zip(names, cells, strict=True))


def _print_records(names: list[str], rows: list[list[str]]) -> None:
    """Row by row, a line for each column, where side by side nothing could be read."""
    label = max(map(len, names))
    for number, row in enumerate(rows, 1):
        out.print(f"[bold]row {number}[/bold]")
        for name, value in zip(names, row, strict=True):
            out.print(f"  {name:<{label}}  {value}".rstrip(), markup=False)
