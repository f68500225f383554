"""Bars in the one order features are computed in, refused where they are not bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.features._errors import FeatureInputError
from quant_lib.indicators._series import FloatArray, IntArray

_PRICES: Final = ("high", "low", "close")
_REQUIRED: Final = ("symbol", "date", *_PRICES, "volume")
_DAY: Final = np.timedelta64(1, "D")


@dataclass(frozen=True, slots=True)
class SortedBars:
    """Columns of the bars by (symbol, date), and where each series starts.

    Parameters
    ----------
    symbols : pandas array of text or categories, shape (n_bars,)
        Symbol of each bar.
    dates, known : array of shape (n_bars,), datetime64[us]
        Session label, and instant of the close in UTC.
    columns : dict of arrays of shape (n_bars,)
        high, low, close, volume as float64.
    segment : array of shape (n_bars,), int64
        Segment number.
    offsets : array of shape (n_series + 1,), int64
        A series is one segment of one symbol.
    """

    symbols: Any
    dates: npt.NDArray[np.datetime64]
    known: npt.NDArray[np.datetime64]
    columns: dict[str, FloatArray]
    segment: IntArray
    offsets: IntArray

    def take(self, rows: slice | IntArray) -> SortedBars:
        """Keep some rows; whole series only."""
        kept = np.arange(self.dates.size)[rows]
        lengths = np.diff(self.offsets)
        series = np.repeat(np.arange(lengths.size), lengths)[kept]
        return SortedBars(
            self.symbols[kept],
            self.dates[kept],
            self.known[kept],
            {name: column[kept] for name, column in self.columns.items()},
            self.segment[kept],
            _bounds(np.diff(series) != 0, kept.size),
        )

    def series(self, first: int, last: int) -> SortedBars:
        """Series ``first`` to ``last`` (not included), not copied."""
        begin, end = int(self.offsets[first]), int(self.offsets[last])
        return SortedBars(
            self.symbols[begin:end],
            self.dates[begin:end],
            self.known[begin:end],
            {name: column[begin:end] for name, column in self.columns.items()},
            self.segment[begin:end],
            self.offsets[first : last + 1] - begin,
        )

    def of_symbols_of(self, rows: npt.NDArray[np.bool_]) -> IntArray | slice:
        """Places of every bar of the symbols that some rows belong to."""
        codes = pd.factorize(self.symbols)[0]
        concerned = np.zeros(int(codes.max(initial=-1)) + 1, bool)
        concerned[codes[rows]] = True
        return slice(None) if concerned.all() else np.flatnonzero(concerned[codes])

    def series_symbols(self) -> list[str]:
        """Symbol of each series."""
        return [str(symbol) for symbol in self.symbols[self.offsets[:-1]]]


def _bounds(breaks: npt.NDArray[np.bool_], size: int) -> IntArray:
    """Offsets of the series from where neighbouring rows differ."""
    if size == 0:
        return np.zeros(1, np.int64)
    return np.concatenate([[0], np.flatnonzero(breaks) + 1, [size]]).astype(np.int64)


def _refuse(what: str, remedy: str, bars: pd.DataFrame, row: int) -> FeatureInputError:
    return FeatureInputError(what, f"{bars['symbol'].iloc[row]} on {bars['date'].iloc[row]}", remedy)


def _check_keys(bars: pd.DataFrame, segments: pd.Series | None) -> None:
    missing = [name for name in _REQUIRED if name not in bars.columns]
    if missing:
        raise FeatureInputError(f"columns {missing} are missing", "bars", "pass the bars as stored in ohlcv")
    if bool(bars["symbol"].isna().any()) or bool(bars["date"].isna().any()):
        raise FeatureInputError("a bar has no symbol or no date", "bars", "vet the bars first")
    if segments is not None and not segments.index.equals(bars.index):
        raise FeatureInputError("segments do not have the index of the bars", "segments", "pass one number per bar")
    if segments is not None and bool(segments.isna().any()):
        raise FeatureInputError("a bar has no segment", "segments", "pass one number per bar")


def _check_values(bars: pd.DataFrame, columns: dict[str, FloatArray], order: IntArray) -> None:
    for name in _PRICES:
        wrong = ~((columns[name] > 0.0) & np.isfinite(columns[name]))
        if wrong.any():
            row = int(order[np.flatnonzero(wrong)[0]])
            raise _refuse(
                f"{name} is {bars[name].iloc[row]}", "a price is a positive number: vet the bars first", bars, row
            )
    low, high, close = columns["low"], columns["high"], columns["close"]
    wrong = (close > high) | (close < low)
    if wrong.any():
        row = int(order[np.flatnonzero(wrong)[0]])
        raise _refuse("close lies outside low to high", "no such bar can have traded: vet the bars first", bars, row)
    volume = columns["volume"]
    wrong = (volume < 0.0) | np.isinf(volume)
    if wrong.any():
        row = int(order[np.flatnonzero(wrong)[0]])
        raise _refuse(f"volume is {bars['volume'].iloc[row]}", "vet the bars first", bars, row)


def _instants(bars: pd.DataFrame, dates: npt.NDArray[np.datetime64], order: IntArray) -> npt.NDArray[np.datetime64]:
    """Close of each bar: as recorded, else the end of the UTC day it is labelled with."""
    if "close_time" not in bars.columns:
        return dates + _DAY
    closed = (
        pd.DatetimeIndex(pd.to_datetime(bars["close_time"], utc=True)).tz_localize(None).as_unit("us").to_numpy()[order]
    )
    if bool(np.isnat(closed).any()):
        row = int(order[np.flatnonzero(np.isnat(closed))[0]])
        raise _refuse("close_time is missing", "a stored bar has one: vet the bars first", bars, row)
    return closed


def sort_bars(bars: pd.DataFrame, segments: pd.Series | None) -> SortedBars:
    """Check the bars and bring them into the order features are computed in.

    Parameters
    ----------
    bars : DataFrame
        As in `compute_features`, in any order of rows.
    segments : Series of int, optional
        As in `compute_features`.

    Raises
    ------
    FeatureInputError
        As in `compute_features`.
    """
    _check_keys(bars, segments)
    codes, _ = pd.factorize(bars["symbol"], sort=True)
    dates = bars["date"].to_numpy().astype("datetime64[us]")
    order = _order(codes, dates)
    codes, dates = codes[order], dates[order]
    same = codes[1:] == codes[:-1]
    repeated = same & (dates[1:] == dates[:-1])
    if repeated.any():
        raise _refuse(
            "the key repeats", "keep one bar per symbol and date", bars, int(order[np.flatnonzero(repeated)[0]])
        )
    segment = np.zeros(len(bars), np.int64) if segments is None else segments.to_numpy(np.int64)[order]
    wrong = (same & (np.diff(segment) < 0)) if segment.size else same
    if wrong.any() or (segment < 0).any():
        raise FeatureInputError(
            "segment numbers go back or are negative", "segments", "number them from 0 as time passes"
        )
    columns = {name: bars[name].to_numpy(np.float64, na_value=np.nan)[order] for name in (*_PRICES, "volume")}
    _check_values(bars, columns, order)
    return SortedBars(
        bars["symbol"].array.take(order),
        dates,
        _instants(bars, dates, order),
        columns,
        segment,
        _bounds(~same | (np.diff(segment) != 0), len(bars)),
    )


def _order(codes: IntArray, dates: npt.NDArray[np.datetime64]) -> IntArray:
    """Places of the bars by symbol and date."""
    step = np.diff(codes)
    if bool(np.all((step > 0) | ((step == 0) & (dates[1:] >= dates[:-1])))):
        return np.arange(codes.size)
    return np.lexsort((dates, codes)).astype(np.int64, copy=False)


def annualisation(symbols: Sequence[str], ann: float | Mapping[str, float]) -> FloatArray:
    """Sessions a year of each series."""
    if not isinstance(ann, Mapping):
        made = np.full(len(symbols), float(ann))
    else:
        missing = sorted({symbol for symbol in symbols if symbol not in ann})
        if missing:
            raise FeatureInputError(
                f"no annualisation factor for {missing[:5]}", "ann", "name every symbol of the bars"
            )
        made = np.array([float(ann[symbol]) for symbol in symbols])
    if not bool(np.all(made > 0.0)):
        raise FeatureInputError(
            "an annualisation factor is not positive", "ann", "give sessions a year, such as 365 or 252"
        )
    return made
