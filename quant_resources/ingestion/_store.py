"""From what the provider served to rows of the tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from quant_lib.calendars import CalendarBook, label_of
from quant_lib.contracts import OHLCV, OHLCV_REFRESHES, OHLCV_REJECTS, OHLCV_REVISIONS, TableSpec
from quant_lib.health import revisions, split_closed, stamp_bars, unsaid, vet_bars
from quant_resources.ingestion._plan import NEW, Stored

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


@dataclass(frozen=True)
class Added:
    """What storing some bars did.

    Attributes
    ----------
    receipt : Receipt
        Commit of ohlcv.
    changed : DataFrame
        Rows of ohlcv_revisions: how the provider now differs from what was stored, where that is news.
    per_symbol : mapping of str to int
        Bars stored of each symbol, older ones than the newest it had included.
    """

    receipt: Receipt
    changed: pd.DataFrame
    per_symbol: Mapping[str, int]


def add_bars(lake: Lake, fresh: Vetted, on: dt.date) -> Added:
    """Store what is not stored yet, and how the provider now differs from what was."""
    good = fresh.good
    stored = _since(lake, OHLCV, good, on)
    seen = revisions(stored, good)
    changed = unsaid(seen, _since(lake, OHLCV_REVISIONS, seen), _since(lake, OHLCV_REFRESHES, seen))
    changed = typed(changed.assign(seen_on=label_of(on)), OHLCV_REVISIONS)
    held = pd.MultiIndex.from_frame(stored[["symbol", "date"]])
    new = good.loc[~pd.MultiIndex.from_frame(good[["symbol", "date"]]).isin(held)]
    # Evidence first: a kill between the commits leaves a symbol without its new bars, so that it is asked for again.
    lake.add_missing(OHLCV_REJECTS, fresh.rejects)
    lake.add_missing(OHLCV_REVISIONS, changed)
    counts = new.groupby("symbol").size()
    per_symbol = dict(zip(counts.index.astype(str), counts.astype(int), strict=True))
    return Added(lake.add_missing(OHLCV, good), changed, per_symbol)


def _since(lake: Lake, spec: TableSpec, rows: pd.DataFrame, until: dt.date | None = None) -> pd.DataFrame:
    """Read the rows of a table that concern the symbols of some bars, from the oldest of their dates on."""
    if rows.empty or not lake.exists(spec.name):
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in spec.pandas_types().items()})
    symbols = sorted(rows["symbol"].unique())
    return lake.read(spec.name, since=rows["date"].min().date(), until=until, symbols=symbols)


def stored_until(lake: Lake, on: dt.date) -> Stored:
    """Read what is stored of each symbol up to a date, and how far back it was ever asked for."""
    newest: dict[str, dt.date] = {}
    asked: dict[str, dt.date] = {}
    if lake.exists("ohlcv"):
        rows = lake.read("ohlcv", columns=["symbol", "date"], until=on)
        last = rows.groupby("symbol")["date"].max()
        newest = dict(zip(last.index.astype(str), last.dt.date, strict=True))
    if lake.exists("ohlcv_fetches"):
        rows = lake.read("ohlcv_fetches", columns=["symbol", "date", "status", "asked_from", "message"])
        # A part is committed whole: where a killed run left a new symbol pending that has bars, it had been asked for.
        kept = rows["status"].eq("pending") & rows["message"].str.startswith(NEW) & rows["symbol"].isin(newest)
        rows = rows.loc[(rows["status"].isin(["fetched", "already_current"]) | kept) & rows["asked_from"].notna()]
        first = rows.groupby("symbol")["asked_from"].min()
        asked = dict(zip(first.index.astype(str), first.dt.date, strict=True))
    return Stored(newest, asked)
