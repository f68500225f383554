"""The market proxy: one declared instrument, or the universe weighted by turnover (semantics 7.1)."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from quant_lib.calendars import CRYPTO, Calendar, Calendars
from quant_lib.errors import MissingDataError
from quant_lib.regime._rules import ProxyRules
from quant_lib.returns import returns_on

TURNOVER_BARS = 30
"""Closed bars whose median turnover weights a member on the next session."""
MIN_TURNOVER_BARS = 20
MIN_MEMBERS = 5
"""Fewer members than this are no market: the session has no return."""


def proxy_members(instruments: pd.DataFrame, proxy: ProxyRules) -> list[str]:
    """Symbols whose bars the proxy reads, ascending.

    Parameters
    ----------
    instruments : DataFrame
        Rows of the catalogue: symbol, exchange, asset_type, quote. Delisted ones
        included, or the index would be one of survivors.
    proxy : ProxyRules
        What stands for the market.

    Raises
    ------
    MissingDataError
        Nothing in the catalogue belongs to the proxy.
    """
    if proxy.kind == "symbol":
        return [proxy.symbol]
    rows = instruments[
        instruments["exchange"].isin(proxy.exchanges) & instruments["asset_type"].isin(proxy.asset_types)
    ]
    if proxy.quotes:
        rows = rows[rows["quote"].isin(proxy.quotes)]
    if rows.empty:
        raise MissingDataError(
            f"any member of the market proxy {proxy.label}",
            f"{len(instruments)} instruments",
            "correct the universe of the sleeve's scanners, or set regime.proxy to a benchmark",
        )
    return sorted(set(rows["symbol"]))


def proxy_returns(
    bars: pd.DataFrame,
    bad: pd.DataFrame,
    on: dt.date,
    proxy: ProxyRules,
    calendars: Calendars = CRYPTO,
    target: Calendar = CRYPTO,
) -> pd.Series:
    """Compute returns of the market, as known on a date.

    Parameters
    ----------
    bars : DataFrame
        symbol, date, close, volume, segment; rows after the date are not read.
    bad : DataFrame
        Bad prints (`quant_lib.health.quarantine_bars`); those known later do not count.
    on : datetime.date
        Decision date.
    proxy : ProxyRules
        What stands for the market.
    calendars : Calendar or CalendarBook
        Calendar of every symbol, or of each.
    target : Calendar
        Calendar of the sleeve.

    Returns
    -------
    Series of float64
        Simple returns as fractions, index of sessions. A session on which the
        proxy has no return is left out, never filled.

    Raises
    ------
    MissingDataError
        The proxy has no bar at all up to the date: a wrong name, not a short history.
    """
    known = bars[bars["date"] <= pd.Timestamp(on)]
    if proxy.kind == "symbol":
        known = known[known["symbol"] == proxy.symbol]
    if known.empty:
        raise MissingDataError(
            f"any bar of the market proxy {proxy.label}",
            f"bars up to {on}",
            "name one of the platform's benchmarks in regime.proxy, or run ingestion first",
        )
    wide = returns_on(known[["symbol", "date", "close", "segment"]], bad, calendars, target, on=on)
    if proxy.kind == "symbol":
        made = wide[proxy.symbol]
    else:
        made = turnover_weighted(wide, known, proxy.members, equal=proxy.equal)
    return made.dropna().rename("market")


def turnover_weighted(returns: pd.DataFrame, bars: pd.DataFrame, members: int, *, equal: bool = False) -> pd.Series:
    """Index return of each session, weights taken from the sessions before it.

    Each session's members are the most traded by the median close x volume of the
    30 sessions up to the one before; ties by symbol. A member without a return on
    the session leaves its weight to the others. Capitalisation is not in the
    catalogue, turnover is.

    Parameters
    ----------
    returns : DataFrame of shape (n_sessions, n_symbols)
        Simple returns as fractions, NaN where there is none.
    bars : DataFrame
        symbol, date, close, volume.
    members : int
        Most members.
    equal : bool
        Every member counts the same, whatever it trades.

    Returns
    -------
    Series of shape (n_sessions,)
        NaN on sessions with fewer than 5 members.
    """
    traded = (bars["close"] * bars["volume"]).to_numpy(dtype="float64")
    dollars = pd.DataFrame({"date": bars["date"].to_numpy(), "symbol": bars["symbol"].to_numpy(), "traded": traded})
    panel = dollars.pivot(index="date", columns="symbol", values="traded")
    panel = panel.reindex(index=returns.index, columns=returns.columns)
    usual = panel.rolling(TURNOVER_BARS, min_periods=MIN_TURNOVER_BARS).median().shift(1).to_numpy()
    values = returns.to_numpy(dtype="float64")
    weight = np.where(np.isfinite(values) & (usual > 0.0), usual, 0.0)
    if weight.shape[1] > members:
        # Stable on the negated figure: columns are in ascending order of symbol, so ties go to the first.
        rank = np.argsort(np.argsort(-weight, axis=1, kind="stable"), axis=1, kind="stable")
        weight = np.where(rank < members, weight, 0.0)
    if equal:
        weight = (weight > 0.0).astype("float64")
    total, count = weight.sum(axis=1), (weight > 0.0).sum(axis=1)
    market = np.divide(
        np.nansum(np.where(weight > 0.0, weight * values, 0.0), axis=1),
        total,
        out=np.full(len(values), np.nan),
        where=count >= MIN_MEMBERS,
    )
    return pd.Series(market, index=returns.index, dtype="float64")
