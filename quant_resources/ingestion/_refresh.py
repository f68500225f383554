"""Hard refresh: an operator replaces what is stored of a symbol by what the provider serves now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from quant_lib.calendars import CalendarBook, label_of
from quant_lib.contracts import OHLCV, OHLCV_REFRESHES, OHLCV_REJECTS, OHLCV_REVISIONS
from quant_lib.errors import InvalidKeyError, MissingDataError
from quant_lib.features.registry import FEATURES_TABLE
from quant_lib.health import revisions
from quant_resources.ingestion._store import typed, vetted

if TYPE_CHECKING:
    from quant_resources.lakehouse import Lake
    from quant_resources.tradingview import TradingViewClient


@dataclass(frozen=True)
class RefreshReport:
    """What a hard refresh did.

    Attributes
    ----------
    refreshed : DataFrame
        Rows of ``ohlcv_refreshes``.
    failed : dict of str to str
        Symbols left as they were, with the cause.
    features_removed : int
        Feature rows that were computed from the replaced bars; the next materialisation makes them again.
    """

    refreshed: pd.DataFrame
    failed: dict[str, str]
    features_removed: int


def refresh(
    lake: Lake,
    client: TradingViewClient,
    instruments: pd.DataFrame,
    symbols: Sequence[str],
    on: dt.date,
    *,
    start: dt.date,
    now: dt.datetime,
    reason: str,
) -> RefreshReport:
    """Replace the stored bars of some symbols by what the provider serves now, with a record of every difference.

    Bars outside the span the provider serves stay. Older versions of the table, and decisions that
    pinned them, are untouched.

    Parameters
    ----------
    lake, client, instruments
        As for `ingest`.
    symbols : sequence of str
        Symbols to refresh; they must be in the catalogue.
    on : datetime.date
        Last session wanted.
    start : datetime.date
        Oldest session wanted.
    now : datetime.datetime
        Wall clock.
    reason : str
        Why; stored.

    Returns
    -------
    RefreshReport

    Raises
    ------
    InvalidKeyError
        No reason given.
    MissingDataError
        A symbol the catalogue does not list.
    """
    from quant_resources.tradingview import BarRequest

    if not reason.strip():
        raise InvalidKeyError("reason", reason, "say why stored bars should be replaced")
    unknown = sorted(set(symbols) - set(instruments["symbol"]))
    if unknown:
        raise MissingDataError(
            f"{', '.join(unknown)}", "the catalogue", "write EXCHANGE:TICKER as `quant query` lists it in instruments"
        )
    calendars, clock, chosen = CalendarBook.of(instruments), client.clock(), sorted(set(symbols))
    depth = (clock.date() - start).days + 2
    results = client.fetch_bars([BarRequest(symbol, depth) for symbol in chosen])
    fresh = vetted(results, calendars, clock, (start, on), now)
    failed = {result.symbol: str(result.error) for result in results if result.error is not None}
    failed |= dict.fromkeys(set(chosen) - set(failed) - set(fresh.good["symbol"]), "no bar fit to be stored")
    stored = lake.read("ohlcv", symbols=chosen) if lake.exists("ohlcv") else fresh.good.iloc[:0]
    kept, rows = _outside(stored, fresh.good), _records(stored, fresh.good, now, reason)
    changed = typed(revisions(stored, fresh.good).assign(seen_on=label_of(on)), OHLCV_REVISIONS)
    lake.add_missing(OHLCV_REVISIONS, changed)
    lake.add_missing(OHLCV_REJECTS, fresh.rejects)
    done = sorted(rows["symbol"])
    final = pd.concat([kept.loc[kept["symbol"].isin(done)], fresh.good], ignore_index=True)
    lake.replace_symbols(OHLCV, typed(final, OHLCV), symbols=done)
    lake.add_missing(OHLCV_REFRESHES, rows)
    removed = 0
    if lake.exists("features") and done:
        nothing = lake.read("features", symbols=done[:1], until=dt.date(1900, 1, 1))
        removed = lake.replace_symbols(FEATURES_TABLE, nothing, symbols=done).rows_removed
    return RefreshReport(rows, failed, removed)


def _spans(good: pd.DataFrame) -> pd.DataFrame:
    return good.groupby("symbol")["date"].agg(["min", "max"])


def _outside(stored: pd.DataFrame, good: pd.DataFrame) -> pd.DataFrame:
    """Keep the stored bars that lie outside what the provider serves."""
    spans = _spans(good)
    first, last = stored["symbol"].map(spans["min"]), stored["symbol"].map(spans["max"])
    return stored.loc[(stored["date"] < first) | (stored["date"] > last)]


def _records(stored: pd.DataFrame, good: pd.DataFrame, now: dt.datetime, reason: str) -> pd.DataFrame:
    values = ["open", "high", "low", "close", "volume"]
    rows = []
    for symbol, span in _spans(good).iterrows():
        before = stored.loc[(stored["symbol"] == symbol) & stored["date"].between(span["min"], span["max"])]
        after = good.loc[good["symbol"] == symbol]
        both = before.merge(after, on="date", suffixes=("", "_new"))
        changed = (both[values].to_numpy() != both[[f"{name}_new" for name in values]].to_numpy()).any(axis=1)
        rows.append(
            {
                "date": span["max"],
                "symbol": symbol,
                "requested_at": pd.Timestamp(now),
                "reason": reason,
                "from_date": span["min"],
                "rows_before": len(before),
                "rows_after": len(after),
                "rows_changed": int(changed.sum()),
            }
        )
    return typed(pd.DataFrame(rows, columns=list(OHLCV_REFRESHES.column_names)), OHLCV_REFRESHES)
