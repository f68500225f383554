"""Feature rows that are not stored yet."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from quant_lib.calendars import CalendarBook
from quant_lib.features import compute_features
from quant_lib.health import HealthRules, quarantine_bars, segment_bars
from quant_resources.calendars import calendar_book
from quant_resources.lakehouse import Lake


def labelled_bars(bars: pd.DataFrame, rules: HealthRules, calendars: CalendarBook) -> pd.DataFrame:
    """Bars a feature may see, each with the segment it belongs to.

    A bar condemned on its own day is left out. One condemned later is kept: on
    its day nobody knew, and a feature of that day must say what was known.
    """
    marked = bars.assign(segment=segment_bars(bars, rules, calendars))
    bad = quarantine_bars(bars, rules, calendars)
    bad = bad[bad["known_on"] == bad["date"]]
    hidden = pd.MultiIndex.from_frame(marked[["symbol", "date"]]).isin(
        pd.MultiIndex.from_frame(bad[["symbol", "date"]])
    )
    return marked[~hidden].sort_values(["symbol", "date"], kind="stable").reset_index(drop=True)


def missing_feature_rows(lake: Lake, until: dt.date, rules: HealthRules, *, ruleset: str) -> pd.DataFrame:
    """Feature rows of every bar up to a date that has none yet, equal to those of a full recompute.

    Parameters
    ----------
    lake : Lake
        Where bars and features are.
    until : datetime.date
        Newest date.
    rules : HealthRules
        Segments and quarantine.
    ruleset : {"legacy", "pine3"}
        Vote rules of the ratings.

    Returns
    -------
    DataFrame
        Rows of the ``features`` table; those already stored may be among them.
    """
    calendars = calendar_book(lake, until)
    bars = labelled_bars(lake.read("ohlcv", until=until), rules, calendars)
    since = None
    if lake.exists("features"):
        stored = lake.read("features", columns=["date", "symbol"], until=until)
        have = pd.MultiIndex.from_frame(stored[["symbol", "date"]])
        new = bars[~pd.MultiIndex.from_frame(bars[["symbol", "date"]]).isin(have)]
        since = until if new.empty else new["date"].min().date()
    ann = calendars.ann(bars["symbol"].unique())
    return compute_features(bars, bars["segment"], ruleset=ruleset, ann=ann, since=since)
