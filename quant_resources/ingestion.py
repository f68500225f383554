"""Bring the stored bars of the followed symbols up to a date (semantics 2.2 to 2.4)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from quant_lib.calendars import CalendarBook
from quant_lib.contracts import OHLCV, OHLCV_FETCHES, OHLCV_REJECTS, OHLCV_REVISIONS, TableSpec
from quant_lib.health import revisions, split_closed, stamp_bars, vet_bars

if TYPE_CHECKING:
    from quant_resources.lakehouse import Lake, Receipt
    from quant_resources.tradingview import BarResult, TradingViewClient

OVERLAP_BARS = 5
"""Stored bars asked for again, so that a provider rewriting history is noticed."""

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class IngestReport:
    """What one ingestion did.

    Attributes
    ----------
    bars : Receipt
        Commit of the ``ohlcv`` table.
    fetches : DataFrame
        Typed outcome per followed symbol (``ohlcv_fetches``).
    rejects, revised : DataFrame
        Refused bars and bars the provider now serves differently.
    """

    bars: Receipt
    fetches: pd.DataFrame
    rejects: pd.DataFrame
    revised: pd.DataFrame


def plan_requests(
    stored: pd.DataFrame,
    followed: Sequence[str],
    ended: dict[str, dt.date],
    on: dt.date,
    clock: dt.datetime,
    start: dt.date,
) -> dict[str, int]:
    """Bars to ask for, per symbol that is not complete up to a date.

    Parameters
    ----------
    stored : DataFrame
        Columns symbol, newest (date): what is stored up to ``on``.
    followed : sequence of str
        Symbols to complete.
    ended : dict
        Last traded date of symbols that no longer trade.
    on : datetime.date
        Date to complete up to.
    clock : datetime.datetime
        The market's clock: the provider counts bars back from it.
    start : datetime.date
        Oldest date wanted.

    Returns
    -------
    dict of str to int
        Number of newest bars to ask for; symbols already complete are left out.
    """
    newest = dict(zip(stored["symbol"], stored["newest"].dt.date, strict=True))
    wanted: dict[str, int] = {}
    for symbol in followed:
        have = newest.get(symbol)
        complete_at = min(on, ended.get(symbol, on))
        if have is not None and have >= complete_at:
            continue
        since = start if have is None else max(start, have - dt.timedelta(days=OVERLAP_BARS))
        wanted[symbol] = (clock.date() - since).days + 2
    return wanted


def _served_bars(results: Sequence[BarResult]) -> pd.DataFrame:
    """Put every symbol's bars as served into one frame."""
    parts = [result.bars.assign(symbol=result.symbol) for result in results if len(result.bars)]
    if parts:
        return pd.concat(parts, ignore_index=True)
    empty = {name: pd.Series(dtype="float64") for name in ("open", "high", "low", "close", "volume")}
    return pd.DataFrame(
        {"symbol": pd.Series(dtype="str"), "open_time": pd.Series(dtype="datetime64[us, UTC]"), **empty}
    )


def _typed(frame: pd.DataFrame, spec: TableSpec) -> pd.DataFrame:
    return frame.astype(spec.pandas_types())[list(spec.column_names)].reset_index(drop=True)


