"""The lakehouse as a Dagster resource."""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    import duckdb

    from quant_resources.lakehouse.lake import Lake


def _connect() -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    """Open an in-memory connection through dagster-duckdb, which is imported on first use."""
    from dagster_duckdb import DuckDBResource

    from quant_resources.lakehouse._scan import SESSION

    resource = DuckDBResource(database=":memory:", connection_config=dict(SESSION))
    connection: AbstractContextManager[duckdb.DuckDBPyConnection] = resource.get_connection()
    return connection


@functools.lru_cache(maxsize=4)
def _lake(root: Path) -> Lake:
    """One lake per folder and process, so that each file is hashed once."""
    from quant_resources.lakehouse.lake import Lake

    return Lake(root, connect=_connect)


class LakehouseResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Tables of the platform.

    Attributes
    ----------
    root : str
        Folder of the lakehouse.
    """

    root: str

    @property
    def lake(self) -> Lake:
        """The lake below ``root``."""
        return _lake(Path(self.root).resolve())
