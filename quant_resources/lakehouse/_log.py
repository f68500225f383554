"""The Delta log: which files a version holds, and compare-and-swap commits."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from quant_lib.contracts import Ownership, TableSpec
from quant_resources.lakehouse._files import DataFile
from quant_resources.lakehouse.errors import TableMissingError

if TYPE_CHECKING:
    import pyarrow as pa


class CommitConflict(Exception):  # noqa: N818 - a signal between two modules, never shown
    """Another writer committed since the version this commit was built on."""


class TableLog:
    """Versions of one Delta table."""

    def __init__(self, root: Path, spec: TableSpec) -> None:
        self.root = root / spec.name
        self.spec = spec

    def exists(self) -> bool:
        """Whether anything was ever committed."""
        return (self.root / "_delta_log" / f"{0:020d}.json").exists() or any(
            (self.root / "_delta_log").glob("*.checkpoint.parquet")
        )

    def snapshot(self, version: int | None = None) -> tuple[int, list[DataFile]]:
        """Version number and its files, sorted by path.

        Raises
        ------
        TableMissingError
            If nothing was committed yet or the version does not exist.
        """
        import pyarrow as pa
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        if not self.exists():
            raise TableMissingError(self.spec.name)
        try:
            table = DeltaTable(str(self.root), version=version)
        except DeltaError as error:
            raise TableMissingError(self.spec.name, version) from error
        if version is not None and table.version() != version:
            raise TableMissingError(self.spec.name, version)
        actions = pa.table(table.get_add_actions(flatten=True)).select(["path", "num_records", "size_bytes"])
        files = [DataFile(row["path"], row["num_records"] or 0, row["size_bytes"]) for row in actions.to_pylist()]
        return table.version(), sorted(files, key=lambda file: file.path)

    def commit(
        self, base: int | None, add: Sequence[DataFile], remove: Sequence[DataFile], message: dict[str, object]
    ) -> int:
        """Commit on top of ``base`` (None creates the table) and return the new version.

        Raises
        ------
        CommitConflict
            If another writer committed after ``base``: nothing was changed.
        """
        from deltalake import CommitProperties, DeltaTable, Schema
        from deltalake.exceptions import CommitFailedError, DeltaError
        from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

        now = int(time.time() * 1000)
        hashes = {file.path: file.sha256 for file in add}
        properties = CommitProperties(custom_metadata={"quant": {**message, "sha256": hashes}}, max_commit_retries=0)
        column = self.spec.partition_column
        adds = [AddAction(f.path, f.size, {column: f.partition}, now, True, f'{{"numRecords":{f.rows}}}') for f in add]
        schema = Schema.from_arrow(self._delta_schema())
        if base is None:
            self.root.mkdir(parents=True, exist_ok=True)
            try:
                create_table_with_add_actions(
                    str(self.root), schema, adds, mode="error", partition_by=[column], commit_properties=properties
                )
            except DeltaError as error:
                if self.exists():
                    raise CommitConflict from error
                raise
            return 0
        removes = [RemoveAction(f.path, True, now, f.size or None, {column: f.partition}) for f in remove]
        table = DeltaTable(str(self.root), version=base)
        try:
            table.create_write_transaction([*removes, *adds], "append", schema, [column], commit_properties=properties)
        except CommitFailedError as error:
            raise CommitConflict from error
        return base + 1

    def _delta_schema(self) -> pa.Schema:
        import pyarrow as pa

        schema = self.spec.arrow_schema()
        if self.spec.ownership is Ownership.SHARED:
            schema = schema.append(pa.field(self.spec.partition_column, pa.string(), nullable=False))
        return schema
