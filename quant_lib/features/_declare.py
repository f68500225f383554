"""How the catalogue declares features: windows, recursive averages, figures of a date's cross-section."""

from __future__ import annotations

from typing import Final, TypedDict, Unpack

from quant_lib.contracts.spec import ColumnType
from quant_lib.features._feature import Feature

QUOTE: Final = "quote currency"
CLOSE: Final = ("close",)
RANGE: Final = ("high", "low")
HLC: Final = ("high", "low", "close")
HLCV: Final = ("high", "low", "close", "volume")
PINE: Final = "Pine Script built-in"

MIN_MA_VOTES: Final = 10
"""Moving-average votes, of 15, below which no rating is given (semantics 3.5)."""

# Bars after which a recursive average has forgotten its seed to well below 1e-9: (13/14)^500 = 8e-17 for Wilder
# smoothing over 14, (199/201)^3000 = 9e-14 for the EMA of 200 bars behind the ratings.
WILDER_SETTLE: Final = 500
RATING_SETTLE: Final = 3000


class Rest(TypedDict, total=False):
    """What most features leave at its default."""

    args: tuple[int | float | str, ...]
    nullable: bool
    type: ColumnType
    ge: float
    le: float
    gt: float
    stored: bool


def window(
    name: str,
    description: str,
    unit: str,
    inputs: tuple[str, ...],
    kernel: str,
    bars: int,
    source: str,
    **rest: Unpack[Rest],
) -> Feature:
    """Declare a feature of the last ``bars`` bars and nothing older."""
    return Feature(name, description, unit, inputs, kernel, bars, bars, source, **rest)


def recursive(
    name: str,
    description: str,
    unit: str,
    inputs: tuple[str, ...],
    kernel: str,
    warmup: int,
    source: str,
    settle: int | None = WILDER_SETTLE,
    **rest: Unpack[Rest],
) -> Feature:
    """Declare a feature that depends, ever more weakly, on every older bar; ``settle`` None if never more weakly."""
    return Feature(name, description, unit, inputs, kernel, warmup, settle, source, unbounded=True, **rest)


def cross_section(
    name: str,
    description: str,
    unit: str,
    inputs: tuple[str, ...],
    kernel: str,
    warmup: int,
    source: str,
    **rest: Unpack[Rest],
) -> Feature:
    """Declare a feature of one date's rows: its inputs are other features of the same date."""
    return Feature(
        name, description, unit, inputs, kernel, warmup, None, source, unbounded=True, cross_section=True, **rest
    )
