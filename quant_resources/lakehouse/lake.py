"""The lakehouse: Delta tables of immutable files, written by compare-and-swap, read at a pinned version."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from quant_resources.lakehouse import _upkeep
from quant_resources.lakehouse._reads import Reads
from quant_resources.lakehouse._spool import Spool
from quant_resources.lakehouse._tables import declared_tables
from quant_resources.lakehouse._writes import MonthlyRows, Writes
from quant_resources.lakehouse.errors import Damage
from quant_resources.lakehouse.receipt import Receipt

__all__ = ["Lake", "MonthlyRows", "Spool", "declared_tables"]


class Lake(Reads, Writes):
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
