"""`quant market`: the embedded market alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quant_assets.cli.console import command, out

app = typer.Typer(help="The embedded market, and the switch that stops every request.", no_args_is_help=True)


@app.command()
@command
def serve(
    source: Annotated[
        str, typer.Option(help="synthetic, synthetic:SEED or parquet:FOLDER; several with commas between.")
    ] = "synthetic",
    as_of: Annotated[
        str,
        typer.Option(
            help="The market's clock: YYYY-MM-DD (that day has just closed) or an ISO instant; now if left out."
        ),
    ] = "",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 picks a free one.")] = 8787,
    exchange: Annotated[str, typer.Option(help="Prefix for Parquet symbols that have none.")] = "BINANCE",
    asset_type: Annotated[str, typer.Option(help="spot, swap, equity, ...: what the Parquet symbols are.")] = "spot",
    fault: Annotated[
        list[str] | None, typer.Option(help="Inject a fault, for example latency=50ms or http_429=0.2; repeatable.")
    ] = None,
) -> None:
    """Serve a market on loopback that speaks TradingView's screener and chart protocols."""
    from quant_resources.market import Faults, parse_clock, parse_source, serve_forever

    serve_forever(
        parse_source(source, exchange=exchange, asset_type=asset_type),
        parse_clock(as_of or None),
        Faults.parse(fault or []),
        port=port,
        on_ready=lambda url: out.print(f"market ready at {url}  (QUANT_MARKET_URL={url})"),
    )


@app.command()
@command
def off(reason: Annotated[str, typer.Option(help="Why; every refused request names it.")]) -> None:
    """Stop every request to a market, also of programs that are running, until `quant market on`."""
    switch = _switch()
    switch.parent.mkdir(parents=True, exist_ok=True)
    switch.write_text(f"{reason}\n", encoding="utf-8")
    out.print(f"the market is off: {reason}  ({switch})")


@app.command()
@command
def on() -> None:
    """Allow requests again."""
    _switch().unlink(missing_ok=True)
    out.print("the market is on")


def _switch() -> Path:
    from quant_resources.settings import load_settings
    from quant_resources.tradingview.resource import switch_of

    return switch_of(load_settings().home)
