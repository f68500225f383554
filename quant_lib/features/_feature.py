"""What a feature declares about itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from quant_lib.contracts.spec import Column, ColumnType

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

EXACT_TOLERANCE: Final = 1e-9
"""Relative difference allowed once `Feature.settle` bars are known."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature: what it is, what it needs, what may be missing.

    Parameters
    ----------
    name : str
        Column name.
    description : str
        What it means, in the field's words.
    unit : str
        Unit of the value, ``""`` for pure numbers.
    inputs : tuple of str
        Bar columns it reads.
    kernel : str or callable
        Name of a function of `quant_lib.features._definitions` or
        `quant_lib.features._statistical`, or a callable of the same shape:
        ``kernel(block, *args)`` gives one value per bar.
    args : tuple of int, float or str
        Arguments of the kernel, such as the window.
    warmup : int
        Bars of the segment, the current one included, before which there is no value.
    settle : int, optional
        Bars after which the value no longer depends on older ones, to
        `tolerance`. Equal to `warmup` for a window. More for a recursive
        average, which never forgets entirely. None where the whole segment
        counts, however long.
    source : str
        Where the definition comes from.
    unbounded : bool
        The value depends on every bar of the segment (recursion, counting).
    tolerance : float
        Relative difference allowed between `settle` bars of history and all of it.
    nullable : bool
        Whether the value may be missing: warm-up, zero range, no volume.
    type : ColumnType
        Stored type.
    ge, le, gt : float, optional
        Bounds; missing values are not judged by them.
    stored : bool
        Whether it is a column of `FEATURES_TABLE`; the others are computed on request.
    cross_section : bool
        The value is made of other features of all rows of the same date: ``inputs`` names those features, and the
        kernel is a function of `quant_lib.features._cross_section`.
    """

    name: str
    description: str
    unit: str
    inputs: tuple[str, ...]
    kernel: str | Callable[..., npt.NDArray[np.float64]]
    warmup: int
    settle: int | None
    source: str
    args: tuple[int | float | str, ...] = ()
    unbounded: bool = False
    tolerance: float = EXACT_TOLERANCE
    nullable: bool = True
    type: ColumnType = "float64"
    ge: float | None = None
    le: float | None = None
    gt: float | None = None
    stored: bool = True
    cross_section: bool = False

    def column(self) -> Column:
        """Give the column of `FEATURES_TABLE` that holds the feature."""
        return Column(
            self.name,
            self.type,
            self.description,
            self.unit,
            nullable=self.nullable,
            ge=self.ge,
            le=self.le,
            gt=self.gt,
        )
