"""What features are made by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from quant_lib.features import StressWindows, feature_set_version
from quant_lib.health import HealthRules


@dataclass(frozen=True)
class FeatureRules:
    """What features are made by.

    Parameters
    ----------
    health : HealthRules
        Segments and quarantine.
    ruleset : {"legacy", "pine3"}
        Vote rules of the ratings.
    stress : sequence of (date, date)
        Stress windows of survival.
    on_new_version : {"refuse", "recompute"}
        What to do about stored rows of other definitions.
    """

    health: HealthRules
    ruleset: str
    stress: StressWindows
    on_new_version: Literal["refuse", "recompute"] = "refuse"

    @property
    def version(self) -> str:
        """Version the rows carry."""
        return feature_set_version(self.ruleset, self.stress)
