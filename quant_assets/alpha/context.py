"""What every step of a sleeve's chain is built from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import dagster as dg

from quant_assets import keys
from quant_resources.config import Project, SleeveConfig


@dataclass(frozen=True)
class SleeveContext:
    """What every step of a chain is built from.

    Attributes
    ----------
    project : Project
        Whole configuration.
    sleeve : SleeveConfig
        This sleeve.
    partitions : PartitionsDefinition
        The daily calendar.
    """

    project: Project
    sleeve: SleeveConfig
    partitions: dg.PartitionsDefinition[str]

    def options(self, step: str, *, kinds: set[str], flow: str = "alpha") -> dict[str, Any]:
        """Arguments every asset of the chain shares."""
        return {
            "key": keys.sleeve_key(self.sleeve.name, step),
            "partitions_def": self.partitions,
            "group_name": self.sleeve.name,
            "owners": list(self.project.platform.owners),
            "kinds": kinds,
            "tags": {"flow": flow, "direction": self.sleeve.tags.direction, "venue": self.sleeve.tags.venue},
            "code_version": "1",
        }

    def upstream(self, *steps: str) -> list[dg.AssetKey]:
        """Keys of earlier steps."""
        return [keys.sleeve_key(self.sleeve.name, step) for step in steps]
