"""The vendor's filter operations, evaluated on features of one date (semantics 1.3).

A scanner's filters run on the server when it scans and here when a past universe
is rebuilt. A comparison whose left side is missing is false whatever the
operation, negated ones included: a figure that is not known never passes (D19).
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.errors import MissingDataError
from quant_lib.selection._errors import NotPointInTimeError, UnknownColumnError, UnsupportedFilterError

FilterRule = tuple[str, str, Any]
Mask = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]

VENDOR_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "Recommend.All": "recommend_all",
        "Recommend.MA": "recommend_ma",
        "Recommend.Other": "recommend_other",
        "Value.Traded": "value_traded",
        "Volatility.D": "volatility_d",
        "ADX": "adx",
        "ADX+DI": "dmp_14",
        "ADX-DI": "dmn_14",
        "ATR": "atr_14",
        "RSI": "rsi_14",
        "SMA50": "sma_50",
        "SMA200": "sma_200",
        "VWMA": "vwma_20",
        "close": "close",
        "volume": "volume",
        "change": "change",
        "Perf.W": "perf_w",
        "Perf.1M": "perf_1m",
        "Perf.3M": "perf_3m",
        "Perf.6M": "perf_6m",
        "Perf.Y": "perf_y",
        "volume_change": "volume_change_pct",
        "type": "asset_type",
        "exchange": "exchange",
        "currency": "quote",
        "base_currency": "base",
        "name": "ticker",
    }
)
"""Vendor column to point-in-time feature. Anything else cannot be reconstructed and is refused."""

LIVE_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "Recommend.All|240": "recommend_all_4h",
        "Recommend.All|1W": "recommend_all_1w",
        "Recommend.All|1M": "recommend_all_1mo",
        "Recommend.Other|1W": "recommend_other_1w",
        "Recommend.Other|1M": "recommend_other_1mo",
        "ADX|1W": "adx_1w",
        "ADX|1M": "adx_1mo",
        "Volatility.W": "volatility_w",
        "Volatility.M": "volatility_m",
        "market_cap_calc": "market_cap",
        "market_cap_basic": "market_cap_basic",
        "category": "category",
    }
)
"""Vendor columns that only a live scan answers: no stored feature stands behind them."""

VENDOR_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "spot": "spot",
        "swap": "perp",
        "perp": "perp",
        "stock": "equity",
        "dr": "equity",
        "equity": "equity",
        "fund": "etf",
        "etf": "etf",
        "futures": "futures",
        "forex": "forex",
        "index": "index",
    }
)
"""The vendor's instrument types (and our own words) to ours."""

TEXT_COLUMNS = frozenset({"asset_type", "exchange", "quote", "base", "ticker", "symbol"})
DOLLAR_COLUMNS: Mapping[str, str] = MappingProxyType({"value_traded": "value_traded_usd", "turnover": "liquidity_usd"})
"""Money columns are judged by their dollar figure, never nominally."""

_ORDER: Mapping[str, Callable[[FloatArray, Any], Mask]] = {
    "greater": operator.gt,
    "above": operator.gt,
    "egreater": operator.ge,
    "less": operator.lt,
    "below": operator.lt,
    "eless": operator.le,
    "equal": operator.eq,
    "nequal": operator.ne,
}
_SIGNS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("greater", "above"), ">"),
        **dict.fromkeys(("less", "below"), "<"),
        "egreater": "≥",
        "eless": "≤",
        "equal": "=",
        "nequal": "≠",
    }
)
_NEGATED = frozenset({"nequal", "not_in_range", "nmatch", "has_none_of"})


@dataclass(frozen=True)
class Judgement:
    """Verdict of one rule on every row.

    Parameters
    ----------
    keep : bool array of shape (n_rows,)
        Rows that pass.
    value : float array of shape (n_rows,)
        Figure judged, NaN where it is missing or text.
    threshold : float array of shape (n_rows,)
        Limit it was judged by, NaN where that is not one number.
    textual : bool
        Text was judged, so that a missing figure means nothing.
    """

    keep: Mask
    value: FloatArray
    threshold: FloatArray
    textual: bool = False


