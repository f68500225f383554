"""The rows that are still in, and the record of those that left."""

from __future__ import annotations

from collections.abc import Collection
from itertools import repeat

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.contracts import CANDIDATE_DROPS, CANDIDATE_FUNNEL, TableSpec
from quant_lib.selection._filters import Judgement, Mask
from quant_lib.selection._rules import in_words

_CALLERS = frozenset({"profile", "date", "logic", "mode"})


class Funnel:
    """Rows still in, and the record of those that left."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self.ensured: frozenset[str] = frozenset()
        """Symbols that no step drops for now."""
        self._steps: list[tuple[str, int, int, str]] = []
        self._drops: list[tuple[int, str, str, str, float, float]] = []

    def start(self, absent: Collection[str] = ()) -> None:
        """Begin with what is known; of what is named and not known, each full symbol is a row with its reason."""
        n, known = len(self.frame), set(self.frame["symbol"])
        unknown = sorted(name for name in absent if ":" in name and name not in known)
        reason = "named, but no bar of it is known on the date"
        self._drops += [(0, symbol, "universe", reason, np.nan, np.nan) for symbol in unknown]
        rule = "every symbol known on the date" + (", and those named one by one" if unknown else "")
        self._steps.append(("universe", n + len(unknown), n, rule))

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
        out = ~np.asarray(keep, dtype=bool)
        n = len(self.frame)
        if self.ensured:
            out &= ~self.frame["symbol"].isin(self.ensured).to_numpy(dtype=bool)
            rule = f"{rule}; kept by name: {in_words(tuple(self.ensured))}"

        def pick(figures: npt.ArrayLike) -> npt.NDArray[np.float64]:
            return np.asarray(np.broadcast_to(np.asarray(figures, dtype="float64"), n)[out])

        if out.any():
            reasons = np.broadcast_to(np.asarray(reason, dtype=object), n)[out]
            symbols = self.frame["symbol"].to_numpy(dtype=object)[out]
            place = len(self._steps)
            self._drops += zip(
                repeat(place), symbols, repeat(step), reasons, pick(value), pick(threshold), strict=False
            )
            self.frame = self.frame.loc[~out]
        self._steps.append((step, n, len(self.frame), rule))

    def judge(self, step: str, rule: str, verdict: Judgement) -> None:
        """Drop what a judgement refuses; a missing figure says so."""
        missing = np.isnan(verdict.value) & (not verdict.textual)
        reason = np.where(missing, f"figure missing for: {rule}", f"not: {rule}").astype(object)
        self.keep(step, rule, verdict.keep, reason, verdict.value, verdict.threshold)

    def record(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Funnel and drops as tables."""
        funnel = pd.DataFrame(self._steps, columns=["step", "rows_in", "rows_out", "rule"])
        funnel.insert(0, "step_no", np.arange(1, len(funnel) + 1))
        columns = ["place", "symbol", "step", "reason", "value", "threshold"]
        drops = pd.DataFrame(sorted(self._drops), columns=columns)
        return typed(funnel, CANDIDATE_FUNNEL), typed(drops, CANDIDATE_DROPS)


def typed(frame: pd.DataFrame, spec: TableSpec) -> pd.DataFrame:
    """Columns and types of a contract; what only the caller knows is left out where it is absent."""
    names = [name for name in spec.column_names if name in frame.columns or name not in _CALLERS]
    types = spec.pandas_types()
    wrong = {name: types[name] for name in names if frame[name].dtype != types[name]}
    return frame[names].astype(wrong).reset_index(drop=True)
