"""Gather what the tear sheet shows."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from quant_assets.alpha.history import segmented_bars
from quant_assets.alpha.reading import PinnedLake
from quant_assets.sleeve_rules import sleeve_rules
from quant_lib.decision import survivorship_of
from quant_lib.decision.walk_forward import benchmark_returns
from quant_lib.regime import regime_words
from quant_lib.report import UNKNOWN, ReportInputs
from quant_resources.config import Project, SleeveConfig
from quant_resources.lakehouse import Lake, TableMissingError


def survivorship(lake: Lake, profile: str, date: dt.date) -> tuple[str, str]:
    """Stamp of the universe and what it means; a day decided before it was recorded says so."""
    try:
        rows = lake.decision("candidate_membership", profile, date)
    except TableMissingError:
        return UNKNOWN, "It was not recorded when these candidates were made; materialise them again."
    stamp = survivorship_of(rows)
    if stamp != UNKNOWN:
        return stamp, "Members of every day are those known on it."
    named = ", ".join(rows.loc[rows["survivorship"].eq(UNKNOWN), "scanner"])
    return UNKNOWN, (
        f"{named} choose from symbols named one by one, by somebody who may have known which "
        "survive; returns are flattered by as much as that, and nothing here measures it."
    )


def _notes(
    windows: pd.DataFrame, candidates: pd.DataFrame, instruments: pd.DataFrame, direction: str, members: str
) -> list[str]:
    delisted = int((~instruments["active"]).sum())
    notes = [
        members,
        f"Universe of every window: reconstructed point in time from {len(instruments)} symbols the lakehouse knows, "
        f"{delisted} of them no longer trading. Symbols the provider no longer lists at all are missing: "
        "what remains of survivorship bias is not measured.",
        f"Candidates of the decision date: {candidates['mode'].iloc[0] if len(candidates) else 'none'}.",
        "Costs are slippage and commission on traded notional at the close of the decision date.",
    ]
    if direction == "SHORT":
        notes.append("Spot shorts pay borrow; availability of borrow is not modelled.")
    sparse = int(windows["sparse"].sum())
    if sparse:
        notes.append(f"{sparse} of {len(windows)} windows recruited fewer than the floor and held cash for the rest.")
    return notes


def report_inputs(lake: Lake, project: Project, sleeve: SleeveConfig, date: dt.date, ann: float) -> ReportInputs:
    """Read every table the tear sheet shows, for one profile and date."""
    pinned = PinnedLake(lake, sleeve.name, date)
    rules = sleeve_rules(project, sleeve)
    windows, returns = pinned.decided("backtest_windows"), pinned.decided("backtest_returns")
    drops = pinned.decided("candidate_drops").groupby(["step", "reason"], sort=True).size().rename("n").reset_index()
    left_out = pinned.decided("returns_drops").groupby("reason", sort=True).size().rename("n").reset_index()
    stamp, meaning = survivorship(lake, sleeve.name, date)
    sessions = pd.DatetimeIndex(returns["bar_date"].unique()).sort_values()
    return ReportInputs(
        profile=sleeve.name,
        direction=sleeve.direction,
        description=sleeve.description,
        date=date,
        config_hash=project.resolve_sleeve(sleeve.name).config_hash,
        ann=ann,
        funnel=pinned.decided("candidate_funnel"),
        drops=pd.concat([drops, left_out.assign(step="returns matrix")], ignore_index=True)[["step", "reason", "n"]],
        selection=pinned.decided("selection"),
        positions=pinned.decided("positions"),
        allocations=pinned.decided("allocations"),
        foundation=pinned.decided("foundation"),
        windows=windows,
        returns=returns,
        metrics=pinned.decided("backtest_metrics"),
        benchmark=benchmark_returns(
            segmented_bars(pinned, rules, symbols=[rules.benchmark]), sessions, rules, pinned.calendars()
        ),
        benchmark_name=sleeve.benchmark,
        regime=regime_words(pinned.decided("regime")),
        notes=_notes(
            windows,
            pinned.decided("candidates"),
            pinned.today("instruments"),
            sleeve.direction,
            f"survivorship: {stamp}. {meaning}",
        ),
        survivorship=stamp,
    )
