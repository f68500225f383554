"""`quant run`: materialise a flow's assets for a date, with live progress."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from quant_assets import home
from quant_assets.cli.console import command, emit_json, err, fail, out
from quant_lib.address import SCHEME, parse_address

if TYPE_CHECKING:
    import dagster as dg

    from quant_resources.config import Project
    from quant_resources.settings import Settings


class Flow(StrEnum):
    """What to materialise, where it is not one asset by its address."""

    DATA = "data"
    ALPHA = "alpha"
    ALL = "all"


@dataclass(frozen=True)
class Wanted:
    """What a command asks for: the assets of a day, and the day as written."""

    assets: Callable[[dt.date], list[dg.AssetKey]]
    date: str | None


def market_last_closed_day(settings: Settings) -> dt.date:
    """Last day whose bars have closed on the configured market."""
    from quant_resources.tradingview.resource import TradingViewResource

    resource = TradingViewResource(
        url=settings.market_url,
        source=settings.market_source,
        as_of=settings.market_as_of,
        home=str(settings.home),
        rate=settings.market_rate,
    )
    with resource.client() as client:
        return client.clock().date() - dt.timedelta(days=1)


def chosen_date(text: str | None, last_closed: dt.date, project: Project) -> dt.date:
    """Decide the date: the one asked for, or the market's last closed day; refuse what cannot be decided."""
    from quant_lib.keys import parse_partition_date

    date = last_closed if text is None else parse_partition_date(text)
    if date > last_closed:
        fail(f"{date} is in the future of the market: its last closed day is {last_closed}")
    start = project.platform.start_date
    if date < start:
        fail(f"{date} is before the first partition {start}; set start_date in configs/platform.yaml to decide earlier")
    return date


def in_session(project: Project, profiles: list[str], date: dt.date, *, named: bool) -> list[str]:
    """Leave out sleeves whose market is closed on a date, and say so; one that was asked for by name is an error."""
    from quant_assets.sleeve_rules import sleeve_calendar
    from quant_lib.calendars import NotASessionError, require_session

    chosen = []
    for name in profiles:
        try:
            require_session(sleeve_calendar(project, project.sleeve(name)), date, f"sleeve {name}")
        except NotASessionError as error:
            if named:
                raise
            err.print(f"left out: {error}", markup=False)
        else:
            chosen.append(name)
    return chosen


def on_offer(settings: Settings, project: Project, profiles: list[str]) -> list[str]:
    """Leave out sleeves of whose universes the market lists nothing, past listings included, and say so."""
    from quant_assets.market import market_resource
    from quant_resources.catalogue import fetch_listings

    wanted = {name: sorted({one.name for one in project.universes_of(name)}) for name in profiles}
    listed: dict[str, bool] = {}
    with market_resource(settings, project).client() as client:
        for name in sorted({universe for names in wanted.values() for universe in names}):
            universe = project.universe(name)
            listed[name] = not fetch_listings(client, universe, project.named_symbols(universe)).empty
    chosen = [name for name in profiles if any(listed[universe] for universe in wanted[name])]
    for name in sorted(set(profiles) - set(chosen)):
        err.print(f"left out: sleeve {name}: the market lists nothing of {', '.join(wanted[name])}", markup=False)
    return chosen


def _selection(flow: Flow, profiles: list[str]) -> list[dg.AssetKey]:
    from quant_assets import keys

    chosen: list[dg.AssetKey] = []
    if flow in (Flow.DATA, Flow.ALL):
        chosen += keys.DATA_KEYS
    if flow in (Flow.ALPHA, Flow.ALL):
        chosen += [keys.sleeve_key(profile, step) for profile in profiles for step in keys.SLEEVE_STEPS]
    return chosen


def _of_flow(settings: Settings, project: Project, target: str, profiles: list[str], date: str | None) -> Wanted:
    """Every asset of a flow, of the sleeves whose market is open."""
    if target not in list(Flow):
        fail(f"{target!r} is nothing to run; say {', '.join(Flow)}, or the address of one asset ({SCHEME}...)")
    flow = Flow(target)
    names = [project.sleeve(name).name for name in (profiles or sorted(project.sleeves))]

    def assets(day: dt.date) -> list[dg.AssetKey]:
        open_now = names if flow is Flow.DATA else in_session(project, names, day, named=bool(profiles))
        if flow is not Flow.DATA and not profiles:
            open_now = on_offer(settings, project, open_now)
        return _selection(flow, open_now)

    return Wanted(assets, date)


def _of_address(_: Settings, project: Project, target: str, profiles: list[str], date: str | None) -> Wanted:
    """One asset by its address; options may not say it a second time."""
    from quant_assets import keys

    address = parse_address(target)
    if profiles or date:
        fail(f"{target} is a whole address: leave --profile and --date out")
    if address.profile is not None:
        project.sleeve(address.profile)
    key, known = keys.addressed(address)
    if key is None:
        fail(f"{target}: there is no asset {address.asset!r} in {address.flow}; known: {', '.join(known)}")

    def assets(day: dt.date) -> list[dg.AssetKey]:
        if address.profile is not None:
            in_session(project, [address.profile], day, named=True)
        return [key]

    return Wanted(assets, address.date and address.date.isoformat())


@command
def run(
    target: Annotated[
        str,
        typer.Argument(
            metavar="data|alpha|all|ADDRESS",
            help="data: shared facts; alpha: sleeves; all: both; or one asset, "
            "quant://alpha/selection?profile=P&date=D.",
        ),
    ],
    profile: Annotated[list[str] | None, typer.Option(help="Sleeve, repeatable; every one if left out.")] = None,
    date: Annotated[
        str | None, typer.Option(help="Decision date YYYY-MM-DD; the market's last closed day if left out.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Materialise a day. Exit code 0 only if every step and every blocking check passed."""
    from quant_assets.configured import load_configured

    settings, project = load_configured()
    wanted = (_of_address if target.startswith(SCHEME) else _of_flow)(settings, project, target, profile or [], date)
    day = chosen_date(wanted.date, market_last_closed_day(settings), project)
    assets = wanted.assets(day)
    home.prepare_home(settings)
    from quant_assets.cli.execution import execute

    outcome = execute(settings, project, assets, day, quiet=as_json)
    if as_json:
        emit_json(outcome.document())
    else:
        outcome.print_summary(out)
    if not outcome.success:
        raise typer.Exit(1)
