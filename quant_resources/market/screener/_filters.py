"""Filter operations of the screener (protocol section 1.3), one function each."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from quant_resources.market.bars import FloatArray
from quant_resources.market.clock import DAY
from quant_resources.market.screener._column import Column
from quant_resources.market.screener._errors import ScanRefusedError, unknown_field
from quant_resources.market.screener._names import ColumnName, parse_column
from quant_resources.market.screener._snapshot import Snapshot

Mask = npt.NDArray[np.bool_]

_MONDAY_SHIFT: Final = 3


@dataclass(frozen=True, slots=True)
class Condition:
    """One ``{left, operation, right}`` against one snapshot.

    Attributes
    ----------
    snapshot : Snapshot
        The table.
    market : str
        Decides which column names exist.
    left : str
        Column name; a comma list of them for text search.
    operation : str
        Name of the operation.
    right : object
        Number, flag, text, column name or list of these.
    """

    snapshot: Snapshot
    market: str
    left: str
    operation: str
    right: Any

    def mask(self) -> Mask:
        """Return which rows satisfy the condition.

        Raises
        ------
        ScanRefusedError
            For an unknown column or operation, or a right side the operation cannot use.
        """
        function = OPERATIONS.get(self.operation)
        if function is None:
            raise ScanRefusedError(f'Unknown operation "{self.operation}"')
        return function(self)

    def name(self) -> ColumnName:
        """Return the left column's name."""
        name = parse_column(self.left, self.market)
        if name is None:
            raise unknown_field(self.left)
        return name

    def column(self) -> Column:
        """Return the left column."""
        return self.snapshot.column(self.name())

    def refuse(self) -> ScanRefusedError:
        """Return the refusal of a right side the operation cannot use."""
        return ScanRefusedError(f'Invalid value of filter "{self.left}" {self.operation}')

    def numbers(self, value: Any, back: int = 0) -> FloatArray:
        """Return a right side as numbers, one per row: a constant, or another column (`back` bars earlier)."""
        size = len(self.snapshot.instruments)
        if isinstance(value, bool):
            raise self.refuse()
        if isinstance(value, int | float):
            return np.full(size, float(value))
        other = parse_column(value, self.market) if isinstance(value, str) else None
        if other is None:
            raise self.refuse()
        for _ in range(back):
            other = other.previous()
        column = self.snapshot.column(other)
        if not column.is_numeric:
            raise self.refuse()
        values: FloatArray = column.values
        return values

    def pair(self) -> list[Any]:
        """Return a right side that must be a list of two."""
        if not isinstance(self.right, list) or len(self.right) != 2:
            raise self.refuse()
        return self.right


def _numeric(condition: Condition) -> FloatArray:
    column = condition.column()
    if not column.is_numeric:
        raise condition.refuse()
    values: FloatArray = column.values
    return values


def _ordered(compare: Callable[[Any, Any], Any]) -> Callable[[Condition], Mask]:
    def mask(condition: Condition) -> Mask:
        # A comparison with NaN is false, which is what null asks for.
        result: Mask = compare(_numeric(condition), condition.numbers(condition.right))
        return result

    return mask


def _equal(condition: Condition) -> Mask:
    column, right = condition.column(), condition.right
    if column.is_numeric:
        if isinstance(right, str) and parse_column(right, condition.market) is None:
            return np.zeros(len(column.values), dtype=bool)
        result: Mask = column.values == condition.numbers(right)
        return result
    if column.kind == "set":
        return _intersects(condition, column)
    if isinstance(right, list | dict):
        raise condition.refuse()
    return np.array([type(value) is type(right) and value == right for value in column.values], dtype=bool)


def _not_equal(condition: Condition) -> Mask:
    return ~_equal(condition)


def _in_range(condition: Condition) -> Mask:
    column, right = condition.column(), condition.right
    if not isinstance(right, list):
        raise condition.refuse()
    if column.kind == "set":
        return _intersects(condition, column)
    if not column.is_numeric:
        return np.array([value in right for value in column.values], dtype=bool)
    low, high = condition.pair()
    values = column.values
    result: Mask = (values >= condition.numbers(low)) & (values <= condition.numbers(high))
    return result


def _not_in_range(condition: Condition) -> Mask:
    return ~_in_range(condition) & ~condition.column().null


def _empty(condition: Condition) -> Mask:
    return condition.column().null


def _not_empty(condition: Condition) -> Mask:
    return ~condition.column().null


def _crossing(condition: Condition) -> tuple[Mask, Mask]:
    """Return where left has moved above right since the bar before, and where below."""
    now, then = _numeric(condition), condition.snapshot.column(condition.name().previous()).values
    right, before = condition.numbers(condition.right), condition.numbers(condition.right, back=1)
    return (then <= before) & (now > right), (then >= before) & (now < right)


def _crosses(condition: Condition) -> Mask:
    above, below = _crossing(condition)
    return above | below


