"""`quant refresh`: replace what is stored of a symbol by what the provider serves now."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from quant_assets import home
from quant_assets.cli.console import command, emit_json, err, out


@command
def refresh(
    symbols: Annotated[list[str], typer.Argument(help="EXCHANGE:TICKER, one or more.")],
    reason: Annotated[str, typer.Option(help="Why stored bars should be replaced; kept in ohlcv_refreshes.")],
    date: Annotated[
        str | None, typer.Option(help="Last session YYYY-MM-DD; the market's last closed day if left out.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Fetch a symbol's history again and store it over what is there, with a record of every difference.

    Ingestion never rewrites a stored bar; this does, and only when told to. Exit code 1 if a symbol could not be
    fetched: it is left as it was.
    """
    from quant_assets.cli.run import chosen_date, market_last_closed_day
    from quant_assets.configured import load_configured
    from quant_assets.market import market_resource
    from quant_lib.keys import validate_symbol
    from quant_resources.ingestion import refresh as hard_refresh
    from quant_resources.lakehouse import Lake

    settings, project = load_configured()
    chosen = [validate_symbol(symbol) for symbol in symbols]
    day = chosen_date(date, market_last_closed_day(settings), project)
    home.prepare_home(settings)
    lake = Lake(settings.lakehouse_dir)
    catalogue = lake.read("instruments", until=day).sort_values("date").drop_duplicates("symbol", keep="last")
    with market_resource(settings, project).client() as client:
        report = hard_refresh(
            lake, client, catalogue, chosen, day,
            start=project.platform.history_start, now=dt.datetime.now(dt.UTC), reason=reason,
        )  # fmt: skip
    if as_json:
        emit_json({"refreshed": report.refreshed.to_dict("records"), "failed": report.failed})
    else:
        for row in report.refreshed.itertuples():
            out.print(
                f"{row.symbol}: {row.rows_before} bars replaced by {row.rows_after}, {row.rows_changed} of them differ"
            )
        if report.features_removed:
            out.print(f"{report.features_removed} feature rows were made from them; `quant run data` makes them again")
    for symbol, why in report.failed.items():
        err.print(f"{symbol} left as it was: {why}", markup=False)
    if report.failed:
        raise typer.Exit(1)
