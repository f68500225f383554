"""Verification, repair and the janitor."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from quant_resources.lakehouse._commit import commit
from quant_resources.lakehouse._entry import log_damage
from quant_resources.lakehouse._files import TEMPORARY, DataFile, find_damage, make_folder
from quant_resources.lakehouse._lock import sweeping
from quant_resources.lakehouse._log import TableLog
from quant_resources.lakehouse._write import Merged, Planner
from quant_resources.lakehouse.errors import Damage, DamagedFileError
from quant_resources.lakehouse.receipt import Receipt

SET_ASIDE = ".damaged"


def history(log: TableLog) -> pd.DataFrame:
    """One row per version of a table, oldest first."""
    rows = [
        {
            "version": entry.version,
            "at": pd.Timestamp(entry.facts["at"]),
            "operation": entry.facts["operation"],
            "files_added": len(entry.add),
            "files_removed": len(entry.remove),
            "rows": entry.facts["rows"],
            "content_hash": entry.facts["content"],
        }
        for entry in log.entries()
    ]
    kinds = {
        "version": "int64",
        "at": "datetime64[us, UTC]",
        "operation": "str",
        "files_added": "int64",
        "files_removed": "int64",
        "rows": "int64",
        "content_hash": "str",
    }
    return pd.DataFrame(rows, columns=list(kinds)).astype(kinds)


def damages(log: TableLog) -> list[Damage]:
    """Everything wrong with a table: log entries against their chain, the newest file list, every file named."""
    found: list[Damage] = []
    files: dict[str, DataFile] = {}
    previous: str | None = ""
    for version in log.versions():
        try:
            entry = log.entry(version)
        except DamagedFileError as error:
            found.extend(error.damages)
            previous = None
            continue
        if previous is not None and entry.previous != previous:
            path = log.entry_path(max(0, version - 1))
            found.append(log_damage(log.spec, path, "is not the entry its successor was built on"))
        previous = entry.sha256
        files.update((file.path, file) for file in entry.add)
    if not found:
        try:
            files.update((file.path, file) for file in log.snapshot().files)
        except DamagedFileError as error:
            found.extend(error.damages)
    return [*found, *find_damage(log.spec, log.root, list(files.values()), again=True)]


def set_aside(logs: Mapping[str, TableLog], found: Iterable[Damage]) -> list[Receipt]:
    """Take damaged files out of the newest version of their tables."""
    by_table: dict[str, set[str]] = {}
    for damage in found:
        by_table.setdefault(damage.table, set()).add(damage.file)
    receipts = []
    for name, paths in sorted(by_table.items()):
        log = logs[name]
        files = [file for file in log.snapshot().files if file.path in paths]
        if files:
            receipts.append(_remove(log, files))
    return receipts


def _remove(log: TableLog, files: list[DataFile]) -> Receipt:
    started = time.perf_counter()
    paths = {file.path for file in files}
    none = log.spec.arrow_schema().empty_table()

    def merge(old: DataFile | None) -> Merged | None:
        return Merged(none, none, 0, old.rows) if old is not None and old.path in paths else None

    planner = Planner(log.spec, log.root, {file.cell: merge for file in files}, keep_empty=False)
    receipt = commit(log, planner, {"operation": "set_aside"}, 0, started, hash_rows=False)
    folder = log.root / SET_ASIDE
    make_folder(folder)
    for file in files:
        path = log.root / file.path
        if path.exists():
            path.replace(folder / path.name)
    return receipt


def sweep(log: TableLog, older_than: float) -> list[Path]:
    """Remove what no version of a table names and is older than some seconds."""
    with sweeping(log.root) as alone:
        if not alone:
            return []
        named = {str(log.root / file.path) for entry in log.entries() for file in entry.add}
        limit = time.time() - older_than
        strays = [path for path in _candidates(log) if str(path) not in named and path.stat().st_mtime <= limit]
        for path in strays:
            path.unlink()
    return strays


def _candidates(log: TableLog) -> list[Path]:
    """List data files and leftovers of interrupted writers: temporary files, staged log entries."""
    folder = f"{log.spec.partition_column}=*"
    patterns = (f"{folder}/*.parquet", f"{folder}/{TEMPORARY}*", f"_delta_log/{TEMPORARY}*")
    return sorted(path for pattern in patterns for path in log.root.glob(pattern))
