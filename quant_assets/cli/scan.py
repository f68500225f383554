"""`quant scan`: one scanner, looked at from its universe to its candidates."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from quant_assets.cli.console import command, emit_json, fail, out

if TYPE_CHECKING:
    import pandas as pd

    from quant_assets.sleeve_rules import Direction
    from quant_lib.selection import ScreenResult
    from quant_resources.config import Project, ScannerConfig
    from quant_resources.settings import Settings

_SHOWN = 25


@command
def scan(
    scanner: Annotated[str, typer.Argument(help="Scanner, a file in configs/scanners without .yaml.")],
    explain: Annotated[bool, typer.Option("--explain", help="Also every symbol left behind, with its figure.")] = False,
    direction: Annotated[
        str | None, typer.Option(help="LONG or SHORT, for a scanner of intent DISCOVERY, which has none of its own.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="Judge it point in time on the lakehouse of this date instead of live.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON output.")] = False,
) -> None:
    """Run one scanner and show what each of its steps kept and dropped. Nothing is stored."""
    from quant_assets.configured import load_configured
    from quant_assets.sleeve_rules import scan_of
    from quant_lib.selection import screen

    settings, project = load_configured()
    config = project.scanner(scanner)
    side = _side(config, direction)
    seen = _live(settings, project, config) if as_of is None else _stored(settings, as_of)
    rules, universe, where = scan_of(project, config, side).rules, seen.universe, seen.where
    found = screen(universe, rules, on=seen.day)
    if as_json:
        emit_json({**_document(scanner, where, found), "survivorship": rules.survivorship})
        return
    out.print(f"{scanner} ({side}), {where}; survivorship: {rules.survivorship}", markup=False)
    _print(found.funnel[["step", "rows_in", "rows_out", "rule"]], "step", "rule")
    if found.candidates.empty:
        out.print(_why_none(found, config, explained=explain), style="yellow", markup=False)
    else:
        _print(_with_figure(found.candidates, universe, config_figure(config)).head(_SHOWN), "symbol")
    if len(found.candidates) > _SHOWN:
        out.print(f"{_SHOWN} of {len(found.candidates)} candidates shown; --json gives all", style="dim")
    if explain and found.drops.empty:
        out.print("no symbol was left behind")
    elif explain:
        _print(found.drops[["symbol", "step", "reason", "value", "threshold"]], "symbol", "step", "reason")


def _side(config: ScannerConfig, direction: str | None) -> Direction:
    """Direction of the candidates: the scanner's own, or the one asked for where it has none."""
    if config.intent == "DISCOVERY":
        if direction not in ("LONG", "SHORT"):
            fail(f"{config.name} only discovers: say for which side with --direction LONG or --direction SHORT")
        return "LONG" if direction == "LONG" else "SHORT"
    if direction is not None and direction != config.intent:
        fail(f"{config.name} proposes {config.intent}, not {direction}")
    return config.intent


def _why_none(found: ScreenResult, config: ScannerConfig, *, explained: bool) -> str:
    """Say which step left nothing."""
    last = next(row for row in found.funnel.itertuples() if row.rows_out == 0)
    if last.step == "universe":
        return f"no candidate: nothing of universe {config.universe} is known there"
    more = "" if explained else "; --explain says where each symbol went"
    return f"no candidate: the last {last.rows_in} left at step {last.step} ({last.rule}){more}"


def _with_figure(candidates: pd.DataFrame, universe: pd.DataFrame, figure: str) -> pd.DataFrame:
    """Candidates with the figure they are ranked by, which is no column of theirs where it is no signal."""
    if figure not in candidates and figure in universe:
        candidates = candidates.assign(**{figure: candidates["symbol"].map(universe.set_index("symbol")[figure])})
    shown = ("rank", "symbol", figure, "recommend_all", "value_traded")
    return candidates[[name for name in dict.fromkeys(shown) if name in candidates]]


def config_figure(config: ScannerConfig) -> str:
    """Column of the candidates that the scanner ranks by."""
    from quant_lib.selection import VENDOR_COLUMNS

    return VENDOR_COLUMNS.get(config.sort_by, config.sort_by)


class _Seen(NamedTuple):
    """What a scanner is judged on: rows, the day whose lists hold, and where they come from."""

    universe: pd.DataFrame
    day: dt.date
    where: str


def _live(settings: Settings, project: Project, config: ScannerConfig) -> _Seen:
    from quant_assets.alpha.scanning import listed_by_binance, scanned_universe
    from quant_assets.market import market_resource
    from quant_resources.binance import BinanceResource

    binance = BinanceResource(url=settings.binance_url)
    listed = listed_by_binance(binance, project, config) if config.source == "binance" else None
    with market_resource(settings, project).client() as client:
        universe = scanned_universe(client, project, config, listed)
        market = settings.market_url or "the embedded market"
        source = "" if listed is None else f", {len(listed)} symbols listed by Binance ({binance.client().where})"
        now = client.clock()
        # A market of recorded bars stands in the past: whoever joined a list later is no member of its day.
        day = now.date() - dt.timedelta(days=1)
        return _Seen(universe, day, f"live on {market} at {now:%Y-%m-%d %H:%M} UTC{source}")


def _stored(settings: Settings, as_of: str) -> _Seen:
    from quant_lib.decision import universe_on
    from quant_lib.errors import MissingDataError
    from quant_lib.keys import parse_partition_date
    from quant_resources.lakehouse import Lake

    date, lake = parse_partition_date(as_of), Lake(settings.lakehouse_dir)
    tables = {name: lake.read(name, date=date) if lake.exists(name) else None for name in ("features", "instruments")}
    for name, rows in tables.items():
        if rows is None or rows.empty:
            raise MissingDataError(f"{name} of {date}", "the lakehouse", f"run: quant run data --date {date}")
    universe = universe_on(tables["features"], tables["instruments"])
    return _Seen(universe, date, f"point in time on {date}, from the lakehouse")


def _document(scanner: str, where: str, found: ScreenResult) -> dict[str, Any]:
    def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
        return [
            {key: None if value != value else value for key, value in row.items()} for row in frame.to_dict("records")
        ]

    return {
        "scanner": scanner,
        "universe": where,
        "funnel": rows(found.funnel),
        "candidates": rows(found.candidates),
        "drops": rows(found.drops),
    }


def _print(frame: pd.DataFrame, *text: str) -> None:
    from rich.table import Table

    grid = Table(show_edge=False, header_style="bold")
    for name in frame.columns:
        grid.add_column(str(name), justify="left" if name in text else "right", overflow="fold")
    for row in frame.itertuples(index=False):
        grid.add_row(*(_cell(value) for value in row))
    out.print(grid)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:,.4g}" if abs(value) < 1e6 else f"{value:,.0f}"
    return str(value)
