"""Keeping the features table equal to what the stored bars give."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from quant_lib.calendars import CalendarBook
from quant_lib.errors import QuantError
from quant_lib.features import (
    FEATURES_TABLE,
    StressWindows,
    bar_digests,
    compute_features,
    cross_sections,
    feature_set_version,
    find_stale,
    sort_bars,
)
from quant_lib.health import HealthRules, quarantine_bars, segment_bars
from quant_resources.calendars import calendar_book
from quant_resources.lakehouse import Lake

_KEYS = ["date", "symbol", "bars_digest", "feature_set_version"]


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
    """

    rows: pd.DataFrame
    dates: tuple[dt.date, ...]
    figures: dict[str, int | str]


def labelled_bars(bars: pd.DataFrame, rules: HealthRules, calendars: CalendarBook) -> pd.DataFrame:
    """Bars a feature may see, each with the segment it belongs to.

    A bar condemned on its own day is left out. One condemned later is kept: on
    its day nobody knew, and a feature of that day must say what was known.
    """
    marked = bars.assign(segment=segment_bars(bars, rules, calendars))
    bad = quarantine_bars(bars, rules, calendars)
    bad = bad[bad["known_on"] == bad["date"]]
    if len(bad):
        hidden = pd.MultiIndex.from_frame(marked[["symbol", "date"]]).isin(
            pd.MultiIndex.from_frame(bad[["symbol", "date"]])
        )
        marked = marked[~hidden]
    return marked.sort_values(["symbol", "date"], kind="stable").reset_index(drop=True)


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
    bars = labelled_bars(lake.read("ohlcv", until=until, symbols=symbols), rules.health, calendars)
    ann = calendars.ann(bars["symbol"].unique())
    ordered = sort_bars(bars, bars.pop("segment"))
    current = bar_digests(ordered, ann=ann)
    stale = find_stale(current, stored)
    wanted = current.loc[stale.missing, ["date", "symbol"]]
    gone = stored.loc[stale.gone, ["date", "symbol"]]
    scope = "all symbols with bars" if symbols is None else f"{len(symbols)} symbols"
    figures: dict[str, int | str] = {"scope": scope, "rows_computed": len(wanted), "rows_dropped": len(gone)}
    touched = pd.concat([wanted, gone], ignore_index=True)
    if touched.empty:
        return Refresh(pd.DataFrame(columns=list(FEATURES_TABLE.column_names)), (), figures)
    since = touched["date"].min()
    concerned = current["symbol"].isin(wanted["symbol"].unique()).to_numpy()
    made = compute_features(
        ordered if concerned.all() else ordered.take(np.flatnonzero(concerned)),
        ruleset=rules.ruleset,
        ann=ann,
        since=since.date(),
        stress=rules.stress,
    )
    made = _only(made, wanted)
    kept = _kept(lake, since, until, touched)
    rows = pd.concat([kept, made], ignore_index=True) if len(kept) else made
    if len(kept):
        fresh = cross_sections(rows)
        rows[list(fresh.columns)] = fresh
    else:  # in the order of the table: a frame of numpy columns is put in order faster than a table of Arrow's
        rows = rows.take(np.argsort(rows["date"].to_numpy(), kind="stable"))
    dates = tuple(day.date() for day in pd.DatetimeIndex(touched["date"].unique()).sort_values())
    return Refresh(rows, dates, figures | {"rows_kept_on_those_dates": len(kept)})


def _stored(
    lake: Lake, until: dt.date, rules: FeatureRules, symbols: Sequence[str] | None
) -> tuple[pd.DataFrame, dt.date]:
    """Keys and fingerprints of what is stored, and how far to go: all the way where definitions changed."""
    if not lake.exists("features"):
        nothing = pd.DataFrame({"date": pd.Series(dtype="datetime64[us]"), "symbol": pd.Series(dtype="str")})
        return nothing.assign(bars_digest=pd.Series(dtype="int64")), until
    stored = lake.read("features", columns=_KEYS)
    other = stored["feature_set_version"] != rules.version
    if other.any():
        if rules.on_new_version == "refuse" or symbols is not None:
            versions = ", ".join(sorted(stored.loc[other, "feature_set_version"].unique()))
            raise FeatureVersionError(versions, rules.version, int(other.sum()))
        until = max(until, stored["date"].max().date())
        stored.loc[other, "bars_digest"] = 0  # no row of these definitions has such a fingerprint
    stored = stored[stored["date"] <= pd.Timestamp(until)]
    return (stored if symbols is None else stored[stored["symbol"].isin(symbols)]).reset_index(drop=True), until


def _only(rows: pd.DataFrame, wanted: pd.DataFrame) -> pd.DataFrame:
    if len(rows) == len(wanted):
        return rows
    return rows.merge(wanted, on=["date", "symbol"], how="inner", validate="one_to_one")[list(rows.columns)]


def _kept(lake: Lake, since: pd.Timestamp, until: dt.date, touched: pd.DataFrame) -> pd.DataFrame:
    """Read the stored rows of the touched dates that stay."""
    if not lake.exists("features"):
        return pd.DataFrame()
    days = touched["date"].unique()
    rows = lake.read("features", since=since.date(), until=until)
    rows = rows[np.isin(rows["date"].to_numpy(), days)]
    keys = pd.MultiIndex.from_frame(rows[["symbol", "date"]])
    return rows[~keys.isin(pd.MultiIndex.from_frame(touched[["symbol", "date"]]))]
