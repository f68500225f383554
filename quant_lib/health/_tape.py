"""All symbols' bars as flat arrays, sorted once, so that every rule is one array expression."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.calendars import CRYPTO, BoolArray, Calendar, DateArray, IntArray, label_of
from quant_lib.health._errors import BarsContractError

FloatArray: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class BarTape:
    """Bars of all symbols, one after the other, in the order of (symbol, session).

    Parameters
    ----------
    symbols : array of shape (n_symbols,)
        Symbols in ascending order.
    code : array of shape (n,)
        Place of the bar's symbol in `symbols`; never decreases.
    session : array of shape (n,)
        Session number of the bar, strictly increasing within a symbol.
    date : array of shape (n,)
        Session label, ``datetime64[us]``.
    close : array of shape (n,)
        Closing price, quote currency.
    first : array of shape (n,)
        Whether the bar is its symbol's first.
    missing : array of shape (n,)
        Expected sessions between the previous bar and this one; 0 on a first bar.
    ratio : array of shape (n,)
        Close over the previous bar's close; NaN on a first bar.
    order : array of shape (n,), optional
        Position in the caller's frame of each bar; None where the frame was in order.
    overnight : array of shape (n,)
        Open over the previous bar's close; NaN on a first bar and where opens are not known.
    turnover : array of shape (n,)
        Close x volume; NaN where volumes are not known.
    always_open : bool
        Whether the market never closes.
    """

    symbols: npt.NDArray[np.object_]
    code: IntArray
    session: IntArray
    date: DateArray
    close: FloatArray
    first: BoolArray
    missing: IntArray
    ratio: FloatArray
    order: IntArray | None
    overnight: FloatArray
    turnover: FloatArray
    always_open: bool

    def __len__(self) -> int:
        return len(self.code)

    @property
    def begins(self) -> IntArray:
        """Position of each symbol's first bar, shape (n_symbols,)."""
        return np.flatnonzero(self.first)

    @property
    def ends(self) -> IntArray:
        """Position of each symbol's last bar, shape (n_symbols,)."""
        return np.append(self.begins[1:] - 1, len(self) - 1) if len(self) else self.begins

    def column(self, frame: pd.DataFrame, name: str) -> FloatArray:
        """Take another column of the caller's frame, in the order of the tape, shape (n,)."""
        values = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
        return values if self.order is None else values[self.order]

    def in_frame_order(self, values: IntArray) -> IntArray:
        """Put per-bar values back into the order of the caller's frame, shape (n,)."""
        if self.order is None:
            return values
        out = np.empty_like(values)
        out[self.order] = values
        return out


def upto(bars: pd.DataFrame, on: dt.date) -> pd.DataFrame:
    """Leave out every bar after `on`: what came later does not exist for a verdict on that date."""
    _require(bars, ("date",))
    known = _labels(bars["date"], "date") <= label_of(on)
    return bars if bool(known.all()) else bars.loc[known]


def make_tape(bars: pd.DataFrame, calendar: Calendar) -> BarTape:
    """Sort bars and measure each one against the bar before it.

    Parameters
    ----------
    bars : DataFrame
        Columns symbol, date, close; any order; unique by (symbol, date).
    calendar : Calendar
        Calendar of every symbol in the frame.

    Returns
    -------
    BarTape

    Raises
    ------
    BarsContractError
        Columns, dates, prices or keys that the table contract does not allow.
    """
    _require(bars, ("symbol", "date", "close"))
    code, symbols = _symbol_codes(bars["symbol"])
    date = _labels(bars["date"], "date")
    session = calendar.session_number(date)
    order = _sort_order(code, session)
    close = bars["close"].to_numpy(dtype=np.float64, na_value=np.nan)
    if order is not None:
        code, session, date, close = code[order], session[order], date[order], close[order]
    _check_values(symbols, code, date, close, calendar)
    first = np.ones(len(code), dtype=np.bool_)
    first[1:] = code[1:] != code[:-1]
    missing = np.zeros(len(code), dtype=np.int64)
    missing[1:] = np.where(first[1:], 0, session[1:] - session[:-1] - 1)
    ratio = np.full(len(code), np.nan)
    ratio[1:] = np.where(first[1:], np.nan, close[1:] / close[:-1])
    _check_unique(symbols, code, date, missing)
    overnight = np.full(len(code), np.nan)
    opens = _optional(bars, "open", order)
    overnight[1:] = np.where(first[1:], np.nan, opens[1:] / close[:-1])
    turnover = close * _optional(bars, "volume", order)
    return BarTape(
        symbols, code, session, date, close, first, missing, ratio, order, overnight, turnover, calendar is CRYPTO
    )


