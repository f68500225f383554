"""A block of series and everything already computed on it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from quant_lib.indicators._series import FloatArray, IntArray
from quant_lib.indicators.votes import Ruleset

_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class SeriesBlock:
    """Bars of a few series laid end to end.

    Parameters
    ----------
    high, low, close, volume : array of shape (n_bars,)
        Prices in quote currency, quantity in base units (NaN where unknown).
    segment : array of shape (n_bars,)
        Segment number of each bar.
    day : array of shape (n_bars,)
        Session label of each bar, in days since 1970-01-01.
    offsets : array of shape (n_series + 1,)
        Bounds of the series.
    ann : array of shape (n_series,)
        Sessions a year of each series.
    ruleset : {'legacy', 'pine3'}
        Rule set of the rating votes.
    stress : tuple of (first day, last day)
        Stress windows, in the days of ``day``, both ends included.
    """

    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    segment: IntArray
    day: IntArray
    offsets: IntArray
    ann: FloatArray
    ruleset: Ruleset
    stress: tuple[tuple[int, int], ...]
    computed: dict[Hashable, Any] = field(default_factory=dict)


def once(
    definition: Callable[Concatenate[SeriesBlock, _P], _T],
) -> Callable[Concatenate[SeriesBlock, _P], _T]:
    """Compute a definition once per block and arguments; features share what they have in common."""

    @functools.wraps(definition)
    def remembered(block: SeriesBlock, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        key = (definition.__name__, args, tuple(sorted(kwargs.items())))
        if key not in block.computed:
            block.computed[key] = definition(block, *args, **kwargs)
        made: _T = block.computed[key]
        return made

    return cast("Callable[Concatenate[SeriesBlock, _P], _T]", remembered)
