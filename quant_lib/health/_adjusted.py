"""Bars on the basis a provider used at a date: stored bars, times the factors seen until then."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from quant_lib.calendars import BoolArray
from quant_lib.health._errors import BarsContractError
from quant_lib.health._tape import FloatArray

BASIS_TOLERANCE = 1e-3
"""Rounding of adjusted prices to the tick, relative."""
_PRICES = ("open", "high", "low", "close")
_SAME = 1e-6


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
    factor = basis_factors(view, revisions.loc[revisions["seen_on"] <= day], refreshes)
    for name in _PRICES:
        view[name] = view[name] * factor
    view["volume"] = view["volume"] / factor
    return view


def basis_factors(bars: pd.DataFrame, revisions: pd.DataFrame, refreshes: pd.DataFrame) -> FloatArray:
    """Give the factor from each stored bar to the basis the revisions tell, shape (n,).

    Parameters
    ----------
    bars : DataFrame
        Columns symbol, date; index 0, 1, 2, ...
    revisions, refreshes : DataFrame
        As in `adjusted`: what is known.

    Returns
    -------
    array of shape (n,)
        1 where no change of basis concerns the bar.

    Raises
    ------
    BarsContractError
        A factor is not a positive number.
    """
    known = revisions.loc[revisions["field"] == "basis"]
    # The stored bars stay as they are, so a later factor of the same overlap contains the earlier one.
    known = known.sort_values(["symbol", "date", "seen_on"]).drop_duplicates(["symbol", "date"], keep="last")
    factor = np.ones(len(bars))
    served = known["served"].to_numpy(dtype=np.float64)
    for symbol, date, seen, ratio in zip(known["symbol"], known["date"], known["seen_on"], served, strict=True):
        if not (np.isfinite(ratio) and ratio > 0):
            raise BarsContractError(f"a factor of {ratio}", f"{symbol} {date:%Y-%m-%d}", "refresh it")
        touched = (bars["symbol"] == symbol) & (bars["date"] <= date)
        later = refreshes.loc[(refreshes["symbol"] == symbol) & (refreshes["date"] >= seen)]
        for first, last in zip(later["from_date"], later["date"], strict=True):
            touched &= ~bars["date"].between(first, last)
        factor[touched.to_numpy()] *= ratio
    return factor


def unsaid(seen: pd.DataFrame, said: pd.DataFrame, refreshes: pd.DataFrame) -> pd.DataFrame:
    """Keep the differences between stored and served bars that are news.

    A bar that was revised lies in the overlap of several days, and after a split a bar of the old basis does too:
    each would be told again every day, and a split would be told as as many lines as bars have fields.

    Parameters
    ----------
    seen : DataFrame
        Differences as `revisions` gives them.
    said : DataFrame
        Rows of OHLCV_REVISIONS of these symbols from the oldest of these dates on.
    refreshes : DataFrame
        Rows of OHLCV_REFRESHES, likewise.

    Returns
    -------
    DataFrame
        Rows of ``seen`` whose served value is not the last one told of that bar and field, and not what a
        change of basis that was told makes of the stored one.
    """
    if seen.empty or said.empty:
        return seen
    seen = seen.reset_index(drop=True)
    key = ["date", "symbol", "field"]
    last = said.sort_values("seen_on", kind="stable").drop_duplicates(key, keep="last")
    told = seen[key].merge(last[[*key, "served"]], on=key, how="left", indicator="at")
    served = seen["served"].to_numpy(dtype=np.float64)
    again = (told["at"] == "both").to_numpy() & _close(served, told["served"].to_numpy(np.float64), _SAME)
    factor = basis_factors(seen, said, refreshes)
    factor = np.where((seen["field"] == "volume").to_numpy(), 1.0 / factor, factor)
    explained = (factor != 1.0) & _close(served, seen["stored"].to_numpy(dtype=np.float64) * factor, BASIS_TOLERANCE)
    news: pd.DataFrame = seen.loc[~again & ~explained].reset_index(drop=True)
    return news


def _close(values: FloatArray, others: FloatArray, tolerance: float) -> BoolArray:
    """Tell which values agree within a relative tolerance; missing agrees with missing, shape (n,)."""
    near = np.abs(values - others) <= tolerance * np.abs(others)
    return np.asarray(near | (np.isnan(values) & np.isnan(others)))
