"""What a write did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Receipt:
    """What a write did.

    Attributes
    ----------
    table : str
        Table written.
    version : int
        Version that holds the rows.
    changed : bool
        False where the rows were there already: no version was made.
    rows : int
        Rows of the written dates now (for `Lake.add_missing`: rows given).
    rows_added, rows_removed : int
        Rows the commit brought and took away; both count a replaced row.
    files : int
        Files the commit added.
    seconds : float
        Wall time, retries included.
    content_hash : str
        SHA-256 of the written rows, volatile columns left out (for
        `Lake.add_missing` and `Lake.set_aside`: of the whole table).
    attempts : int
        1, and one more for every time another writer was first.
    """

    table: str
    version: int
    changed: bool
    rows: int
    rows_added: int
    rows_removed: int
    files: int
    seconds: float
    content_hash: str
    attempts: int = 1

    def metadata(self) -> dict[str, Any]:
        """Plain values for Dagster metadata, keyed by table."""
        return {
            f"{self.table}/version": self.version,
            f"{self.table}/rows": self.rows,
            f"{self.table}/rows_added": self.rows_added,
            f"{self.table}/rows_removed": self.rows_removed,
            f"{self.table}/changed": self.changed,
            f"{self.table}/content_hash": self.content_hash,
        }