def _finder(pattern: str) -> Callable[[str], bool]:
    try:
        compiled = re.compile(pattern, re.IGNORECASE)
    except re.error:
        needle = pattern.casefold()
        return lambda text: needle in text.casefold()
    return lambda text: compiled.search(text) is not None


def _search(condition: Condition) -> Mask:
    """Regular-expression search in any of the columns named, case-insensitive; substring where it does not compile."""
    if not isinstance(condition.right, str):
        raise condition.refuse()
    found = _finder(condition.right)
    mask = np.zeros(len(condition.snapshot.instruments), dtype=bool)
    for left in condition.left.split(","):
        name = parse_column(left.strip(), condition.market)
        if name is None:
            raise unknown_field(left)
        column = condition.snapshot.column(name)
        if column.kind == "set":
            mask |= [any(found(item) for item in value) for value in column.values]
        elif column.kind == "text":
            mask |= [value is not None and found(value) for value in column.values]
        else:
            raise condition.refuse()
    return mask


def _no_search(condition: Condition) -> Mask:
    return ~_search(condition)


def _intersects(condition: Condition, column: Column) -> Mask:
    items = condition.right if isinstance(condition.right, list) else [condition.right]
    if not all(isinstance(item, str) for item in items):
        raise condition.refuse()
    wanted = set(items)
    return np.array([not wanted.isdisjoint(value or ()) for value in column.values], dtype=bool)


def _has(condition: Condition) -> Mask:
    column, right = condition.column(), condition.right
    if isinstance(right, dict) or column.is_numeric:
        raise condition.refuse()
    if column.kind == "set":
        return _intersects(condition, column)
    wanted = right if isinstance(right, list) else [right]
    return np.array([value in wanted for value in column.values], dtype=bool)


def _has_none(condition: Condition) -> Mask:
    return ~_has(condition)


def _scaled(compare: Callable[[Any, Any], Any]) -> Callable[[Condition], Mask]:
    """Compare with a column times a factor: ``right=[column, factor]``."""

    def mask(condition: Condition) -> Mask:
        other, factor = condition.pair()
        result: Mask = compare(_numeric(condition), condition.numbers(other) * condition.numbers(factor))
        return result

    return mask


def _in_scaled_range(condition: Condition) -> Mask:
    """Lie between a column times one factor and times another; with one factor, between the column and that."""
    right = condition.right
    if not isinstance(right, list) or len(right) not in (2, 3):
        raise condition.refuse()
    other = condition.numbers(right[0])
    one = other * condition.numbers(right[1])
    two = other * condition.numbers(right[2]) if len(right) == 3 else other
    values = _numeric(condition)
    result: Mask = (values >= np.fmin(one, two)) & (values <= np.fmax(one, two)) & ~np.isnan(one + two)
    return result


def _not_in_scaled_range(condition: Condition) -> Mask:
    return ~_in_scaled_range(condition) & ~condition.column().null


def _days(days: FloatArray) -> FloatArray:
    return days


def _weeks(days: FloatArray) -> FloatArray:
    return np.floor((days + _MONDAY_SHIFT) / 7)


def _months(days: FloatArray) -> FloatArray:
    there = ~np.isnan(days)
    out = np.full(len(days), np.nan)
    out[there] = days[there].astype(np.int64).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return out


def _in_calendar(unit: Callable[[FloatArray], FloatArray]) -> Callable[[Condition], Mask]:
    """Lie between two offsets from the present day, week or month (UTC)."""

    def mask(condition: Condition) -> Mask:
        first, last = condition.pair()
        away = unit(np.floor(_numeric(condition) / DAY)) - unit(np.array([float(condition.snapshot.today)]))
        result: Mask = (away >= condition.numbers(first)) & (away <= condition.numbers(last))
        return result

    return mask


OPERATIONS: Final[dict[str, Callable[[Condition], Mask]]] = {
    "greater": _ordered(np.greater),
    "egreater": _ordered(np.greater_equal),
    "less": _ordered(np.less),
    "eless": _ordered(np.less_equal),
    "above": _ordered(np.greater),
    "below": _ordered(np.less),
    "equal": _equal,
    "nequal": _not_equal,
    "in_range": _in_range,
    "not_in_range": _not_in_range,
    "empty": _empty,
    "nempty": _not_empty,
    "crosses": _crosses,
    "crosses_above": lambda condition: _crossing(condition)[0],
    "crosses_below": lambda condition: _crossing(condition)[1],
    "match": _search,
    "smatch": _search,
    "nmatch": _no_search,
    "has": _has,
    "has_none_of": _has_none,
    "above%": _scaled(np.greater),
    "below%": _scaled(np.less),
    "in_range%": _in_scaled_range,
    "not_in_range%": _not_in_scaled_range,
    "in_day_range": _in_calendar(_days),
    "in_week_range": _in_calendar(_weeks),
    "in_month_range": _in_calendar(_months),
}
"""Every operation, by the vendor's name."""
