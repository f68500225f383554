"""Calendars: ours, the exchanges', what venues trade on, and that an unknown one is an error."""

import datetime as dt
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_lib.calendars import (
    CRYPTO,
    FX,
    Calendar,
    CalendarBook,
    CalendarRangeError,
    NotASessionError,
    UnknownCalendarError,
    UnknownVenueError,
    get_calendar,
    intersect,
    known_calendars,
    label_of,
    require_session,
    session_number_of,
    venue_hours,
)
from quant_lib.errors import MissingDataError

DAYS = st.dates(dt.date(1990, 1, 1), dt.date(2060, 1, 1))


def labels(*texts):
    return np.array(texts, dtype="datetime64[us]")


def test_every_day_is_a_session_and_365_make_a_year():
    calendar = get_calendar("24x7")
    assert calendar is CRYPTO
    assert isinstance(calendar, Calendar)
    assert calendar.ann == 365.0
    assert calendar.count(dt.date(2020, 2, 28), dt.date(2020, 3, 1)) == 3  # leap day included
    assert list(calendar.sessions(dt.date(2021, 12, 31), dt.date(2022, 1, 1)).strftime("%F")) == [
        "2021-12-31",
        "2022-01-01",
    ]


@pytest.mark.parametrize("name", ["XCRY", "24/7", "24/5", "BINANCE", "", "24X7", "XNYS+NOPE"])
def test_unknown_calendar_is_an_error_never_another_calendar(name):
    with pytest.raises(UnknownCalendarError, match="no trading calendar is called") as caught:
        get_calendar(name)
    assert caught.value.known == known_calendars()
    assert {"24x5", "24x7", "CMES", "XNYS"} <= set(known_calendars())
    assert "24x7" in caught.value.fix


@given(DAYS, DAYS)
def test_count_is_the_number_of_sessions_listed(start, end):
    assert CRYPTO.count(start, end) == len(CRYPTO.sessions(start, end)) == max(0, (end - start).days + 1)


@given(st.lists(DAYS, min_size=1))
def test_number_and_date_are_inverse(days):
    dates = np.array([label_of(day) for day in days])
    numbers = CRYPTO.session_number(dates)
    back = CRYPTO.session_date(numbers)
    np.testing.assert_array_equal(back, dates)
    assert back.dtype == "datetime64[us]"
    np.testing.assert_array_equal(CRYPTO.session_date(numbers + 1) - dates, np.timedelta64(1, "D"))


def test_sessions_open_and_close_at_midnight_utc():
    opened = labels("2021-03-28T00:00:00", "2021-03-28T05:30:00", "2021-03-28T23:59:59.999999")
    assert CRYPTO.label(opened).tolist() == [dt.datetime(2021, 3, 28)] * 3  # noqa: DTZ001
    assert CRYPTO.is_opening(opened).tolist() == [True, False, False]
    assert CRYPTO.is_session(opened).tolist() == [True, False, False]
    assert CRYPTO.close_time(opened[:1]).tolist() == labels("2021-03-29").tolist()


def test_dates_before_1970_are_numbered_downwards():
    assert CRYPTO.session_number(labels("1970-01-01", "1969-12-31", "1969-12-31T12:00")).tolist() == [0, -1, -1]


def test_label_of_drops_the_time_of_day():
    assert label_of(pd.Timestamp("2021-05-06 17:00")) == np.datetime64("2021-05-06")
    assert label_of(dt.date(2021, 5, 6)).dtype == "datetime64[us]"


def test_importing_what_definitions_need_stays_light():
    heavy = "{'scipy', 'numba', 'pandera', 'matplotlib', 'cvxpy', 'dagster', 'exchange_calendars'}"
    code = f"import sys, quant_lib.calendars, quant_lib.health, quant_lib.returns; print({heavy} & set(sys.modules))"
    root = Path(__file__).resolve().parents[2]
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert out.stdout.strip() == "set()"


def labelled(name, *instants):
    return get_calendar(name).label(labels(*instants)).astype("datetime64[D]").astype(str).tolist()


def test_an_exchange_has_its_sessions_holidays_and_early_closes():
    xnys = get_calendar("XNYS")
    assert isinstance(xnys, Calendar)
    assert (xnys.name, xnys.ann, FX.ann, CRYPTO.ann) == ("XNYS", 252.0, 260.0, 365.0)
    assert xnys.count(dt.date(2020, 1, 1), dt.date(2021, 3, 31)) == 314
    closed = labels("2020-07-03", "2020-12-25", "2020-07-04", "2021-01-18")
    assert xnys.is_session(closed).tolist() == [False] * 4
    # The day after Thanksgiving ends at 13:00 New York; summer time moves the close by an hour.
    ends = xnys.close_time(labels("2020-11-27", "2020-07-06", "2020-01-02"))
    assert ends.tolist() == labels("2020-11-27T18:00", "2020-07-06T20:00", "2020-01-02T21:00").tolist()


