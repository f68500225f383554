"""The Delta log: which files a version holds, and compare-and-swap commits.

Commits go through ``deltalake`` with ``max_commit_retries=0``. Any other value
lets the library merge two commits built on the same version, and two writers
of one cell would both succeed.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quant_lib.contracts import Ownership, TableSpec
from quant_resources.lakehouse._entry import LogEntry, read_entry, sealed
from quant_resources.lakehouse._files import DataFile, Stamp, file_stamp, make_folder, sync_folder
from quant_resources.lakehouse._snapshot import Snapshot, Sums
from quant_resources.lakehouse.errors import DamagedFileError, SchemaChangedError, StorageError, TableMissingError

if TYPE_CHECKING:
    import deltalake
    import pyarrow as pa

_ENTRY_NAME = re.compile(r"(\d{20})\.json", re.ASCII)
_CACHED_VERSIONS = 8
_REPLAY_LIMIT = 64
"""A snapshot at most this many versions older is brought up to date from the log entries alone."""


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
        self._handle: deltalake.DeltaTable | None = None
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

    def check_columns(self, snapshot: Snapshot) -> None:
        """`SchemaChangedError` where a version was stored with other columns than are declared."""
        declared = {column.name: column.type for column in self.spec.columns}
        if dict(snapshot.columns) != declared:
            missing = tuple(f"{n} {t}" for n, t in declared.items() if snapshot.columns.get(n) != t)
            unknown = tuple(f"{n} {t}" for n, t in snapshot.columns.items() if declared.get(n) != t)
            raise SchemaChangedError(self.spec.name, missing, unknown)

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
            gone = [cells.pop(file.cell) for file in entry.remove if file.cell in cells]
            cells.update((file.cell, file) for file in entry.add)
            previous, sums = entry.sha256, sums.changed(entry.add, gone)
        return self._proven(last, cells, sums)

    def _loaded(self, entry: LogEntry) -> Snapshot:
        """Snapshot read by the Delta library: newest checkpoint, then the entries since."""
        import pyarrow as pa
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        try:
            actions = pa.table(DeltaTable(str(self.root), version=entry.version).get_add_actions(flatten=True))
        except (DeltaError, OSError, ValueError) as error:
            raise DamagedFileError((entry.damage(self.spec, f"cannot be replayed ({error})"),)) from error
        rows = actions.select(["path", "num_records", "size_bytes"]).to_pylist()
        unknown = [row["path"] for row in rows if not DataFile.is_name(row["path"])]
        if unknown:
            raise DamagedFileError((entry.damage(self.spec, f"names {unknown[0]!r}, which this platform never wrote"),))
        files = [DataFile(row["path"], row["num_records"] or 0, row["size_bytes"]) for row in rows]
        cells = {file.cell: file for file in files}
        if len(cells) != len(files):
            raise DamagedFileError((entry.damage(self.spec, "names two files for one partition"),))
        return self._proven(entry, cells, Sums.of(files))

    def _proven(self, entry: LogEntry, cells: Mapping[tuple[str, str], DataFile], sums: Sums) -> Snapshot:
        if sums != entry.sums:
            raise DamagedFileError((entry.damage(self.spec, "does not lead to the file list that was committed"),))
        return Snapshot(entry.version, cells, sums, entry.columns, entry.sha256)

    # ---- committing

    def commit(
        self,
        base: Snapshot | None,
        add: Sequence[DataFile],
        remove: Sequence[DataFile],
        facts: Mapping[str, Any],
    ) -> Snapshot:
        """Commit on top of ``base`` (None creates the table) and return the new snapshot.

        The new log entry is on disk when this returns.

        Raises
        ------
        CommitConflict
            If another writer committed after ``base``: nothing was changed.
        StorageError
            If the disk refused.
        """
        from deltalake.exceptions import DeltaError

        version = 0 if base is None else base.version + 1
        sums = (base.sums if base else Sums()).changed(add, remove)
        writer = uuid.uuid4().hex
        message = sealed(
            {
                **facts,
                "at": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
                "columns": {column.name: column.type for column in self.spec.columns},
                "content": f"{sums.content:064x}",
                "format": 1,
                "previous": base.log_sha256 if base else "",
                "rows": (base.rows if base else 0) + sum(f.rows for f in add) - sum(f.rows for f in remove),
                "sha256": {file.path: file.sha256 for file in add},
                "state": f"{sums.state:064x}",
                "version": version,
                "writer": writer,
            }
        )
        with self._lock:
            try:
                self._send(base, add, remove, message)
            except (DeltaError, OSError) as error:
                # A hook that runs after the commit may fail too: the log says who won.
                if not self.entry_path(version).exists():
                    raise StorageError(self.spec.name, self.entry_path(version).name, str(error)) from error
                if self.entry(version).writer != writer:
                    raise CommitConflict from error
            self._sync(version)
            entry = self.entry(version)
            cells = dict(base.cells) if base else {}
            for file in remove:
                cells.pop(file.cell, None)
            cells.update((file.cell, file) for file in add)
            return self._remember(Snapshot(version, cells, sums, entry.columns, entry.sha256))

    def _send(
        self, base: Snapshot | None, add: Sequence[DataFile], remove: Sequence[DataFile], message: dict[str, Any]
    ) -> None:
        from deltalake import CommitProperties, PostCommitHookProperties, Schema
        from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

        column, now = self.spec.partition_column, int(dt.datetime.now(dt.UTC).timestamp() * 1000)
        properties = CommitProperties(custom_metadata={"quant": message}, max_commit_retries=0)
        hooks = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)
        adds = [AddAction(f.path, f.size, {column: f.partition}, now, True, _stats(f)) for f in add]
        schema = Schema.from_arrow(self._delta_schema())
        if base is None:
            make_folder(self.root)
            create_table_with_add_actions(
                str(self.root),
                schema,
                adds,
                mode="error",
                partition_by=[column],
                configuration={"delta.enableExpiredLogCleanup": "false"},
                commit_properties=properties,
                post_commithook_properties=hooks,
            )
            return
        removes = [RemoveAction(f.path, True, now, f.size, {column: f.partition}) for f in remove]
        self._at(base.version).create_write_transaction(
            [*removes, *adds],
            "append",
            schema,
            [column],
            commit_properties=properties,
            post_commithook_properties=hooks,
        )

    def _at(self, version: int) -> deltalake.DeltaTable:
        """Handle at exactly a version; a handle at a newer one would let a stale commit through."""
        from deltalake import DeltaTable

        handle = self._handle
        if handle is not None and handle.version() < version:
            handle.update_incremental()
        if handle is None or handle.version() != version:
            handle = DeltaTable(str(self.root), version=version)
        self._handle = handle
        return handle

    def _sync(self, version: int) -> None:
        with self.entry_path(version).open("rb") as handle:
            os.fsync(handle.fileno())
        sync_folder(self.folder)

    def _delta_schema(self) -> pa.Schema:
        import pyarrow as pa

        schema = self.spec.arrow_schema()
        if self.spec.ownership is Ownership.SHARED:
            schema = schema.append(pa.field(self.spec.partition_column, pa.string(), nullable=False))
        return schema

    # ---- upkeep

    def entries(self) -> Iterator[LogEntry]:
        """Every log entry, oldest first."""
        for version in self.versions():
            yield self.entry(version)


def _stats(file: DataFile) -> str:
    """Delta statistics: rows, and the bounds of ``date`` that the file's name tells."""
    stats: dict[str, Any] = {"numRecords": file.rows}
    if file.date:
        stats |= {"minValues": {"date": file.date}, "maxValues": {"date": file.date}, "nullCount": {"date": 0}}
    return json.dumps(stats)
