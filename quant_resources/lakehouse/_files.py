"""Immutable, content-addressed Parquet files: written durably, hashed before they are first read.

A file is named ``[<date>-]<content>-<sha256>.parquet``. ``content`` is the hash of
its rows without volatile columns, so that equal answers are recognised from the
log alone; ``sha256`` is the hash of its bytes, so that damage is a name that no
longer fits. DuckDB does not verify Parquet page checksums, and would return
flipped bits as numbers.
"""

from __future__ import annotations

import calendar
import datetime as dt
import functools
import hashlib
import os
import re
import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quant_lib.contracts import Ownership, TableSpec
from quant_lib.contracts.witness import witness_by_month
from quant_resources.lakehouse.errors import Damage, DamagedFileError, StorageError

if TYPE_CHECKING:
    import pyarrow as pa

TEMPORARY = ".tmp-"
_WITNESS = "quant.witness"
_NAME = re.compile(
    r"(?P<column>month|profile)=(?P<partition>[a-z0-9_\-]+)/"
    r"(?:(?P<date>\d{4}-\d{2}-\d{2})-)?(?P<content>[0-9a-f]{64})-(?P<sha256>[0-9a-f]{64})\.parquet"
)
THREADS = max(1, min(4, os.cpu_count() or 1))
"""Threads that hash or write files; both release the interpreter lock."""


@dataclass(frozen=True)
class DataFile:
    """One file of a table version.

    Attributes
    ----------
    path : str
        Path below the table's folder.
    rows, size : int
        Rows and bytes.
    """

    path: str
    rows: int
    size: int

    @cached_property
    def _parts(self) -> dict[str, str | None]:
        match = _NAME.fullmatch(self.path)
        if match is None:
            raise ValueError(f"{self.path!r} is not a data file of the lakehouse")
        return match.groupdict()

    @property
    def partition(self) -> str:
        """Value of the Delta partition column."""
        return str(self._parts["partition"])

    @property
    def date(self) -> str | None:
        """Decision date the file belongs to; None for month files."""
        return self._parts["date"]

    @property
    def content(self) -> str:
        """Hash of the rows, volatile columns left out."""
        return str(self._parts["content"])

    @property
    def sha256(self) -> str:
        """Hash of the bytes."""
        return str(self._parts["sha256"])

    @property
    def cell(self) -> tuple[str, str]:
        """What the file holds: (month, "") or (profile, date)."""
        return (self.partition, self.date or "")

    @property
    def label(self) -> str:
        """The same in words."""
        return f"profile={self.partition} date={self.date}" if self.date else f"month={self.partition}"

    @staticmethod
    def is_name(path: str) -> bool:
        """Whether a path is one this lakehouse would write."""
        return _NAME.fullmatch(path) is not None


def write_file(root: Path, spec: TableSpec, cell: tuple[str, str], table: pa.Table, content: str) -> DataFile:
    """Write one immutable file durably and return it.

    The bytes are on disk (file and folder synced) when this returns. Writing equal
    rows again replaces the file by itself, which also heals a damaged one.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    if spec.witness:
        rows, total = file_witness(spec, table)
        table = table.replace_schema_metadata({_WITNESS: f"{spec.witness} {rows} {total:016x}"})
    pq.write_table(table, sink, write_page_checksum=True, **_encoding(spec))
    data = sink.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    partition, date = cell
    folder = root / f"{spec.partition_column}={partition}"
    name = f"{date}-{content}-{digest}.parquet" if date else f"{content}-{digest}.parquet"
    try:
        make_folder(folder)
        _publish(folder / name, data)
    except OSError as error:
        raise StorageError(spec.name, f"{folder.name}/{name}", error.strerror or str(error)) from error
    return DataFile(f"{folder.name}/{name}", table.num_rows, data.size)


def file_witness(spec: TableSpec, table: pa.Table) -> tuple[int, int]:
    """Rows of one month's file and the sum that stands for them; see `quant_lib.contracts.witness`."""
    symbols = table.column("symbol").combine_chunks().dictionary_encode()
    days, values = (table.column(name).to_numpy() for name in ("date", spec.witness))
    found = witness_by_month(symbols.indices.to_numpy(), symbols.dictionary.to_pylist(), days, values)
    return next(iter(found.values()), (0, 0))


