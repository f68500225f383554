"""What one unit of each quote is worth in dollars, from the universe's own prices.

Turnover in lira or rupiah outranks turnover in dollars by a factor of the
exchange rate and nothing else, so nothing is compared before it is converted
(semantics 1.7). No table of rates is kept: a rate that is not in the day's own
prices is not known.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from quant_lib.symbols import USD_QUOTES, parse_symbols


def usd_rates(universe: pd.DataFrame) -> pd.Series:
    """Dollars for one unit of each quote in a universe.

    Dollars and dollar stable coins are one. Any other quote takes the close of its
    own market against the dollar, straight (``EURUSDT``) or inverted (``USDTTRY``),
    the one with the largest dollar turnover where there are several. Failing
    that it takes the median of the crosses through bases that trade in both
    (``BTCUSDT`` over ``BTCTRY``). Spot markets decide where there are any.

    Parameters
    ----------
    universe : DataFrame
        Columns symbol, base, quote, asset_type, active, close, and turnover or
        value_traded where known. One date.

    Returns
    -------
    Series of float64
        Indexed by quote, sorted; a quote without a rate is absent.
    """
    quotes = sorted(set(universe["quote"].dropna()) - {""})
    rates = {quote: 1.0 for quote in quotes if quote in USD_QUOTES}
    prices = _prices(universe)
    for quote in quotes:
        if quote in rates:
            continue
        rate = _direct(prices, quote)
        rate = _cross(prices, quote) if rate is None else rate
        if rate is not None:
            rates[quote] = rate
    return pd.Series(rates, dtype="float64", name="usd_rate").sort_index()


def liquidity(frame: pd.DataFrame) -> pd.Series:
    """Turnover where known, value traded otherwise (design 10.3), in whatever unit they are in."""
    nothing = pd.Series(np.nan, index=frame.index, dtype="float64")
    turnover = frame["turnover"].astype("float64") if "turnover" in frame else nothing
    traded = frame["value_traded"].astype("float64") if "value_traded" in frame else nothing
    return turnover.fillna(traded)


def _prices(universe: pd.DataFrame) -> pd.DataFrame:
    """Keep one row per market that can price a currency: active, with a positive close per single unit of its base."""
    if "close" in universe.columns:
        close = universe["close"].to_numpy(dtype="float64", na_value=np.nan)
    else:
        close = np.full(len(universe), np.nan)
    usable = universe["active"].to_numpy(dtype=bool) & np.isfinite(close) & (close > 0.0)
    frame = universe.loc[usable]
    multiplier = parse_symbols(frame["symbol"])["multiplier"].to_numpy()
    return pd.DataFrame(
        {
            "base": frame["base"].to_numpy(),
            "quote": frame["quote"].to_numpy(),
            "price": close[usable] / multiplier,
            "size": liquidity(frame).to_numpy(),
            "spot": frame["asset_type"].isin(["spot", "forex"]).to_numpy(),
            "symbol": frame["symbol"].to_numpy(),
        }
    )


def _direct(prices: pd.DataFrame, quote: str) -> float | None:
    straight = prices[(prices["base"] == quote) & prices["quote"].isin(USD_QUOTES)]
    inverted = prices[prices["base"].isin(USD_QUOTES) & (prices["quote"] == quote)]
    # Turnover of an inverted market is in the unknown currency; its own price turns it into dollars.
    inverted = inverted.assign(price=1.0 / inverted["price"], size=inverted["size"] / inverted["price"])
    found = pd.concat([straight, inverted], ignore_index=True)
    if found.empty:
        return None
    best = found.sort_values(["spot", "size", "symbol"], ascending=[False, False, True], na_position="last")
    return float(best["price"].iloc[0])


def _cross(prices: pd.DataFrame, quote: str) -> float | None:
    for only_spot in (True, False):
        pool = prices[prices["spot"]] if only_spot else prices
        dollars = pool[pool["quote"].isin(USD_QUOTES)].groupby("base")["price"].median()
        local = pool[pool["quote"] == quote].groupby("base")["price"].median()
        ratio = (dollars / local).dropna()
        if not ratio.empty:
            return float(ratio.median())
    return None
