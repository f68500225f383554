"""`quant explain`: the life of one symbol through every step of a decision."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quant_assets.cli.console import command, emit_json, fail, out

if TYPE_CHECKING:
    import pandas as pd

    from quant_resources.lakehouse import Lake

_VERDICT = (
    "logic",
    "direction",
    "selected",
    "stage",
    "rank",
    "cluster",
    "alpha_score",
    "rank_score",
    "n_missing",
    "vetoes",
    "soft_vetoes",
    "blocked_by",
    "rank_gap",
    "score_needed",
    "to_be_selected",
    "reason",
)


@command
def explain(
    symbol: Annotated[str, typer.Argument(help="EXCHANGE:TICKER, or the ticker alone where it is unambiguous.")],
    profile: Annotated[str, typer.Option(help="Sleeve.")],
    date: Annotated[str, typer.Option(help="Decision date YYYY-MM-DD.")],
    as_json: Annotated[bool, typer.Option("--json", help="JSON output.")] = False,
) -> None:
    """Show why a symbol was or was not selected: every figure, veto and rank, and what would have to change."""
    from quant_assets.configured import load_configured
    from quant_lib.keys import parse_partition_date
    from quant_resources.lakehouse import Lake

    settings, project = load_configured()
    sleeve, day = project.sleeve(profile).name, parse_partition_date(date)
    life = life_of(Lake(settings.lakehouse_dir), sleeve, day, symbol)
    if as_json:
        emit_json(life)
    else:
        _print(life)


def life_of(lake: Lake, profile: str, date: dt.date, symbol: str) -> dict[str, Any]:
    """Everything stored about a symbol in one decision.

    Parameters
    ----------
    lake : Lake
        Where the decision is stored.
    profile : str
        Sleeve.
    date : datetime.date
        Decision date.
    symbol : str
        EXCHANGE:TICKER, or a ticker that only one symbol of the decision has.

    Returns
    -------
    dict
        Plain values: drops before selection, verdicts with figures, probabilities and vetoes, positions.
    """
    selection = lake.decision("selection", profile, date)
    drops = lake.decision("candidate_drops", profile, date)
    lost = lake.decision("returns_drops", profile, date)
    name = _resolve(symbol, selection, drops)
    features = lake.decision("selection_features", profile, date)
    vetoes = lake.decision("selection_vetoes", profile, date)
    return {
        "symbol": name,
        "profile": profile,
        "date": date.isoformat(),
        "dropped": _records(drops[drops["symbol"] == name], ("step", "reason", "value", "threshold")),
        "without_returns": _records(lost[lost["symbol"] == name], ("reason", "value", "threshold")),
        "verdicts": [
            {
                **{column: _plain(row[column]) for column in _VERDICT},
                "vetoes_that_hold": _records(
                    _of(vetoes, row), ("veto", "kind", "source", "value", "threshold", "note")
                ),
                "features": _records(
                    _of(features, row), ("feature", "role", "value", "probability", "weight", "contribution")
                ),
            }
            for row in selection[selection["symbol"] == name].to_dict("records")
        ],
        "positions": _positions(lake, profile, date, name),
    }


def _resolve(symbol: str, selection: pd.DataFrame, drops: pd.DataFrame) -> str:
    known = sorted(set(selection["symbol"]) | set(drops["symbol"]))
    matching = [one for one in known if one == symbol or one.partition(":")[2] == symbol]
    if len(matching) != 1:
        near = [one for one in known if symbol.partition(":")[2][:3] in one or symbol[:3] in one][:5]
        hint = f"; did you mean {', '.join(matching or near)}?" if matching or near else ""
        fail(f"{symbol} is not one symbol of the universe of that decision{hint}")
    return matching[0]


def _of(rows: pd.DataFrame, row: dict[str, Any]) -> pd.DataFrame:
    same = (rows["symbol"] == row["symbol"]) & (rows["logic"] == row["logic"])
    return rows[same & (rows["direction"] == row["direction"])]


def _records(rows: pd.DataFrame, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{name: _plain(row[name]) for name in columns} for row in rows.to_dict("records")]


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return None if math.isnan(value) else value
    return value.item() if hasattr(value, "item") else value


def _positions(lake: Lake, profile: str, date: dt.date, symbol: str) -> list[dict[str, Any]]:
    from quant_resources.lakehouse.errors import TableMissingError

    try:
        rows = lake.decision("positions", profile, date)
    except TableMissingError:
        return []  # the decision has not been allocated yet
    return _records(rows[rows["symbol"] == symbol], ("engine", "risk_profile", "net_weight"))


def _print(life: dict[str, Any]) -> None:
    out.print(f"[bold]{life['symbol']}[/] in {life['profile']} on {life['date']}")
    for drop in life["dropped"]:
        out.print(f"  [red]dropped[/] at {drop['step']}: {drop['reason']} {_pair(drop)}")
    for drop in life["without_returns"]:
        out.print(f"  [red]no returns[/]: {drop['reason']} {_pair(drop)}")
    for verdict in life["verdicts"]:
        mark = "[green]selected[/]" if verdict["selected"] else f"[red]out[/] ({verdict['blocked_by']})"
        out.print(f"\n{verdict['direction']} {verdict['logic']}: {mark}")
        out.print(f"  {verdict['reason']}", markup=False)
        if verdict["to_be_selected"]:
            out.print(f"  to be selected: {verdict['to_be_selected']}", markup=False)
        _print_rows("veto", verdict["vetoes_that_hold"], ("veto", "kind", "source", "value", "threshold", "note"))
        _print_rows(
            "feature", verdict["features"], ("feature", "role", "value", "probability", "weight", "contribution")
        )
    _print_rows("position", life["positions"], ("engine", "risk_profile", "net_weight"))


def _pair(drop: dict[str, Any]) -> str:
    return "" if drop["value"] is None else f"({_shown(drop['value'])}, limit {_shown(drop['threshold'])})"


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _print_rows(title: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    from rich.table import Table

    if not rows:
        return
    grid = Table(show_edge=False, header_style="bold", title=f"{title}s", title_justify="left")
    for name in columns:
        grid.add_column(name, overflow="fold")
    for row in rows:
        grid.add_row(*(_shown(row[name]) for name in columns))
    out.print(grid)
