"""Writing tables: every write is one commit."""

from __future__ import annotations

import calendar
import datetime as dt
import functools
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.contracts import Ownership, TableSpec
from quant_lib.keys import validate_profile
from quant_resources.lakehouse import _commit, _frames, _write
from quant_resources.lakehouse._tables import Tables
from quant_resources.lakehouse.errors import FrameMismatchError, UnknownTableError
from quant_resources.lakehouse.receipt import Receipt

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class MonthlyRows:
    """Rows of a shared table that are made a month at a time, by the thread that writes them.

    Parameters
    ----------
    dates : tuple of datetime.date
        All their dates.
    made : callable
        From a month ("YYYY-MM") to its rows; called again where another writer was faster.
    """

    dates: tuple[dt.date, ...]
    made: Callable[[str], pd.DataFrame]


def _made(spec: TableSpec, rows: MonthlyRows, month: str, days: npt.NDArray[np.datetime64]) -> pa.Table:
    keyed = _frames.keyed_rows(spec, rows.made(month))
    Writes._belongs(spec, keyed, days[days.astype("datetime64[M]") == np.datetime64(month, "M")])
    return keyed.table()


class Writes(Tables):
    """Rows of dates, profiles or symbols put in the place of those stored."""

    def replace(self, spec: TableSpec, frame: pd.DataFrame, *, date: dt.date, profile: str | None = None) -> Receipt:
        """Make the rows of a date (and profile) exactly ``frame``, in one commit.

        Parameters
        ----------
        spec : TableSpec
            Table.
        frame : DataFrame
            All rows of the date (and profile); may be empty.
        date : datetime.date
            Partition date.
        profile : str, optional
            Sleeve; required for decision tables, refused for shared ones.

        Returns
        -------
        Receipt
            ``changed`` is False when the rows were already exactly these, volatile
            columns left out.

        Raises
        ------
        FrameMismatchError
            If the rows do not fit the table or belong elsewhere; nothing is written.
        WriteConflictError
            If other writers kept winning.
        """
        if spec.ownership is Ownership.SHARED:
            if profile is not None:
                raise FrameMismatchError(spec.name, "a shared table has no profile")
            return self.replace_dates(spec, frame, dates=[date])
        if profile is None:
            raise FrameMismatchError(spec.name, "a decision table needs a profile")
        validate_profile(profile)
        rows = self._keyed(spec, frame)
        self._belongs(spec, rows, [date])
        table = rows.table()
        strangers = set(table.column("profile").unique().to_pylist()) - {profile}
        if strangers:
            raise FrameMismatchError(spec.name, f"rows of {sorted(strangers)} do not belong to profile {profile}")
        merges = {(profile, date.isoformat()): _write.replacing(table)}
        facts = {"operation": "replace", "profile": profile, "date": date.isoformat()}
        return self._write(spec, len(rows), merges, facts)

    def replace_dates(
        self,
        spec: TableSpec,
        frame: pd.DataFrame | MonthlyRows,
        *,
        dates: Collection[dt.date],
        notes: Mapping[str, str] | None = None,
    ) -> Receipt:
        """Make the rows of several dates of a shared table exactly ``frame``, in one commit that carries some notes."""
        if spec.ownership is not Ownership.SHARED:
            raise FrameMismatchError(spec.name, "several dates at once are only replaced in shared tables")
        days = np.unique(np.array(sorted(dates), dtype="datetime64[D]"))
        parts, n_rows = self._by_month(spec, frame, days)
        merges: dict[_write.Cell, _write.Merge] = {}
        for month in np.unique(days.astype("datetime64[M]")):
            of_month = days[days.astype("datetime64[M]") == month]
            whole = len(of_month) == calendar.monthrange(*map(int, str(month).split("-")))[1]
            merges[str(month), ""] = _write.replacing_days(
                spec, self.root / spec.name, parts[str(month)], of_month, whole
            )
        facts = {"operation": "replace_dates", "dates": [str(days[0]), str(days[-1])], "n_dates": len(days)}
        facts |= {"notes": dict(notes)} if notes else {}
        return self._write(spec, n_rows, merges, facts)

    def add_missing(self, spec: TableSpec, frame: pd.DataFrame) -> Receipt:
        """Add rows whose key is not stored yet, in one commit; stored rows stay as they are, bit for bit."""
        if spec.ownership is not Ownership.SHARED:
            raise FrameMismatchError(spec.name, "rows are only added to shared tables")
        rows, root = self._keyed(spec, frame), self.root / spec.name
        merges = {
            (month, ""): _write.adding(spec, root, functools.partial(rows.table, *part))
            for month, part in rows.months().items()
        }
        return self._write(spec, len(rows), merges, {"operation": "add_missing"})

    def replace_symbols(self, spec: TableSpec, frame: pd.DataFrame, *, symbols: Collection[str]) -> Receipt:
        """Make the rows of some symbols of a shared table exactly ``frame``, whatever their dates, in one commit.

        An operator's action: what is only ever added to otherwise is rewritten. Older
        versions keep what was there.
        """
        if spec.ownership is not Ownership.SHARED or "symbol" not in spec.column_names:
            raise FrameMismatchError(spec.name, "rows of symbols are only replaced in shared tables that have them")
        strangers = sorted(set(frame["symbol"]) - set(symbols))
        if strangers:
            raise FrameMismatchError(spec.name, f"rows of {strangers[0]} do not belong to the symbols being written")
        rows = self._keyed(spec, frame)
        parts, root, names = rows.months(), self.root / spec.name, sorted(symbols)
        stored = {file.partition for file in self._log(spec.name).snapshot().files} if self.exists(spec.name) else set()
        merges: dict[_write.Cell, _write.Merge] = {
            (month, ""): _write.replacing_symbols(
                spec, root, functools.partial(rows.table, *parts.get(month, (0, 0))), names
            )
            for month in sorted(stored | set(parts))
        }
        return self._write(spec, len(rows), merges, {"operation": "replace_symbols", "n_symbols": len(names)})

    def rebuild(
        self, spec: TableSpec, frame: pd.DataFrame | MonthlyRows, *, notes: Mapping[str, str] | None = None
    ) -> Receipt:
        """Make a shared table exactly ``frame``, with the columns declared now, in one commit.

        The one way from the columns of an older release to those of this one. Older versions keep what they hold.
        """
        if spec.ownership is not Ownership.SHARED:
            raise FrameMismatchError(spec.name, "only shared tables are made anew")
        days = frame.dates if isinstance(frame, MonthlyRows) else frame["date"].unique()
        parts, n_rows = self._by_month(spec, frame, np.unique(np.array(days, dtype="datetime64[D]")))
        root, nothing = self.root / spec.name, functools.partial(_frames.to_arrow, spec, _frames.empty(spec))
        stored = {file.partition for file in self._log(spec.name).snapshot().files} if self.exists(spec.name) else set()
        merges: dict[_write.Cell, _write.Merge] = {
            (month, ""): _write.replacing_days(spec, root, parts.get(month, nothing), np.empty(0, "M8[D]"), whole=True)
            for month in sorted(stored | set(parts))
        }
        facts: dict[str, Any] = {"operation": "rebuild"}
        return self._write(spec, n_rows, merges, facts | ({"notes": dict(notes)} if notes else {}))

    def _by_month(
        self, spec: TableSpec, frame: pd.DataFrame | MonthlyRows, days: npt.NDArray[np.datetime64]
    ) -> tuple[dict[str, _write.Given], int | None]:
        """Rows of every month of some days, and how many there are in all, where that is known before they are made."""
        months = [str(month) for month in np.unique(days.astype("datetime64[M]"))]
        if isinstance(frame, MonthlyRows):
            self._declared(spec)
            return {month: functools.partial(_made, spec, frame, month, days) for month in months}, None
        rows = self._keyed(spec, frame)
        self._belongs(spec, rows, days)
        parts = rows.months()
        return {month: functools.partial(rows.table, *parts.get(month, (0, 0))) for month in months}, len(rows)

    def _declared(self, spec: TableSpec) -> None:
        if self.spec(spec.name) != spec:
            raise UnknownTableError(spec.name, tuple(sorted(self._specs)))

    def _keyed(self, spec: TableSpec, frame: pd.DataFrame) -> _frames.KeyedRows:
        self._declared(spec)
        return _frames.keyed_rows(spec, frame)

    @staticmethod
    def _belongs(spec: TableSpec, rows: _frames.KeyedRows, dates: Sequence[Any] | npt.NDArray[np.datetime64]) -> None:
        strays = _write.stray_days(rows, [np.datetime64(date, "D") for date in dates])
        if not len(dates) or len(strays):
            where = f"rows of {strays[0]}" if len(strays) else "no date is given; rows"
            raise FrameMismatchError(spec.name, f"{where} do not belong to the dates being written")

    def _write(
        self,
        spec: TableSpec,
        rows: int | None,
        merges: Mapping[_write.Cell, _write.Merge],
        facts: dict[str, Any],
    ) -> Receipt:
        started = time.perf_counter()
        planner = _write.Planner(spec, self.root / spec.name, merges, spec.ownership is Ownership.DECISION)
        how = facts["operation"]
        return _commit.commit(
            self._log(spec.name),
            planner,
            facts,
            rows,
            started,
            hash_rows=how != "add_missing",
            anew=how == "rebuild",
        )
