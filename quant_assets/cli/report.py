"""`quant report`: where a report is."""

from __future__ import annotations

from typing import Annotated

import typer

from quant_assets.cli.console import command, emit_json, fail, out


@command
def report(
    profile: Annotated[str, typer.Option(help="Sleeve.")],
    date: Annotated[str | None, typer.Option(help="Decision date YYYY-MM-DD; the newest if left out.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON output.")] = False,
) -> None:
    """Say where the report of a sleeve is, and what it says in a line."""
    from quant_assets.configured import load_configured
    from quant_lib.keys import parse_partition_date
    from quant_resources.lakehouse import Lake

    settings, project = load_configured()
    name = project.sleeve(profile).name
    lake = Lake(settings.lakehouse_dir)
    dates = lake.dates("reports", profile=name)
    day = parse_partition_date(date) if date is not None else max(dates, default=None)
    if day is None or day not in dates:
        fail(
            f"there is no report of {name}{f' for {day}' if day else ''}; make one with: quant run all --profile {name}"
        )
    rows = lake.decision("reports", name, day)
    paths = {str(row.artifact): settings.artifacts_dir / str(row.path) for row in rows.itertuples()}
    if as_json:
        emit_json({"profile": name, "date": day, "artifacts": {k: str(v) for k, v in paths.items()}})
        return
    out.print(f"{name} {day}: {paths['report.html']}", markup=False)
    if open_:
        typer.launch(paths["report.html"].as_uri())
