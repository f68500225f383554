"""The calendars of the stored symbols, from the catalogue."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from quant_lib.calendars import CalendarBook

if TYPE_CHECKING:
    from quant_resources.lakehouse import Lake

_TABLE = "instruments"
_COLUMNS = ("date", "symbol", "calendar")


def calendar_book(lake: Lake, on: dt.date, *, version: int | None = None) -> CalendarBook:
    """Read the calendar of every symbol the catalogue ever listed up to a date.

    The newest month is read first, an older one only when a symbol is asked for that no newer one lists: the
    catalogue names what vanished too, so that as a rule one file answers.

    Parameters
    ----------
    lake : Lake
        Where the catalogue is.
    on : datetime.date
        Date; a symbol that left the catalogue before keeps the calendar it had.
    version : int, optional
        Pinned version of the catalogue; the newest of now by default.
    """
    months = [month for month in lake.months(_TABLE, version=version) if month <= f"{on:%Y-%m}"]
    if not months:
        return CalendarBook.of(lake.read(_TABLE, version=version, columns=_COLUMNS, until=on))
    return CalendarBook(_Remembered(lake, on, lake.version(_TABLE) if version is None else version, months))


class _Remembered(Mapping[str, str]):
    """Calendar name by symbol, read month by month from the newest, as far back as it is asked."""

    def __init__(self, lake: Lake, on: dt.date, version: int | None, months: list[str]) -> None:
        self._lake, self._on, self._version, self._unread = lake, on, version, months
        self._names: dict[str, str] = {}
        self._lock = threading.Lock()

    def __getitem__(self, symbol: str) -> str:
        with self._lock:
            while symbol not in self._names and self._unread:
                self._read_one_more()
            return self._names[symbol]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (self._all(),)

    def _all(self) -> dict[str, str]:
        with self._lock:
            while self._unread:
                self._read_one_more()
            return dict(self._names)

    def _read_one_more(self) -> None:
        first = pd.Timestamp(self._unread[-1])
        last = min((first + pd.offsets.MonthEnd()).date(), self._on)
        rows = self._lake.read(_TABLE, version=self._version, columns=_COLUMNS, since=first.date(), until=last)
        self._names = {**CalendarBook.of(rows).names, **self._names}
        self._unread.pop()
