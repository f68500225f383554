"""Take a snapshot: ask in batches, then ask again for what failed and for nothing else."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from quant_lib.contracts import TECHNICALS, TECHNICALS_FETCHES
from quant_lib.technicals import columns
from quant_resources.technicals.coverage import Attempt, CoverageArtifact, coverage_of
from quant_resources.tradingview import (
    EmptyAnswerError,
    MalformedDataError,
    PermissionDeniedError,
    ProviderDownError,
    RateLimitedError,
    RefusedError,
    ScanRequest,
    TradingViewError,
    UnknownSymbolError,
    UnreachableError,
)

if TYPE_CHECKING:
    from quant_resources.tradingview import TradingViewClient

_STATUS: Final[tuple[tuple[type[TradingViewError], str], ...]] = (
    (RateLimitedError, "rate_limited"),
    (UnknownSymbolError, "not_found"),
    (EmptyAnswerError, "empty"),
    (MalformedDataError, "malformed"),
    (UnreachableError, "unreachable"),
    (ProviderDownError, "unreachable"),
    (RefusedError, "refused"),
    (PermissionDeniedError, "refused"),
)


@dataclass(frozen=True)
class SnapshotRules:
    """How persistent and how polite a snapshot is.

    Attributes
    ----------
    attempts : int
        Most attempts.
    workers : int
        Requests in flight at most.
    batch : int
        Symbols in one request of the first attempt. Later ones ask for a quarter,
        and for few symbols one by one, so that a bad one cannot spoil the rest.
    """

    attempts: int = 3
    workers: int = 3
    batch: int = 100

    def batch_of(self, attempt: int, remaining: int) -> int:
        """Symbols per request of an attempt (1 is the single-symbol endpoint)."""
        if attempt == 1:
            return self.batch
        smaller = max(1, self.batch // 4)
        return 1 if remaining <= smaller else smaller


@dataclass(frozen=True)
class TechnicalsSnapshot:
    """What came of a snapshot.

    Attributes
    ----------
    rows : DataFrame
        Rows of ``technicals``, date included.
    fetches : DataFrame
        Rows of ``technicals_fetches``: one per requested symbol.
    attempts : tuple of Attempt
        What each attempt did.
    started_at : datetime
        Wall clock, UTC.
    workers : int
        Requests in flight at most.
    """

    rows: pd.DataFrame
    fetches: pd.DataFrame
    attempts: tuple[Attempt, ...]
    started_at: dt.datetime
    workers: int

    def coverage(self, run_id: str, profile: str) -> CoverageArtifact:
        """Evidence of how complete it is."""
        failed = self.fetches.loc[self.fetches["status"] != "fetched", "symbol"]
        return coverage_of(
            run_id=run_id,
            profile=profile,
            started_at=self.started_at,
            workers=self.workers,
            requested=len(self.fetches),
            attempts=self.attempts,
            failed_symbols=failed.tolist(),
        )


@dataclass(frozen=True)
class _Answer:
    values: Mapping[str, float] | None
    error: TradingViewError | None
    at: dt.datetime


def take_snapshot(
    client: TradingViewClient,
    symbols: Sequence[str],
    on: dt.date,
    rules: SnapshotRules,
    *,
    clock: dt.datetime,
    pause: Callable[[float], None] = time.sleep,
) -> TechnicalsSnapshot:
    """Ask for the technicals of some symbols.

    Every attempt asks only for symbols that have no row yet, and what the attempts
    brought is merged. Between two attempts there is a pause that doubles and is
    never shorter than the server asked for. An attempt that is told to slow down
    sends nothing more.

    Parameters
    ----------
    client : TradingViewClient
        The market.
    symbols : sequence of str
        Symbols wanted; repeated ones count once.
    on : datetime.date
        The market's last closed day.
    rules : SnapshotRules
        Persistence and politeness.
    clock : datetime.datetime
        The market's clock.
    pause : callable
        Waits some seconds; for tests.

    Returns
    -------
    TechnicalsSnapshot
        One fetch row per symbol; no row of values without an answer.
    """
    started_at = dt.datetime.now(dt.UTC)
    patient = client.without_retries()
    remaining = sorted(set(symbols))
    answers: dict[str, _Answer] = {}
    tries: dict[str, int] = dict.fromkeys(remaining, 0)
    brought: dict[str, int] = {}
    attempts: list[Attempt] = []
    for idx in range(1, rules.attempts + 1):
        begun = time.perf_counter()
        asked = remaining
        for symbol, answer in _Pass(patient, rules, idx).ask(asked):
            answers[symbol] = answer
            tries[symbol] = idx
            if answer.values is not None:
                brought[symbol] = idx
        remaining = [symbol for symbol in asked if symbol not in brought]
        attempts.append(
            Attempt(
                idx=idx,
                fetched=len(asked) - len(remaining),
                failed=len(remaining),
                duration_s=round(time.perf_counter() - begun, 6),
            )
        )
        wait = _wait(client, [answers[symbol] for symbol in remaining], idx)
        if not remaining or wait is None or idx == rules.attempts:
            break
        pause(wait)
    rows = _rows(answers, brought, on, clock)
    return TechnicalsSnapshot(rows, _fetches(answers, tries, on), tuple(attempts), started_at, rules.workers)


def resume_snapshot(earlier: pd.DataFrame, rest: TechnicalsSnapshot) -> TechnicalsSnapshot:
    """Put a snapshot of what was missing together with what earlier runs of the day had brought.

    Parameters
    ----------
    earlier : DataFrame
        Rows of ``technicals`` of the day. They stay as they are, each with the time it was fetched at.
    rest : TechnicalsSnapshot
        Of the other symbols wanted, none of which has a row in ``earlier``.

    Returns
    -------
    TechnicalsSnapshot
        Attempt 1 is what was there; those of ``rest`` follow.
    """
    there = Attempt(idx=1, fetched=len(earlier), failed=len(rest.fetches), duration_s=0.0)
    later = [attempt.model_copy(update={"idx": attempt.idx + 1}) for attempt in rest.attempts]
    rows = pd.concat([earlier, rest.rows.assign(attempt=rest.rows["attempt"] + 1)], ignore_index=True)
    kept = pd.DataFrame(
        {"date": earlier["date"], "symbol": earlier["symbol"], "status": "fetched", "attempts": 1, "message": None}
    )
    asked = rest.fetches.assign(attempts=rest.fetches["attempts"] + 1)
    fetches = pd.concat([kept.astype(TECHNICALS_FETCHES.pandas_types()), asked], ignore_index=True)
    return replace(
        rest,
        rows=rows.sort_values("symbol", kind="stable", ignore_index=True),
        fetches=fetches.sort_values("symbol", kind="stable", ignore_index=True),
        attempts=(there, *later),
    )


def _wait(client: TradingViewClient, failed: list[_Answer], attempt: int) -> float | None:
    """Seconds until the next attempt; None where trying again cannot help or would be impolite."""
    errors = [answer.error for answer in failed if answer.error is not None]
    hopeful = [error for error in errors if error.retryable or isinstance(error, UnknownSymbolError)]
    if not hopeful or (attempt > 1 and all(isinstance(error, UnknownSymbolError) for error in errors)):
        return None
    told = max((getattr(error, "retry_after", None) or 0.0 for error in errors), default=0.0)
    if told > client.limits.retry_after_cap:
        return None
    own = min(client.limits.backoff_cap, client.limits.backoff_base * 2.0 ** (attempt - 1))
    return float(max(own, told))


class _Pass:
    """One attempt over some symbols."""

    def __init__(self, client: TradingViewClient, rules: SnapshotRules, attempt: int) -> None:
        self._client = client
        self._rules = rules
        self._attempt = attempt
        self._vendor = columns()
        self._told_off: RateLimitedError | None = None
        self._lock = threading.Lock()

    def ask(self, symbols: list[str]) -> Iterator[tuple[str, _Answer]]:
        size = self._rules.batch_of(self._attempt, len(symbols))
        parts = [symbols[first : first + size] for first in range(0, len(symbols), size)]
        with ThreadPoolExecutor(self._rules.workers, thread_name_prefix="technicals") as pool:
            for answers in pool.map(self._single if size == 1 else self._batch, parts):
                yield from answers.items()

    def _batch(self, symbols: list[str]) -> dict[str, _Answer]:
        if self._told_off is not None:
            return self._failed(symbols, self._told_off)
        request = ScanRequest(
            "global", tuple(self._vendor.values()), symbols=tuple(symbols), ignore_unknown_fields=True
        )
        try:
            frame = self._client.scan(request).frame
        except TradingViewError as error:
            return self._failed(symbols, error)
        at = dt.datetime.now(dt.UTC)
        found = {str(row["symbol"]): row for row in frame.astype("object").to_dict("records")}
        return {symbol: self._found(symbol, found.get(symbol), at) for symbol in symbols}

    def _found(self, symbol: str, served: Mapping[Any, Any] | None, at: dt.datetime) -> _Answer:
        if served is None:
            return _Answer(None, UnknownSymbolError(symbol, "absent from the scan"), at)
        return self._read(symbol, served, at)

    def _single(self, symbols: list[str]) -> dict[str, _Answer]:
        if self._told_off is not None:
            return self._failed(symbols, self._told_off)
        made: dict[str, _Answer] = {}
        for result in self._client.symbol_facts(symbols, tuple(self._vendor.values())):
            if result.values is None:
                error = result.error
                assert error is not None
                made |= self._failed([result.symbol], error)
            else:
                made[result.symbol] = self._read(result.symbol, result.values, result.fetched_at)
        return made

    def _failed(self, symbols: list[str], error: TradingViewError) -> dict[str, _Answer]:
        if isinstance(error, RateLimitedError):
            with self._lock:
                self._told_off = error
        return dict.fromkeys(symbols, _Answer(None, error, dt.datetime.now(dt.UTC)))

    def _read(self, symbol: str, served: Mapping[Any, Any], at: dt.datetime) -> _Answer:
        values: dict[str, float] = {}
        for name, vendor in self._vendor.items():
            value = served.get(vendor)
            if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
                return _Answer(None, MalformedDataError(symbol, f"{vendor} that is no number"), at)
            values[name] = np.nan if value is None else float(value)
        if all(np.isnan(value) for value in values.values()):
            return _Answer(None, EmptyAnswerError(symbol, len(values)), at)
        return _Answer(values, None, at)


def _status(error: TradingViewError | None) -> str:
    if error is None:
        return "fetched"
    return next((word for kind, word in _STATUS if isinstance(error, kind)), "error")


def _rows(answers: Mapping[str, _Answer], brought: Mapping[str, int], on: dt.date, clock: dt.datetime) -> pd.DataFrame:
    rows = [
        {
            "date": pd.Timestamp(on),
            "symbol": symbol,
            "fetched_at": answers[symbol].at,
            "market_time": clock,
            "attempt": attempt,
            **(answers[symbol].values or {}),
        }
        for symbol, attempt in sorted(brought.items())
    ]
    return pd.DataFrame(rows, columns=list(TECHNICALS.column_names)).astype(TECHNICALS.pandas_types())


def _fetches(answers: Mapping[str, _Answer], tries: Mapping[str, int], on: dt.date) -> pd.DataFrame:
    rows = [
        {
            "date": pd.Timestamp(on),
            "symbol": symbol,
            "status": _status(answers[symbol].error),
            "attempts": tries[symbol],
            "message": None if answers[symbol].error is None else str(answers[symbol].error),
        }
        for symbol in sorted(answers)
    ]
    frame = pd.DataFrame(rows, columns=list(TECHNICALS_FETCHES.column_names))
    return frame.astype(TECHNICALS_FETCHES.pandas_types())