def feature_column(name: str) -> str:
    """Name of the feature behind a vendor column.

    Parameters
    ----------
    name : str
        Vendor's name, or already the feature's.

    Returns
    -------
    str

    Raises
    ------
    UnknownColumnError
        Nothing point-in-time stands behind it.
    """
    if name in VENDOR_COLUMNS:
        return VENDOR_COLUMNS[name]
    if name in LIVE_COLUMNS:
        return LIVE_COLUMNS[name]
    if name in TEXT_COLUMNS or name in _FEATURES:
        return name
    raise UnknownColumnError(name, tuple(VENDOR_COLUMNS))


_FEATURES = (frozenset(VENDOR_COLUMNS.values()) - TEXT_COLUMNS) | frozenset(
    {
        "turnover",
        "recommend_all_weighted",
        "momentum",
        "momentum_20",
        "momentum_60",
        "momentum_120",
        "volatility",
        "n_bars",
        "momentum_composite",
        *LIVE_COLUMNS.values(),
    }
)


def readable_columns() -> frozenset[str]:
    """Every column of a universe that a rule can name."""
    return TEXT_COLUMNS | _FEATURES | frozenset(DOLLAR_COLUMNS.values())


_CODES = frozenset({"category"})
"""Columns whose numbers name things: they are listed, not ordered."""


def judge_filter(frame: pd.DataFrame, rule: FilterRule) -> Judgement:
    """Evaluate one vendor filter on a frame of features.

    Parameters
    ----------
    frame : DataFrame
        One row per symbol, feature columns; money columns beside their ``*_usd`` figure.
    rule : tuple (column, operation, value)
        As in the vendor's query.

    Returns
    -------
    Judgement

    Raises
    ------
    UnknownColumnError
        The column has no feature behind it.
    UnsupportedFilterError
        The operation or value does not fit the column.
    MissingDataError
        The frame lacks the feature.
    """
    name, operation, value = rule
    column = feature_column(name)
    if column in TEXT_COLUMNS:
        keep = _judge_text(_text(frame, column), column, rule)
        nothing = np.full(len(frame), np.nan)
        return Judgement(keep, nothing, nothing, textual=True)
    left = numbers(frame, column)
    if column in _CODES:
        return _judge_code(left, rule)
    if operation in ("in_range", "not_in_range"):
        return _judge_range(left, rule)
    if operation not in _ORDER:
        raise UnsupportedFilterError(name, operation, value, "a number has no such operation here")
    right = _right_side(frame, rule)
    with np.errstate(invalid="ignore"):
        keep = _ORDER[operation](left, right) & ~np.isnan(left) & ~np.isnan(right)
    return Judgement(keep, left, right)


def numbers(frame: pd.DataFrame, column: str) -> FloatArray:
    """Figures of a feature column, in dollars where it is money.

    Raises
    ------
    NotPointInTimeError
        Only a live scan knows the column.
    MissingDataError
        The frame lacks the column.
    """
    name = DOLLAR_COLUMNS.get(column, column)
    if name not in frame.columns and column in LIVE_COLUMNS.values():
        vendor = next(one for one, feature in LIVE_COLUMNS.items() if feature == column)
        raise NotPointInTimeError(
            f"{vendor} ({column})", "no stored feature stands behind it", "scan live, or use a daily field"
        )
    if name not in frame.columns:
        raise MissingDataError(
            f"column {column!r}", "the universe frame", "add the feature or remove the rule that reads it"
        )
    return frame[name].to_numpy(dtype="float64", na_value=np.nan)


def describe(rule: FilterRule) -> str:
    """Write a filter in words, with the name a scanner's file gives the field."""
    name, operation, value = rule
    return f"{_WRITTEN.get(name, name)} {_SIGNS.get(operation, operation)} {amount(value)}"


def amount(value: Any) -> str:
    """Write a figure, a text or a list of them as a person would: 1,000,000 and not 1000000.0."""
    if isinstance(value, (list, tuple)):
        return f"({', '.join(amount(one) for one in value)})"
    if isinstance(value, str):
        return repr(value)
    return "0" if value == 0.0 else f"{value:,.10g}" if isinstance(value, (int, float)) else str(value)


