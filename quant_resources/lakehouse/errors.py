"""What can go wrong with a table, and what to do about it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from quant_lib.errors import QuantError


@dataclass(eq=False)
class UnknownTableError(QuantError):
    """A table that is not declared."""

    table: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        return f"there is no table {self.table!r}; tables are {', '.join(self.known)}"


@dataclass(eq=False)
class UnknownColumnError(QuantError):
    """A column that its table does not declare."""

    table: str
    column: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        return f"table {self.table} has no column {self.column!r}; columns are {', '.join(self.known)}"


@dataclass(eq=False)
class TableMissingError(QuantError):
    """A declared table, version or partition that was never written."""

    table: str
    version: int | None = None
    partition: str = ""
    command: str = "quant run"

    def __str__(self) -> str:
        if self.version is not None:
            return f"table {self.table} has no version {self.version}; `quant query` without a version reads the newest"
        where = f" for {self.partition}" if self.partition else ""
        return f"table {self.table} holds nothing{where} yet; materialise the asset that writes it: `{self.command}`"


def decision_missing(table: str, profile: str, date: dt.date) -> TableMissingError:
    """Say that a sleeve never decided on a date."""
    command = f"quant run alpha --profile {profile} --date {date}"
    return TableMissingError(table, partition=f"profile {profile}, date {date}", command=command)


@dataclass(frozen=True)
class Damage:
    """One stored file that is not what was committed.

    Attributes
    ----------
    table : str
        Table it belongs to.
    file : str
        Path below the table's folder.
    partition : str
        What it holds, for example ``month=2022-06``.
    problem : str
        What is wrong with it.
    repair : str
        What to do about it.
    """

    table: str
    file: str
    partition: str
    problem: str
    repair: str

    def __str__(self) -> str:
        return f"table {self.table}, {self.partition}: {self.file} {self.problem}. To repair: {self.repair}"


@dataclass(eq=False)
class DamagedFileError(QuantError):
    """Stored files whose bytes are not the ones that were committed; none of their numbers was used."""

    damages: tuple[Damage, ...]

    def __str__(self) -> str:
        more = len(self.damages) - 1
        rest = f" ({more} more damaged; `quant verify` lists all)" if more else ""
        return f"{self.damages[0]}{rest}. None of its numbers was used"

    @property
    def fix(self) -> str:
        """How to repair the first damaged file."""
        return self.damages[0].repair


@dataclass(eq=False)
class SchemaChangedError(QuantError):
    """A table stored with other columns than are declared now."""

    table: str
    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    folder: Path

    def __str__(self) -> str:
        return (
            f"table {self.table} was stored with other columns than this release declares "
            f"(declared but not stored: {', '.join(self.missing) or 'none'}; stored but not declared: "
            f"{', '.join(self.unknown) or 'none'}); {self.fix}"
        )

    @property
    def fix(self) -> str:
        """What to do with a table of another release."""
        return (
            f"move {self.folder} out of the lakehouse and run the dates you need again, which materialises it anew, "
            "or read it with the release that wrote it"
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

    retryable: ClassVar[bool] = True

    table: str
    attempts: int

    def __str__(self) -> str:
        return (
            f"table {self.table}: other writers committed first {self.attempts} times in a row, nothing was written; "
            "run the same step again"
        )


@dataclass(eq=False)
class StorageError(QuantError):
    """The disk refused a write; the version before it is untouched."""

    retryable: ClassVar[bool] = True

    table: str
    path: str
    reason: str

    def __str__(self) -> str:
        return (
            f"table {self.table}: {self.path} could not be written ({self.reason}); the stored version is unchanged. "
            "Make room or permission below QUANT_HOME and run the same step again"
        )


@dataclass(eq=False)
class QueryError(QuantError):
    """SQL that was refused."""

    reason: str
    tables: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.reason}\ntables: {', '.join(self.tables) or 'none yet'}"
