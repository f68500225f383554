"""What every filter is, and the trailing bars some of them read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.errors import MissingDataError
from quant_lib.selection.vetoes import Verdict, Veto

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


class Filter(Protocol):
    """One rule of a profile's chain."""

    @property
    def name(self) -> str:
        """As the profile writes it."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Features of the date it reads."""

    @property
    def trailing(self) -> tuple[str, ...]:
        """Features it reads over the trailing bars."""

    @property
    def bars(self) -> int:
        """How many bars up to the date, the date included; 1 reads the date alone."""

    def prepare(self, facts: pd.DataFrame, trail: Trail) -> dict[str, FloatArray]:
        """Figures to add to the facts before vetoes are cast."""

    def vetoes(self) -> tuple[Veto, ...]:
        """Rules it casts, as configured."""

    def relaxed(self, stage: int) -> Filter:
        """Return the filter as it stands at a relaxation stage."""


@dataclass(frozen=True)
class Trail:
    """The last bars of each candidate, oldest first, the decision date last.

    Parameters
    ----------
    values : mapping of str to array of shape (n_candidates, n_bars)
        NaN where the symbol's current series has no such bar, or the feature is not known.
    """

    values: dict[str, FloatArray]

    @classmethod
    def of(
        cls, rows: pd.DataFrame, symbols: Sequence[str], columns: Sequence[str], bars: int, day: pd.Timestamp | None
    ) -> Trail:
        """Cut the trailing bars of each symbol.

        Parameters
        ----------
        rows : DataFrame
            date, symbol, segment and `columns`, up to the decision date.
        symbols : sequence of str
            Candidates, one row of every array each; may repeat.
        columns : sequence of str
            Wanted features.
        bars : int
            How many.
        day : Timestamp, optional
            Decision date; a symbol without a bar on it has no trail.

        Raises
        ------
        MissingDataError
            A column is not there.
        """
        lacking = sorted({"date", "symbol", "segment", *columns} - set(rows.columns))
        if lacking:
            raise MissingDataError(
                f"column {', '.join(lacking)}", "trailing features", "compute the features of the date again"
            )
        names = list(dict.fromkeys(symbols))
        place = pd.Index(names).get_indexer(pd.Index(rows["symbol"]))
        order = np.lexsort((rows["date"].to_numpy(), place))
        order = order[place[order] >= 0]
        at, dates = place[order], rows["date"].to_numpy()[order]
        ends = np.searchsorted(at, np.arange(len(names)), side="right")
        back = ends[at] - 1 - np.arange(len(at))  # 0 is the newest bar of the symbol
        segment = rows["segment"].to_numpy()[order]
        newest = ends[at] - 1
        current = segment == segment[newest]
        if day is not None:
            current &= dates[newest] == day.to_datetime64()
        keep = (back < bars) & current
        values = {}
        for column in columns:
            block = np.full((len(names), bars), np.nan)
            block[at[keep], bars - 1 - back[keep]] = rows[column].to_numpy(dtype="float64", na_value=np.nan)[order][
                keep
            ]
            values[column] = block[pd.Index(names).get_indexer(pd.Index(symbols))] if len(names) else block
        return cls(values)

    def last(self, bars: int) -> Trail:
        """Cut the newest bars of it."""
        return Trail({column: block[:, -bars:] for column, block in self.values.items()})


def sides(facts: pd.DataFrame) -> FloatArray:
    """+1 for LONG, -1 for SHORT."""
    return np.where((facts["direction"] == "LONG").to_numpy(dtype=bool), 1.0, -1.0)


def figures(facts: pd.DataFrame, column: str) -> FloatArray:
    """Floats of a column, NaN where missing."""
    return facts[column].to_numpy(dtype="float64", na_value=np.nan)


def verdict(bites: Mask, value: FloatArray, threshold: FloatArray | float, note: Callable[[int], str]) -> Verdict:
    """Verdict whose notes are written only where it bites."""
    notes = np.full(len(bites), "", dtype=object)
    for at in np.flatnonzero(bites):
        notes[at] = note(int(at))
    return Verdict(bites, value, np.broadcast_to(np.asarray(threshold, dtype="float64"), bites.shape), notes)


def bounded(
    value: FloatArray, *, what: str, low: float | None = None, high: float | None = None, unit: str = ""
) -> Verdict:
    """Bite outside [low, high], and where the figure is not known."""
    below = ~(value >= low) if low is not None else np.zeros(len(value), dtype=bool)
    above = ~(value <= high) if high is not None else np.zeros(len(value), dtype=bool)
    if low is None:
        limits = np.full(len(value), high)
    elif high is None:
        limits = np.full(len(value), low)
    else:
        limits = np.where(value < low, low, high)

    def note(at: int) -> str:
        if np.isnan(value[at]):
            return f"{what} is not known"
        return f"{what} {value[at]:.4g}{unit} {'below' if below[at] else 'above'} {limits[at]:.4g}"

    return verdict(below | above, value, limits, note)