def read_witness(spec: TableSpec, path: str) -> tuple[int, int] | None:
    """Rows and sum of a file, from its footer; None where it tells none, or cannot be read.

    The footer is not proven, and need not be: where it is not what was written, the sum differs from the one
    expected, and whoever asked opens the file, which is proven.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        text = (pq.read_schema(path).metadata or {}).get(_WITNESS.encode(), b"").decode()
        column, rows, total = text.split()
        return (int(rows), int(total, 16)) if column == spec.witness else None
    except (pa.ArrowException, OSError, ValueError):
        return None


@functools.lru_cache(maxsize=256)
def _encoding(spec: TableSpec) -> dict[str, Any]:
    """How the columns of a table are encoded.

    Figures hardly repeat: no dictionary pays for them, their bytes compress better split by place, and LZ4 packs
    them in half of Zstandard's time for 5 % more bytes. Bounds are kept of what is filtered by: the key.
    """
    text = [column.name for column in spec.columns if column.type in ("string", "date", "timestamp")]
    figures = [column.name for column in spec.columns if column.type == "float64"]
    return {
        "compression": {column.name: "zstd" if column.name in text else "lz4" for column in spec.columns},
        "use_dictionary": text,
        "use_byte_stream_split": figures,
        "write_statistics": list(spec.key),
    }


def _publish(path: Path, data: pa.Buffer) -> None:
    with _temporary(path.parent, data) as temporary:
        temporary.replace(path)
    sync_folder(path.parent)


def claim_file(path: Path, data: bytes) -> None:
    """Write a file under a name nobody has taken, durably and at once; FileExistsError where somebody has."""
    with _temporary(path.parent, data) as temporary:
        path.hardlink_to(temporary)
    sync_folder(path.parent)


@contextmanager
def _temporary(folder: Path, data: bytes | pa.Buffer) -> Iterator[Path]:
    """Give a synced file that is gone afterwards."""
    path = folder / f"{TEMPORARY}{uuid.uuid4().hex}"
    try:
        with path.open("wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        yield path
    finally:
        path.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Create a folder durably: every new entry is synced into its parent."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# ---- verification

Stamp = tuple[int, int, int]
_verified: dict[str, Stamp] = {}
_verified_lock = threading.Lock()


def file_stamp(path: str) -> Stamp | None:
    """Size, time of change and inode of a file; None where there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - thousands of files: a Path each would cost more than the call
    except FileNotFoundError:
        return None
    return (status.st_size, status.st_mtime_ns, status.st_ino)


def verified_paths(spec: TableSpec, root: Path, files: Sequence[DataFile], *, again: bool = False) -> list[str]:
    """Absolute paths of sound files.

    A file is hashed once per process; it is hashed again if its size, time of
    change or inode differ from then, or if ``again`` is set.

    Raises
    ------
    DamagedFileError
        If any file is gone, empty, cut, or holds other bytes than were committed.
    """
    damages = find_damage(spec, root, files, again=again)
    if damages:
        raise DamagedFileError(tuple(damages))
    return [f"{root}/{file.path}" for file in files]


def find_damage(spec: TableSpec, root: Path, files: Sequence[DataFile], *, again: bool = False) -> list[Damage]:
    """Every damaged file among some, in their order."""
    pending: list[tuple[DataFile, str, Stamp | None]] = []
    for file in files:
        path = f"{root}/{file.path}"
        stamp = file_stamp(path)
        if again or stamp is None or _verified.get(path) != stamp:
            pending.append((file, path, stamp))
    if len(pending) > 2 * THREADS:
        with ThreadPoolExecutor(THREADS) as pool:
            digests = list(pool.map(_digest, (path for _, path, _ in pending)))
    else:
        digests = [_digest(path) for _, path, _ in pending]
    damages = []
    for (file, path, stamp), digest in zip(pending, digests, strict=True):
        if digest == file.sha256 and stamp is not None:
            with _verified_lock:
                _verified[path] = stamp
        else:
            damages.append(describe_damage(spec, Path(path), file, digest, files))
    return damages


def _digest(path: str) -> str | None:
    try:
        with Path(path).open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def sound_bytes(spec: TableSpec, root: Path, file: DataFile) -> bytes:
    """Bytes of one file, hashed in memory so that nothing can change in between."""
    path = root / file.path
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DamagedFileError((describe_damage(spec, path, file, None, ()),)) from None
    digest = hashlib.sha256(data).hexdigest()
    if digest != file.sha256:
        raise DamagedFileError((describe_damage(spec, path, file, digest, ()),))
    return data


def describe_damage(
    spec: TableSpec, path: Path, file: DataFile, digest: str | None, others: Iterable[DataFile]
) -> Damage:
    """Say what is wrong with a file and how to repair it."""
    return Damage(spec.name, file.path, file.label, _problem(path, file, digest, others), _repair(spec, file))


def _problem(path: Path, file: DataFile, digest: str | None, others: Iterable[DataFile]) -> str:
    if digest is None:
        return "is gone"
    size = path.stat().st_size
    if size == 0:
        return "is empty"
    if size < file.size:
        return f"was cut to {size} of {file.size} bytes"
    if size > file.size:
        return f"grew to {size} from {file.size} bytes"
    twin = next((other for other in others if other.sha256 == digest), None)
    if twin is not None:
        return f"holds the bytes of {twin.label}"
    with path.open("rb") as handle:
        handle.seek(max(0, size - 8))
        if handle.read() == bytes(min(8, size)):
            return "ends in zeros: its tail was never written"
    return "holds other bytes than were committed (SHA-256 differs)"


def _repair(spec: TableSpec, file: DataFile) -> str:
    if spec.ownership is Ownership.DECISION:
        return f"`quant run alpha --profile {file.partition} --date {file.date}`"
    first = dt.date.fromisoformat(f"{file.partition}-01")
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    return (
        "`quant verify --repair` sets the file aside, then "
        f"`quant backfill data --from {first} --to {last}` writes its rows again"
    )
