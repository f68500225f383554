"""One entry of a Delta log, with the seal that proves its facts."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quant_lib.contracts import Ownership, TableSpec
from quant_resources.lakehouse._files import DataFile
from quant_resources.lakehouse._snapshot import Sums
from quant_resources.lakehouse.errors import Damage, DamagedFileError

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 1
"""Layout of the facts in a log entry."""

Cell = tuple[str, str]

REPAIR = (
    "restore the table's folder from a backup, or move it out of the lakehouse and materialise its partitions "
    "again with `quant run`"
)


_NO_SEAL = b"0" * 64
_SEAL = re.compile(rb'"seal":"([0-9a-f]{64})"')


def written_entry(
    spec: TableSpec, add: Sequence[DataFile], remove: Sequence[DataFile], facts: Mapping[str, Any], *, declare: bool
) -> bytes:
    """Bytes of a log entry, sealed: its own hash (taken with zeros in the seal's place) stands in it.

    ``declare`` states the columns: in a table's first entry, and where they changed.
    """
    now = dt.datetime.now(dt.UTC)
    millis, column = int(now.timestamp() * 1000), spec.partition_column
    quant = {
        "format": FORMAT,
        "at": now.isoformat(timespec="milliseconds"),
        **facts,
        "sha256": {file.path: file.sha256 for file in add},
        "seal": _NO_SEAL.decode(),
    }
    info = {
        "timestamp": millis,
        "operation": "WRITE",
        "operationParameters": {"mode": "Append", "partitionBy": json.dumps([column])},
        "engineInfo": "quant-assets",
        "quant": quant,
    }
    actions: list[dict[str, Any]] = [{"commitInfo": info}]
    if facts["version"] == 0:
        actions.append({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}})
    if declare:
        actions.append({"metaData": _metadata(spec, millis)})
    for file in remove:
        gone = {"deletionTimestamp": millis, "extendedFileMetadata": True, **_action(column, file)}
        actions.append({"remove": gone})
    actions += [{"add": {"modificationTime": millis, "stats": _stats(file), **_action(column, file)}} for file in add]
    data = "".join(json.dumps(action, separators=(",", ":")) + "\n" for action in actions).encode()
    return data.replace(b'"seal":"' + _NO_SEAL, b'"seal":"' + hashlib.sha256(data).hexdigest().encode(), 1)


def _action(column: str, file: DataFile) -> dict[str, Any]:
    values = {column: file.partition}
    return {"path": file.path, "partitionValues": values, "size": file.size, "dataChange": True}


def _stats(file: DataFile) -> str:
    """Delta statistics: rows, and the bounds of ``date`` where the file's name tells them."""
    stats: dict[str, Any] = {"numRecords": file.rows}
    if file.date:
        stats |= {"minValues": {"date": file.date}, "maxValues": {"date": file.date}, "nullCount": {"date": 0}}
    return json.dumps(stats, separators=(",", ":"))


def _metadata(spec: TableSpec, millis: int) -> dict[str, Any]:
    from deltalake import Schema

    return {
        "id": str(uuid.uuid4()),
        "name": spec.name,
        "description": spec.description,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": Schema.from_arrow(_delta_schema(spec)).to_json(),
        "partitionColumns": [spec.partition_column],
        "createdTime": millis,
        "configuration": {"delta.enableExpiredLogCleanup": "false"},
    }


def _delta_schema(spec: TableSpec) -> pa.Schema:
    import pyarrow as pa

    schema = spec.arrow_schema()
    if spec.ownership is Ownership.SHARED:
        schema = schema.append(pa.field(spec.partition_column, pa.string(), nullable=False))
    return schema


@dataclass(frozen=True)
class LogEntry:
    """What one commit says.

    Attributes
    ----------
    version : int
        Version it made.
    add, remove : tuple of DataFile
        Its file actions.
    facts : mapping
        Sealed facts: hashes of the added files, operation, time, sums.
    sha256 : str
        Hash of the entry's bytes; the next entry names it.
    """

    version: int
    add: tuple[DataFile, ...]
    remove: tuple[DataFile, ...]
    facts: Mapping[str, Any]
    sha256: str

    @property
    def previous(self) -> str:
        """Hash of the entry before."""
        return str(self.facts["previous"])

    @property
    def columns(self) -> Mapping[str, str]:
        """Name and type of every column as stored."""
        return dict(self.facts["columns"])

    @property
    def widened(self) -> bool:
        """Whether some files of the version may lack a column that the table gained."""
        return bool(self.facts.get("widened", False))

    @property
    def rows(self) -> int:
        """Rows of the version."""
        return int(self.facts["rows"])

    @property
    def sums(self) -> Sums:
        """Digests of the file list after the commit."""
        return Sums(int(self.facts["state"], 16), int(self.facts["content"], 16))

    def damage(self, spec: TableSpec, problem: str) -> Damage:
        """Damage of this entry."""
        return log_damage(spec, Path(f"{self.version:020d}.json"), problem)


def log_damage(spec: TableSpec, path: Path, problem: str) -> Damage:
    """Damage of a log entry."""
    return Damage(spec.name, f"_delta_log/{path.name}", "log", problem, REPAIR)


def read_entry(spec: TableSpec, path: Path) -> LogEntry:
    """Parse a log entry and check it against its seal.

    Raises
    ------
    DamagedFileError
        If it is gone, not readable, or not what was committed.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DamagedFileError((log_damage(spec, path, "is gone"),)) from None
    found = _SEAL.search(data)
    if found is None or hashlib.sha256(data.replace(found[0], b'"seal":"' + _NO_SEAL + b'"', 1)).hexdigest() != (
        found[1].decode()
    ):
        raise DamagedFileError((log_damage(spec, path, "holds other bytes than were committed"),))
    actions = [json.loads(line) for line in data.decode().splitlines()]
    facts = actions[0]["commitInfo"]["quant"]
    if facts["format"] != FORMAT or facts["version"] != int(path.stem):
        problem = f"is version {facts['version']} of format {facts['format']}, which this release does not read"
        raise DamagedFileError((log_damage(spec, path, problem),))
    add = tuple(_file(action["add"]) for action in actions if "add" in action)
    remove = tuple(_file(action["remove"]) for action in actions if "remove" in action)
    return LogEntry(int(path.stem), add, remove, facts, hashlib.sha256(data).hexdigest())


def apply_entry(cells: dict[Cell, DataFile], entry: LogEntry) -> list[DataFile]:
    """Bring a file list up to date with an entry; return the files that went."""
    gone = [cells.pop(file.cell) for file in entry.remove if file.cell in cells]
    cells.update((file.cell, file) for file in entry.add)
    return gone


def _file(action: Mapping[str, Any]) -> DataFile:
    rows = json.loads(action["stats"])["numRecords"] if "stats" in action else 0
    return DataFile(action["path"], rows, action["size"])
