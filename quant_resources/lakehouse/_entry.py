"""One entry of a Delta log, with the seal that proves its facts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quant_lib.contracts import TableSpec
from quant_resources.lakehouse._files import DataFile
from quant_resources.lakehouse._snapshot import Sums
from quant_resources.lakehouse.errors import Damage, DamagedFileError

REPAIR = (
    "restore the table's folder from a backup, or move it out of the lakehouse and materialise its partitions "
    "again with `quant run`"
)


def _seal(facts: Mapping[str, Any]) -> str:
    text = json.dumps({k: v for k, v in facts.items() if k != "seal"}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def sealed(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of a commit with their own hash."""
    return {**facts, "seal": _seal(facts)}


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
    def writer(self) -> str:
        """Random name of the writer, to recognise its own commit."""
        return str(self.facts["writer"])

    @property
    def columns(self) -> Mapping[str, str]:
        """Name and type of every column as stored."""
        return dict(self.facts["columns"])

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
    try:
        actions = [json.loads(line) for line in data.decode().splitlines() if line]
        facts = next(action["commitInfo"]["quant"] for action in actions if "commitInfo" in action)
        if facts["seal"] != _seal(facts) or facts["version"] != int(path.stem):
            raise DamagedFileError((log_damage(spec, path, "holds other facts than were committed"),))
        add = tuple(_file(action["add"]) for action in actions if "add" in action)
        remove = tuple(_file(action["remove"]) for action in actions if "remove" in action)
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise DamagedFileError((log_damage(spec, path, f"cannot be read ({type(error).__name__})"),)) from error
    if {file.path: file.sha256 for file in add} != facts["sha256"]:
        raise DamagedFileError((log_damage(spec, path, "names other files than were committed"),))
    return LogEntry(int(path.stem), add, remove, facts, hashlib.sha256(data).hexdigest())


def _file(action: Mapping[str, Any]) -> DataFile:
    """File of an add or remove action; ValueError if the action contradicts the file's own name."""
    stats = json.loads(action.get("stats") or '{"numRecords": 0}')
    file = DataFile(str(action["path"]), int(stats["numRecords"]), int(action["size"]))
    if list(action["partitionValues"].values()) != [file.partition]:
        raise ValueError(file.path)
    return file
