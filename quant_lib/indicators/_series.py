"""Series laid end to end, and the checks every indicator shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from quant_lib.errors import QuantError

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]

PRICE_TIE: Final = 1e-12
"""Prices closer than this share of the price are equal: the difference is rounding, a tick is far larger."""

PERCENT_TIE: Final = 1e-10
"""Figures on a scale of 100 closer than this are equal."""


@dataclass(eq=False)
class IndicatorInputError(QuantError):
    """An indicator was asked for something it cannot mean."""

    what: str
    value: str
    expected: str

    def __str__(self) -> str:
        return f"{self.what} was {self.value}, expected {self.expected}"


def series(x: npt.ArrayLike, what: str = "series") -> FloatArray:
    """Give ``x`` as a contiguous, writeable float64 vector: the one type the kernels are compiled for."""
    if type(x) is np.ndarray and x.dtype == np.float64 and x.ndim == 1 and x.flags.carray:
        return x
    made = np.require(x, np.float64, ["C", "W"])
    if made.ndim != 1:
        raise IndicatorInputError(what, f"of shape {made.shape}", "one dimension, one value per bar")
    return made


def bounds(x: FloatArray, offsets: IntArray | None) -> IntArray:
    """Give the offsets of the series in ``x``; the whole of it is one series by default."""
    if offsets is None:
        return np.array([0, x.size], np.int64)
    made = np.require(offsets, np.int64, ["C", "W"])
    if made.ndim != 1 or made.size < 1 or made[0] != 0 or made[-1] != x.size or bool((made[1:] < made[:-1]).any()):
        raise IndicatorInputError("offsets", str(made.tolist()[:8]), f"0, …, {x.size} without going back")
    return made


def check_length(length: int, least: int = 1) -> int:
    """Refuse a window shorter than ``least`` bars."""
    if length < least:
        raise IndicatorInputError("length", str(length), f"at least {least} bars")
    return length


def same_size(**columns: FloatArray) -> None:
    """Refuse columns of different length."""
    sizes = {name: column.size for name, column in columns.items()}
    if len(set(sizes.values())) > 1:
        raise IndicatorInputError("columns", str(sizes), "one value per bar in each")


def lag(x: npt.ArrayLike, bars: int = 1, offsets: IntArray | None = None) -> FloatArray:
    """Value ``bars`` bars ago in the same series.

    Parameters
    ----------
    x : array of shape (n_bars,)
        Any series.
    bars : int
        How far back, at least 1.
    offsets : array of shape (n_series + 1,), optional
        Bounds of the series laid end to end in ``x``; one series by default.

    Returns
    -------
    array of shape (n_bars,)
        NaN for the first ``bars`` bars of every series.
    """
    values = series(x)
    at = bounds(values, offsets)
    check_length(bars)
    out = np.empty_like(values)
    out[bars:] = values[: max(values.size - bars, 0)]
    starts, ends = at[:-1], at[1:]
    for k in range(min(bars, values.size)):
        rows = starts + k
        out[rows[rows < ends]] = np.nan
    return out


def change(x: npt.ArrayLike, bars: int = 1, offsets: IntArray | None = None) -> FloatArray:
    """Value less the value ``bars`` bars ago, same unit as ``x``; shapes as in `lag`."""
    made = lag(x, bars, offsets)
    return np.subtract(series(x), made, out=made)


def ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """``part / whole``, missing where ``whole`` is not positive: a share of nothing is not a number."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(whole > 0.0, part / whole, np.nan)
