"""Which feature stands behind each rating a file names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quant_resources.config import Project, ScannerConfig, SleeveConfig

_VENDOR = {"recommend_all": "Recommend.All", "recommend_ma": "Recommend.MA", "recommend_other": "Recommend.Other"}


def overall_rating(project: Project) -> str:
    """Feature that selection reads as the overall rating."""
    return "recommend_all" if project.platform.ratings.overall == "vendor" else "recommend_all_weighted"


def rating_feature(project: Project, name: str | None) -> str | None:
    """Rating whose sign must agree with the direction; the overall one is the platform's choice."""
    return overall_rating(project) if name == "recommend_all" else name


def screened_rating(project: Project, sleeve: SleeveConfig) -> str | None:
    """Rating whose sign every scanner of a sleeve asks its candidates for; None where one does not."""
    scanners = [project.scanners[name] for name in sleeve.scanners]
    for rating, field in _VENDOR.items():
        if all(_asks_for_side(scanner, field, sleeve.direction) for scanner in scanners):
            return rating
    return None


def _asks_for_side(scanner: ScannerConfig, field: str, direction: str) -> bool:
    """Whether one of the filters lets nothing pass but ratings beyond 0 on the side."""
    beyond, reaches = ("greater", "egreater") if direction == "LONG" else ("less", "eless")
    sign = 1.0 if direction == "LONG" else -1.0
    return any(
        (rule.operation == beyond and sign * rule.right >= 0.0)
        or (rule.operation == reaches and sign * rule.right > 0.0)
        for rule in scanner.filters
        if rule.left == field and isinstance(rule.right, int | float)
    )
