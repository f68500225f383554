"""Reading what a chain pinned: shared tables at the foundation's versions, its own tables as decided."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pandas as pd

from quant_lib.calendars import Calendar, CalendarBook
from quant_lib.decision import ReturnRules, eligible_over
from quant_lib.health import HealthRules, quarantine_bars, segment_starts
from quant_lib.selection import SelectionRules
from quant_resources.calendars import calendar_book
from quant_resources.lakehouse import Lake

PINNED = ("instruments", "ohlcv", "ohlcv_health", "features")
"""Shared tables every decision reads."""

BAR_COLUMNS = ("symbol", "date", "open", "close", "volume")
"""What tells a bad print and a split."""


class PinnedLake:
    """The lake as one decision sees it.

    Parameters
    ----------
    lake : Lake
        Whole lake.
    profile : str
        Sleeve.
    date : datetime.date
        Decision date; nothing after it is returned.
    """

    def __init__(self, lake: Lake, profile: str, date: dt.date) -> None:
        self._lake = lake
        self.profile = profile
        self.date = date
        rows = lake.decision("foundation", profile, date)
        self._versions = {str(r.table_name): int(r.version) for r in rows.itertuples()}

    def today(self, table: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Rows of a shared table on the decision date; all columns by default."""
        return self._lake.read(table, version=self._versions[table], date=self.date, columns=columns)

    def past(self, table: str, **options: object) -> pd.DataFrame:
        """Rows of a shared table up to the decision date."""
        return self._lake.read(table, version=self._versions[table], until=self.date, **options)

    def decided(self, table: str) -> pd.DataFrame:
        """Rows an earlier step of this chain decided."""
        return self._lake.decision(table, self.profile, self.date)

    def calendars(self) -> CalendarBook:
        """Calendar of every symbol, as the pinned catalogue has it."""
        return calendar_book(self._lake, self.date, version=self._versions["instruments"])

    def trailing_features(self, rules: SelectionRules) -> pd.DataFrame | None:
        """Features of the days that the sleeve's filters look back on; None where they read the date alone."""
        if rules.bars == 1:
            return None
        columns = sorted({"date", "symbol", "segment", *rules.trailing})
        since = self.date - dt.timedelta(days=rules.trailing_days)
        return self.past("features", since=since, columns=columns)

    def segmented_closes(self, **options: object) -> pd.DataFrame:
        """Close and segment of every usable bar: what the features were computed from."""
        return self.past("features", columns=["symbol", "date", "close", "segment"], **options)


def returns_for(
    pinned: PinnedLake, symbols: list[str], rules: ReturnRules, health: HealthRules, target: Calendar
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Eligible returns of some symbols over the lookback, and what was left out with the reason."""
    closes = pinned.segmented_closes(symbols=symbols).sort_values(["symbol", "date"], kind="stable")
    bars, calendars = pinned.past("ohlcv", columns=list(BAR_COLUMNS), symbols=symbols), pinned.calendars()
    bad, starts = quarantine_bars(bars, health, calendars), segment_starts(closes, closes["segment"])
    found = eligible_over(closes, bad, starts, pinned.date, rules, calendars, target)
    return found.matrix, found.drops


def previous_selection(lake: Lake, profile: str, date: dt.date) -> pd.DataFrame | None:
    """Read the selection a sleeve last made before a date; None where there is none."""
    if "selection" not in lake.tables():
        return None
    until = date - dt.timedelta(days=1)
    dates = lake.read("selection", profile=profile, until=until, columns=["date"])["date"]
    return None if dates.empty else lake.decision("selection", profile, dates.max().date())


def wide_returns(rows: pd.DataFrame, columns: str) -> pd.DataFrame:
    """Long rows of ``returns_matrix`` or ``strategy_returns`` as sessions x columns."""
    return rows.pivot(index="bar_date", columns=columns, values="ret").sort_index()
