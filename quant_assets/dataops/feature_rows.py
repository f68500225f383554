"""Keeping the features table equal to what the stored bars give."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.calendars import CalendarBook
from quant_lib.errors import QuantError
from quant_lib.features import (
    FEATURES_TABLE,
    SortedBars,
    StressWindows,
    bar_digests,
    compute_features,
    cross_sections,
    feature_set_version,
    find_stale,
    sort_bars,
)
from quant_lib.health import HealthRules, label_bars
from quant_resources.calendars import calendar_book
from quant_resources.lakehouse import Lake, Receipt

_KEYS = ("date", "symbol", "bars_digest")
BAR_COLUMNS = ("date", "symbol", "open", "high", "low", "close", "volume", "close_time")
"""What features, segments and fingerprints are made from."""


@dataclass(eq=False)
class FeatureVersionError(QuantError):
    """Stored features were made with other definitions than those in force."""

    stored: str
    current: str
    rows: int

    def __str__(self) -> str:
        return (
            f"{self.rows} rows of features were made with definitions {self.stored}, those in force are {self.current}"
        )

    @property
    def fix(self) -> str:
        """What to do about it."""
        return (
            "nothing was written: to make every row again, run once with "
            "QUANT_PLATFORM__FEATURES__ON_NEW_VERSION=recompute (features.on_new_version in platform.yaml)"
        )


@dataclass(frozen=True)
class FeatureRules:
    """What features are made by.

    Parameters
    ----------
    health : HealthRules
        Segments and quarantine.
    ruleset : {"legacy", "pine3"}
        Vote rules of the ratings.
    stress : sequence of (date, date)
        Stress windows of survival.
    on_new_version : {"refuse", "recompute"}
        What to do about stored rows of other definitions.
    """

    health: HealthRules
    ruleset: str
    stress: StressWindows
    on_new_version: Literal["refuse", "recompute"] = "refuse"

    @property
    def version(self) -> str:
        """Version the rows carry."""
        return feature_set_version(self.ruleset, self.stress)


@dataclass(frozen=True)
class Refresh:
    """Rows that make the features table true again.

    Parameters
    ----------
    rows : DataFrame
        All rows of the dates to be replaced.
    dates : tuple of datetime.date
        Dates to be replaced; empty where every stored row is right.
    figures : dict
        Rows computed, kept and dropped, and the scope.
    anew : bool
        Whether the table is to be made anew: it was stored with other columns.
    """

    rows: pd.DataFrame
    dates: tuple[dt.date, ...]
    figures: dict[str, int | str]
    anew: bool = False

    def store(self, lake: Lake) -> list[Receipt]:
        """Write what there is to write."""
        if self.anew:
            return [lake.rebuild(FEATURES_TABLE, self.rows)]
        return [lake.replace_dates(FEATURES_TABLE, self.rows, dates=self.dates)] if self.dates else []


def labelled_bars(bars: pd.DataFrame, rules: HealthRules, calendars: CalendarBook) -> pd.DataFrame:
    """Bars a feature may see, each with the segment it belongs to.

    A bar condemned on its own day is left out. One condemned later is kept: on
    its day nobody knew, and a feature of that day must say what was known.
    """
    bars = bars.astype({"symbol": "category"})
    codes = bars["symbol"].cat.codes.to_numpy()
    ordered = bars.take(np.lexsort((bars["date"].to_numpy(), codes)))
    ordered.index = pd.RangeIndex(len(ordered))
    labels = label_bars(ordered, rules, calendars)
    ordered["segment"] = labels["segment"]
    seen = (labels["known_on"] != ordered["date"]).to_numpy()
    return ordered if seen.all() else ordered[seen].reset_index(drop=True)


def refresh(lake: Lake, until: dt.date, rules: FeatureRules, symbols: Sequence[str] | None = None) -> Refresh:
    """Compute the features that are missing or were made from other bars, and nothing else.

    Every row carries a fingerprint of the bars behind it. A new day, a new symbol, a repaired bar or another segment
    change fingerprints, and exactly the rows that carry them are made again; rows without a bar go. Features of a
    cross-section are made again for all rows of the dates touched.

    Parameters
    ----------
    lake : Lake
        Where bars and features are.
    until : datetime.date
        Newest date.
    rules : FeatureRules
        Definitions.
    symbols : sequence of str, optional
        Only these, all with bars by default; rows of others keep what is theirs alone.

    Returns
    -------
    Refresh
        What to write.

    Raises
    ------
    FeatureVersionError
        Where stored rows have other definitions and the rules say to refuse.
    """
    stored, until = _stored(lake, until, rules, symbols)
    calendars = calendar_book(lake, until)
    found = lake.read("ohlcv", columns=BAR_COLUMNS, until=until, symbols=symbols, categories=["symbol"])
    bars = labelled_bars(found, rules.health, calendars)
    ann = calendars.ann(bars["symbol"].unique())
    ordered = sort_bars(bars, bars.pop("segment"))
    current = bar_digests(ordered, ann=ann)
    stale = find_stale(current, stored)
    wanted = current.loc[stale.missing, ["date", "symbol"]]
    scope = "all symbols with bars" if symbols is None else f"{len(symbols)} symbols"
    figures: dict[str, int | str] = {
        "scope": scope,
        "rows_computed": len(wanted),
        "rows_dropped": int(stale.gone.sum()),
    }
    days = np.union1d(wanted["date"].to_numpy(), stored["date"].to_numpy()[stale.gone])
    if not days.size:
        return Refresh(pd.DataFrame(columns=list(FEATURES_TABLE.column_names)), (), figures)
    made = _made(ordered, stale.missing, wanted, rules, ann)
    dates = tuple(day.date() for day in pd.DatetimeIndex(days))
    kept = _kept(lake, days, stored, stale.gone | stale.changed, symbols is not None)
    if kept is None:
        return Refresh(made, dates, figures | {"rows_kept_on_those_dates": 0}, lake.outdated("features"))
    rows = pd.concat([kept, made], ignore_index=True)
    fresh = cross_sections(rows)
    rows[list(fresh.columns)] = fresh
    return Refresh(rows, dates, figures | {"rows_kept_on_those_dates": len(kept)})


def _made(
    ordered: SortedBars,
    missing: npt.NDArray[np.bool_],
    wanted: pd.DataFrame,
    rules: FeatureRules,
    ann: dict[str, float],
) -> pd.DataFrame:
    """Compute the rows that are wanted, from the whole history of their symbols."""
    if wanted.empty:
        return pd.DataFrame(columns=list(FEATURES_TABLE.column_names)).astype(FEATURES_TABLE.pandas_types())
    concerned = ordered.with_symbols_of(missing)
    made = compute_features(
        concerned, ruleset=rules.ruleset, ann=ann, since=wanted["date"].min().date(), stress=rules.stress
    )
    if len(made) == len(wanted):
        return made
    return made.merge(wanted.astype({"symbol": "str"}), on=["date", "symbol"], how="inner", validate="one_to_one")[
        list(made.columns)
    ]


def _stored(
    lake: Lake, until: dt.date, rules: FeatureRules, symbols: Sequence[str] | None
) -> tuple[pd.DataFrame, dt.date]:
    """Keys and fingerprints of what is stored, and how far to go: all the way where definitions changed.

    Every row has the definitions of the newest month: no write lets two stand side by side.
    """
    first = lake.last_month("features")
    if first is None:
        nothing = pd.DataFrame({"date": pd.Series(dtype="datetime64[us]"), "symbol": pd.Series(dtype="str")})
        return nothing.assign(bars_digest=pd.Series(dtype="int64")), until
    newest = lake.read("features", columns=["date", "feature_set_version"], since=first)
    others = sorted(set(newest["feature_set_version"]) - {rules.version})
    if lake.outdated("features"):
        others.append("other columns")
    if others and (rules.on_new_version == "refuse" or symbols is not None):
        raise FeatureVersionError(" and ".join(others), rules.version, lake.row_count("features"))
    if others:
        until = max(until, newest["date"].max().date())
    stored = lake.read("features", columns=_KEYS, until=until, symbols=symbols, categories=["symbol"])
    # No row of these definitions has the fingerprint 0.
    return (stored.assign(bars_digest=0) if others else stored), until


def _kept(
    lake: Lake, days: npt.NDArray[np.datetime64], stored: pd.DataFrame, replaced: npt.NDArray[np.bool_], scoped: bool
) -> pd.DataFrame | None:
    """Read the stored rows of the touched dates that stay; None where there are none."""
    if not lake.exists("features"):
        return None
    if not scoped and not np.any(np.isin(stored["date"].to_numpy(), days) & ~replaced):
        return None  # every stored row of those dates is replaced: there is nothing to read
    first, last = (pd.Timestamp(day).date() for day in (days[0], days[-1]))
    rows = lake.read("features", since=first, until=last)
    rows = rows[np.isin(rows["date"].to_numpy(), days)]
    gone = stored.loc[replaced, ["symbol", "date"]].astype({"symbol": "str"})
    rows = rows[~pd.MultiIndex.from_frame(rows[["symbol", "date"]]).isin(pd.MultiIndex.from_frame(gone))]
    return rows if len(rows) else None
