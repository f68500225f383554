"""The lakehouse: Delta tables of immutable files, written by compare-and-swap, read at a pinned version."""

from __future__ import annotations

import calendar
import datetime as dt
import functools
import re
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from quant_lib.contracts import Ownership, TableSpec
from quant_lib.keys import validate_profile
from quant_resources.lakehouse import _commit, _frames, _scan, _upkeep, _write
from quant_resources.lakehouse._files import DataFile, verified_paths
from quant_resources.lakehouse._log import TableLog
from quant_resources.lakehouse._memory import release_freed_memory
from quant_resources.lakehouse._snapshot import Snapshot
from quant_resources.lakehouse.errors import (
    Damage,
    FrameMismatchError,
    TableMissingError,
    UnknownColumnError,
    UnknownTableError,
)
from quant_resources.lakehouse.receipt import Receipt

if TYPE_CHECKING:
    import pyarrow as pa

_TABLE_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
_KEY_START = {Ownership.SHARED: ("date",), Ownership.DECISION: ("profile", "date")}


def declared_tables() -> tuple[TableSpec, ...]:
    """Every table of the platform."""
    from quant_lib.contracts import DECISION_TABLES, SHARED_TABLES
    from quant_lib.features.registry import FEATURES_TABLE

    return (*SHARED_TABLES, FEATURES_TABLE, *DECISION_TABLES)


