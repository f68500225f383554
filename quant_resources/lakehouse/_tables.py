"""What tables there are, and what their logs say of them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from quant_lib.contracts import Ownership, TableSpec
from quant_resources.lakehouse import _scan, _upkeep
from quant_resources.lakehouse._log import TableLog
from quant_resources.lakehouse.errors import FrameMismatchError, UnknownTableError, decision_missing

_TABLE_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
_KEY_START = {Ownership.SHARED: ("date",), Ownership.DECISION: ("profile", "date")}


def declared_tables() -> tuple[TableSpec, ...]:
    """Every table of the platform."""
    from quant_lib.contracts import DECISION_TABLES, SHARED_TABLES
    from quant_lib.features.registry import FEATURES_TABLE

    return (*SHARED_TABLES, FEATURES_TABLE, *DECISION_TABLES)


class Tables:
    """Declared tables below one folder, and what their logs say; arguments as of `Lake`."""

    def __init__(
        self, root: Path | str, specs: Iterable[TableSpec] | None = None, *, connect: _scan.Connect = _scan.connect
    ) -> None:
        self.root = Path(root).resolve()
        self._specs = {spec.name: spec for spec in (declared_tables() if specs is None else specs)}
        for spec in self._specs.values():
            start = _KEY_START[spec.ownership]
            if not _TABLE_NAME.fullmatch(spec.name) or spec.key[: len(start)] != start:
                raise ValueError(f"table {spec.name!r}: a {spec.ownership} table's key starts with {start}")
        self._logs = {name: TableLog(self.root, spec) for name, spec in self._specs.items()}
        self._session = _scan.Session(connect)

    def spec(self, table: str) -> TableSpec:
        """Return the declaration of a table; `UnknownTableError` where there is none."""
        try:
            return self._specs[table]
        except KeyError:
            raise UnknownTableError(table, tuple(sorted(self._specs))) from None

    def _log(self, table: str) -> TableLog:
        return self._logs[self.spec(table).name]

    def tables(self) -> list[str]:
        """Names of the tables something was written to."""
        return sorted(name for name in self._specs if self.exists(name))

    def exists(self, table: str) -> bool:
        """Whether anything, an empty answer included, was ever written to a table."""
        return self._log(table).exists()

    def version(self, table: str) -> int | None:
        """Newest version, or None where nothing was written."""
        return self._log(table).newest()

    def last_month(self, table: str) -> dt.date | None:
        """First day of the newest month a shared table has rows of, from the log alone; None where it has none."""
        months = [f.partition for f in self._log(table).snapshot().files if f.rows] if self.exists(table) else []
        return dt.date.fromisoformat(f"{max(months)}-01") if months else None

    def outdated(self, table: str) -> bool:
        """Whether a table was last written with other columns than are declared now; see `rebuild`."""
        log = self._log(table)
        return log.exists() and not log.fits(log.snapshot())

    def notes(self, table: str) -> dict[str, str]:
        """Give what the writer of the newest version noted; empty where it noted nothing."""
        log = self._log(table)
        return dict(log.entry(log.snapshot().version).facts.get("notes", {}))

    def same_until(self, table: str, version: int, until: dt.date) -> bool:
        """Whether a table of months holds the rows of an older version up to the month of a date; no file is opened.

        Volatile columns, such as the instant of ingestion, do not count.
        """
        log, last = self._log(table), f"{until:%Y-%m}"
        now, then = (
            {cell: file.content for cell, file in log.snapshot(v).cells.items() if cell[0] <= last and file.rows}
            for v in (None, version)
        )
        return now == then

    def history(self, table: str) -> pd.DataFrame:
        """One row per version: version, at (UTC), operation, files_added, files_removed, rows, content_hash."""
        return _upkeep.history(self._log(table))

    def content_hash(
        self, table: str, *, version: int | None = None, profile: str | None = None, date: dt.date | None = None
    ) -> str:
        """Hash of what a version holds, or of one decision, volatile columns left out.

        It is the same for equal rows whatever the order of writes, the writer's
        release or the process that wrote them.
        """
        snapshot = self._log(table).snapshot(version)
        if profile is None and date is None:
            return snapshot.content_hash
        if profile is None or date is None:
            raise FrameMismatchError(table, "the hash of one decision needs both profile and date")
        file = snapshot.cells.get((profile, date.isoformat()))
        if file is None:
            raise decision_missing(table, profile, date)
        return file.content

    def row_count(self, table: str, *, version: int | None = None) -> int:
        """Rows of a version, from the log alone."""
        return self._log(table).snapshot(version).rows
