"""The lakehouse: Delta tables of immutable, content-addressed Parquet files.

The lake itself, and with it pandas, is loaded on first use: Dagster loads the
definitions in every process, and most of them open no table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quant_resources.lakehouse.errors import (
    Damage,
    DamagedFileError,
    FrameMismatchError,
    QueryError,
    SchemaChangedError,
    StorageError,
    TableMissingError,
    UnknownColumnError,
    UnknownTableError,
    WriteConflictError,
)
from quant_resources.lakehouse.receipt import Receipt

if TYPE_CHECKING:
    from quant_resources.lakehouse._spool import Spool
    from quant_resources.lakehouse._writes import MonthlyRows
    from quant_resources.lakehouse.lake import Lake, declared_tables

__all__ = [
    "Damage",
    "DamagedFileError",
    "FrameMismatchError",
    "Lake",
    "MonthlyRows",
    "QueryError",
    "Receipt",
    "SchemaChangedError",
    "Spool",
    "StorageError",
    "TableMissingError",
    "UnknownColumnError",
    "UnknownTableError",
    "WriteConflictError",
    "declared_tables",
]


def __getattr__(name: str) -> Any:
    if name not in ("Lake", "MonthlyRows", "Spool", "declared_tables"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from quant_resources.lakehouse import lake

    return getattr(lake, name)
