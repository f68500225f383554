"""The lakehouse: Delta tables of immutable, content-addressed Parquet files."""

from __future__ import annotations

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
from quant_resources.lakehouse.lake import Lake, declared_tables
from quant_resources.lakehouse.receipt import Receipt

__all__ = [
    "Damage",
    "DamagedFileError",
    "FrameMismatchError",
    "Lake",
    "QueryError",
    "Receipt",
    "SchemaChangedError",
    "StorageError",
    "TableMissingError",
    "UnknownColumnError",
    "UnknownTableError",
    "WriteConflictError",
    "declared_tables",
]
