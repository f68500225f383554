"""Pauses: exponential, jittered upwards, and never shorter than the server asked for."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_resources.tradingview import BadRequestError, Limits, RateLimitedError, Runtime, UnreachableError
from quant_resources.tradingview._retry import parse_retry_after, pause_before_retry, with_retries

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "30"}, 30.0),
        ({"Retry-After": " 2.5 "}, 2.5),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "Thu, 01 Jan 2026 00:01:00 GMT"}, 60.0),
        ({"Retry-After": "Wed, 31 Dec 2025 23:00:00 GMT"}, 0.0),
        # The server's own clock decides, however wrong ours is.
        ({"Retry-After": "Mon, 01 Jan 2024 00:00:45 GMT", "Date": "Mon, 01 Jan 2024 00:00:00 GMT"}, 45.0),
        ({"Retry-After": "Thu, 01 Jan 2026 00:01:00 GMT", "Date": "gibberish"}, 60.0),
        ({"Retry-After": "Thu, 99 Foo 2026 00:01:00 GMT"}, None),
    ],
)
def test_retry_after(headers, seconds):
    assert parse_retry_after(headers, lambda: NOW) == seconds


@given(st.integers(1, 1_000), st.floats(0, 1, exclude_max=True), st.none() | st.floats(0, 120))
def test_pauses_stay_within_their_bounds(failures, dice, told):
    limits = Limits()
    pause = pause_before_retry(RateLimitedError("x", told), failures, limits, Runtime(random=lambda: dice))
    base = min(limits.backoff_cap, limits.backoff_base * 2.0 ** (failures - 1))
    assert pause is not None
    assert max(base, told or 0.0) <= pause <= max(base, told or 0.0) + 0.5 * base


def test_pauses_double_up_to_the_cap():
    runtime = Runtime(random=lambda: 0.0)
    error = UnreachableError("x", "y")
    pauses = [pause_before_retry(error, failures, Limits(), runtime) for failures in range(1, 9)]
    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60]


def test_too_long_a_pause_is_refused():
    assert pause_before_retry(RateLimitedError("x", 121.0), 1, Limits(), Runtime()) is None


def run(failures, attempts, naps):
    calls = []

    async def operation():
        calls.append(len(calls))
        if failures:
            raise failures.pop(0)
        return "done"

    work = with_retries(operation, attempts=attempts, limits=Limits(), runtime=naps.runtime())
    try:
        return asyncio.run(work), len(calls)
    except (UnreachableError, BadRequestError, RateLimitedError) as error:
        return error, len(calls)


def test_retries_until_it_works(naps):
    assert run([UnreachableError("x", "1"), RateLimitedError("x", 9.0)], 5, naps) == ("done", 3)
    assert naps.taken == [2.0, 9.0]


def test_retries_end(naps):
    last = UnreachableError("x", "3")
    assert run([UnreachableError("x", "1"), UnreachableError("x", "2"), last], 3, naps) == (last, 3)
    assert naps.taken == [2.0, 4.0]


def test_a_bad_request_is_never_retried(naps):
    error = BadRequestError("x", 400, "wrong")
    assert run([error], 5, naps) == (error, 1)
    assert naps.taken == []


def test_an_hour_is_not_waited_for(naps):
    error = RateLimitedError("x", 3600.0)
    assert run([error], 5, naps) == (error, 1)