_WRITTEN: Mapping[str, str] = MappingProxyType(
    {feature: name for name, feature in {**LIVE_COLUMNS, **VENDOR_COLUMNS}.items() if feature not in TEXT_COLUMNS}
)
"""Feature to the name a scanner's file gives it."""


def _right_side(frame: pd.DataFrame, rule: FilterRule) -> FloatArray:
    name, operation, value = rule
    if isinstance(value, str):
        column = feature_column(value)
        if column in TEXT_COLUMNS:
            raise UnsupportedFilterError(name, operation, value, "a number cannot be compared with text")
        return numbers(frame, column)
    return np.full(len(frame), _number(rule, value))


def _judge_range(left: FloatArray, rule: FilterRule) -> Judgement:
    name, operation, value = rule
    if isinstance(value, str) or not hasattr(value, "__len__") or len(value) != 2:
        raise UnsupportedFilterError(name, operation, value, "a range is two numbers, lowest first")
    low, high = (_number(rule, bound) for bound in value)
    if low > high:
        raise UnsupportedFilterError(name, operation, value, "a range is two numbers, lowest first")
    inside = (left >= low) & (left <= high)
    keep = (inside if operation == "in_range" else ~inside) & ~np.isnan(left)
    return Judgement(keep, left, np.where(left < low, low, high))


def _judge_code(left: FloatArray, rule: FilterRule) -> Judgement:
    name, operation, value = rule
    codes = list(value) if isinstance(value, (list, tuple)) else [value]
    if operation not in ("in_range", "not_in_range", "equal", "nequal"):
        raise UnsupportedFilterError(name, operation, value, "a code is one of a list or not")
    found = np.isin(left, [_number(rule, code) for code in codes])
    keep = (~found if operation in _NEGATED else found) & ~np.isnan(left)
    return Judgement(keep, left, np.full(len(left), np.nan))


def _number(rule: FilterRule, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not math.isfinite(value):
        raise UnsupportedFilterError(*rule, f"{value!r} is not a finite number")
    return float(value)


def _text(frame: pd.DataFrame, column: str) -> pd.Series:
    if column not in frame.columns:
        raise MissingDataError(f"column {column!r}", "the universe frame", "add it or remove the filter that reads it")
    return frame[column].astype("str")


def _judge_text(left: pd.Series, column: str, rule: FilterRule) -> Mask:
    name, operation, value = rule
    if operation in ("match", "nmatch"):
        hit = _search(left, column, rule)
    elif operation in ("equal", "nequal"):
        if not isinstance(value, str):
            raise UnsupportedFilterError(name, operation, value, "text is compared with text")
        hit = left.isin(_words(column, rule))
    elif operation in ("in_range", "not_in_range", "has", "has_none_of"):
        hit = left.isin(_words(column, rule))
    else:
        raise UnsupportedFilterError(name, operation, value, "text has no such operation here")
    known = (left.notna() & (left != "")).to_numpy(dtype=bool)
    found = hit.to_numpy(dtype=bool)
    return np.asarray((~found if operation in _NEGATED else found) & known)


def _search(left: pd.Series, column: str, rule: FilterRule) -> pd.Series:
    name, operation, value = rule
    if column == "asset_type" or not isinstance(value, str):
        raise UnsupportedFilterError(name, operation, value, "a pattern searches names, exchanges and currencies")
    try:
        pattern = re.compile(value, re.IGNORECASE)
    except re.error as error:
        raise UnsupportedFilterError(name, operation, value, f"the pattern does not compile: {error}") from error
    return left.map(lambda text: bool(pattern.search(text)), na_action="ignore").eq(True)


def _words(column: str, rule: FilterRule) -> list[str]:
    name, operation, value = rule
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, (list, tuple, set, frozenset)) or not all(isinstance(word, str) for word in words):
        raise UnsupportedFilterError(name, operation, value, "give text or a list of text")
    if column != "asset_type":
        return sorted(words)
    unknown = sorted(set(words) - set(VENDOR_TYPES))
    if unknown:
        raise UnsupportedFilterError(name, operation, value, f"unknown instrument type {', '.join(unknown)}")
    return sorted({VENDOR_TYPES[word] for word in words})
