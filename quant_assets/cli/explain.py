"""`quant explain`: the life of one symbol through every step of a decision."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quant_assets.cli.console import command, emit_json, fail, out
from quant_lib.wording import figure

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
_OUT_BY = {
    "hard": "a hard veto",
    "soft": "a soft veto",
    "quota": "beyond the best share",
    "listing": "another listing of the same asset has the seat",
    "seat": "its cluster has no seat left",
    "cap": "beyond the most winners",
}


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
    name = _resolve(lake, symbol, profile, date, selection, drops)
    features = lake.decision("selection_features", profile, date)
    vetoes = lake.decision("selection_vetoes", profile, date)
    return {
        "symbol": name,
        "profile": profile,
        "date": date.isoformat(),
        "day": _day(lake, profile, date),
        "dropped": _dropped(lake, profile, date, drops[drops["symbol"] == name]),
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


def _day(lake: Lake, profile: str, date: dt.date) -> dict[str, Any]:
    """Figures of the whole selection, to read one verdict against."""
    (summary,) = lake.decision("selection_summary", profile, date).to_dict("records")
    told = ("engine", "n_candidates", "n_vetoed", "n_soft_vetoed", "n_clusters", "n_winners", "stage", "sparse")
    return {name: _plain(summary[name]) for name in told}


def _dropped(lake: Lake, profile: str, date: dt.date, own: pd.DataFrame) -> list[dict[str, Any]]:
    """Tell which steps of discovery took the symbol out, by which rules, and what would have changed it."""
    funnel = lake.decision("candidate_funnel", profile, date)
    rules = dict(zip(funnel["step"], funnel["rule"], strict=True))
    found = _records(own, ("step", "reason", "value", "threshold"))
    return [{**drop, "rule": rules[drop["step"]], "to_be_selected": _passing(rules[drop["step"]])} for drop in found]


def _passing(rule: str) -> str:
    return f"hold to the rule ({rule}) and those after it, then pass the vetoes, be scored and ranked"


def _resolve(lake: Lake, symbol: str, profile: str, date: dt.date, selection: pd.DataFrame, drops: pd.DataFrame) -> str:
    known = sorted(set(selection["symbol"]) | set(drops["symbol"]))
    matching = [one for one in known if symbol in (one, one.partition(":")[2])]
    if len(matching) == 1:
        return matching[0]
    where = f"the universe of {profile} on {date}"
    if matching:
        problem = f"{symbol} is {len(matching)} symbols of {where}; say which: {', '.join(matching)}"
    else:
        problem = f"{symbol} is no symbol of {where}" + _known_otherwise(lake, symbol, date, known)
    return fail(problem)


def _known_otherwise(lake: Lake, symbol: str, date: dt.date, known: list[str]) -> str:
    """Say what else is known of a symbol that a decision does not have."""
    from quant_resources.config.errors import close_matches

    listed = sorted(set(lake.read("instruments", columns=["symbol"], until=date)["symbol"]))
    elsewhere = [one for one in listed if symbol in (one, one.partition(":")[2])]
    if elsewhere:
        return f", though the catalogue has {', '.join(elsewhere)}: the sleeve's scanner does not ask for it"
    names = {one.partition(":")[2]: one for one in known} | {one: one for one in known}
    near = [names[one] for one in close_matches(symbol, names)]
    return (
        f", nor of the catalogue; did you mean {', '.join(dict.fromkeys(near))}?" if near else ", nor of the catalogue"
    )


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
    # The book of the market is what results are compared with, not something the sleeve holds.
    own = rows[(rows["symbol"] == symbol) & (rows["engine"] != "market")]
    return _records(own, ("engine", "risk_profile", "net_weight"))


def _print(life: dict[str, Any]) -> None:
    day = life["day"]
    out.print(f"[bold]{life['symbol']}[/] in {life['profile']} on {life['date']}")
    out.print(
        f"  of {day['n_candidates']} candidates {day['n_vetoed']} under a hard veto, {day['n_soft_vetoed']} under a "
        f"soft one, {day['n_clusters']} clusters, {day['n_winners']} recruited by stage {day['stage']}"
        + (" (fewer than the floor)" if day["sparse"] else "")
    )
    for drop in life["dropped"]:
        out.print(f"  [red]never a candidate[/]: dropped at {drop['step']}: {drop['reason']}{_pair(drop)}")
        out.print(f"  to be selected: {drop['to_be_selected']}", markup=False)
    for drop in life["without_returns"]:
        out.print(f"  [red]no returns[/]: {drop['reason']}{_pair(drop)}")
    for verdict in life["verdicts"]:
        _print_verdict(verdict)
    _print_rows("Held after allocation", life["positions"], ("engine", "risk_profile", "net_weight"))


def _print_verdict(verdict: dict[str, Any]) -> None:
    out_by = _OUT_BY.get(verdict["blocked_by"], verdict["blocked_by"])
    mark = "[green]selected[/]" if verdict["selected"] else f"[red]not selected[/]: {out_by}"
    out.print(f"\n{verdict['direction']} {verdict['logic']}: {mark}")
    out.print(f"  {verdict['reason']}", markup=False)
    if verdict["to_be_selected"]:
        out.print(f"  to be selected: {verdict['to_be_selected']}", markup=False)
    _print_rows(
        "Vetoes that hold", verdict["vetoes_that_hold"], ("veto", "kind", "source", "value", "threshold", "note")
    )
    scored = [one for one in verdict["features"] if one["role"] == "score"]
    facts = [one for one in verdict["features"] if one["role"] != "score"]
    scored.sort(key=lambda one: (one["contribution"], one["feature"]))
    _print_rows("Scored, what costs most first", scored, ("feature", "value", "probability", "weight", "contribution"))
    if not scored:
        out.print("\n  not scored: a hard veto comes before the score")
    _print_rows("Other figures, read by vetoes and filters", facts, ("feature", "value"))


def _pair(drop: dict[str, Any]) -> str:
    limit = "" if drop["threshold"] is None else f", limit {_shown(drop['threshold'])}"
    return "" if drop["value"] is None else f" ({_shown(drop['value'])}{limit})"


def _shown(value: Any) -> str:
    if value is None:
        return "not known"
    if isinstance(value, float):
        return figure(value, digits=5)
    return str(value)


def _print_rows(title: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    from rich.table import Table

    if not rows:
        return
    grid = Table(show_edge=False, header_style="bold", title=f"\n{title}", title_justify="left")
    for name in columns:
        right = any(isinstance(row[name], float) for row in rows)
        grid.add_column(name, overflow="fold", justify="right" if right else "left")
    for row in rows:
        grid.add_row(*(_shown(row[name]) for name in columns))
    out.print(grid)