def test_late_sessions_are_labelled_by_the_calendar_not_by_the_hour():
    """Semantics 0.3: one rule for bars that open on the evening before."""
    assert labelled("24x5", "2020-03-01T22:00", "2020-03-02T22:00", "2020-07-05T21:00") == [
        "2020-03-02", "2020-03-03", "2020-07-06"]  # fmt: skip
    assert labelled("CMES", "2020-03-01T23:00", "2020-03-02T15:00", "2020-03-02T23:00") == [
        "2020-03-02", "2020-03-02", "2020-03-03"]  # fmt: skip
    # Stamped with the session's date, with its opening, with the pre-market: one session.
    assert labelled("XNYS", "2020-03-02", "2020-03-02T14:30", "2020-03-02T09:00") == ["2020-03-02"] * 3
    # A weekend's bar is not moved onto Monday.
    assert labelled("XNYS", "2020-02-29T12:00", "2020-03-01T22:00") == ["2020-02-29", "2020-03-01"]
    assert labelled("24x5", "2020-03-01") == ["2020-03-01"]
    assert not FX.is_session(labels("2020-03-01"))[0]


@pytest.mark.parametrize("name", ["24x5", "XNYS", "CMES"])
@given(st.lists(st.dates(dt.date(1971, 1, 4), dt.date(2035, 12, 1)), min_size=1))
def test_numbers_count_sessions_one_by_one_on_every_calendar(name, days):
    calendar = get_calendar(name)
    dates = np.array([label_of(day) for day in days])
    numbers = calendar.session_number(dates)
    newest = calendar.session_date(numbers)
    assert (newest <= dates).all()
    assert calendar.is_session(newest).all()
    np.testing.assert_array_equal(newest == dates, calendar.is_session(dates))
    np.testing.assert_array_equal(calendar.session_number(newest), numbers)
    assert (calendar.session_date(numbers + 1) > dates).all()
    opened = calendar.close_time(newest) - np.timedelta64(1, "m")
    np.testing.assert_array_equal(calendar.label(opened), newest)


def test_what_a_calendar_does_not_know_is_an_error():
    tokyo = get_calendar("XTKS")
    old = labels("1990-01-04")
    assert not tokyo.covers(old)[0]
    assert not tokyo.is_session(old)[0]
    with pytest.raises(CalendarRangeError, match="XTKS knows its sessions from 1997-01-01"):
        tokyo.session_number(old)
    with pytest.raises(CalendarRangeError):
        FX.session_date(np.array([10**7]))
    with pytest.raises(CalendarRangeError):
        FX.session_date(np.array([-1]))


def test_common_sessions_are_those_every_exchange_has():
    both = get_calendar("XFRA+XNYS")
    assert intersect([get_calendar("XNYS"), CRYPTO, get_calendar("XFRA")]).name == both.name
    assert intersect([CRYPTO, CRYPTO]) is CRYPTO
    assert intersect([get_calendar("XNYS"), CRYPTO]).name == "XNYS"
    days = labels("2020-07-03", "2020-05-01", "2020-05-04")  # American, German, no holiday
    assert both.is_session(days).tolist() == [False, False, True]
    assert both.close_time(days[2:]).tolist() == get_calendar("XNYS").close_time(days[2:]).tolist()


def test_a_closed_day_asked_for_names_the_sessions_around_it():
    require_session(get_calendar("XNYS"), dt.date(2022, 7, 5))
    with pytest.raises(NotASessionError, match=r"2022-07-04 \(Monday\) is no session of calendar XNYS") as caught:
        require_session(get_calendar("XNYS"), dt.date(2022, 7, 4), "sleeve us_etf")
    assert caught.value.fix == "ask for 2022-07-01 or 2022-07-05"
    assert "sleeve us_etf cannot be dated" in str(caught.value)
    assert session_number_of(CRYPTO, dt.date(1970, 1, 3)) == 2


@pytest.mark.parametrize(
    ("exchange", "kind", "calendar"),
    [
        ("BINANCE", "spot", "24x7"), ("BYBIT", "perp", "24x7"), ("NASDAQ", "equity", "XNYS"), ("AMEX", "etf", "XNYS"),
        ("OANDA", "forex", "24x5"), ("COMEX", "futures", "CMES"), ("CME_MINI", "futures", "CMES"),
        ("ICEUS", "futures", "IEPA"), ("EUREX", "futures", "XEUR"), ("TSE", "index", "XTKS"), ("XETR", "equity", "XETR"),
    ],
)  # fmt: skip
def test_venues_trade_when_their_exchange_does(exchange, kind, calendar):
    hours = venue_hours(exchange, kind)
    assert hours.calendar == calendar
    assert get_calendar(hours.calendar).count(dt.date(2021, 1, 1), dt.date(2021, 12, 31)) > 240


def test_a_venue_nobody_described_is_not_taken_for_another():
    with pytest.raises(UnknownVenueError, match="when NOWHERE trades futures is not known"):
        venue_hours("NOWHERE", "futures")


def test_a_book_groups_symbols_and_does_not_guess():
    rows = pd.DataFrame({"symbol": ["A:X", "B:Y", "A:X"], "calendar": ["24x5", "24x7", "XNYS"],
                         "date": pd.to_datetime(["2020-01-01", "2020-01-01", "2020-01-02"])})  # fmt: skip
    book = CalendarBook.of(rows)
    assert [(c.name, s) for c, s in book.groups(["B:Y", "A:X"])] == [("24x7", ["B:Y"]), ("XNYS", ["A:X"])]
    assert book.common(["A:X", "B:Y"]).name == "XNYS"
    assert book.common([]).name == "24x7"
    assert book.ann(["A:X", "B:Y"]) == {"A:X": 252.0, "B:Y": 365.0}
    with pytest.raises(MissingDataError, match="the calendar of C:Z is missing"):
        book.calendar("C:Z")
