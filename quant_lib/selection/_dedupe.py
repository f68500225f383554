"""One listing for each base, by a total order (semantics 1.6 [B])."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

BUCKET = 0.3
"""Share of the largest dollar turnover a listing needs before its quote counts."""


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
    kind = frame["asset_type"]
    pair = frame["base"].fillna("") + frame["quote"].fillna("")
    known = frame["base"].notna() & (frame["base"] != "")
    identity = frame["symbol"].where(~(kind.isin(["spot", "perp"]) & known), frame["base"])
    return identity.where(~((kind == "forex") & known), pair).astype("str").rename("base_identity")


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
    money = frame["liquidity_usd"]
    group = frame["base_identity"]
    largest = money.groupby(group).transform("max")
    inside = (money > BUCKET * largest) | (money == largest)
    keys = pd.DataFrame(
        {
            "group": group,
            "outside": ~inside,
            "quote": frame["quote"].map(_places(quote_priority)).fillna(len(quote_priority)),
            "exchange": frame["exchange"].map(_places(exchange_priority)).fillna(len(exchange_priority)),
            "money": -money.fillna(-np.inf),
            "symbol": frame["symbol"],
        }
    )
    ordered = keys.sort_values(list(keys.columns), kind="stable")
    by_group = ordered.groupby("group", sort=False)["symbol"]
    names = by_group.agg(",".join)
    first = by_group.first()
    ranked = pd.DataFrame(index=frame.index)
    ranked["place"] = (by_group.cumcount() + 1).reindex(frame.index)
    ranked["representative"] = group.map(first)
    ranked["bar"] = BUCKET * largest
    ranked["pooled"] = money.groupby(group).transform("sum", min_count=1)
    ranked["alternatives"] = group.map(names.str.partition(",")[2] if len(names) else names)
    return ranked


def _places(priority: Sequence[str]) -> dict[str, int]:
    return {name: place for place, name in enumerate(priority)}
