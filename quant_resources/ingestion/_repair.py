"""Fill holes inside stored histories, newest first, and say of each what came of it (semantics 2.7)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from quant_lib.calendars import CalendarBook
from quant_lib.contracts import OHLCV_HOLES
from quant_lib.health import RepairRules, find_holes, judge_repair, plan_repair
from quant_resources.ingestion._store import add_bars, typed, vetted

if TYPE_CHECKING:
    from quant_resources.lakehouse import Lake, Receipt
    from quant_resources.tradingview import TradingViewClient

_SPARE_BARS = 7


@dataclass(frozen=True)
class RepairReport:
    """What a repair did.

    Attributes
    ----------
    holes : DataFrame
        Rows of ``ohlcv_holes`` written now: asked for, or deferred.
    remembered : int
        Holes left alone because they are known not to be filled.
    receipt : Receipt
        Commit of ``ohlcv_holes``.
    bars_added : int
        Bars stored.
    """

    holes: pd.DataFrame
    remembered: int
    receipt: Receipt
    bars_added: int


def repair(
    lake: Lake,
    client: TradingViewClient,
    calendars: CalendarBook,
    symbols: Sequence[str],
    on: dt.date,
    *,
    start: dt.date,
    now: dt.datetime,
    rules: RepairRules | None = None,
) -> RepairReport:
    """Ask again for missing sessions of some symbols, and look again afterwards.

    One request per symbol reaches back to the oldest of its chosen holes; whatever comes and is not
    stored yet is stored. What could not be filled is remembered with its cause and not asked for again
    before its time; a failed request is asked again the next day.

    Parameters
    ----------
    lake, client
        Where bars are stored, and where they come from. Nothing is asked where no hole is due.
    calendars : CalendarBook
        Expected sessions.
    symbols : sequence of str
        Scope: a repair of everything ever stored is never meant.
    on : datetime.date
        Date of the repair; later bars do not exist.
    start : datetime.date
        Oldest session wanted.
    now : datetime.datetime
        Wall clock.
    rules : RepairRules, optional
        Bounds.

    Returns
    -------
    RepairReport
    """
    from quant_resources.tradingview import BarRequest

    rules = rules or RepairRules()
    bars = lake.read("ohlcv", columns=["symbol", "date", "close"], until=on)
    holes = find_holes(bars, on, calendars)
    holes = holes.loc[holes["symbol"].isin(set(symbols))]
    known = newest_holes(lake, holes)
    if holes.empty:
        return RepairReport(typed(known.iloc[:0], OHLCV_HOLES), 0, lake.add_missing(OHLCV_HOLES, known.iloc[:0]), 0)
    plan = plan_repair(holes, known, on, _clock(client, on, holes, known), rules, start)
    judged, added = plan.ask.iloc[:0], 0
    if len(plan.ask):
        clock = client.clock()
        oldest = plan.ask.groupby("symbol")["from_date"].min()
        requests = [BarRequest(str(s), (clock.date() - day.date()).days + _SPARE_BARS) for s, day in oldest.items()]
        results = client.fetch_bars(requests)
        fresh = vetted(results, calendars, clock, (start, on), now)
        made = add_bars(lake, fresh, on)
        stored = lake.read("ohlcv", columns=["symbol", "date"], symbols=list(oldest.index), until=on)
        failed = {result.symbol for result in results if result.error is not None}
        judged = judge_repair(plan.ask, stored, fresh.rejects, failed, on, rules, calendars)
        added = made.receipt.rows_added
    rows = pd.concat([judged, plan.deferred], ignore_index=True) if len(judged) else plan.deferred
    rows = typed(rows, OHLCV_HOLES)
    return RepairReport(rows, plan.remembered, lake.add_missing(OHLCV_HOLES, rows), added)


def _clock(client: TradingViewClient, on: dt.date, holes: pd.DataFrame, known: pd.DataFrame) -> dt.date:
    """Day of the market's clock; the partition's own where every hole is known, so that nothing is asked for."""
    waiting = known.loc[known["retry_on"].notna() & (known["retry_on"] > pd.Timestamp(on)), ["symbol", "from_date"]]
    remembered = pd.MultiIndex.from_frame(waiting)
    due = ~pd.MultiIndex.from_frame(holes[["symbol", "from_date"]]).isin(remembered)
    return client.clock().date() if bool(due.any()) else on


def newest_holes(lake: Lake, holes: pd.DataFrame) -> pd.DataFrame:
    """Read what is known of some holes: the newest attempt at each, filled ones included.

    Parameters
    ----------
    lake : Lake
        Where attempts are.
    holes : DataFrame
        Columns symbol, from_date, to_date.

    Returns
    -------
    DataFrame
        Rows of ``ohlcv_holes``, at most one per hole. Months are read newest first, and none from before the holes
        that are still looked for: nobody looked at a hole before it was there.
    """
    found = [pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in OHLCV_HOLES.pandas_types().items()})]
    waiting = holes[["symbol", "from_date", "to_date"]]
    for month in reversed(lake.months(OHLCV_HOLES.name)):
        if waiting.empty or month < f"{waiting['to_date'].min():%Y-%m}":
            break
        first = pd.Timestamp(month)
        rows = lake.read(OHLCV_HOLES.name, since=first.date(), until=(first + pd.offsets.MonthEnd()).date())
        rows = rows.sort_values("date", kind="stable").drop_duplicates(["symbol", "from_date"], keep="last")
        told = pd.MultiIndex.from_frame(rows[["symbol", "from_date"]])
        here = pd.MultiIndex.from_frame(waiting[["symbol", "from_date"]])
        found.append(rows.loc[told.isin(here)])
        waiting = waiting.loc[~here.isin(told)]
    return pd.concat(found, ignore_index=True)
