"""Bring the stored bars of the followed symbols up to a date (semantics 2.2 to 2.4)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from quant_lib.calendars import CalendarBook, label_of
from quant_lib.contracts import OHLCV_FETCHES
from quant_resources.ingestion._days import require_days_over
from quant_resources.ingestion._plan import Want, batches, pending_rows, plan_wants
from quant_resources.ingestion._store import Vetted, add_bars, stored_until, typed, vetted
from quant_resources.memory import return_freed_memory

if TYPE_CHECKING:
    from quant_resources.lakehouse import Lake, Receipt
    from quant_resources.tradingview import BarResult, TradingViewClient

CHECKPOINT_BARS = 250_000
"""Bars asked for between two commits: what a killed ingestion loses at most."""

PASSES = 3
"""Times the worklist is gone through: what failed for a passing reason is asked for again at the end."""

DONE = ("fetched", "already_current")
_PASSING = ("timeout", "rate_limited", "error", "no_data")

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class IngestReport:
    """What one ingestion did.

    Attributes
    ----------
    commits : list of Receipt
        Commits of the ``ohlcv`` table, one for each part of the worklist, at least one.
    fetches : DataFrame
        Typed outcome per followed symbol (``ohlcv_fetches``).
    rejects, revised : DataFrame
        Refused bars and bars the provider now serves differently.
    """

    commits: list[Receipt]
    fetches: pd.DataFrame
    rejects: pd.DataFrame
    revised: pd.DataFrame

    @property
    def rows_added(self) -> int:
        """Bars stored."""
        return sum(commit.rows_added for commit in self.commits)


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
    checkpoint_bars: int = CHECKPOINT_BARS,
    passes: int = PASSES,
) -> IngestReport:
    """Complete the followed symbols' bars up to a date.

    The worklist is stored before the first request (``ohlcv_fetches``, status pending) and worked
    off in parts, each committed before the next is asked for. A run that was killed is resumed by
    the next: what was committed is complete and is not asked for again.

    Existing bars are never rewritten. A bar still open at the market's clock is not stored. A bar
    that breaks the contract goes to ``ohlcv_rejects`` with its reason; a closed bar served
    differently than stored goes to ``ohlcv_revisions``.

    Parameters
    ----------
    lake : Lake
        Where bars are stored.
    client : TradingViewClient
        Where they come from.
    instruments : DataFrame
        Catalogue of the date: calendars, listing dates, and which symbols no longer trade.
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
    checkpoint_bars : int
        Bars asked for between two commits.
    passes : int
        Times the worklist is gone through.

    Returns
    -------
    IngestReport
        Outcome per symbol and what was stored.

    Raises
    ------
    DayNotOverError
        When the date has not closed at the market's clock; nothing is stored.
    """
    from quant_resources.tradingview import BarRequest

    calendars, clock = CalendarBook.of(instruments), client.clock()
    require_days_over([on], clock)
    wants = plan_wants(stored_until(lake, on), followed, instruments, calendars, on, clock, start)
    worklist = _Worklist.begin(lake, followed, wants, on)
    reporter = _Reporter(progress, len(wants))
    commits, rejects, revised = [], [], []
    remaining = wants
    for _ in range(passes):
        failed: set[str] = set()
        for part in batches(remaining, checkpoint_bars) if remaining else [[]]:
            results = client.fetch_bars([BarRequest(w.symbol, w.n_bars) for w in part], on_result=reporter)
            fresh = vetted(results, calendars, clock, (start, on), now)
            made = add_bars(lake, fresh, on)
            worklist.finish(part, results, fresh, made.per_symbol)
            commits.append(made.receipt)
            rejects.append(fresh.rejects)
            revised.append(made.changed)
            failed |= {r.symbol for r in results if r.error is not None and str(r.status) in _PASSING}
        remaining = [want for want in remaining if want.symbol in failed]
        if not remaining:
            break
        reporter.again(len(remaining))
    return_freed_memory()
    return IngestReport(
        commits, worklist.rows, pd.concat(rejects, ignore_index=True), pd.concat(revised, ignore_index=True)
    )


class _Reporter:
    """Counts results over all parts."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def again(self, more: int) -> None:
        """Count more results to come: failed ones are asked for again."""
        self._total += more

    def __call__(self, result: BarResult) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total, result.symbol)


