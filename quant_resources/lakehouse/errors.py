"""What can go wrong with a table, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from quant_lib.errors import QuantError


@dataclass(eq=False)
class UnknownTableError(QuantError):
    """A table that is not declared."""

    table: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        return f"there is no table {self.table!r}; tables are {', '.join(self.known)}"


@dataclass(eq=False)
class TableMissingError(QuantError):
    """A declared table nothing has been written to yet, or a version that does not exist."""

    table: str
    version: int | None = None

    def __str__(self) -> str:
        if self.version is not None:
            return f"table {self.table} has no version {self.version}; `quant query` without a version reads the newest"
        return f"table {self.table} holds nothing yet; materialise the asset that writes it with `quant run`"


@dataclass(eq=False)
class DamagedFileError(QuantError):
    """A stored file whose bytes are not the ones that were committed."""

    table: str
    file: str
    problem: str

    def __str__(self) -> str:
        return (
            f"table {self.table}: {self.file} {self.problem}; its numbers were not used. "
            "Restore the file from a backup, or move the table's folder away and materialise its partitions "
            "again with `quant run`"
        )


@dataclass(eq=False)
class FrameMismatchError(QuantError):
    """Rows that do not have the shape of their table."""

    table: str
    problem: str

    def __str__(self) -> str:
        return f"rows for table {self.table} were refused, nothing was written: {self.problem}"


@dataclass(eq=False)
class WriteConflictError(QuantError):
    """Other writers kept winning."""

    table: str
    attempts: int

    def __str__(self) -> str:
        return (
            f"table {self.table}: other writers committed first {self.attempts} times in a row; run the same step again"
        )


@dataclass(eq=False)
class QueryError(QuantError):
    """SQL that DuckDB refused."""

    reason: str
    tables: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.reason}\ntables: {', '.join(self.tables) or 'none yet'}"
