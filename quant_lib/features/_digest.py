"""Fingerprints of the bars a row of features was computed from, and which stored rows they no longer fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.features._input import SortedBars, annualisation, sort_bars
from quant_lib.indicators._series import FloatArray, IntArray

_Words = npt.NDArray[np.uint64]
_MISSING = np.uint64(0x7FF8_0000_0000_0000)


def _mixed(words: _Words) -> _Words:
    """Spread every bit of a word over all of it (finaliser of SplitMix64)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    return words ^ (words >> np.uint64(31))


def _bits(values: FloatArray) -> _Words:
    return np.where(np.isnan(values), _MISSING, (values + 0.0).view(np.uint64))


def history_digest(ordered: SortedBars, ann: FloatArray) -> IntArray:
    """Fingerprint, for each bar, of that bar and every older one of its series.

    Parameters
    ----------
    ordered : SortedBars
        Bars in order.
    ann : array of shape (n_series,)
        Sessions a year of each series.

    Returns
    -------
    array of shape (n_bars,)
        A change of a price, a volume, a date, an instant of closing, a segment number or the annualisation of a bar
        changes the fingerprint of that bar and of all later ones of the series, and of no other.
    """
    lengths = np.diff(ordered.offsets)
    position = np.arange(ordered.dates.size, dtype=np.int64) - np.repeat(ordered.offsets[:-1], lengths)
    parts = [_bits(ordered.columns[name]) for name in ("high", "low", "close", "volume")]
    parts += [ordered.dates.view(np.uint64), ordered.known.view(np.uint64), ordered.segment.view(np.uint64)]
    parts += [position.view(np.uint64), _bits(np.repeat(ann, lengths))]
    word = np.zeros(ordered.dates.size, np.uint64)
    for part in parts:
        word = _mixed(word * np.uint64(3) + part)
    total = np.cumsum(word, dtype=np.uint64)
    before = np.r_[np.uint64(0), total][ordered.offsets[:-1]]
    digest: IntArray = (total - np.repeat(before, lengths)).view(np.int64)
    return digest


def bar_digests(
    bars: pd.DataFrame | SortedBars, segments: pd.Series | None = None, *, ann: float | Mapping[str, float] = 365.0
) -> pd.DataFrame:
    """Fingerprints that the rows of features of these bars would carry; arguments as in `compute_features`.

    Returns
    -------
    DataFrame
        date, symbol, bars_digest; sorted by (symbol, date).
    """
    ordered = bars if isinstance(bars, SortedBars) else sort_bars(bars, segments)
    digest = history_digest(ordered, annualisation(ordered.series_symbols(), ann))
    return pd.DataFrame({"date": ordered.dates, "symbol": ordered.symbols, "bars_digest": digest})


@dataclass(frozen=True, slots=True)
class Staleness:
    """How stored rows of features differ from those the bars give now.

    Parameters
    ----------
    missing : array of bool, one per row of the current fingerprints
        Not stored, or stored from other bars: to be computed.
    gone : array of bool, one per stored row
        No bar stands behind the row any more.
    """

    missing: npt.NDArray[np.bool_]
    gone: npt.NDArray[np.bool_]


def find_stale(current: pd.DataFrame, stored: pd.DataFrame) -> Staleness:
    """Compare fingerprints of the bars as they are with those that stored rows carry.

    Parameters
    ----------
    current, stored : DataFrame
        date, symbol, bars_digest; no key repeats.
    """
    both = pd.concat([current["symbol"], stored["symbol"]], ignore_index=True)
    codes = pd.factorize(both)[0].astype(np.int64) << np.int64(32)
    now, then = codes[: len(current)] + _days(current), codes[len(current) :] + _days(stored)
    order = np.argsort(then, kind="stable")
    place = np.minimum(np.searchsorted(then, now, sorter=order), max(then.size - 1, 0))
    if not then.size:
        return Staleness(np.ones(now.size, bool), np.zeros(0, bool))
    found = order[place]
    known = then[found] == now
    same = known & (stored["bars_digest"].to_numpy()[found] == current["bars_digest"].to_numpy())
    gone = np.ones(then.size, bool)
    gone[found[known]] = False
    return Staleness(~same, gone)


def _days(rows: pd.DataFrame) -> IntArray:
    days: IntArray = rows["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    return days
