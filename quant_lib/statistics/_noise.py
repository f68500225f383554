"""Where a figure stands among those that independent normal returns would give for the same number of values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from quant_lib.errors import QuantError
from quant_lib.statistics._noise_table import PROBABILITIES, TABLE

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

NOISE_STATISTICS: Final = tuple(sorted({statistic for statistic, _ in TABLE}))
"""Statistics whose noise distribution is tabulated."""

NOISE_SIZES: Final = tuple(sorted({size for _, size in TABLE}))
"""Window lengths it is tabulated for; those between are interpolated."""


@dataclass(eq=False)
class NoiseTableError(QuantError):
    """A noise distribution was asked for that is not tabulated."""

    statistic: str
    length: int

    def __str__(self) -> str:
        return f"no noise distribution of {self.statistic!r} over {self.length} values"

    @property
    def fix(self) -> str:
        """What to do."""
        return (
            f"ask for one of {', '.join(NOISE_STATISTICS)} over {NOISE_SIZES[0]} to {NOISE_SIZES[-1]} values, "
            "or extend tools/noise.py and run it"
        )


def noise_quantiles(statistic: str, length: int) -> tuple[FloatArray, FloatArray]:
    """Quantiles of a statistic over ``length`` independent normal values.

    Parameters
    ----------
    statistic : str
        One of `NOISE_STATISTICS`.
    length : int
        Values in the window, within `NOISE_SIZES`.

    Returns
    -------
    quantiles, probabilities : array of shape (n_points,)
        Both increasing.

    Raises
    ------
    NoiseTableError
        Where the statistic or the length is not tabulated.
    """
    return _quantiles(statistic, length)


@lru_cache(maxsize=128)
def _quantiles(statistic: str, length: int) -> tuple[FloatArray, FloatArray]:
    import numpy as np

    sizes = [size for name, size in TABLE if name == statistic]
    if not sizes or not min(sizes) <= length <= max(sizes):
        raise NoiseTableError(statistic, length)
    shorter = max(size for size in sizes if size <= length)
    longer = min(size for size in sizes if size >= length)
    low, high = (np.array([float(v) for v in TABLE[statistic, size].split()]) for size in (shorter, longer))
    share = (length - shorter) / (longer - shorter) if longer > shorter else 0.0
    quantiles = np.maximum.accumulate(low + share * (high - low))
    return quantiles, np.array([float(p) for p in PROBABILITIES.split()])


def noise_percentile(statistic: str, values: npt.ArrayLike, length: int) -> FloatArray:
    """Share of noise that would show a smaller figure.

    Parameters
    ----------
    statistic : str
        One of `NOISE_STATISTICS`.
    values : array
        Figures, each over ``length`` values; NaN stays NaN.
    length : int
        Values in the window.

    Returns
    -------
    array of the shape of ``values``
        0 to 1: uniform for noise, near an end where the figure is not one that noise gives.

    Raises
    ------
    NoiseTableError
        Where the statistic or the length is not tabulated.
    """
    import numpy as np

    quantiles, probabilities = _quantiles(statistic, length)
    # A limit that many windows reach (half-life: 500) stands where the share below it does.
    end = int(np.searchsorted(quantiles, quantiles[-1])) + 1
    return np.interp(np.asarray(values, np.float64), quantiles[:end], probabilities[:end])
