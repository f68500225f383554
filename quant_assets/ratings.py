"""Which feature stands behind each rating a file names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quant_resources.config import Project, SleeveConfig

_VENDOR = {"recommend_all": "Recommend.All", "recommend_ma": "Recommend.MA", "recommend_other": "Recommend.Other"}


def overall_rating(project: Project) -> str:
    """Feature that selection reads as the overall rating."""
    return "recommend_all" if project.platform.ratings.overall == "vendor" else "recommend_all_weighted"


def rating_feature(project: Project, name: str | None) -> str | None:
    """Rating whose sign must agree with the direction; the overall one is the platform's choice."""
    return overall_rating(project) if name == "recommend_all" else name


def screened_rating(project: Project, sleeve: SleeveConfig) -> str | None:
    """Rating that every scanner of a sleeve asks its candidates for; None where one does not."""
    for rating, field in _VENDOR.items():
        if all(any(f.left == field for f in project.scanners[name].filters) for name in sleeve.scanners):
            return rating
    return None
