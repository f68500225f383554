"""One version of a table: its files, and the sums that prove the list is the committed one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from quant_resources.lakehouse._files import DataFile

_MODULUS = 1 << 256


def _entry(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")


def _log_entry(file: DataFile) -> int:
    return _entry(f"{file.path}\n{file.size}\n{file.rows}")


def _content_entry(file: DataFile) -> int:
    return _entry(f"{file.partition}\n{file.date or ''}\n{file.content}")


@dataclass(frozen=True)
class Sums:
    """Order-free digests of a file list: sums of SHA-256 modulo 2**256, so that a commit updates them in no time.

    Attributes
    ----------
    state : int
        Over path (which names the file's hash), size and rows of every file.
    content : int
        Over partition and content hash of every file.
    """

    state: int = 0
    content: int = 0

    def changed(self, add: Iterable[DataFile], remove: Iterable[DataFile]) -> Sums:
        """Return the sums after a commit."""
        state, content = self.state, self.content
        for sign, files in ((1, add), (-1, remove)):
            for file in files:
                state += sign * _log_entry(file)
                content += sign * _content_entry(file)
        return Sums(state % _MODULUS, content % _MODULUS)

    @staticmethod
    def of(files: Iterable[DataFile]) -> Sums:
        """Return the sums of a whole list."""
        return Sums().changed(files, ())


@dataclass(frozen=True)
class Snapshot:
    """One version of a table.

    Attributes
    ----------
    version : int
        Delta version.
    cells : mapping of (partition, date) to DataFile
        Its files by what they hold.
    sums : Sums
        Digests of the list.
    rows : int
        Rows of all files.
    columns : mapping of str to str
        Name and type of every column as stored.
    log_sha256 : str
        Hash of the bytes of the version's log entry.
    widened : bool
        Whether some files may be of before the table gained a column, and lack it.
    """

    version: int
    cells: Mapping[tuple[str, str], DataFile]
    sums: Sums
    rows: int
    columns: Mapping[str, str]
    log_sha256: str
    widened: bool = False

    @cached_property
    def files(self) -> tuple[DataFile, ...]:
        """Files ordered by partition and date, which is the order of the key."""
        return tuple(self.cells[cell] for cell in sorted(self.cells))

    @property
    def content_hash(self) -> str:
        """Hash of everything the version holds, volatile columns left out."""
        return f"{self.sums.content:064x}"