def ingest(
    lake: Lake,
    client: TradingViewClient,
    instruments: pd.DataFrame,
    followed: Sequence[str],
    on: dt.date,
    *,
    start: dt.date,
    now: dt.datetime,
    progress: Progress | None = None,
) -> IngestReport:
    """Complete the followed symbols' bars up to a date in one commit.

    Existing bars are never rewritten. The bar still open at the market's clock is
    not stored. A bar that breaks the contract goes to ``ohlcv_rejects`` with its
    reason; a closed bar served differently than stored goes to ``ohlcv_revisions``.

    Parameters
    ----------
    lake : Lake
        Where bars are stored.
    client : TradingViewClient
        Where they come from.
    instruments : DataFrame
        Catalogue of the date; tells which symbols no longer trade.
    followed : sequence of str
        Symbols to complete.
    on : datetime.date
        Partition date.
    start : datetime.date
        Oldest date wanted.
    now : datetime.datetime
        Wall clock, for ``ingested_at``.
    progress : callable, optional
        Called with (done, total, symbol).

    Returns
    -------
    IngestReport
        Outcome per symbol and what was stored.
    """
    from quant_resources.tradingview import BarRequest

    clock = client.clock()
    stored = _newest_stored(lake, on)
    inactive = instruments.loc[~instruments["active"] & instruments["last_traded_on"].notna()]
    ended = dict(zip(inactive["symbol"], inactive["last_traded_on"].dt.date, strict=True))
    wanted = plan_requests(stored, followed, ended, on, clock, start)
    done = 0

    def report(result: BarResult) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, len(wanted), result.symbol)

    results = client.fetch_bars([BarRequest(symbol, n) for symbol, n in sorted(wanted.items())], on_result=report)
    served = _served_bars(results)
    calendars = CalendarBook.of(instruments)
    closed, _ = split_closed(served, clock, calendar=calendars)
    stamped = stamp_bars(closed, source="tradingview", ingested_at=now, calendar=calendars)
    window = stamped["date"].between(pd.Timestamp(start), pd.Timestamp(on))
    good, rejects = vet_bars(stamped[window], calendars)
    revised = _revisions(lake, good, on)
    receipt = lake.add_missing(OHLCV, _typed(good, OHLCV))
    day = pd.Timestamp(on).as_unit("us")
    rejects = _typed(rejects.assign(rejected_on=day), OHLCV_REJECTS)
    revised = _typed(revised.assign(seen_on=day), OHLCV_REVISIONS)
    lake.add_missing(OHLCV_REJECTS, rejects)
    lake.add_missing(OHLCV_REVISIONS, revised)
    fetches = _fetch_rows(results, followed, good, stored, rejects, on)
    lake.replace(OHLCV_FETCHES, fetches, date=on)
    return IngestReport(receipt, fetches, rejects, revised)


def _newest_stored(lake: Lake, on: dt.date) -> pd.DataFrame:
    if not lake.exists("ohlcv"):
        return pd.DataFrame({"symbol": pd.Series(dtype="str"), "newest": pd.Series(dtype="datetime64[us]")})
    stored = lake.read("ohlcv", columns=["symbol", "date"], until=on)
    newest = stored.groupby("symbol")["date"].max()
    return pd.DataFrame({"symbol": newest.index.astype("str"), "newest": newest.to_numpy()})


def _revisions(lake: Lake, served: pd.DataFrame, on: dt.date) -> pd.DataFrame:
    if served.empty or not lake.exists("ohlcv"):
        return revisions(served.iloc[:0], served.iloc[:0])
    since = served["date"].min().date()
    return revisions(lake.read("ohlcv", since=since, until=on), served)


def _fetch_rows(
    results: Sequence[BarResult],
    followed: Sequence[str],
    good: pd.DataFrame,
    stored: pd.DataFrame,
    rejects: pd.DataFrame,
    on: dt.date,
) -> pd.DataFrame:
    """One row per followed symbol: what asking for it gave."""
    newest = stored.set_index("symbol")["newest"]
    cutoff = good["symbol"].map(newest)
    added = good.loc[cutoff.isna() | (good["date"] > cutoff)].groupby("symbol").size()
    refused = rejects.groupby("symbol").size()
    by_symbol = {result.symbol: result for result in results}
    rows = []
    for symbol in followed:
        result = by_symbol.get(symbol)
        n_added = int(added.get(symbol, 0))
        status = "already_current" if result is None else str(result.status)
        if status == "fetched" and n_added == 0:
            # Served, but nothing new: complete where bars are stored, otherwise there is nothing to have.
            status = "already_current" if symbol in newest.index else "no_data"
        rows.append(
            {
                "date": pd.Timestamp(on),
                "symbol": symbol,
                "status": status,
                "rows_added": n_added,
                "rows_rejected": int(refused.get(symbol, 0)),
                "attempts": 0 if result is None else result.attempts,
                "history_truncated": False if result is None else result.history_truncated,
                "message": None if result is None or result.error is None else str(result.error),
            }
        )
    return _typed(pd.DataFrame(rows, columns=list(OHLCV_FETCHES.column_names)), OHLCV_FETCHES)
