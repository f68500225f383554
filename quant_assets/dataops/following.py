"""Which symbols are followed on a date."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from quant_resources.catalogue import followed_symbols
from quant_resources.config import Project
from quant_resources.lakehouse import Lake


def followed_on(lake: Lake, project: Project, catalogue: pd.DataFrame, date: dt.date) -> list[str]:
    """Members of the base universes, every benchmark, and everything that was ever a candidate or held."""
    universes = [project.universes[name] for name in project.platform.follow]
    named = {one.name: symbols for one in universes if (symbols := project.named_symbols(one)) is not None}
    always = wanted_always(lake, project, date) & set(catalogue["symbol"])
    return followed_symbols(catalogue, universes, always, named)


def unlisted_on(lake: Lake, project: Project, catalogue: pd.DataFrame, date: dt.date) -> list[str]:
    """Benchmarks, candidates and holdings no venue that is asked lists: they cannot be followed, and that is said."""
    return sorted(wanted_always(lake, project, date) - set(catalogue["symbol"]))


def wanted_always(lake: Lake, project: Project, date: dt.date) -> set[str]:
    """Every benchmark, and everything that was ever a candidate or held."""
    always = set(project.platform.benchmarks) | {sleeve.benchmark for sleeve in project.sleeves.values()}
    for table in ("candidates", "positions"):
        if lake.exists(table):
            always |= set(lake.read(table, columns=["symbol"], until=date)["symbol"])
    return always
