"""`quant checks`: what the checks of a date say now."""

from __future__ import annotations

from typing import Annotated

import typer

from quant_assets.cli.console import command, emit_json, out


@command
def checks(
    date: Annotated[str, typer.Option(help="Decision date YYYY-MM-DD.")],
    profile: Annotated[list[str] | None, typer.Option(help="Sleeve, repeatable; every one if left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON output.")] = False,
) -> None:
    """Show check results of shared facts and sleeves. Exit code 1 if a blocking one did not pass or is out of date."""
    from quant_assets.configured import load_configured
    from quant_assets.home import dagster_instance
    from quant_lib.keys import parse_partition_date

    settings, project = load_configured()
    day = parse_partition_date(date)
    profiles = [project.sleeve(name).name for name in (profile or sorted(project.sleeves))]
    from quant_assets.cli.check_status import check_statuses

    with dagster_instance(settings) as instance:
        rows = check_statuses(instance, settings, project, profiles, day)
    if as_json:
        emit_json([vars(row) for row in rows])
    else:
        for row in rows:
            mark = "[green]✓[/]" if row.passed else ("[red]✗[/]" if row.blocking else "[yellow]![/]")
            out.print(f" {mark} {row.check:<66} {row.status}")
    if any(row.blocking and not row.passed for row in rows):
        raise typer.Exit(1)
