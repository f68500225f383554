"""The lakehouse: Delta tables of immutable, content-addressed Parquet files."""

from __future__ import annotations

from quant_resources.lakehouse.errors import (
    DamagedFileError,
    FrameMismatchError,
    QueryError,
    TableMissingError,
    UnknownTableError,
    WriteConflictError,
)
from quant_resources.lakehouse.lake import Lake, Receipt, declared_tables

__all__ = [
    "DamagedFileError",
    "FrameMismatchError",
    "Lake",
    "QueryError",
    "Receipt",
    "TableMissingError",
    "UnknownTableError",
    "WriteConflictError",
    "declared_tables",
]
