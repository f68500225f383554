"""Entry point: every command, each in its own module, heavy imports left to the command that needs them."""

from __future__ import annotations

import typer

from quant_assets.cli import checks, config, explain, market, query, refresh, report, run, scan, serve

app = typer.Typer(
    name="quant",
    help="Systematic long/short portfolios as Dagster assets: from scan to weights, on evidence.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    add_completion=False,
)

app.command("run")(run.run)
app.command("up")(serve.up)
app.command("down")(serve.down)
app.command("query")(query.query)
app.command("checks")(checks.checks)
app.command("refresh")(refresh.refresh)
app.command("scan")(scan.scan)
app.command("report")(report.report)
app.command("explain")(explain.explain)
app.add_typer(market.app, name="market")
app.add_typer(config.app, name="config")


def main() -> None:
    """Run the command line."""
    app()
