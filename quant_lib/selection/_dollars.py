"""What one unit of each quote is worth in dollars, from the universe's own prices.

Turnover in lira or rupiah outranks turnover in dollars by a factor of the
exchange rate and nothing else, so nothing is compared before it is converted
(semantics 1.7). No table of rates is kept: a rate that is not in the day's own
prices is not known.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from quant_lib.symbols import USD_QUOTES, parse_symbol


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
    quotes = sorted(set(universe["quote"].dropna().tolist()) - {""})
    rates = {quote: 1.0 for quote in quotes if quote in USD_QUOTES}
    unknown = [quote for quote in quotes if quote not in rates]
    markets = _markets(universe) if unknown else []
    for quote in unknown:
        rate = _direct(markets, quote)
        rate = _cross(markets, quote) if rate is None else rate
        if rate is not None:
            rates[quote] = rate
    return pd.Series(rates, dtype="float64", name="usd_rate").sort_index()


def liquidity(frame: pd.DataFrame) -> pd.Series:
    """Turnover where known, value traded otherwise (design 10.3), in whatever unit they are in."""
    nothing = pd.Series(np.nan, index=frame.index, dtype="float64")
    turnover = frame["turnover"].astype("float64") if "turnover" in frame else nothing
    traded = frame["value_traded"].astype("float64") if "value_traded" in frame else nothing
    return turnover.fillna(traded)


class _Market(NamedTuple):
    base: str
    quote: str
    price: float
    size: float
    spot: bool
    symbol: str


def _markets(universe: pd.DataFrame) -> list[_Market]:
    """Keep one row per market that can price a currency: active, with a positive close per single unit of its base."""
    if "close" not in universe.columns:
        return []
    close = universe["close"].to_numpy(dtype="float64", na_value=np.nan)
    usable = universe["active"].to_numpy(dtype=bool) & np.isfinite(close) & (close > 0.0)
    frame = universe[["base", "quote", "symbol", "asset_type"]][usable]
    symbols = frame["symbol"].tolist()
    price = close[usable] / np.array([parse_symbol(symbol).multiplier for symbol in symbols], dtype=np.int64)
    size = liquidity(universe).to_numpy(dtype="float64")[usable]
    spot = frame["asset_type"].isin(["spot", "forex"]).tolist()
    columns = (frame["base"].tolist(), frame["quote"].tolist(), price.tolist(), size.tolist(), spot, symbols)
    return [_Market(*row) for row in zip(*columns, strict=True)]


def _direct(markets: list[_Market], quote: str) -> float | None:
    straight = [m for m in markets if m.base == quote and m.quote in USD_QUOTES]
    # Turnover of an inverted market is in the unknown currency; its own price turns it into dollars.
    inverted = [
        m._replace(price=1.0 / m.price, size=m.size / m.price)
        for m in markets
        if m.base in USD_QUOTES and m.quote == quote
    ]
    found = straight + inverted
    if not found:
        return None
    return min(
        found, key=lambda m: (not m.spot, math.isnan(m.size), 0.0 if math.isnan(m.size) else -m.size, m.symbol)
    ).price


def _cross(markets: list[_Market], quote: str) -> float | None:
    for only_spot in (True, False):
        pool = [m for m in markets if m.spot or not only_spot]
        dollars = _medians(m for m in pool if m.quote in USD_QUOTES)
        local = _medians(m for m in pool if m.quote == quote)
        ratios = [dollars[base] / price for base, price in local.items() if base in dollars]
        if ratios:
            return statistics.median(ratios)
    return None


def _medians(markets: Iterable[_Market]) -> dict[str, float]:
    """Median price of each base."""
    prices: dict[str, list[float]] = {}
    for market in markets:
        if isinstance(market.base, str):
            prices.setdefault(market.base, []).append(market.price)
    return {base: statistics.median(found) for base, found in prices.items()}
