"""Our figures against the vendor's snapshot, on bars that both have alike (semantics 3.11)."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from quant_assets.dataops.feature_rows import BAR_COLUMNS, labelled_bars
from quant_assets.dataops.feature_rules import FeatureRules
from quant_lib.contracts.verdicts import Verdict
from quant_lib.features import compute_features
from quant_lib.features.vendor import MIN_SYMBOLS, RATINGS, VENDOR_COLUMNS, judge_parity, next_bars, with_vendor
from quant_resources.calendars import calendar_book
from quant_resources.lakehouse import Lake

_COMPARED = ("date", "symbol", "segment", *VENDOR_COLUMNS)


def judge_vendor_parity(lake: Lake, date: dt.date, rules: FeatureRules) -> Verdict:
    """Compare our figures with the vendor's: on the closed bars of the date, or on the bar that ran when it was asked.

    A vendor tells figures of its newest bar: of a market that never closes that is the next day's, still running. It
    may quote that bar beside figures of the closed one: those are compared. Else its bar is put behind our history
    and the figures of that bar are compared: history and definitions are judged all the same. Only symbols whose
    every bar we use as the vendor does are compared: it keeps a bad print that we quarantine, and computes across a
    ticker's return as another asset, where ours starts anew.
    """
    if not lake.exists("features"):
        return Verdict(True, "no features yet: not compared", {"symbols_compared": 0}, warning=True)
    health = lake.read("ohlcv_health", date=date, columns=["symbol", "status"])
    healthy = set(health.loc[health["status"] == "healthy", "symbol"])
    told = lake.read("technicals", date=date)
    told = told[told["symbol"].isin(healthy)]
    table, bar = judge_parity(with_vendor(_closed(lake, date, healthy), told)), "closed"
    if int(table["n"].max()) < MIN_SYMBOLS:
        running = judge_parity(_running(lake, date, told, rules))
        if int(running["n"].max()) > int(table["n"].max()):
            table, bar = running, "running"
    n = int(table["n"].max())
    if n < MIN_SYMBOLS:
        return Verdict(True, _why_not(date, n, told), {"symbols_compared": n}, table, warning=True)
    broken = table[table["holds"] == 0.0]
    ratings = broken[broken["feature"].isin(RATINGS)]
    figures: dict[str, float | int | str] = {"symbols_compared": n, "bar": bar, "outside_the_envelope": len(broken)}
    message = f"{len(broken)} of {len(table)} features differ from the vendor's on {n} healthy symbols, {bar} bars"
    return Verdict(ratings.empty, message, figures, table, warning=len(broken) > 0)


def _closed(lake: Lake, date: dt.date, healthy: set[str]) -> pd.DataFrame:
    """Give stored rows of the date with the prices of their bars."""
    bars = lake.read("ohlcv", date=date, columns=["date", "symbol", "open", "high", "low"])
    rows = lake.read("features", date=date, columns=_COMPARED).merge(bars, on=["date", "symbol"], validate="one_to_one")
    return rows[rows["symbol"].isin(healthy) & (rows["segment"] == 0)]


def _running(lake: Lake, date: dt.date, told: pd.DataFrame, rules: FeatureRules) -> pd.DataFrame:
    """Figures of the bar that ran when the vendor was asked, computed from our history and that bar."""
    last = lake.read("ohlcv", date=date, columns=["symbol", "close", "volume"]).set_index("symbol")
    calendars = calendar_book(lake, date)
    coming = next_bars(told[told["symbol"].map(calendars.names.get) == "24x7"], last, date)
    if coming.empty:
        return with_vendor(_none(), told)
    bars = lake.read("ohlcv", columns=BAR_COLUMNS, until=date, symbols=sorted(coming["symbol"]))
    labelled = labelled_bars(pd.concat([bars, coming], ignore_index=True), rules.health, calendars)
    names = ["segment", *VENDOR_COLUMNS]
    day = coming["date"].iloc[0]
    rows = compute_features(labelled, labelled["segment"], names=names, ruleset=rules.ruleset, since=day.date())
    rows = rows[rows["segment"] == 0].merge(
        coming[["date", "symbol", "open", "high", "low"]], on=["date", "symbol"], validate="one_to_one"
    )
    return with_vendor(rows, told.assign(date=day))


def _none() -> pd.DataFrame:
    columns = {name: pd.Series(dtype="float64") for name in (*VENDOR_COLUMNS, "open", "high", "low")}
    return pd.DataFrame({"date": pd.Series(dtype="datetime64[us]"), "symbol": pd.Series(dtype="str"), **columns})


def _why_not(date: dt.date, n: int, told: pd.DataFrame) -> str:
    """Why too little could be compared, and what would make it compare."""
    if told.empty:
        return (
            f"not compared: no snapshot of {date} is stored. The vendor serves only the present: materialise "
            "technicals on the day after a date, before the next one closes"
        )
    asked = pd.Timestamp(told["fetched_at"].max())
    return (
        f"not compared: of {len(told)} healthy symbols told at {asked:%Y-%m-%d %H:%M} UTC, {n} have the bar of {date} "
        f"or the one after it alike in both, {MIN_SYMBOLS} are needed. Materialise technicals and bars of {date} "
        "in one run, before the next date closes"
    )
