"""One column of the screener's table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Kind = Literal["number", "int", "text", "bool", "set", "object"]


@dataclass(frozen=True, slots=True)
class Column:
    """Values of one column, one per instrument.

    Attributes
    ----------
    kind : str
        number and int are float64 arrays (NaN is null, int is printed whole);
        the others are object arrays (None is null; a set is a tuple of str).
    values : array, shape (n_instruments,)
        The values.
    """

    kind: Kind
    values: npt.NDArray[Any]

    @property
    def is_numeric(self) -> bool:
        """Whether the values are numbers."""
        return self.kind in ("number", "int")

    @property
    def null(self) -> npt.NDArray[np.bool_]:
        """Where there is no value; an empty set is none."""
        if self.is_numeric:
            missing: npt.NDArray[np.bool_] = np.isnan(self.values)
            return missing
        return np.array([value is None or value == () for value in self.values], dtype=bool)

    def taken(self, rows: npt.NDArray[np.int64]) -> list[Any]:
        """Return the values of some rows, ready for JSON."""
        values = self.values[rows]
        if self.kind == "int":
            return [None if value != value else int(value) for value in values.tolist()]
        if self.kind == "number":
            return [None if value != value else value for value in values.tolist()]
        if self.kind == "set":
            return [list(value) for value in values]
        return list(values)


def numbers(values: Any, *, whole: bool = False) -> Column:
    """Return a numeric column."""
    array = np.asarray(values, dtype=np.float64)
    return Column("int" if whole else "number", np.where(np.isfinite(array), array, np.nan))


def objects(kind: Literal["text", "bool", "set", "object"], values: list[Any]) -> Column:
    """Return a column of texts, flags, sets or objects."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return Column(kind, array)


def nothing(size: int) -> Column:
    """Return a column that is null everywhere."""
    return Column("number", np.full(size, np.nan))
