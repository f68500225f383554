"""From what the provider served to rows of the tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from quant_lib.calendars import CalendarBook, label_of
from quant_lib.contracts import OHLCV, OHLCV_REJECTS, OHLCV_REVISIONS, TableSpec
from quant_lib.health import revisions, split_closed, stamp_bars, vet_bars
from quant_resources.ingestion._plan import Stored

if TYPE_CHECKING:
    from quant_resources.lakehouse import Lake, Receipt
    from quant_resources.tradingview import BarResult

SOURCE = "tradingview"


@dataclass(frozen=True)
class Vetted:
    """Closed bars of some symbols, judged at the door.

    Attributes
    ----------
    good : DataFrame
        Rows of ohlcv.
    rejects : DataFrame
        Rows of ohlcv_rejects.
    """

    good: pd.DataFrame
    rejects: pd.DataFrame


def typed(frame: pd.DataFrame, spec: TableSpec) -> pd.DataFrame:
    """Complete columns of a table, in declared order and type."""
    return frame.astype(spec.pandas_types())[list(spec.column_names)].reset_index(drop=True)


def served_bars(results: Sequence[BarResult]) -> pd.DataFrame:
    """Put every symbol's bars as served into one frame."""
    parts = [result.bars.assign(symbol=result.symbol) for result in results if len(result.bars)]
    if parts:
        return pd.concat(parts, ignore_index=True)
    empty = {name: pd.Series(dtype="float64") for name in ("open", "high", "low", "close", "volume")}
    opened = pd.Series(dtype="datetime64[us, UTC]")
    return pd.DataFrame({"symbol": pd.Series(dtype="str"), "open_time": opened, **empty})


def vetted(
    results: Sequence[BarResult],
    calendars: CalendarBook,
    clock: dt.datetime,
    window: tuple[dt.date, dt.date],
    now: dt.datetime,
) -> Vetted:
    """Judge what was served: closed at the clock, inside the window, fit to be stored.

    Parameters
    ----------
    results : sequence of BarResult
        What came.
    calendars : CalendarBook
        Calendar of each symbol.
    clock : datetime.datetime
        The market's clock from before the bars were sent: what had not closed then is not stored.
    window : tuple of datetime.date
        First and last session wanted.
    now : datetime.datetime
        Wall clock, for ``ingested_at``.
    """
    closed, _ = split_closed(served_bars(results), clock, calendar=calendars)
    stamped = stamp_bars(closed, source=SOURCE, ingested_at=now, calendar=calendars)
    inside = stamped["date"].between(label_of(window[0]), label_of(window[1]))
    good, rejects = vet_bars(stamped[inside], calendars)
    return Vetted(typed(good, OHLCV), typed(rejects.assign(rejected_on=label_of(window[1])), OHLCV_REJECTS))


def add_bars(lake: Lake, fresh: Vetted, on: dt.date) -> tuple[Receipt, pd.DataFrame]:
    """Store what is not stored yet; return the commit and how the provider now differs from what was."""
    changed = typed(_revisions(lake, fresh.good, on).assign(seen_on=label_of(on)), OHLCV_REVISIONS)
    # Evidence first: a kill between the commits leaves a symbol without its new bars, so that it is asked for again.
    lake.add_missing(OHLCV_REJECTS, fresh.rejects)
    lake.add_missing(OHLCV_REVISIONS, changed)
    return lake.add_missing(OHLCV, fresh.good), changed


def _revisions(lake: Lake, good: pd.DataFrame, on: dt.date) -> pd.DataFrame:
    if good.empty or not lake.exists("ohlcv"):
        return revisions(good.iloc[:0], good.iloc[:0])
    symbols = sorted(good["symbol"].unique())
    return revisions(lake.read("ohlcv", since=good["date"].min().date(), until=on, symbols=symbols), good)


def stored_until(lake: Lake, on: dt.date) -> Stored:
    """Read what is stored of each symbol up to a date, and how far back it was ever asked for."""
    newest: dict[str, dt.date] = {}
    asked: dict[str, dt.date] = {}
    if lake.exists("ohlcv"):
        rows = lake.read("ohlcv", columns=["symbol", "date"], until=on)
        last = rows.groupby("symbol")["date"].max()
        newest = dict(zip(last.index.astype(str), last.dt.date, strict=True))
    if lake.exists("ohlcv_fetches"):
        rows = lake.read("ohlcv_fetches", columns=["symbol", "date", "status", "asked_from"])
        rows = rows.loc[rows["status"].isin(["fetched", "already_current"]) & rows["asked_from"].notna()]
        first = rows.groupby("symbol")["asked_from"].min()
        asked = dict(zip(first.index.astype(str), first.dt.date, strict=True))
    return Stored(newest, asked)
