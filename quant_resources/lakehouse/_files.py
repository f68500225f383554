"""Immutable, content-addressed Parquet files.

A file's name is the SHA-256 of its bytes. Equal rows give equal bytes and so
the same name; damage is a name that no longer fits. DuckDB does not verify
Parquet page checksums, so every file is hashed before it is first read.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from quant_lib.contracts import Ownership, TableSpec
from quant_resources.lakehouse.errors import DamagedFileError, FrameMismatchError

if TYPE_CHECKING:
    import pyarrow as pa

TEMPORARY = ".tmp-"


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file of a table version.

    Attributes
    ----------
    path : str
        Path below the table's folder, ``month=2022-06/<sha>.parquet`` or
        ``profile=p/2022-06-30-<sha>.parquet``.
    rows, size : int
        Rows and bytes; size is 0 where the log does not tell.
    """

    path: str
    rows: int
    size: int = 0

    @property
    def partition(self) -> str:
        """Value of the Delta partition column."""
        return self.path.split("/", 1)[0].split("=", 1)[1]

    @property
    def sha256(self) -> str:
        """Content hash of the bytes."""
        return self.path.rsplit("/", 1)[1].removesuffix(".parquet")[-64:]

    @property
    def date(self) -> str | None:
        """Decision date the file belongs to; None for month files."""
        stem = self.path.rsplit("/", 1)[1].removesuffix(".parquet")
        return stem[:10] if len(stem) == 75 else None


def to_arrow(spec: TableSpec, frame: pd.DataFrame) -> pa.Table:
    """Rows as an Arrow table of exactly the declared schema, sorted by key.

    Raises
    ------
    FrameMismatchError
        If columns differ, a key repeats, or a promised value is missing.
    """
    import pyarrow as pa

    expected, given = set(spec.column_names), set(map(str, frame.columns))
    if expected != given:
        raise FrameMismatchError(
            spec.name, f"columns missing {sorted(expected - given)}, unknown {sorted(given - expected)}"
        )
    for column in spec.columns:
        if not column.nullable and frame[column.name].isna().any():
            rows = frame.loc[frame[column.name].isna(), list(spec.key)]
            raise FrameMismatchError(
                spec.name, f"{column.name} is missing in {len(rows)} rows, for example {rows.iloc[0].to_dict()}"
            )
        if column.type == "date" and len(frame):
            off = frame[column.name].ne(frame[column.name].dt.normalize())
            if off.any():
                raise FrameMismatchError(
                    spec.name, f"{column.name} holds a time of day, for example {frame.loc[off, column.name].iloc[0]}"
                )
    repeated = frame.duplicated(list(spec.key))
    if repeated.any():
        example = frame.loc[repeated, list(spec.key)].iloc[0].to_dict()
        raise FrameMismatchError(spec.name, f"{int(repeated.sum())} keys repeat, for example {example}")
    ordered = frame.sort_values(list(spec.key), kind="stable")
    try:
        return pa.Table.from_pandas(
            ordered[list(spec.column_names)], schema=spec.arrow_schema(), preserve_index=False, safe=True
        ).replace_schema_metadata(None)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise FrameMismatchError(spec.name, str(error)) from error


def write_file(root: Path, spec: TableSpec, partition: str, date: str | None, table: pa.Table) -> DataFile:
    """Write one immutable file durably and return it; an equal file already there is reused."""
    import pyarrow.parquet as pq

    folder = root / f"{spec.partition_column}={partition}"
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{TEMPORARY}{uuid.uuid4().hex}"
    pq.write_table(table, temporary, compression="zstd", write_page_checksum=True, write_statistics=True)
    with temporary.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
        os.fsync(handle.fileno())
    prefix = f"{date}-" if spec.ownership is Ownership.DECISION and date else ""
    final = folder / f"{prefix}{digest}.parquet"
    size = temporary.stat().st_size
    temporary.replace(final)
    _fsync_folder(folder)
    return DataFile(f"{folder.name}/{final.name}", table.num_rows, size)


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Verifier:
    """Hashes each immutable file once per process before its first read."""

    def __init__(self) -> None:
        self._sound: set[Path] = set()

    def check(self, root: Path, table: str, file: DataFile) -> Path:
        """Return the absolute path of a sound file.

        Raises
        ------
        DamagedFileError
            If the file is gone, empty, or its bytes are not the committed ones.
        """
        path = root / file.path
        if path in self._sound:
            return path
        problem = damage(path, file)
        if problem is not None:
            raise DamagedFileError(table, file.path, problem)
        self._sound.add(path)
        return path


def damage(path: Path, file: DataFile) -> str | None:
    """Say what is wrong with a stored file, or None."""
    if not path.is_file():
        return "is gone"
    size = path.stat().st_size
    if size == 0:
        return "is empty"
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    if digest == file.sha256:
        return None
    if file.size and size != file.size:
        return f"has {size} bytes where {file.size} were committed"
    return "does not match its committed SHA-256"
