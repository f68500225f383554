"""The calendar of a symbol, from as few of the catalogue's files as can tell."""

import datetime as dt
import pickle

import pytest

from quant_lib.calendars import CalendarBook
from quant_lib.contracts import INSTRUMENTS
from quant_lib.errors import MissingDataError
from quant_resources.calendars import calendar_book
from quant_resources.lakehouse import TableMissingError, _reads
from tests.quant_resources.ingestion.conftest import catalogue

ALWAYS, MOVED, GONE = "BINANCE:AUSDT", "BINANCE:BUSDT", "BINANCE:CUSDT"
MONTHS = ["2024-01", "2024-02", "2024-03"]


@pytest.fixture
def catalogued(lake):
    """Three months of two days: one symbol stays, one changes its calendar, one is no longer asked for."""
    for month in MONTHS:
        for day in (5, 20):
            on = dt.date.fromisoformat(f"{month}-{day:02d}")
            listed = [ALWAYS, MOVED] + ([GONE] if month == "2024-01" else [])
            rows = catalogue(listed, on).set_index("symbol")
            rows.loc[MOVED, "calendar"] = "24x5" if on < dt.date(2024, 3, 20) else "24x7"
            rows = rows.reset_index()[list(INSTRUMENTS.column_names)]
            lake.replace(INSTRUMENTS, rows, date=on)
    return lake


@pytest.fixture
def opened(monkeypatch):
    files: list[str] = []
    real = _reads.verified_paths

    def spy(spec, root, chosen):
        files.extend(file.partition for file in chosen)
        return real(spec, root, chosen)

    monkeypatch.setattr(_reads, "verified_paths", spy)
    return files


def test_only_as_many_months_are_opened_as_it_takes(catalogued, opened):
    book = calendar_book(catalogued, dt.date(2024, 3, 31))
    assert opened == []
    assert [book.calendar(symbol).name for symbol in (ALWAYS, MOVED)] == ["24x7", "24x7"]
    assert opened == ["2024-03"]
    assert book.calendar(GONE).name == "24x7"
    assert opened == ["2024-03", "2024-02", "2024-01"]
    with pytest.raises(MissingDataError, match="BINANCE:NONE"):
        book.calendar("BINANCE:NONE")
    assert len(opened) == 3


@pytest.mark.parametrize("on", ["2024-01-04", "2024-01-05", "2024-02-29", "2024-03-05", "2024-03-20", "2024-12-31"])
def test_it_says_what_the_whole_history_says(catalogued, on):
    date = dt.date.fromisoformat(on)
    whole = CalendarBook.of(catalogued.read("instruments", columns=["date", "symbol", "calendar"], until=date))
    book = calendar_book(catalogued, date)
    assert {symbol: book.names.get(symbol) for symbol in (GONE, MOVED, ALWAYS)} == {
        symbol: whole.names.get(symbol) for symbol in (GONE, MOVED, ALWAYS)
    }
    assert dict(calendar_book(catalogued, date).names) == whole.names
    assert pickle.loads(pickle.dumps(calendar_book(catalogued, date))) == whole


def test_a_version_is_held_and_a_missing_catalogue_is_said(catalogued, lake, tmp_path):
    date, version = dt.date(2024, 3, 31), catalogued.version("instruments")
    book = calendar_book(catalogued, date)
    rows = catalogued.read("instruments", date=dt.date(2024, 3, 20)).assign(calendar="24x5")
    catalogued.replace(INSTRUMENTS, rows, date=dt.date(2024, 3, 20))
    assert book.calendar(ALWAYS).name == calendar_book(catalogued, date, version=version).calendar(ALWAYS).name
    assert calendar_book(catalogued, date).calendar(ALWAYS).name == "24x5"
    with pytest.raises(TableMissingError):
        calendar_book(type(lake)(tmp_path / "empty"), date)
    assert calendar_book(catalogued, dt.date(2023, 12, 31)).names == {}
