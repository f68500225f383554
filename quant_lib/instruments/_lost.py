"""Symbols seen before and listed no more: they stay in the catalogue, marked (semantics 2.10)."""

from __future__ import annotations

import datetime as dt

import pandas as pd

DARK_DAYS = 7
"""A symbol without a bar for longer than this counts as not trading when a past day is reconstructed."""


def carry_forward(
    rows: pd.DataFrame, last_known: pd.DataFrame, on: dt.date, *, scanned: bool, listed: pd.Series
) -> pd.DataFrame:
    """Add the symbols that were seen before and are not among the rows of a date.

    Parameters
    ----------
    rows : DataFrame
        Catalogue rows of the date, from what the sources list.
    last_known : DataFrame
        Last known catalogue row of each symbol ever seen.
    on : datetime.date
        Date of the catalogue.
    scanned : bool
        Whether the date is the market's last closed day.
    listed : Series of str
        Symbols the sources list now, whatever date `rows` is for.

    Returns
    -------
    DataFrame
        `rows` and, after them, one row per symbol that vanished: the values it had,
        ``listing`` vanished and not active from the day on that its bars ended. A
        symbol that had not begun by the date is not added.
    """
    day = pd.Timestamp(on)
    gone = last_known[~last_known["symbol"].isin(listed) & ~last_known["symbol"].isin(rows["symbol"])]
    gone = gone[gone["listed_on"].isna() | (gone["listed_on"] <= day)].copy()
    if gone.empty:
        return rows
    ended = gone["last_traded_on"]
    trading = ended.ge(day - pd.Timedelta(days=DARK_DAYS)) & (not scanned)
    gone["date"] = day
    gone["active"] = trading
    gone["listing"] = trading.map({True: "listed", False: "vanished"})
    gone["delisted_on"] = ended.where(~trading)
    gone["last_traded_on"] = ended.where(~(ended > day), day)
    gone["mode"] = "scanned" if scanned else "reconstructed"
    both = pd.concat([rows, gone.astype(rows.dtypes.to_dict())[list(rows.columns)]], ignore_index=True)
    return both.sort_values("symbol", kind="stable").reset_index(drop=True)
