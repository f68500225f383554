"""Bars on the basis a provider used at a date: stored bars, times the factors seen until then."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from quant_lib.health._errors import BarsContractError

_PRICES = ("open", "high", "low", "close")


def adjusted(bars: pd.DataFrame, revisions: pd.DataFrame, refreshes: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Return bars as they were on the provider's basis of a date.

    What is stored is never rescaled. A change of basis (a split, a dividend) is one row of the revisions, known from
    the day it was seen on; it multiplies the bars up to its own date. What became known later moves nothing.

    Parameters
    ----------
    bars : DataFrame
        Stored bars: symbol, date, open, high, low, close, volume.
    revisions : DataFrame
        Rows of OHLCV_REVISIONS, of the same versions of the lake as the bars; fields other than ``basis`` are ignored.
    refreshes : DataFrame
        Rows of OHLCV_REFRESHES. A refresh stored its span on the basis of its day, so what was seen until then is
        settled for bars in that span.
    as_of : datetime.date
        Last day whose knowledge is used; later bars are left out.

    Returns
    -------
    DataFrame
        The same columns, in the same order. Prices are multiplied; volume is divided, so that traded value stays,
        as a split leaves it.

    Raises
    ------
    BarsContractError
        A factor is not a positive number.
    """
    day = pd.Timestamp(as_of)
    view = bars.loc[bars["date"] <= day].reset_index(drop=True)
    known = revisions.loc[(revisions["field"] == "basis") & (revisions["seen_on"] <= day)]
    # The stored bars stay as they are, so a later factor of the same overlap contains the earlier one.
    known = known.sort_values(["symbol", "date", "seen_on"]).drop_duplicates(["symbol", "date"], keep="last")
    factor = np.ones(len(view))
    served = known["served"].to_numpy(dtype=np.float64)
    for symbol, date, seen, ratio in zip(known["symbol"], known["date"], known["seen_on"], served, strict=True):
        if not (np.isfinite(ratio) and ratio > 0):
            raise BarsContractError(f"a factor of {ratio}", f"{symbol} {date:%Y-%m-%d}", "refresh it")
        touched = (view["symbol"] == symbol) & (view["date"] <= date)
        later = refreshes.loc[(refreshes["symbol"] == symbol) & (refreshes["date"] >= seen)]
        for first, last in zip(later["from_date"], later["date"], strict=True):
            touched &= ~view["date"].between(first, last)
        factor[touched.to_numpy()] *= ratio
    for name in _PRICES:
        view[name] = view[name] * factor
    view["volume"] = view["volume"] / factor
    return view
