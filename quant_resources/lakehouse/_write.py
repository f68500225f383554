"""Planning a commit: which files appear and which go, given what a version holds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from quant_lib.contracts import TableSpec
from quant_resources.lakehouse._files import THREADS, DataFile, find_damage, sound_bytes, write_file
from quant_resources.lakehouse._frames import KeyedRows, content_hash, sorted_by_key
from quant_resources.lakehouse._snapshot import Snapshot

if TYPE_CHECKING:
    import pyarrow as pa

Cell = tuple[str, str]


@dataclass(frozen=True)
class Merged:
    """Rows a cell should hold, those of them that were given, and how they differ from what it holds."""

    table: pa.Table
    given: pa.Table
    added: int
    removed: int


Given = Callable[[], "pa.Table"]
"""Puts the rows given for a cell in order, in the thread that writes them."""


Merge = Callable[[DataFile | None], Merged | None]
"""From the file a cell has now to the rows it should have; None leaves the cell as it is."""


@dataclass(frozen=True)
class CellPlan:
    """What a commit does to one cell."""

    add: DataFile | None = None
    remove: DataFile | None = None
    added: int = 0
    removed: int = 0


@dataclass
class Planner:
    """Plans the cells of one write; plans of cells nobody touched meanwhile survive a retry.

    Parameters
    ----------
    spec : TableSpec
        Table written.
    root : Path
        Its folder.
    merges : mapping of cell to Merge
        What to do to each cell.
    keep_empty : bool
        Whether a cell without rows keeps a (zero-row) file: an empty decision is
        an answer, and differs from none.
    """

    spec: TableSpec
    root: Path
    merges: Mapping[Cell, Merge]
    keep_empty: bool
    _done: dict[tuple[Cell, str], CellPlan] = field(default_factory=dict)
    _given: dict[Cell, str] = field(default_factory=dict)
    _rows: dict[Cell, int] = field(default_factory=dict)

    def given_rows(self) -> int:
        """Rows given for all cells."""
        return sum(self._rows.values())

    def written(self) -> str:
        """Hash of the rows given: of the one cell they belong to, or of the hashes of their cells."""
        if len(self._given) == 1:
            return next(iter(self._given.values()))
        lines = (f"{cell[0]}/{cell[1]}:{content}\n" for cell, content in sorted(self._given.items()))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def plan(self, base: Snapshot | None) -> list[CellPlan]:
        """Write the files a commit on ``base`` needs, and return its plan, cells in order."""
        cells = sorted(self.merges)
        if len(cells) > 1:
            with ThreadPoolExecutor(THREADS) as pool:
                return list(pool.map(lambda cell: self._cell(base, cell), cells))
        return [self._cell(base, cell) for cell in cells]

    def _cell(self, base: Snapshot | None, cell: Cell) -> CellPlan:
        old = base.cells.get(cell) if base else None
        key = (cell, old.path if old else "")
        if key not in self._done:
            self._done[key] = self._make(cell, old)
        return self._done[key]

    def _make(self, cell: Cell, old: DataFile | None) -> CellPlan:
        merged = self.merges[cell](old)
        if merged is None:
            return CellPlan()
        self._rows[cell] = merged.given.num_rows
        content = content_hash(self.spec, merged.table)
        self._given[cell] = content if merged.given is merged.table else content_hash(self.spec, merged.given)
        if not merged.table.num_rows and not self.keep_empty:
            return CellPlan(None, old, merged.added, merged.removed)
        if old is not None and old.content == content and not find_damage(self.spec, self.root, [old]):
            return CellPlan()
        new = write_file(self.root, self.spec, cell, merged.table, content)
        if old is not None and new.path == old.path:  # it was damaged, and is whole again
            return CellPlan()
        return CellPlan(new, old, merged.added, merged.removed)


def replacing(table: pa.Table) -> Merge:
    """Merge for a decision: the new rows, whatever there was."""
    return lambda old: Merged(table, table, table.num_rows, old.rows if old else 0)


def replacing_days(spec: TableSpec, root: Path, given: Given, days: np.ndarray, whole: bool) -> Merge:
    """Merge for some days of a month: rows of other days stay.

    Parameters
    ----------
    spec, root
        Table and its folder.
    given : callable
        New rows of the days.
    days : array of datetime64[D]
        Days whose rows are replaced.
    whole : bool
        Whether they are the whole month: then its old file is not even read, so
        that writing a whole month repairs a damaged one.
    """

    def merge(old: DataFile | None) -> Merged:
        import pyarrow as pa
        import pyarrow.compute as pc

        table = given()
        if old is None or whole:
            return Merged(table, table, table.num_rows, old.rows if old else 0)
        stored = parsed_rows(spec, sound_bytes(spec, root, old), spec.column_names)
        replaced = pc.is_in(stored.column("date"), value_set=pa.array(days.astype("datetime64[D]"), type=pa.date32()))
        kept = stored.filter(pc.invert(replaced))
        both = sorted_by_key(spec, pa.concat_tables([kept, table])) if kept.num_rows else table
        return Merged(both, table, table.num_rows, stored.num_rows - kept.num_rows)

    return merge


def adding(spec: TableSpec, root: Path, given: Given) -> Merge:
    """Merge that adds rows whose key is not stored; stored rows stay bit for bit."""

    def merge(old: DataFile | None) -> Merged | None:
        import pyarrow as pa

        table = given()
        if old is None:
            return Merged(table, table, table.num_rows, 0)
        keys, data = list(spec.key), sound_bytes(spec, root, old)
        missing = table.append_column("_row", pa.array(np.arange(table.num_rows))).select([*keys, "_row"])
        stored = parsed_rows(spec, data, keys)
        fresh = missing.join(stored, keys=keys, join_type="left anti", use_threads=False).column("_row").to_numpy()
        if not len(fresh):
            return None
        table = table.take(np.sort(fresh))
        both = pa.concat_tables([parsed_rows(spec, data, spec.column_names), table])
        return Merged(sorted_by_key(spec, both), table, len(fresh), 0)

    return merge


def replacing_symbols(spec: TableSpec, root: Path, given: Given, symbols: Sequence[str]) -> Merge:
    """Merge that puts new rows in the place of all rows of some symbols; rows of other symbols stay."""

    def merge(old: DataFile | None) -> Merged | None:
        import pyarrow as pa
        import pyarrow.compute as pc

        table = given()
        if old is None:
            return Merged(table, table, table.num_rows, 0) if table.num_rows else None
        stored = parsed_rows(spec, sound_bytes(spec, root, old), spec.column_names)
        names = pa.array(list(symbols), type=stored.schema.field("symbol").type)
        kept = stored.filter(pc.invert(pc.is_in(stored.column("symbol"), value_set=names)))
        if kept.num_rows == stored.num_rows and not table.num_rows:
            return None
        both = sorted_by_key(spec, pa.concat_tables([kept, table]))
        return Merged(both, table, table.num_rows, stored.num_rows - kept.num_rows)

    return merge


def parsed_rows(spec: TableSpec, data: bytes, columns: Sequence[str]) -> pa.Table:
    """Parse some columns of all rows of one verified file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(pa.BufferReader(data), columns=list(columns), page_checksum_verification=True)
    schema = spec.arrow_schema()
    return table.select(list(columns)).cast(pa.schema([schema.field(name) for name in columns]))


def stray_days(rows: KeyedRows, days: Sequence[np.datetime64]) -> np.ndarray:
    """Days of some rows that are not among the given ones."""
    return np.setdiff1d(rows.days, np.asarray(days, dtype="datetime64[D]"))