class _Worklist:
    """Rows of ``ohlcv_fetches`` of one date, stored after every change."""

    def __init__(self, lake: Lake, on: dt.date, rows: pd.DataFrame) -> None:
        self._lake, self._on, self.rows = lake, on, rows

    @classmethod
    def begin(cls, lake: Lake, followed: Sequence[str], wants: Sequence[Want], on: dt.date) -> _Worklist:
        """Store what is to be asked for; what an earlier run of the date settled stays as it was."""
        wanted = {want.symbol for want in wants}
        earlier = lake.read("ohlcv_fetches", date=on) if lake.exists("ohlcv_fetches") else typed_empty()
        settled = earlier.loc[
            earlier["status"].isin(DONE) & earlier["symbol"].isin(followed) & ~earlier["symbol"].isin(wanted)
        ]
        current = sorted(set(followed) - wanted - set(settled["symbol"]))
        complete = pending_rows([Want(symbol, on, on, 0, "") for symbol in current], on)
        complete = complete.assign(status="already_current", message=None)
        # What a killed run had asked for and stored is still to be told to have been asked for.
        asked = earlier.loc[earlier["status"] == "pending"].set_index("symbol")["asked_from"]
        complete["asked_from"] = asked.reindex(complete["symbol"]).to_numpy()
        parts = [typed(part, OHLCV_FETCHES) for part in (settled, complete, pending_rows(wants, on))]
        worklist = cls(lake, on, _ordered(pd.concat(parts, ignore_index=True)))
        worklist._save()
        return worklist

    def finish(
        self, part: Sequence[Want], results: Sequence[BarResult], fresh: Vetted, added: Mapping[str, int]
    ) -> None:
        """Store what became of a part."""
        if not part:
            return
        made = pd.DataFrame(_outcomes(part, results, fresh, added))
        made["attempts"] += made["symbol"].map(self.rows.set_index("symbol")["attempts"])
        rest = self.rows.loc[~self.rows["symbol"].isin(made["symbol"])]
        outcome = typed(made.assign(date=label_of(self._on)), OHLCV_FETCHES)
        self.rows = _ordered(pd.concat([rest, outcome], ignore_index=True))
        self._save()

    def _save(self) -> None:
        self._lake.replace(OHLCV_FETCHES, self.rows, date=self._on)


def typed_empty() -> pd.DataFrame:
    """Give no rows of ``ohlcv_fetches``."""
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in OHLCV_FETCHES.pandas_types().items()})


def _ordered(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sort_values("symbol", kind="stable", ignore_index=True)


def _outcomes(
    part: Sequence[Want], results: Sequence[BarResult], fresh: Vetted, added: Mapping[str, int]
) -> list[dict[str, object]]:
    """One row per symbol asked for: what asking gave."""
    newest = fresh.good.groupby("symbol")["date"].max()
    refused = fresh.rejects.groupby("symbol").size()
    rows = []
    for want, result in zip(part, results, strict=True):
        n_added, n_refused = int(added.get(want.symbol, 0)), int(refused.get(want.symbol, 0))
        served = newest.get(want.symbol)
        last = max((day for day in (want.have, None if served is None else served.date()) if day), default=None)
        status, message = _judge(want, result, n_added, n_refused, last)
        rows.append(
            {
                "symbol": want.symbol,
                "status": status,
                "rows_added": n_added,
                "rows_rejected": n_refused,
                "attempts": result.attempts,
                "asked_from": label_of(want.since),
                "history_truncated": result.history_truncated,
                "message": message,
            }
        )
    return rows


def _judge(want: Want, result: BarResult, n_added: int, n_refused: int, last: dt.date | None) -> tuple[str, str | None]:
    """Status and message: a symbol is done only if bars came or what is stored is current (semantics 2.2)."""
    if result.error is not None:
        return str(result.status), str(result.error)
    if last is not None and (last >= want.until or want.have is None or last > want.have):
        return "fetched" if n_added else "already_current", None
    if last is None:
        why = f"all {n_refused} bars were refused, see ohlcv_rejects" if n_refused else "no closed bar in the window"
        return "no_data", f"{len(result.bars)} bars served: {why}"
    refused = f"{n_refused} bar{'s' if n_refused > 1 else ''} refused, see ohlcv_rejects"
    why = refused if n_refused else "halted, delisted or late"
    return "no_data", f"nothing new since {last}, expected up to {want.until}: {why}"
