import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_resources.market import Clock, parse_clock
from quant_resources.market.errors import ClockSyntaxError


def test_a_date_means_the_midnight_at_which_it_has_closed() -> None:
    assert parse_clock("2022-06-30").now() == dt.datetime(2022, 7, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2022-06-30T12:34:56Z", dt.datetime(2022, 6, 30, 12, 34, 56, tzinfo=dt.UTC)),
        ("2022-06-30T12:34:56", dt.datetime(2022, 6, 30, 12, 34, 56, tzinfo=dt.UTC)),
        ("2022-06-30T12:34:56+02:00", dt.datetime(2022, 6, 30, 10, 34, 56, tzinfo=dt.UTC)),
        ("2022-06-30 00:00:00", dt.datetime(2022, 6, 30, tzinfo=dt.UTC)),
    ],
)
def test_an_instant_is_that_instant(text: str, instant: dt.datetime) -> None:
    assert parse_clock(text).now() == instant


@pytest.mark.parametrize(
    "text", ["", "today", "2022-13-01", "2022-6-30", "30/06/2022", "2022-06-30T25:00", "9999-12-31"]
)
def test_anything_else_is_refused_with_a_way_out(text: str) -> None:
    with pytest.raises(ClockSyntaxError, match="2022-06-30"):
        parse_clock(text)


def test_no_text_is_the_wall_clock() -> None:
    before = dt.datetime.now(dt.UTC)
    for clock in (parse_clock(None), parse_clock("wall"), Clock.wall()):
        assert before <= clock.now() <= dt.datetime.now(dt.UTC)


def test_a_time_zone_is_required() -> None:
    with pytest.raises(ClockSyntaxError, match="time zone"):
        Clock.at(dt.datetime(2022, 1, 1))  # noqa: DTZ001
    with pytest.raises(ClockSyntaxError, match="UTC"):
        Clock(dt.datetime(2022, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1))))


@given(st.dates(dt.date(1980, 1, 1), dt.date(2200, 1, 1)))
def test_as_of_is_the_first_instant_of_the_next_day(date: dt.date) -> None:
    now = parse_clock(date.isoformat()).now()
    assert now.date() == date + dt.timedelta(days=1)
    assert now.time() == dt.time()
