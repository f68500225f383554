"""What a report is made of: frames of the decision tables, nothing else."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

UNKNOWN = "unknown"
"""Stamp of a universe whose members of past days nobody recorded."""


@dataclass(frozen=True)
class ReportInputs:
    """Everything a tear sheet shows, as read from the lakehouse for one profile and date.

    Attributes
    ----------
    profile, direction, description : str
        Identity of the sleeve.
    date : datetime.date
        Decision date.
    config_hash : str
        Hash of the resolved sleeve configuration.
    ann : float
        Sessions a year of the calendar.
    funnel, selection, positions, allocations, foundation : DataFrame
        Rows of the tables of the same name.
    drops : DataFrame
        Columns step, reason, n: how many symbols each rule dropped.
    windows, returns, metrics : DataFrame
        The walk-forward (``backtest_*`` tables).
    benchmark : Series
        Benchmark returns on the sessions of the walk-forward.
    benchmark_name : str
        Symbol of the benchmark.
    regime : dict of str to str
        Market regime the decision knew, in words: label, score, quadrant, proxy; what is missing says why.
    notes : list of str
        Limits a reader must know: how the universe is known, what is not modelled.
    survivorship : str
        Whether members of past days are those known then (``point_in_time``) or ``unknown``; on every chart.
    """

    profile: str
    direction: str
    description: str
    date: dt.date
    config_hash: str
    ann: float
    funnel: pd.DataFrame
    drops: pd.DataFrame
    selection: pd.DataFrame
    positions: pd.DataFrame
    allocations: pd.DataFrame
    foundation: pd.DataFrame
    windows: pd.DataFrame
    returns: pd.DataFrame
    metrics: pd.DataFrame
    benchmark: pd.Series
    benchmark_name: str
    regime: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    survivorship: str = UNKNOWN

    @property
    def stamp(self) -> str:
        """What every picture of these returns carries."""
        return f"survivorship: {self.survivorship}"

    def series(self) -> dict[str, pd.Series]:
        """Stitched net returns by risk profile (labelled with the engine where there are several)."""
        return {name: rows.set_index("bar_date")["ret"].sort_index() for name, rows in labelled(self.returns)}


def labelled(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Split rows by risk profile and engine, named as a reader tells them apart.

    Parameters
    ----------
    rows : DataFrame
        With ``engine`` and ``risk_profile``.

    Returns
    -------
    list of tuple of str and DataFrame
        By risk profile, then engine. The engine is named where a risk profile
        was solved by several.
    """
    pairs = rows.groupby(["risk_profile", "engine"], sort=True)
    found = [(str(key[0]), str(key[1]), own) for key, own in pairs]
    return list(zip(names_of([key[:2] for key in found]), (own for _, _, own in found), strict=True))


def names_of(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Names of (risk profile, engine); the engine is told where a risk profile was solved by several."""
    solved = Counter(risk for risk, _ in pairs)
    return [f"{risk} ({engine})" if solved[risk] > 1 else risk for risk, engine in pairs]
