"""The Delta log: which files a version holds, and compare-and-swap commits.

An entry is written to a temporary file, synced, and then linked to the name of
the next version: the link fails if somebody else has taken it. That is the whole
commit, atomic on a local disk, durable before it is visible, and as fast with ten
thousand files as with one. Entries and checkpoints follow the Delta protocol, so
any Delta reader opens the tables.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quant_lib.contracts import TableSpec
from quant_resources.lakehouse._entry import LogEntry, apply_entry, read_entry, written_entry
from quant_resources.lakehouse._files import DataFile, Stamp, claim_file, file_stamp, make_folder
from quant_resources.lakehouse._snapshot import Snapshot, Sums
from quant_resources.lakehouse.errors import DamagedFileError, SchemaChangedError, StorageError, TableMissingError

if TYPE_CHECKING:
    import pyarrow as pa

_LOGGER = logging.getLogger(__name__)
_ENTRY_NAME = re.compile(r"(\d{20})\.json", re.ASCII)
_CACHED_VERSIONS = 8
_REPLAY_LIMIT = 64
"""A snapshot at most this many versions older is brought up to date from the log entries alone."""
CHECKPOINT_EVERY = 100
"""Versions between two checkpoints."""


class CommitConflict(Exception):  # noqa: N818 - a signal between two modules, never shown
    """Another writer committed since the version this commit was built on."""


class TableLog:
    """Versions of one Delta table.

    Parameters
    ----------
    root : Path
        Folder of the lakehouse.
    spec : TableSpec
        The table.
    """

    def __init__(self, root: Path, spec: TableSpec) -> None:
        self.root = root / spec.name
        self.spec = spec
        self.folder = self.root / "_delta_log"
        self._snapshots: OrderedDict[int, Snapshot] = OrderedDict()
        self._entries: OrderedDict[int, tuple[Stamp | None, LogEntry]] = OrderedDict()
        self._newest = -1
        self._lock = threading.RLock()

    # ---- reading

    def exists(self) -> bool:
        """Whether anything was ever committed."""
        return self.newest() is not None

    def newest(self) -> int | None:
        """Newest version, or None."""
        with self._lock:
            if self._newest < 0 or not self.entry_path(self._newest).exists():
                self._newest = max(self.versions(), default=-1)
            while self.entry_path(self._newest + 1).exists():
                self._newest += 1
            return self._newest if self._newest >= 0 else None

    def versions(self) -> list[int]:
        """Every version in the log, oldest first. Log entries are never cleaned up: a pin stays readable."""
        if not self.folder.is_dir():
            return []
        matches = (_ENTRY_NAME.fullmatch(entry.name) for entry in os.scandir(self.folder))
        return sorted(int(match[1]) for match in matches if match)

    def entry_path(self, version: int) -> Path:
        """Path of a log entry."""
        return self.folder / f"{version:020d}.json"

    def entry(self, version: int) -> LogEntry:
        """Parse and check a log entry; `DamagedFileError` if it is not what was committed."""
        path = self.entry_path(version)
        stamp, known = file_stamp(str(path)), self._entries.get(version)
        if known is not None and known[0] == stamp:
            return known[1]
        entry = read_entry(self.spec, path)
        self._entries[version] = (stamp, entry)
        while len(self._entries) > _CACHED_VERSIONS:
            self._entries.popitem(last=False)
        return entry

    def snapshot(self, version: int | None = None) -> Snapshot:
        """Files of a version (newest by default), proven to be the committed list.

        Raises
        ------
        TableMissingError
            If nothing was committed yet or the version does not exist.
        DamagedFileError
            If the log was altered.
        """
        newest = self.newest()
        if newest is None:
            raise TableMissingError(self.spec.name)
        wanted = newest if version is None else version
        if not 0 <= wanted <= newest:
            raise TableMissingError(self.spec.name, wanted)
        with self._lock:
            entry = self.entry(wanted)
            known = self._snapshots.get(wanted)
            if known is not None and known.log_sha256 == entry.sha256:
                self._snapshots.move_to_end(wanted)
                return known
            snapshot = self._replayed(entry) or self._loaded(entry)
            return self._remember(snapshot)

    def fits(self, snapshot: Snapshot) -> bool:
        """Whether a version was stored with the columns that are declared."""
        return dict(snapshot.columns) == {column.name: column.type for column in self.spec.columns}

    def check_columns(self, snapshot: Snapshot, wanted: Collection[str] | None = None) -> None:
        """`SchemaChangedError` where a version was stored with other columns, all or some wanted, than are declared.

        One that `TableSpec.may_lack` is no other column: what is not stored of it reads as missing.
        """
        declared = {column.name: column.type for column in self.spec.columns}
        lacking = {n for n in declared if n not in snapshot.columns and self.spec.may_lack(n)}
        judged = {*(wanted or {**declared, **snapshot.columns})} - lacking
        if any(snapshot.columns.get(n) != declared.get(n) for n in judged):
            missing = tuple(f"{n} {t}" for n, t in declared.items() if snapshot.columns.get(n) != t)
            unknown = tuple(f"{n} {t}" for n, t in snapshot.columns.items() if declared.get(n) != t)
            raise SchemaChangedError(self.spec.name, missing, unknown, self.root)

    def check_promised(self, rows: pa.Table) -> None:
        """`SchemaChangedError` where rows lack a value that is promised: files from before a column was one."""
        promised = [c for c in self.spec.columns if not c.nullable and c.name in rows.column_names]
        missing = tuple(f"{c.name} {c.type}" for c in promised if rows.column(c.name).null_count)
        if missing:
            raise SchemaChangedError(self.spec.name, missing, (), self.root)

    def _remember(self, snapshot: Snapshot) -> Snapshot:
        self._snapshots[snapshot.version] = snapshot
        self._snapshots.move_to_end(snapshot.version)
        while len(self._snapshots) > _CACHED_VERSIONS:
            self._snapshots.popitem(last=False)
        return snapshot

    def _replayed(self, last: LogEntry) -> Snapshot | None:
        """Snapshot built from a cached earlier one and the entries since; None where there is none near."""
        older = [v for v in self._snapshots if last.version - _REPLAY_LIMIT <= v < last.version]
        if not older:
            return None
        base = self._snapshots[max(older)]
        cells, previous, sums = dict(base.cells), base.log_sha256, base.sums
        for version in range(base.version + 1, last.version + 1):
            entry = last if version == last.version else self.entry(version)
            if entry.previous != previous:
                self._snapshots.clear()  # another history was put in this place
                return None
            previous, sums = entry.sha256, sums.changed(entry.add, apply_entry(cells, entry))
        return self._proven(last, cells, sums)

    def _loaded(self, entry: LogEntry) -> Snapshot:
        """Snapshot from the newest checkpoint and the entries since; from all entries where that does not add up."""
        if not (self.folder / "_last_checkpoint").exists() and entry.version < CHECKPOINT_EVERY:
            return self._from_the_start(entry)
        import pyarrow as pa
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        try:
            actions = pa.table(DeltaTable(str(self.root), version=entry.version).get_add_actions(flatten=True))
            rows = actions.select(["path", "num_records", "size_bytes"]).to_pylist()
            files = [DataFile(row["path"], row["num_records"], row["size_bytes"]) for row in rows]
            cells = {file.cell: file for file in files}
            sums = Sums.of(files)
        except (DeltaError, pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
            _LOGGER.warning("table %s: version %d is read without checkpoint: %s", self.spec.name, entry.version, error)
            return self._from_the_start(entry)
        if sums != entry.sums or len(cells) != len(files):
            return self._from_the_start(entry)
        return _snapshot(entry, cells, sums)

    def _from_the_start(self, last: LogEntry) -> Snapshot:
        cells: dict[tuple[str, str], DataFile] = {}
        for version in range(last.version + 1):
            apply_entry(cells, self.entry(version))
        return self._proven(last, cells, Sums.of(cells.values()))

    def _proven(self, entry: LogEntry, cells: Mapping[tuple[str, str], DataFile], sums: Sums) -> Snapshot:
        if sums != entry.sums:
            raise DamagedFileError((entry.damage(self.spec, "does not lead to the file list that was committed"),))
        return _snapshot(entry, cells, sums)

    # ---- committing

    def commit(
        self,
        base: Snapshot | None,
        add: Sequence[DataFile],
        remove: Sequence[DataFile],
        facts: Mapping[str, Any],
    ) -> Snapshot:
        """Commit on top of ``base`` (None creates the table) and return the new snapshot.

        The new log entry is on disk when this returns. It declares the columns where ``base`` has others, and says
        where files stay that may lack some.

        Raises
        ------
        CommitConflict
            If another writer committed after ``base``: nothing was changed.
        StorageError
            If the disk refused.
        """
        version = 0 if base is None else base.version + 1
        sums = (base.sums if base else Sums()).changed(add, remove)
        rows = (base.rows if base else 0) + sum(f.rows for f in add) - sum(f.rows for f in remove)
        other = base is not None and not self.fits(base)
        widened = base is not None and (other or base.widened) and len(base.cells) > len(remove)
        data = written_entry(
            self.spec,
            add,
            remove,
            {
                **facts,
                **({"widened": True} if widened else {}),
                "columns": {column.name: column.type for column in self.spec.columns},
                "content": f"{sums.content:064x}",
                "previous": base.log_sha256 if base else "",
                "rows": rows,
                "state": f"{sums.state:064x}",
                "version": version,
            },
            declare=base is None or other,
        )
        try:
            make_folder(self.folder)
            claim_file(self.entry_path(version), data)
        except FileExistsError as error:
            raise CommitConflict from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise StorageError(self.spec.name, f"_delta_log/{version:020d}.json", reason) from error
        with self._lock:
            entry = self.entry(version)
            cells = dict(base.cells) if base else {}
            for file in remove:
                del cells[file.cell]
            cells.update((file.cell, file) for file in add)
            snapshot = self._remember(_snapshot(entry, cells, sums))
        if version % CHECKPOINT_EVERY == CHECKPOINT_EVERY - 1:
            self._checkpoint(version)
        return snapshot

    def _checkpoint(self, version: int) -> None:
        """Write a Delta checkpoint, which only shortens the next reader's way to this version."""
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        try:
            DeltaTable(str(self.root), version=version).create_checkpoint()
        except (DeltaError, OSError) as error:
            _LOGGER.warning("table %s: no checkpoint of version %d was written: %s", self.spec.name, version, error)

    # ---- upkeep

    def entries(self) -> Iterator[LogEntry]:
        """Every log entry, oldest first."""
        for version in self.versions():
            yield self.entry(version)


def _snapshot(entry: LogEntry, cells: Mapping[tuple[str, str], DataFile], sums: Sums) -> Snapshot:
    """One version, as its log entry and its files tell."""
    return Snapshot(entry.version, cells, sums, entry.rows, entry.columns, entry.sha256, entry.widened)
