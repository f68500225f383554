"""Reading chart resolutions: which text names which bar, and which of them a daily source serves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_PLANNED_MINUTES: Final = frozenset({1, 3, 5, 15, 30, 45, 60, 120, 180, 240})
_MONTHS: Final = frozenset({1, 3, 6, 12})
_SHAPE: Final = re.compile(r"([0-9]{0,5})([DWMHSTR]?)")


@dataclass(frozen=True, slots=True)
class Resolution:
    """A resolution as asked for.

    Attributes
    ----------
    text : str
        As the client wrote it.
    served : str or None
        Normal form if a daily source can serve it (``1D``, ``1W``, ``3M``), else None.
    refusal : str
        The vendor's word for why not; empty where the text must be named instead.
    """

    text: str
    served: str | None
    refusal: str = ""


def parse_resolution(text: object) -> Resolution | None:
    """Read a resolution.

    Parameters
    ----------
    text : object
        ``1D``, ``D``, ``1W``, ``1M``, ``60``, ``4H``, ``5S`` and the like.

    Returns
    -------
    Resolution or None
        None when it is no resolution at all.
    """
    if not isinstance(text, str) or not text:
        return None
    match = _SHAPE.fullmatch(text.upper())
    if match is None:
        return None
    number, unit = int(match[1] or 1), match[2]
    if number == 0 or (not unit and not match[1]):
        return None
    if unit in ("S", "T", "R"):
        return Resolution(text, None, "seconds_not_entitled" if unit == "S" else "custom_resolution")
    if unit == "M":
        return Resolution(text, f"{number}M") if number in _MONTHS else Resolution(text, None, "custom_resolution")
    if unit in ("D", "W"):
        return Resolution(text, f"1{unit}") if number == 1 else Resolution(text, None, "custom_resolution")
    minutes = number * 60 if unit == "H" else number
    return Resolution(text, None, "" if minutes in _PLANNED_MINUTES else "custom_resolution")
