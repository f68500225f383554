"""What every asset shares: its partition dates and the metadata it reports."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import dagster as dg

from quant_lib.contracts import TableSpec
from quant_lib.errors import QuantError
from quant_resources.lakehouse import Receipt

NETWORK_RETRY = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
"""Of every asset that asks the market: the outage of a minute should not cost the day."""


@contextmanager
def no_retry_where_hopeless() -> Iterator[None]:
    """End a step at once where trying again cannot help: data not there, a wrong request or date, a refused login.

    An error of ours is worth another try only if its class says ``retryable``; what is not ours passes as it is.
    """
    try:
        yield
    except QuantError as error:
        if getattr(error, "retryable", False):
            raise
        raise dg.Failure(str(error), allow_retries=False) from error


def partition_dates(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> list[dt.date]:
    """Dates of the run, oldest first: one, or a range of shared facts."""
    return [dt.date.fromisoformat(key) for key in context.partition_keys]


def the_date(context: dg.AssetExecutionContext) -> dt.date:
    """Return the one date of a decision's run."""
    return dt.date.fromisoformat(context.partition_key)


_DAGSTER_TYPE = {"float64": "double", "int64": "bigint", "string": "varchar", "timestamp": "timestamptz"}


def schema_metadata(spec: TableSpec) -> dict[str, Any]:
    """Column schema of an asset's main table, for Dagster's catalogue."""
    columns = [
        dg.TableColumn(
            c.name,
            type=_DAGSTER_TYPE.get(c.type, c.type),
            description=f"{c.description} [{c.unit}]" if c.unit else c.description,
            constraints=dg.TableColumnConstraints(nullable=c.nullable),
        )
        for c in spec.columns
    ]
    return {"dagster/column_schema": dg.TableSchema(columns), "dagster/table_name": spec.name}


def result(receipts: list[Receipt], *, unchanged: str = "", **metadata: Any) -> dg.MaterializeResult[Any]:
    """Build the result of an asset: what was written, and the figures worth plotting.

    The first receipt names the asset's main table. Of a table written in several commits the last one's content
    is its data version, whatever the parts were.
    Where nothing had to be written, ``unchanged`` is the content hash of what stands.
    """
    merged: dict[str, Any] = {}
    by_table: dict[str, list[Receipt]] = {}
    for receipt in receipts:
        by_table.setdefault(receipt.table, []).append(receipt)
    for commits in by_table.values():
        last = replace(
            commits[-1],
            rows_added=sum(commit.rows_added for commit in commits),
            rows_removed=sum(commit.rows_removed for commit in commits),
            changed=any(commit.changed for commit in commits),
        )
        merged.update(last.metadata())
    main = by_table[receipts[0].table] if receipts else []
    return dg.MaterializeResult(
        metadata={**merged, "dagster/row_count": sum(commit.rows_added for commit in main), **metadata},
        data_version=dg.DataVersion((main[-1].content_hash if main else unchanged)[:16]),
    )
