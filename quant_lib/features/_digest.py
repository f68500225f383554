"""Fingerprints of the bars a row of features was computed from, and which stored rows they no longer fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.features._digest_kernels import running_sums
from quant_lib.features._input import SortedBars, annualisation, sort_bars
from quant_lib.indicators._series import FloatArray, IntArray

_Words = npt.NDArray[np.uint64]
_MISSING = np.uint64(0x7FF8_0000_0000_0000)


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
    words = np.stack(
        [
            *(_bits(ordered.columns[name]) for name in ("high", "low", "close", "volume")),
            *(np.ascontiguousarray(part).view(np.uint64) for part in (ordered.dates, ordered.known, ordered.segment)),
        ]
    )
    digest = np.empty(ordered.dates.size, np.uint64)
    running_sums(words, _bits(ann), ordered.offsets, digest)
    made: IntArray = digest.view(np.int64)
    return made


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
    changed : array of bool, one per stored row
        Made from other bars.
    """

    missing: npt.NDArray[np.bool_]
    gone: npt.NDArray[np.bool_]
    changed: npt.NDArray[np.bool_]


def find_stale(current: pd.DataFrame, stored: pd.DataFrame) -> Staleness:
    """Compare fingerprints of the bars as they are with those that stored rows carry.

    Parameters
    ----------
    current, stored : DataFrame
        date, symbol, bars_digest; no key repeats. Quickest where symbols are categories.
    """
    names = pd.Index(pd.unique(current["symbol"]).astype("str")).append(
        pd.Index(pd.unique(stored["symbol"]).astype("str"))
    )
    names = names.unique()
    now, then = _keys(current, names), _keys(stored, names)
    digest, others = current["bars_digest"].to_numpy(), stored["bars_digest"].to_numpy()
    if not then.size:
        return Staleness(np.ones(now.size, bool), np.zeros(0, bool), np.zeros(0, bool))
    order = np.argsort(then, kind="stable")
    found = order[np.minimum(np.searchsorted(then[order], now), then.size - 1)]
    known = then[found] == now
    same = known & (others[found] == digest)
    gone, changed = np.ones(then.size, bool), np.zeros(then.size, bool)
    gone[found[known]] = False
    changed[found[known & ~same]] = True
    return Staleness(~same, gone, changed)


def _keys(rows: pd.DataFrame, names: pd.Index) -> IntArray:
    """One number for each symbol and date, increasing with the date."""
    symbol = rows["symbol"].astype("category").cat
    place = names.get_indexer(symbol.categories.astype("str")).astype(np.int64)
    days: IntArray = rows["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    keys: IntArray = (place[symbol.codes.to_numpy()] << np.int64(32)) + days
    return keys
