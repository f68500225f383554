"""A number that stands for which rows a file holds and what they were made from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

_Words: TypeAlias = npt.NDArray[np.uint64]
IntArray: TypeAlias = npt.NDArray[np.int64]


def witness_by_month(
    codes: npt.NDArray[Any], names: Sequence[str], dates: npt.NDArray[np.datetime64], values: IntArray
) -> dict[str, tuple[int, int]]:
    """Rows of each month and the sum of their words, whatever their order.

    Parameters
    ----------
    codes : array of int, shape (n_rows,)
        Place of the symbol of each row in ``names``.
    names : sequence of str
        Symbols.
    dates : array of datetime64, shape (n_rows,)
        Session labels.
    values : array of shape (n_rows,)
        Fingerprint each row carries.

    Returns
    -------
    dict
        Number of rows and sum modulo 2**64, by month ("YYYY-MM"). Another symbol, date or fingerprint of one row, a
        row more or less: another pair. Two sets of rows share one by accident once in 2**64.
    """
    if not len(values):
        return {}
    text = [int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little") for name in names]
    days = dates.astype("datetime64[D]")
    words = _mixed(np.array(text, np.uint64)[codes] ^ _mixed(days.astype(np.int64).view(np.uint64)))
    words = _mixed(words * np.uint64(3) + values.view(np.uint64))
    months = days.astype("datetime64[M]")
    first = months.min()
    place = (months - first).astype(np.int64)
    sums = np.zeros(int(place.max()) + 1, np.uint64)
    np.add.at(sums, place, words)
    rows = np.bincount(place)
    return {str(first + int(k)): (int(rows[k]), int(sums[k])) for k in np.flatnonzero(rows)}


def _mixed(words: _Words) -> _Words:
    """Spread every bit of a word over all of it (finaliser of SplitMix64)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    return words ^ (words >> np.uint64(31))