def _optional(bars: pd.DataFrame, name: str, order: IntArray | None) -> FloatArray:
    """Take a column in the order of the tape; NaN where the frame has none."""
    if name not in bars.columns:
        return np.full(len(bars), np.nan)
    values = bars[name].to_numpy(dtype=np.float64, na_value=np.nan)
    return values if order is None else values[order]


def _require(frame: pd.DataFrame, names: Sequence[str]) -> None:
    absent = [name for name in names if name not in frame.columns]
    if absent:
        raise BarsContractError(
            f"no column {', '.join(absent)}",
            f"columns are {', '.join(map(str, frame.columns))}",
            "pass bars with the columns of the ohlcv table",
        )


def _symbol_codes(column: pd.Series) -> tuple[IntArray, npt.NDArray[np.object_]]:
    code, uniques = pd.factorize(column, sort=True)
    if len(code) and int(code.min()) < 0:
        raise BarsContractError("a bar without a symbol", "column symbol", "fill or leave out those rows")
    return code.astype(np.int64, copy=False), np.asarray(uniques, dtype=object)


def _labels(column: pd.Series, name: str) -> DateArray:
    if column.empty:
        return np.empty(0, dtype="datetime64[us]")
    if not isinstance(column.dtype, np.dtype) or column.dtype.kind != "M":
        raise BarsContractError(
            f"column {name} holds {column.dtype}, not session labels",
            f"column {name}",
            "session labels are datetime64 without a time zone, at midnight",
        )
    values: DateArray = column.to_numpy().astype("datetime64[us]")
    if bool(np.isnat(values).any()):
        raise BarsContractError(f"a bar without a {name}", f"column {name}", "fill or leave out those rows")
    return values


def _sort_order(code: IntArray, session: IntArray) -> IntArray | None:
    steps = np.diff(code)
    if bool(((steps > 0) | ((steps == 0) & (np.diff(session) >= 0))).all()):
        return None
    return np.lexsort((session, code)).astype(np.int64, copy=False)


def _check_values(
    symbols: npt.NDArray[np.object_], code: IntArray, date: DateArray, close: FloatArray, calendar: Calendar
) -> None:
    sane = np.isfinite(close) & (close > 0.0)
    if not bool(sane.all()):
        at = int(np.flatnonzero(~sane)[0])
        raise BarsContractError(
            f"{int((~sane).sum())} closes are not positive and finite",
            f"first {symbols[code[at]]} on {date[at].astype('datetime64[D]')}: {close[at]}",
            "refuse such bars at the door with vet_bars",
        )
    session = calendar.is_session(date)
    if not bool(session.all()):
        at = int(np.flatnonzero(~session)[0])
        raise BarsContractError(
            f"{int((~session).sum())} bars on days that are no session of calendar {calendar.name}",
            f"first {symbols[code[at]]} at {date[at]}",
            "date is the session label at midnight; refuse such bars at the door with vet_bars",
        )


def _check_unique(symbols: npt.NDArray[np.object_], code: IntArray, date: DateArray, missing: IntArray) -> None:
    repeated = missing < 0
    if bool(repeated.any()):
        at = int(np.flatnonzero(repeated)[0])
        raise BarsContractError(
            f"{int(repeated.sum())} bars share symbol and date with another",
            f"first {symbols[code[at]]} on {date[at].astype('datetime64[D]')}",
            "refuse repeated bars at the door with vet_bars",
        )
