"""The lakehouse: Delta tables of immutable files, written by compare-and-swap, read at a pinned version."""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from quant_lib.contracts import Ownership, TableSpec
from quant_lib.keys import validate_profile
from quant_resources.lakehouse import _scan
from quant_resources.lakehouse._files import TEMPORARY, DataFile, Verifier, damage, to_arrow, write_file
from quant_resources.lakehouse._log import CommitConflict, TableLog
from quant_resources.lakehouse.errors import (
    DamagedFileError,
    FrameMismatchError,
    TableMissingError,
    UnknownTableError,
    WriteConflictError,
)

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

MAX_ATTEMPTS = 200
"""Compare-and-swap attempts before a writer gives up; each waits a random part of at most 50 ms."""

Build = Callable[[list[DataFile]], tuple[list[DataFile], list[DataFile], int]]


@dataclass(frozen=True)
class Receipt:
    """What a write did.

    Attributes
    ----------
    table : str
        Table written.
    version : int
        Version that holds the rows.
    changed : bool
        False where the rows were there already: no version was made.
    rows_added : int
        Rows the call brought.
    files_added, files_removed : int
        Files of the commit.
    seconds : float
        Wall time, retries included.
    content_hash : str
        SHA-256 over the hashes of the files added (or found equal).
    """

    table: str
    version: int
    changed: bool
    rows_added: int
    files_added: int
    files_removed: int
    seconds: float
    content_hash: str

    def metadata(self) -> dict[str, Any]:
        """Plain values for Dagster metadata."""
        return {
            f"{self.table}/version": self.version,
            f"{self.table}/rows": self.rows_added,
            f"{self.table}/changed": self.changed,
        }


def declared_tables() -> tuple[TableSpec, ...]:
    """Every table of the platform."""
    from quant_lib.contracts import DECISION_TABLES, SHARED_TABLES
    from quant_lib.features.registry import FEATURES_TABLE

    return (*SHARED_TABLES, FEATURES_TABLE, *DECISION_TABLES)


