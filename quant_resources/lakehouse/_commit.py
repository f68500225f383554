"""Commit a plan by compare-and-swap: where another writer was first, plan again on theirs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from quant_resources.lakehouse._lock import writing
from quant_resources.lakehouse._log import CommitConflict, TableLog
from quant_resources.lakehouse._write import Planner
from quant_resources.lakehouse.errors import WriteConflictError
from quant_resources.lakehouse.receipt import Receipt

PATIENCE = 120.0
"""Seconds a writer keeps trying against others."""


def commit(
    log: TableLog,
    planner: Planner,
    facts: Mapping[str, Any],
    rows: int | None,
    started: float,
    *,
    hash_rows: bool,
    anew: bool = False,
) -> Receipt:
    """Plan and commit until nobody was faster.

    Parameters
    ----------
    log : TableLog
        Versions of the table.
    planner : Planner
        What to do to which cells.
    facts : mapping
        Operation, for the log.
    rows : int, optional
        Rows given; counted as they are made where not known before.
    started : float
        ``time.perf_counter()`` when the write began.
    hash_rows : bool
        Whether the receipt has the hash of the rows given, or of the whole table.
    anew : bool
        Whether every file is written anew: then the columns may be others than before.

    Raises
    ------
    WriteConflictError
        If other writers kept winning for `PATIENCE` seconds.
    """
    from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

    retrying = Retrying(
        retry=retry_if_exception_type(CommitConflict),
        wait=wait_random_exponential(multiplier=0.01, max=0.3),
        stop=stop_after_delay(PATIENCE),
    )
    with writing(log.root):
        attempts = 0
        try:
            for attempt in retrying:
                with attempt:
                    attempts += 1
                    return _once(log, planner, facts, rows, started, attempts, hash_rows, anew)
        except RetryError as error:
            raise WriteConflictError(log.spec.name, attempts) from error
    raise AssertionError("tenacity ended without a result")


def _once(
    log: TableLog,
    planner: Planner,
    facts: Mapping[str, Any],
    rows: int | None,
    started: float,
    attempts: int,
    hash_rows: bool,
    anew: bool,
) -> Receipt:
    base = log.snapshot() if log.exists() else None
    if base is not None and not (anew and set(base.cells) <= set(planner.merges)):
        log.check_columns(base)
    plans = planner.plan(base)
    add = [plan.add for plan in plans if plan.add is not None]
    remove = [plan.remove for plan in plans if plan.remove is not None]
    changed = base is None or bool(add or remove)
    snapshot = log.commit(base, add, remove, facts) if changed else base
    if snapshot is None:
        raise AssertionError("an unchanged table has a version")
    return Receipt(
        table=log.spec.name,
        version=snapshot.version,
        changed=changed,
        rows=planner.given_rows() if rows is None else rows,
        rows_added=sum(plan.added for plan in plans),
        rows_removed=sum(plan.removed for plan in plans),
        files=len(add),
        seconds=time.perf_counter() - started,
        content_hash=planner.written() if hash_rows else snapshot.content_hash,
        attempts=attempts,
    )
