"""The 24x7 calendar, and that an unknown one is an error."""

import datetime as dt
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_lib.calendars import CRYPTO, Calendar, UnknownCalendarError, get_calendar, known_calendars, label_of

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


@pytest.mark.parametrize("name", ["XCRY", "24/7", "XNYS", "", "24X7"])
def test_unknown_calendar_is_an_error_never_another_calendar(name):
    with pytest.raises(UnknownCalendarError, match="no trading calendar is called") as caught:
        get_calendar(name)
    assert caught.value.known == known_calendars() == ("24x7",)
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
    heavy = "{'scipy', 'numba', 'pandera', 'matplotlib', 'cvxpy', 'dagster'}"
    code = f"import sys, quant_lib.calendars, quant_lib.health, quant_lib.returns; print({heavy} & set(sys.modules))"
    root = Path(__file__).resolve().parents[2]
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert out.stdout.strip() == "set()"
