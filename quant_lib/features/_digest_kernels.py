"""Compiled loop behind the fingerprints of bars."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

import numba
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Words = npt.NDArray[np.uint64]
    IntArray = npt.NDArray[np.int64]

_Kernel = TypeVar("_Kernel", bound=Callable[..., object])


def _compiled(kernel: _Kernel) -> _Kernel:
    """Compile on first call, release the GIL, keep the machine code beside the source."""
    return cast("_Kernel", numba.njit(nogil=True, cache=True, fastmath=False)(kernel))


@_compiled
def mixed(word: np.uint64) -> np.uint64:
    """Spread every bit of a word over all of it (finaliser of SplitMix64)."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    return word ^ (word >> np.uint64(31))


@_compiled
def running_sums(words: Words, sessions: Words, offsets: IntArray, out: Words) -> None:
    """Sum the mixed words of the bars of each series so far.

    ``words`` has shape (n_words, n_bars), ``sessions`` (n_series,); a bar's place in its series is a word too.
    """
    for series in range(offsets.size - 1):
        total = np.uint64(0)
        for bar in range(offsets[series], offsets[series + 1]):
            word = np.uint64(0)
            for part in range(words.shape[0]):
                word = mixed(word * np.uint64(3) + words[part, bar])
            word = mixed(word * np.uint64(3) + np.uint64(bar - offsets[series]))
            word = mixed(word * np.uint64(3) + sessions[series])
            total = total + word
            out[bar] = total
