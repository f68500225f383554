"""The lakehouse as a Dagster resource."""

from __future__ import annotations

import functools
from pathlib import Path

import dagster as dg

from quant_resources.lakehouse.lake import Lake


@functools.lru_cache(maxsize=4)
def _lake(root: Path) -> Lake:
    """One lake per folder and process, so that each file is hashed once."""
    return Lake(root)


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
        return _lake(Path(self.root))
