"""The rows that are still in, and the record of those that left."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.contracts import CANDIDATE_DROPS, CANDIDATE_FUNNEL, TableSpec
from quant_lib.selection._filters import Judgement, Mask
from quant_lib.selection._rules import in_words

_CALLERS = frozenset({"profile", "date", "logic", "mode"})


class Funnel:
    """Rows still in, and the record of those that left.

    The frame itself is never cut: a step judges all its rows and the funnel remembers which are still in. Cutting
    it at every step cost more than judging.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self.rows: npt.NDArray[np.intp] = np.arange(len(frame))
        """Places of the rows still in, in their present order."""
        self.ensured: frozenset[str] = frozenset()
        """Symbols that no step drops for now."""
        self._symbols = frame["symbol"].to_numpy(dtype=object)
        self._steps: list[tuple[str, int, int, str]] = []
        self._drops: list[tuple[int, str, str, str, float, float]] = []

    def start(self, absent: Collection[str] = ()) -> None:
        """Begin with what is known; of what is named and not known, each full symbol is a row with its reason."""
        n, known = len(self.frame), set(self._symbols)
        unknown = sorted(name for name in absent if ":" in name and name not in known)
        reason = "named, but no bar of it is known on the date"
        self._drops += [(0, symbol, "universe", reason, np.nan, np.nan) for symbol in unknown]
        rule = "every symbol known on the date" + (", and those named one by one" if unknown else "")
        self._steps.append(("universe", n + len(unknown), n, rule))

    def left(self) -> pd.DataFrame:
        """Rows still in, in their present order."""
        return self.frame.take(self.rows)

    def keep(
        self,
        step: str,
        rule: str,
        keep: Mask | pd.Series,
        reason: str | npt.NDArray[np.object_],
        value: npt.ArrayLike = np.nan,
        threshold: npt.ArrayLike = np.nan,
    ) -> None:
        """Drop the rows outside `keep`, each with its reason and figures (scalars or aligned to the frame)."""
        out = ~np.asarray(keep, dtype=bool)[self.rows]
        symbols = self._symbols[self.rows]
        if self.ensured:
            out &= np.array([symbol not in self.ensured for symbol in symbols.tolist()], dtype=bool)
            named = sorted(self.ensured.intersection(symbols.tolist()))
            rule = f"{rule}; kept by name: {in_words(named)}" if named else rule
        n = len(self.rows)
        gone = self.rows[out]
        if len(gone):
            columns = (_picked(reason, gone, object), *(_picked(one, gone, "float64") for one in (value, threshold)))
            place = len(self._steps)
            self._drops += zip(repeat(place), symbols[out], repeat(step), *columns, strict=False)
            self.rows = self.rows[~out]
        self._steps.append((step, n, len(self.rows), rule))

    def judge(self, step: str, rule: str, verdict: Judgement) -> None:
        """Drop what a judgement refuses; a missing figure says so."""
        words = np.array([f"not: {rule}", f"figure missing for: {rule}"], dtype=object)
        missing = np.isnan(verdict.value) & (not verdict.textual)
        self.keep(step, rule, verdict.keep, words[missing.astype(np.intp)], verdict.value, verdict.threshold)

    def spread(self, figures: npt.NDArray[Any], fill: object = np.nan) -> npt.NDArray[Any]:
        """Align figures of the rows still in to the frame."""
        whole = np.full(len(self.frame), fill, dtype=figures.dtype)
        whole[self.rows] = figures
        return whole

    def record(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Funnel and drops as tables."""
        steps = _columns(self._steps, ("step", "rows_in", "rows_out", "rule"))
        funnel = pd.DataFrame({"step_no": np.arange(1, len(self._steps) + 1), **steps})
        drops = pd.DataFrame(_columns(sorted(self._drops), ("place", "symbol", "step", "reason", "value", "threshold")))
        return typed(funnel, CANDIDATE_FUNNEL), typed(drops, CANDIDATE_DROPS)


def _picked(figures: npt.ArrayLike, rows: npt.NDArray[np.intp], kind: npt.DTypeLike) -> npt.NDArray[Any]:
    """Rows of what is aligned to the frame; what is one for all is repeated."""
    given = np.asarray(figures, dtype=kind)
    return np.asarray(given[rows] if given.ndim else np.full(len(rows), given, dtype=kind))


def _columns(rows: Sequence[tuple[Any, ...]], names: tuple[str, ...]) -> dict[str, list[Any]]:
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def typed(frame: pd.DataFrame, spec: TableSpec) -> pd.DataFrame:
    """Columns and types of a contract; what only the caller knows is left out where it is absent."""
    types = {name: pd.api.types.pandas_dtype(kind) for name, kind in spec.pandas_types().items()}
    columns = {}
    for name in spec.column_names:
        if name in frame.columns or name not in _CALLERS:
            column = frame[name]
            columns[name] = (column if column.dtype == types[name] else column.astype(types[name])).array
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))
