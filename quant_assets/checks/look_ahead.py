"""Look-ahead check: what is stored of a date must not depend on anything later (design 9)."""

from __future__ import annotations

import datetime as dt
import zlib

import numpy as np
import pandas as pd

from quant_assets.dataops.feature_rows import labelled_bars
from quant_assets.dataops.feature_rules import FeatureRules
from quant_lib.calendars import CalendarBook, session_number_of
from quant_lib.contracts.verdicts import Verdict, require
from quant_lib.features import FEATURES, compute_features, cross_sections
from quant_resources.calendars import calendar_book
from quant_resources.lakehouse import Lake

SAMPLE = 12
NOISE_BARS = 30


def judge_look_ahead(lake: Lake, date: dt.date, rules: FeatureRules) -> Verdict:
    """Append noise after the date for a sample of symbols and compare the date's features bit for bit.

    Parameters
    ----------
    lake : Lake
        Where bars and features are.
    date : datetime.date
        Judged date.
    rules : FeatureRules
        Definitions of the features.

    Returns
    -------
    Verdict
        Fails on the first feature that moved, naming symbol and feature.
    """
    stored = lake.read("features", date=date)
    symbols = sorted(stored["symbol"], key=lambda s: zlib.crc32(f"{date}{s}".encode()))[:SAMPLE]
    bars = lake.read("ohlcv", until=date, symbols=symbols)
    calendars = calendar_book(lake, date)
    scrambled = pd.concat([bars, noise_after(bars, date, calendars)], ignore_index=True)
    labelled = labelled_bars(scrambled, rules.health, calendars)
    ann = calendars.ann(labelled["symbol"].unique())
    names = [feature.name for feature in FEATURES if feature.stored and not feature.cross_section]
    again = compute_features(
        labelled,
        labelled["segment"],
        names=names,
        ruleset=rules.ruleset,
        ann=ann,
        since=date,
        stress=rules.stress,
    )
    again = again[again["date"] == pd.Timestamp(date)].set_index("symbol").sort_index()
    # A cross-section compares the rows of the date: those of the sample as computed again, the others as stored.
    everyone = stored.set_index("symbol").sort_index()
    everyone.loc[again.index, names] = again[names]
    again = again.join(cross_sections(everyone))
    kept = stored[stored["symbol"].isin(symbols)].set_index("symbol").sort_index()
    moved = _differences(kept, again[kept.columns])
    return require(
        moved.empty and len(kept) > 0,
        f"{len(moved)} features of {len(kept)} sampled symbols moved when {NOISE_BARS} later bars became noise",
        {"symbols": len(kept), "moved": len(moved)},
        moved,
    )


def noise_after(bars: pd.DataFrame, date: dt.date, calendars: CalendarBook) -> pd.DataFrame:
    """Make bars of the sessions after a date, of every symbol that has bars before it, that mean nothing."""
    rng = np.random.default_rng(zlib.crc32(date.isoformat().encode()))
    parts = []
    for symbol, own in bars.groupby("symbol", sort=True):
        calendar = calendars.calendar(str(symbol))
        after = session_number_of(calendar, date) + 1
        days = pd.DatetimeIndex(calendar.session_date(np.arange(after, after + NOISE_BARS, dtype=np.int64)))
        close = float(own["close"].iloc[-1]) * np.exp(np.cumsum(rng.normal(0.0, 0.4, NOISE_BARS)))
        part = pd.DataFrame({"date": days, "symbol": symbol, "open": close, "close": close})
        part["high"], part["low"] = close * 1.1, close * 0.9
        part["volume"] = rng.uniform(0.0, 1e9, NOISE_BARS)
        part["open_time"] = days.tz_localize("UTC")
        part["close_time"] = part["known_at"] = part["open_time"] + pd.Timedelta(days=1)
        part["source"], part["ingested_at"] = "noise", part["close_time"]
        parts.append(part)
    return pd.concat(parts, ignore_index=True).astype(bars.dtypes.to_dict())[list(bars.columns)]


def _differences(stored: pd.DataFrame, again: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for name in stored.columns:
        same = stored[name].eq(again[name]) | (stored[name].isna() & again[name].isna())
        rows += [
            {"symbol": symbol, "feature": name, "stored": stored.loc[symbol, name], "again": again.loc[symbol, name]}
            for symbol in stored.index[~same]
        ]
    return pd.DataFrame(rows)