class Lake:
    """Tables below one folder.

    Safe to use from several threads and several processes at once.

    Parameters
    ----------
    root : Path
        Folder of the tables, on a local disk; created on the first write.
    specs : iterable of TableSpec, optional
        Tables it may hold; every declared one by default.
    connect : callable, optional
        Opens the DuckDB connection that reads use, as a context manager.
    """

    def __init__(
        self, root: Path | str, specs: Iterable[TableSpec] | None = None, *, connect: _scan.Connect = _scan.connect
    ) -> None:
        release_freed_memory()
        self.root = Path(root).resolve()
        self._specs = {spec.name: spec for spec in (declared_tables() if specs is None else specs)}
        for spec in self._specs.values():
            start = _KEY_START[spec.ownership]
            if not _TABLE_NAME.fullmatch(spec.name) or spec.key[: len(start)] != start:
                raise ValueError(f"table {spec.name!r}: a {spec.ownership} table's key starts with {start}")
        self._logs = {name: TableLog(self.root, spec) for name, spec in self._specs.items()}
        self._session = _scan.Session(connect)

    # ---- what is there

    def spec(self, table: str) -> TableSpec:
        """Return the declaration of a table; `UnknownTableError` where there is none."""
        try:
            return self._specs[table]
        except KeyError:
            raise UnknownTableError(table, tuple(sorted(self._specs))) from None

    def _log(self, table: str) -> TableLog:
        return self._logs[self.spec(table).name]

    def tables(self) -> list[str]:
        """Names of the tables something was written to."""
        return sorted(name for name in self._specs if self.exists(name))

    def exists(self, table: str) -> bool:
        """Whether anything, an empty answer included, was ever written to a table."""
        return self._log(table).exists()

    def version(self, table: str) -> int | None:
        """Newest version, or None where nothing was written."""
        return self._log(table).newest()

    def last_month(self, table: str) -> dt.date | None:
        """First day of the newest month a shared table has rows of, from the log alone; None where it has none."""
        months = [f.partition for f in self._log(table).snapshot().files if f.rows] if self.exists(table) else []
        return dt.date.fromisoformat(f"{max(months)}-01") if months else None

    def outdated(self, table: str) -> bool:
        """Whether a table was last written with other columns than are declared now; see `rebuild`."""
        log = self._log(table)
        return log.exists() and not log.fits(log.snapshot())

    def history(self, table: str) -> pd.DataFrame:
        """One row per version: version, at (UTC), operation, files_added, files_removed, rows, content_hash."""
        return _upkeep.history(self._log(table))

    def dates(self, table: str, *, version: int | None = None, profile: str | None = None) -> list[dt.date]:
        """Dates of which rows (or, for decisions, an empty answer) are stored."""
        if version is None and not self.exists(table):
            return []
        if self.spec(table).ownership is Ownership.DECISION:
            files = self._log(table).snapshot(version).files
            found = {f.date for f in files if f.date and profile in (None, f.partition)}
            return sorted(dt.date.fromisoformat(text) for text in found)
        stamps = self.read(table, version=version, columns=["date"])["date"].unique()
        return sorted(pd.Timestamp(stamp).date() for stamp in stamps)

    def content_hash(
        self, table: str, *, version: int | None = None, profile: str | None = None, date: dt.date | None = None
    ) -> str:
        """Hash of what a version holds, or of one decision, volatile columns left out.

        It is the same for equal rows whatever the order of writes, the writer's
        release or the process that wrote them.
        """
        snapshot = self._log(table).snapshot(version)
        if profile is None and date is None:
            return snapshot.content_hash
        if profile is None or date is None:
            raise FrameMismatchError(table, "the hash of one decision needs both profile and date")
        file = snapshot.cells.get((profile, date.isoformat()))
        if file is None:
            raise TableMissingError(table, partition=f"profile {profile}, date {date}")
        return file.content

    def row_count(self, table: str, *, version: int | None = None) -> int:
        """Rows of a version, from the log alone."""
        return self._log(table).snapshot(version).rows

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
            ``changed`` is False when the rows were already exactly these, volatile
            columns left out.

        Raises
        ------
        FrameMismatchError
            If the rows do not fit the table or belong elsewhere; nothing is written.
        WriteConflictError
            If other writers kept winning.
        """
        if spec.ownership is Ownership.SHARED:
            if profile is not None:
                raise FrameMismatchError(spec.name, "a shared table has no profile")
            return self.replace_dates(spec, frame, dates=[date])
        if profile is None:
            raise FrameMismatchError(spec.name, "a decision table needs a profile")
        validate_profile(profile)
        rows = self._keyed(spec, frame)
        self._belongs(spec, rows, [date])
        table = rows.table()
        strangers = set(table.column("profile").unique().to_pylist()) - {profile}
        if strangers:
            raise FrameMismatchError(spec.name, f"rows of {sorted(strangers)} do not belong to profile {profile}")
        merges = {(profile, date.isoformat()): _write.replacing(table)}
        facts = {"operation": "replace", "profile": profile, "date": date.isoformat()}
        return self._write(spec, rows, merges, facts)

    def replace_dates(self, spec: TableSpec, frame: pd.DataFrame, *, dates: Collection[dt.date]) -> Receipt:
        """Make the rows of several dates of a shared table exactly ``frame``, in one commit."""
        if spec.ownership is not Ownership.SHARED:
            raise FrameMismatchError(spec.name, "several dates at once are only replaced in shared tables")
        rows = self._keyed(spec, frame)
        self._belongs(spec, rows, dates)
        days = np.unique(np.array(sorted(dates), dtype="datetime64[D]"))
        parts = rows.months()
        merges: dict[_write.Cell, _write.Merge] = {}
        for month in np.unique(days.astype("datetime64[M]")):
            of_month = days[days.astype("datetime64[M]") == month]
            whole = len(of_month) == calendar.monthrange(*map(int, str(month).split("-")))[1]
            given = functools.partial(rows.table, *parts.get(str(month), (0, 0)))
            merges[str(month), ""] = _write.replacing_days(spec, self.root / spec.name, given, of_month, whole)
        facts = {"operation": "replace_dates", "dates": [str(days[0]), str(days[-1])], "n_dates": len(days)}
        return self._write(spec, rows, merges, facts)

    def add_missing(self, spec: TableSpec, frame: pd.DataFrame) -> Receipt:
        """Add rows whose key is not stored yet, in one commit; stored rows stay as they are, bit for bit."""
        if spec.ownership is not Ownership.SHARED:
            raise FrameMismatchError(spec.name, "rows are only added to shared tables")
        rows, root = self._keyed(spec, frame), self.root / spec.name
        merges = {
            (month, ""): _write.adding(spec, root, functools.partial(rows.table, *part))
            for month, part in rows.months().items()
        }
        return self._write(spec, rows, merges, {"operation": "add_missing"})

    def replace_symbols(self, spec: TableSpec, frame: pd.DataFrame, *, symbols: Collection[str]) -> Receipt:
        """Make the rows of some symbols of a shared table exactly ``frame``, whatever their dates, in one commit.

        An operator's action: what is only ever added to otherwise is rewritten. Older
        versions keep what was there.
        """
        if spec.ownership is not Ownership.SHARED or "symbol" not in spec.column_names:
            raise FrameMismatchError(spec.name, "rows of symbols are only replaced in shared tables that have them")
        strangers = sorted(set(frame["symbol"]) - set(symbols))
        if strangers:
            raise FrameMismatchError(spec.name, f"rows of {strangers[0]} do not belong to the symbols being written")
        rows = self._keyed(spec, frame)
        parts, root, names = rows.months(), self.root / spec.name, sorted(symbols)
        stored = {file.partition for file in self._log(spec.name).snapshot().files} if self.exists(spec.name) else set()
        merges: dict[_write.Cell, _write.Merge] = {
            (month, ""): _write.replacing_symbols(
                spec, root, functools.partial(rows.table, *parts.get(month, (0, 0))), names
            )
            for month in sorted(stored | set(parts))
        }
        return self._write(spec, rows, merges, {"operation": "replace_symbols", "n_symbols": len(names)})

    def rebuild(self, spec: TableSpec, frame: pd.DataFrame) -> Receipt:
        """Make a shared table exactly ``frame``, with the columns declared now, in one commit.

        The one way from the columns of an older release to those of this one. Older versions keep what they hold.
        """
        if spec.ownership is not Ownership.SHARED:
            raise FrameMismatchError(spec.name, "only shared tables are made anew")
        rows = self._keyed(spec, frame)
        parts, root = rows.months(), self.root / spec.name
        stored = {file.partition for file in self._log(spec.name).snapshot().files} if self.exists(spec.name) else set()
        merges: dict[_write.Cell, _write.Merge] = {
            (month, ""): _write.replacing_days(
                spec, root, functools.partial(rows.table, *parts.get(month, (0, 0))), np.empty(0, "M8[D]"), whole=True
            )
            for month in sorted(stored | set(parts))
        }
        return self._write(spec, rows, merges, {"operation": "rebuild"})

    def _keyed(self, spec: TableSpec, frame: pd.DataFrame) -> _frames.KeyedRows:
        if self.spec(spec.name) != spec:
            raise UnknownTableError(spec.name, tuple(sorted(self._specs)))
        return _frames.keyed_rows(spec, frame)

    def _belongs(self, spec: TableSpec, rows: _frames.KeyedRows, dates: Collection[dt.date]) -> None:
        strays = _write.stray_days(rows, [np.datetime64(date, "D") for date in dates])
        if not dates or len(strays):
            where = f"rows of {strays[0]}" if len(strays) else "no date is given; rows"
            raise FrameMismatchError(spec.name, f"{where} do not belong to the dates being written")

    def _write(
        self,
        spec: TableSpec,
        rows: _frames.KeyedRows,
        merges: Mapping[_write.Cell, _write.Merge],
        facts: dict[str, Any],
    ) -> Receipt:
        started = time.perf_counter()
        planner = _write.Planner(spec, self.root / spec.name, merges, spec.ownership is Ownership.DECISION)
        how = facts["operation"]
        return _commit.commit(
            self._log(spec.name),
            planner,
            facts,
            len(rows),
            started,
            hash_rows=how != "add_missing",
            anew=how == "rebuild",
        )

    # ---- reading

    def pin(self, tables: Iterable[str] | None = None, *, verify: bool = True) -> dict[str, int]:
        """Newest version of each table (all written ones by default); with ``verify`` every file of it is hashed.

        Raises
        ------
        DamagedFileError
            If a file is not what was committed: found before its numbers are used.
        """
        pins = {}
        for name in sorted(self.tables() if tables is None else tables):
            snapshot = self._snapshot(name, None)
            if verify:
                verified_paths(self.spec(name), self.root / name, snapshot.files)
            pins[name] = snapshot.version
        return pins

    def _snapshot(self, table: str, version: int | None, columns: Collection[str] | None = None) -> Snapshot:
        log = self._log(table)
        snapshot = log.snapshot(version)
        log.check_columns(snapshot, columns)
        return snapshot

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
        categories: Collection[str] = (),
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
        categories : collection of str, optional
            Text columns wanted as categories, in ascending order: each text is held once.

        Returns
        -------
        DataFrame
            Typed as declared; empty and typed where nothing matches.

        Raises
        ------
        TableMissingError
            If nothing was ever written to the table, or the version does not exist.
        DamagedFileError
            If a file that holds the rows is not what was committed.
        UnknownTableError, UnknownColumnError, SchemaChangedError
        """
        spec = self.spec(table)
        chosen = tuple(columns) if columns is not None else spec.column_names
        self._check_columns(spec, chosen, symbols)
        since, until = (date, date) if date is not None else (since, until)
        files = self._files(self._snapshot(table, version, {*chosen, *spec.key}), profile, since, until)
        paths = verified_paths(spec, self.root / table, files)
        if not paths or (symbols is not None and not len(symbols)):
            return _frames.empty(spec, chosen).astype(dict.fromkeys(categories, "category"))
        rows = _scan.scan(self._session.cursor(), spec, paths, chosen, since=since, until=until, symbols=symbols)
        return _frames.to_pandas(spec, rows, chosen, categories)

    @staticmethod
    def _files(
        snapshot: Snapshot, profile: str | None, since: dt.date | None, until: dt.date | None
    ) -> Sequence[DataFile]:
        """Files with rows that the request may touch, in key order."""
        if profile is not None and since is not None and since == until:
            file = snapshot.cells.get((profile, since.isoformat()))
            return [file] if file is not None and file.rows else []
        return [file for file in snapshot.files if file.rows and may_hold(file, profile, since, until)]

    @staticmethod
    def _check_columns(spec: TableSpec, chosen: Sequence[str], symbols: Sequence[str] | None) -> None:
        for name in (*chosen, *(("symbol",) if symbols is not None else ())):
            if name not in spec.column_names:
                raise UnknownColumnError(spec.name, name, spec.column_names)

    def decision(self, table: str, profile: str, date: dt.date, *, version: int | None = None) -> pd.DataFrame:
        """Rows a sleeve decided on a date, possibly none; `TableMissingError` where it never decided."""
        if (profile, date.isoformat()) not in self._log(table).snapshot(version).cells:
            raise TableMissingError(table, partition=f"profile {profile}, date {date}")
        return self.read(table, version=version, profile=profile, date=date)

    def query(self, sql: str, *, as_of_version: Mapping[str, int] | None = None) -> pa.Table:
        """Run one SELECT over views of every table; see `quant_resources.lakehouse.query.run_query`.

        Parameters
        ----------
        sql : str
            One SELECT statement.
        as_of_version : mapping of str to int, optional
            Version of some tables; the newest of the others.
        """
        from quant_resources.lakehouse.query import run_query

        pins = dict(as_of_version or {})
        for name in pins:
            self.spec(name)

        def sources(names: Collection[str]) -> dict[str, tuple[TableSpec, list[str]]]:
            found = {}
            for name in names:
                files = self._snapshot(name, pins.get(name)).files if self.exists(name) or name in pins else []
                found[name] = (self.spec(name), verified_paths(self.spec(name), self.root / name, files))
            return found

        return run_query(sql, self._specs, sources)

    # ---- upkeep

    def verify(self) -> list[Damage]:
        """Hash every file any version names, and every log entry against its successor; return what is damaged."""
        return [damage for name in self.tables() for damage in _upkeep.damages(self._log(name))]

    def set_aside(self, damages: Iterable[Damage]) -> list[Receipt]:
        """Move damaged data files out of the newest versions, so that their partitions can be written again.

        The bytes are kept below ``<table>/.damaged``; the rows count as missing from
        the new version on. Damage of a log, or of a file only old versions name, is
        left alone.
        """
        return _upkeep.set_aside(self._logs, damages)

    def sweep(self, *, older_than: float = 3600.0) -> list[Path]:
        """Remove files that no version names and interrupted writers left, older than some seconds.

        A table somebody is writing to is skipped until the next time.
        """
        return [path for name in self.tables_on_disk() for path in _upkeep.sweep(self._log(name), older_than)]

    def tables_on_disk(self) -> list[str]:
        """Names of the declared tables that have a folder, whether anything was committed or not."""
        return sorted(name for name in self._specs if (self.root / name).is_dir())


def may_hold(file: DataFile, profile: str | None, since: dt.date | None, until: dt.date | None) -> bool:
    """Whether a file can hold rows of the request, from its name alone."""
    if profile is not None and file.partition != profile:
        return False
    label, width = (file.date, 10) if file.date else (file.partition, 7)
    low, high = since.isoformat()[:width] if since else "", until.isoformat()[:width] if until else "9"
    return low <= label <= high
