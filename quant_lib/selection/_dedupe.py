"""One listing for each base, by a total order (semantics 1.6 [B])."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

BUCKET = 0.3
"""Share of the largest dollar turnover a listing needs before its quote counts."""

LISTING_COLUMNS = ("symbol", "exchange", "quote", "base_identity", "liquidity_usd")
"""Columns that `rank_listings` reads."""


def base_identity(frame: pd.DataFrame) -> pd.Series:
    """Name what duplicates share: the base of a coin, the pair of a currency, else the symbol itself.

    Parameters
    ----------
    frame : DataFrame
        Columns symbol, asset_type, base, quote.

    Returns
    -------
    Series of str
    """
    columns = (frame[name].tolist() for name in ("symbol", "asset_type", "base", "quote"))
    names = [_identity(*row) for row in zip(*columns, strict=True)]
    return pd.Series(np.array(names, dtype=object), index=frame.index, name="base_identity")


def _identity(symbol: str, kind: object, base: object, quote: object) -> str:
    if not isinstance(base, str) or not base:
        return symbol
    if kind in ("spot", "perp"):
        return base
    return f"{base}{quote if isinstance(quote, str) else ''}" if kind == "forex" else symbol


def rank_listings(
    frame: pd.DataFrame, *, quote_priority: Sequence[str], exchange_priority: Sequence[str]
) -> pd.DataFrame:
    """Order the listings of each base, the representative first.

    The order is total, so it does not depend on how rows arrive: listings with
    more than 0.3 of the group's largest dollar turnover come first, among them
    the best quote, then the best exchange, then the larger turnover, then the
    symbol. A listing of unknown turnover is outside the bucket unless nobody's is known.

    Parameters
    ----------
    frame : DataFrame
        Columns symbol, exchange, quote, base_identity, liquidity_usd.
    quote_priority, exchange_priority : sequence of str
        Best first; what is not listed comes last.

    Returns
    -------
    DataFrame
        Aligned to `frame`: place (1 is the representative), representative (symbol),
        bar (dollar turnover that opens the bucket), pooled (dollar turnover of the
        whole group, missing where nobody's is known), alternatives (the other
        symbols in order, comma separated).
    """
    codes, _ = pd.factorize(frame["base_identity"])
    money = frame["liquidity_usd"]
    size = money.to_numpy(dtype="float64", na_value=np.nan)
    grouped = money.groupby(codes)
    largest = grouped.transform("max").to_numpy(dtype="float64")
    inside = (size > BUCKET * largest) | (size == largest)
    symbols = frame["symbol"].to_numpy(dtype=object)
    by_name = np.argsort(symbols, kind="stable")
    # Last key first: the group, then what decides within it.
    keys: list[npt.NDArray[Any]] = [
        -np.nan_to_num(size, nan=-np.inf),
        _places(frame["exchange"], exchange_priority),
        _places(frame["quote"], quote_priority),
        ~inside,
        codes,
    ]
    order = by_name[np.lexsort(tuple(key[by_name] for key in keys))]
    members: dict[int, list[str]] = {}
    place = np.empty(len(frame), dtype=np.int64)
    for row, code in zip(order.tolist(), codes[order].tolist(), strict=True):
        listings = members.setdefault(code, [])
        listings.append(symbols[row])
        place[row] = len(listings)
    firsts = {code: listings[0] for code, listings in members.items()}
    others = {code: ",".join(listings[1:]) for code, listings in members.items()}
    return pd.DataFrame(
        {
            "place": place,
            "representative": np.array([firsts[code] for code in codes.tolist()], dtype=object),
            "bar": BUCKET * largest,
            "pooled": grouped.transform("sum", min_count=1).to_numpy(dtype="float64"),
            "alternatives": np.array([others[code] for code in codes.tolist()], dtype=object),
        },
        index=frame.index,
    )


def _places(names: pd.Series, priority: Sequence[str]) -> npt.NDArray[np.int64]:
    """Place of each name in a list of the best first; what is not in it comes last."""
    places = {name: place for place, name in enumerate(priority)}
    return np.array([places.get(name, len(priority)) for name in names.tolist()], dtype=np.int64)
