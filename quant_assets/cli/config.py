"""`quant config`: what is configured, where it comes from, and what is wrong with it."""

from __future__ import annotations

from typing import Annotated

import typer

from quant_assets.cli.console import command, emit_json, out

app = typer.Typer(help="Configuration.", no_args_is_help=True)


@app.command()
@command
def show(
    profile: Annotated[str, typer.Argument(help="Sleeve or meta.")],
    as_json: Annotated[bool, typer.Option("--json", help="JSON output.")] = False,
) -> None:
    """Show every value of a sleeve or meta with the file and line it comes from."""
    from quant_assets.configured import load_configured

    project = load_configured()[1]
    resolved = project.resolve_meta(profile) if profile in project.metas else project.resolve_sleeve(profile)
    if as_json:
        emit_json({entry.key: {"value": entry.value, "origin": entry.origin} for entry in resolved.values})
        return
    width = max(len(entry.key) for entry in resolved.values)
    for entry in resolved.values:
        out.print(f"{entry.key:<{width}}  {entry.value!s:<34}  ", markup=False, end="")
        out.print(entry.origin, style="dim", markup=False)


@app.command()
@command
def lint(
    strict: Annotated[bool, typer.Option(help="Count warnings as errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON output.")] = False,
) -> None:
    """Check every configuration file. Exit code 1 if one is wrong."""
    from quant_resources import config
    from quant_resources.settings import load_settings

    findings = config.lint(load_settings().configs_dir)
    if as_json:
        emit_json([str(finding) for finding in findings])
    for finding in findings if not as_json else []:
        out.print(str(finding), markup=False)
    errors = [f for f in findings if strict or f.severity is config.Severity.ERROR]
    if not as_json:
        out.print(f"{len(findings)} findings, {len(errors)} errors")
    if errors:
        raise typer.Exit(1)
