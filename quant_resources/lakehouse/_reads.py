"""Reading tables at a pinned version."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from quant_lib.contracts import Ownership, TableSpec
from quant_resources.lakehouse import _frames, _scan
from quant_resources.lakehouse._files import DataFile, read_witness, verified_paths
from quant_resources.lakehouse._snapshot import Snapshot
from quant_resources.lakehouse._tables import Tables
from quant_resources.lakehouse.errors import TableMissingError, UnknownColumnError, decision_missing

if TYPE_CHECKING:
    import pyarrow as pa


class Reads(Tables):
    """Rows of tables, typed as declared."""

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
        snapshot = self._snapshot(table, version, {*chosen, *spec.key})
        files = self._files(snapshot, profile, since, until)
        paths = verified_paths(spec, self.root / table, files)
        if not paths or (symbols is not None and not len(symbols)):
            return _frames.empty(spec, chosen).astype(dict.fromkeys(categories, "category"))
        source = _scan.Source(spec, paths, snapshot.widened)
        rows = _scan.scan(self._session.cursor(), source, chosen, since=since, until=until, symbols=symbols)
        if snapshot.widened:
            self._log(table).check_promised(rows)
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

    def months(self, table: str, *, version: int | None = None) -> list[str]:
        """Months ("YYYY-MM") of which a shared table has rows, oldest first; from its log, no file is opened."""
        if version is None and not self.exists(table):
            return []
        return sorted({file.partition for file in self._log(table).snapshot(version).files if file.rows})

    def witnesses(self, table: str) -> dict[str, tuple[int, int] | None]:
        """Rows of each month and the sum that stands for them, from the footers of the newest version alone.

        Returns
        -------
        dict
            By month ("YYYY-MM"), as of `quant_lib.contracts.witness`; None where a file does not tell.
        """
        spec, files = self.spec(table), self._log(table).snapshot().files
        return {file.partition: read_witness(spec, f"{self.root}/{table}/{file.path}") for file in files if file.rows}

    def facts(self, table: str, date: dt.date) -> pd.DataFrame:
        """Rows of a shared table on a date, at least one; `TableMissingError` says what to run where there is none."""
        rows = self.read(table, date=date) if self.exists(table) else pd.DataFrame()
        if rows.empty:
            raise TableMissingError(table, partition=f"date {date}", command=f"quant run data --date {date}")
        return rows

    def decision(self, table: str, profile: str, date: dt.date, *, version: int | None = None) -> pd.DataFrame:
        """Rows a sleeve decided on a date, possibly none; `TableMissingError` where it never decided."""
        if (profile, date.isoformat()) not in self._log(table).snapshot(version).cells:
            raise decision_missing(table, profile, date)
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

        def source(name: str) -> _scan.Source:
            spec = self.spec(name)
            if not self.exists(name) and name not in pins:
                return _scan.Source(spec, ())
            snapshot = self._snapshot(name, pins.get(name))
            return _scan.Source(spec, verified_paths(spec, self.root / name, snapshot.files), snapshot.widened)

        return run_query(sql, self._specs, lambda names: {name: source(name) for name in names})


def may_hold(file: DataFile, profile: str | None, since: dt.date | None, until: dt.date | None) -> bool:
    """Whether a file can hold rows of the request, from its name alone."""
    if profile is not None and file.partition != profile:
        return False
    label, width = (file.date, 10) if file.date else (file.partition, 7)
    low, high = since.isoformat()[:width] if since else "", until.isoformat()[:width] if until else "9"
    return low <= label <= high