class Lake:
    """Tables below one folder.

    Parameters
    ----------
    root : Path
        Folder of the tables; created on the first write.
    specs : iterable of TableSpec, optional
        Tables it may hold; every declared one by default.
    """

    def __init__(self, root: Path, specs: Iterable[TableSpec] | None = None) -> None:
        self.root = Path(root).resolve()
        self._specs = {spec.name: spec for spec in (declared_tables() if specs is None else specs)}
        self._verifier = Verifier()
        self._connection: duckdb.DuckDBPyConnection | None = None

    # ---- what is there

    def spec(self, table: str) -> TableSpec:
        """Return the declaration of a table; `UnknownTableError` where there is none."""
        try:
            return self._specs[table]
        except KeyError:
            raise UnknownTableError(table, tuple(sorted(self._specs))) from None

    def _log(self, table: str) -> TableLog:
        return TableLog(self.root, self.spec(table))

    def tables(self) -> list[str]:
        """Names of the tables something was written to."""
        return sorted(name for name in self._specs if self.exists(name))

    def exists(self, table: str) -> bool:
        """Whether anything was ever written to a table."""
        return self._log(table).exists()

    def version(self, table: str) -> int | None:
        """Newest version, or None."""
        return self._log(table).snapshot()[0] if self.exists(table) else None

    def dates(self, table: str, *, profile: str | None = None) -> list[dt.date]:
        """Dates of which rows (or, for decisions, an empty answer) are stored."""
        if not self.exists(table):
            return []
        if self.spec(table).ownership is Ownership.DECISION:
            _, files = self._log(table).snapshot()
            found = {f.date for f in files if f.date and (profile is None or f.partition == profile)}
            return sorted(dt.date.fromisoformat(text) for text in found)
        return sorted({stamp.date() for stamp in self.read(table, columns=["date"])["date"].unique()})

    def content_hash(self, table: str, *, version: int | None = None) -> str:
        """SHA-256 over the hashes of a version's files."""
        return _digest(self._log(table).snapshot(version)[1])

    def row_count(self, table: str, *, version: int | None = None) -> int:
        """Rows of a version, from the log alone."""
        return sum(file.rows for file in self._log(table).snapshot(version)[1])

    # ---- writing

    def replace(self, spec: TableSpec, frame: pd.DataFrame, *, date: dt.date, profile: str | None = None) -> Receipt:
        """Make the rows of a date (and profile) exactly ``frame``, in one commit.

        Parameters
        ----------
        spec : TableSpec
            Table.
        frame : DataFrame
            All rows of the date (and profile); may be empty.
        date : datetime.date
            Partition date.
        profile : str, optional
            Sleeve; required for decision tables, refused for shared ones.

        Returns
        -------
        Receipt
            ``changed`` is False when the rows were already exactly these.

        Raises
        ------
        FrameMismatchError
            If the rows do not have the table's shape or belong elsewhere.
        """
        if (profile is None) != (spec.ownership is Ownership.SHARED):
            raise FrameMismatchError(spec.name, "decision tables take a profile, shared tables do not")
        self._belongs(spec, frame, {date}, profile)
        if profile is None:
            return self.replace_dates(spec, frame, dates=[date])
        arrow = to_arrow(spec, frame)

        def build(files: list[DataFile]) -> tuple[list[DataFile], list[DataFile], int]:
            log = self._log(spec.name)
            new = write_file(log.root, spec, profile, date.isoformat(), arrow)
            old = [f for f in files if f.partition == profile and f.date == date.isoformat()]
            return [new], old, arrow.num_rows

        return self._commit(spec, build, {"profile": profile, "date": date.isoformat()})

    def replace_dates(self, spec: TableSpec, frame: pd.DataFrame, *, dates: Collection[dt.date]) -> Receipt:
        """Make the rows of several dates of a shared table exactly ``frame``, in one commit."""
        to_arrow(spec, frame)
        self._belongs(spec, frame, set(dates), None)
        stamps = [pd.Timestamp(date) for date in dates]
        months = {_scan.month_of(date) for date in dates}

        def merge(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
            return pd.concat([old[~old["date"].isin(stamps)], new], ignore_index=True)

        return self._commit(spec, self._monthly(spec, frame, months, merge), {"dates": len(months)})

    def add_missing(self, spec: TableSpec, frame: pd.DataFrame) -> Receipt:
        """Add rows whose key is not stored yet; stored rows stay as they are, byte for byte."""
        if spec.ownership is not Ownership.SHARED:
            raise FrameMismatchError(spec.name, "rows are only added to shared tables")
        to_arrow(spec, frame)  # refuse a bad frame before anything is read or written
        months = set(frame["date"].dt.strftime("%Y-%m").unique())
        key = list(spec.key)

        def merge(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
            both = pd.concat([old, new], ignore_index=True)
            return both[~both.duplicated(key, keep="first")]

        return self._commit(spec, self._monthly(spec, frame, months, merge), {"months": len(months)})

    def _belongs(self, spec: TableSpec, frame: pd.DataFrame, dates: set[dt.date], profile: str | None) -> None:
        if profile is not None:
            validate_profile(profile)
            if "profile" in frame and not frame["profile"].eq(profile).all():
                raise FrameMismatchError(spec.name, f"rows of another profile than {profile}")
        if "date" in frame and len(frame):
            strays = set(frame["date"].dt.date) - dates
            if strays:
                raise FrameMismatchError(spec.name, f"rows of {min(strays)} do not belong to the dates being written")

    def _monthly(
        self,
        spec: TableSpec,
        frame: pd.DataFrame,
        months: set[str],
        merge: Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame],
    ) -> Build:
        month_of_row = frame["date"].dt.strftime("%Y-%m")

        def build(files: list[DataFile]) -> tuple[list[DataFile], list[DataFile], int]:
            log, add, remove, added = self._log(spec.name), [], [], 0
            for month in sorted(months):
                old_files = [f for f in files if f.partition == month]
                old = self._rows(spec, old_files, spec.column_names, {})
                merged = merge(old, frame[month_of_row == month])
                added += len(merged) - len(old)
                remove += old_files
                if len(merged):
                    add.append(write_file(log.root, spec, month, None, to_arrow(spec, merged)))
            return add, remove, added

        return build

    def _commit(self, spec: TableSpec, build: Build, message: dict[str, object]) -> Receipt:
        """Build on the newest version and commit; where another writer was first, build again on theirs."""
        import random

        started, log = time.perf_counter(), self._log(spec.name)
        for attempt in range(MAX_ATTEMPTS):
            base, files = log.snapshot() if log.exists() else (None, [])
            add, remove, rows = build(files)
            kept = {f.path for f in files}
            fresh = [f for f in add if f.path not in kept]
            wanted = {f.path for f in add}
            gone = [f for f in remove if f.path not in wanted]
            if base is not None and not fresh and not gone:
                return Receipt(spec.name, base, False, rows, 0, 0, time.perf_counter() - started, _digest(add))
            try:
                version = log.commit(base, fresh, gone, message)
            except CommitConflict:
                time.sleep(random.uniform(0.001, 0.05) * min(attempt + 1, 4))  # noqa: S311 - jitter, not a secret
                continue
            seconds = time.perf_counter() - started
            return Receipt(spec.name, version, True, rows, len(fresh), len(gone), seconds, _digest(add))
        raise WriteConflictError(spec.name, MAX_ATTEMPTS)

    # ---- reading

    def pin(self, tables: Iterable[str] | None = None, *, verify: bool = True) -> dict[str, int]:
        """Newest version of each table; with ``verify`` every file of it is hashed first."""
        pins = {}
        for name in sorted(tables if tables is not None else self.tables()):
            version, files = self._log(name).snapshot()
            if verify:
                for file in files:
                    self._verifier.check(self.root / name, name, file)
            pins[name] = version
        return pins

    def read(
        self,
        table: str,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
        date: dt.date | None = None,
        since: dt.date | None = None,
        until: dt.date | None = None,
        profile: str | None = None,
        symbols: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Rows of a version, sorted by key.

        Parameters
        ----------
        table : str
            Table name.
        version : int, optional
            Newest by default.
        columns : sequence of str, optional
            All by default.
        date, since, until : datetime.date, optional
            One date, or inclusive bounds.
        profile : str, optional
            One sleeve of a decision table.
        symbols : sequence of str, optional
            Only these symbols.

        Returns
        -------
        DataFrame
            Typed as declared; empty and typed where nothing matches.

        Raises
        ------
        TableMissingError, UnknownTableError, DamagedFileError
        """
        spec = self.spec(table)
        chosen = tuple(columns) if columns is not None else spec.column_names
        for name in chosen:
            spec.column(name)
        since, until = (date, date) if date is not None else (since, until)
        _, files = self._log(table).snapshot(version)
        wanted = [f for f in files if _may_hold(f, profile, since, until)]
        return self._rows(spec, wanted, chosen, {"since": since, "until": until, "symbols": symbols})

    def decision(self, table: str, profile: str, date: dt.date) -> pd.DataFrame:
        """Rows a sleeve decided on a date; `TableMissingError` where that partition was never written."""
        if date not in self.dates(table, profile=profile):
            raise TableMissingError(f"{table} (profile {profile}, date {date})")
        return self.read(table, profile=profile, date=date)

    def _rows(
        self, spec: TableSpec, files: Sequence[DataFile], columns: Sequence[str], bounds: dict[str, Any]
    ) -> pd.DataFrame:
        paths = [self._verifier.check(self.root / spec.name, spec.name, file) for file in files]
        if not paths:
            return _scan.empty(spec, columns)
        if self._connection is None:
            self._connection = _scan.connect()
        table = _scan.scan(self._connection.cursor(), spec, paths, columns, bounds)
        return _scan.to_pandas(table, spec, columns)

    def query(self, sql: str, *, as_of_version: Mapping[str, int] | None = None) -> pa.Table:
        """Run one SELECT over views of every table; see `quant_resources.lakehouse.query.run_query`."""
        from quant_resources.lakehouse.query import run_query

        pins = dict(as_of_version or {})
        for name in pins:
            self.spec(name)
        sources = {}
        for name in self.tables():
            _, files = self._log(name).snapshot(pins.get(name))
            sources[name] = [self._verifier.check(self.root / name, name, file) for file in files]
        return run_query(sql, {name: (self.spec(name), paths) for name, paths in sources.items()})

    # ---- upkeep

    def verify(self) -> list[DamagedFileError]:
        """Hash every file of every newest version again and return what is damaged."""
        found = []
        for name in self.tables():
            for file in self._log(name).snapshot()[1]:
                problem = damage(self.root / name / file.path, file)
                if problem is not None:
                    found.append(DamagedFileError(name, file.path, problem))
        return found

    def sweep(self, *, older_than: float = 3600.0) -> list[Path]:
        """Remove temporary files of interrupted writers older than some seconds; return what was removed."""
        limit = time.time() - older_than
        strays = [path for path in self.root.glob(f"*/*/{TEMPORARY}*") if path.stat().st_mtime < limit]
        for path in strays:
            path.unlink(missing_ok=True)
        return sorted(strays)


def _may_hold(file: DataFile, profile: str | None, since: dt.date | None, until: dt.date | None) -> bool:
    """Whether a file can hold rows of the request, from its name alone."""
    if profile is not None and file.partition != profile:
        return False
    label, start, stop = (
        (file.date, since and since.isoformat(), until and until.isoformat())
        if file.date
        else (file.partition, since and _scan.month_of(since), until and _scan.month_of(until))
    )
    return (not start or label >= start) and (not stop or label <= stop)


def _digest(files: Iterable[DataFile]) -> str:
    return hashlib.sha256("\n".join(sorted(f.path for f in files)).encode()).hexdigest()
