"""From a feature's declaration to the function that computes it."""

from __future__ import annotations

from collections.abc import Callable

from quant_lib.features import _cross_section, _definitions, _statistical
from quant_lib.features._block import SeriesBlock
from quant_lib.features._feature import Feature
from quant_lib.indicators._series import FloatArray

_OF_A_SERIES = vars(_definitions) | vars(_statistical)
_OF_A_MOMENT = vars(_cross_section)


def kernel_of(feature: Feature) -> Callable[..., FloatArray]:
    """Find the kernel a feature declares; `KeyError` where its name is no kernel."""
    if callable(feature.kernel):
        return feature.kernel
    found: Callable[..., FloatArray] = (_OF_A_MOMENT if feature.cross_section else _OF_A_SERIES)[feature.kernel]
    return found


def values_of(feature: Feature, block: SeriesBlock) -> FloatArray:
    """Compute a feature for every bar of a block of series."""
    return kernel_of(feature)(block, *feature.args)
