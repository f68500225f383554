"""Contracts of the features: schema and order of a day, gaps and staleness of its columns."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from quant_assets.dataops.feature_notes import still_holds
from quant_assets.dataops.feature_rows import BAR_COLUMNS, labelled_bars
from quant_assets.dataops.feature_rules import FeatureRules
from quant_lib.contracts.verdicts import Verdict, all_of, judge_schema, require
from quant_lib.features import bar_digests, find_stale
from quant_lib.features.quality import MAX_LAG_DAYS, MAX_MISSING, find_disorder, find_gaps
from quant_lib.features.registry import FEATURES_TABLE
from quant_resources.calendars import calendar_book
from quant_resources.lakehouse import Lake

MAX_UNCOVERED = 0.1
"""Share of symbols with a bar that may be without features: bars condemned on their day have none."""
WINDOW = dt.timedelta(days=60)
"""Days over which gaps are judged."""


def judge_features(lake: Lake, date: dt.date) -> Verdict:
    """Judge schema, bounds and order of the day, coverage of its bars, and no row known later than its own close."""
    rows = lake.read("features", date=date)
    bars = lake.read("ohlcv", date=date, columns=["symbol"])
    late = rows[rows["knowledge_time"] > pd.Timestamp(date, tz="UTC") + pd.Timedelta(days=1)]
    uncovered = sorted(set(bars["symbol"]) - set(rows["symbol"]))
    strangers = sorted(set(rows["symbol"]) - set(bars["symbol"]))
    covered = require(
        late.empty and not strangers and len(uncovered) <= MAX_UNCOVERED * max(len(bars), 1) and len(rows) > 0,
        f"{len(rows)} of {len(bars)} symbols with a bar have features, {len(late)} rows known after the close, "
        f"{len(strangers)} without a bar",
        {"rows": len(rows), "without_features": len(uncovered)},
        pd.DataFrame({"symbol": uncovered}),
    )
    disorder = find_disorder(rows)
    ordered = require(
        disorder.empty, f"{len(disorder)} rows contradict themselves", {"contradictions": len(disorder)}, disorder
    )
    return all_of(judge_schema(FEATURES_TABLE, rows), covered, ordered)


def judge_quality(lake: Lake, date: dt.date, rules: FeatureRules) -> Verdict:
    """Judge that rows were made from the bars as they are now, and that no column has holes or stopped.

    Staleness fails; holes are shown to a person: a symbol without volume has no volume features, and that is no error.
    """
    stale = _stale(lake, date, rules)
    gaps = find_gaps(lake.read("features", since=date - WINDOW, until=date))
    degraded, lagging = (int((gaps["problem"] == problem).sum()) for problem in ("degraded", "lagging"))
    current = require(
        stale.empty,
        f"{len(stale)} rows of the day were made from other bars, or are missing, or have no bar any more",
        {"stale": len(stale)},
        stale,
    )
    whole = Verdict(
        True,
        f"{degraded} columns of a symbol miss more than {MAX_MISSING:.0%} of {WINDOW.days} days, "
        f"{lagging} ended more than {MAX_LAG_DAYS} days ago",
        {"degraded": degraded, "lagging": lagging},
        gaps,
        warning=len(gaps) > 0,
    )
    return all_of(current, whole)


def _stale(lake: Lake, date: dt.date, rules: FeatureRules) -> pd.DataFrame:
    """Rows of a date that are not what its bars give.

    The bars from the first one on are opened only where anything changed since the newest refresh of all symbols.
    """
    if still_holds(lake, date, rules):
        return pd.DataFrame(columns=["date", "symbol", "problem"])
    calendars = calendar_book(lake, date)
    bars = lake.read("ohlcv", columns=BAR_COLUMNS, until=date, categories=["symbol"])
    bars = labelled_bars(bars, rules.health, calendars)
    current = bar_digests(bars, bars["segment"], ann=calendars.ann(bars["symbol"].unique()))
    current = current[current["date"] == pd.Timestamp(date)].reset_index(drop=True)
    stored = lake.read("features", date=date, columns=["date", "symbol", "bars_digest"])
    found = find_stale(current, stored)
    keys = ["date", "symbol"]
    return pd.concat(
        [
            current.loc[found.missing, keys].assign(problem="missing or made from other bars"),
            stored.loc[found.gone, keys].assign(problem="no bar"),
        ],
        ignore_index=True,
    )
