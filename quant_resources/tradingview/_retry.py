"""How long to wait before trying again, and when to stop trying."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Awaitable, Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import TypeVar

from quant_resources.tradingview.errors import TradingViewError
from quant_resources.tradingview.models import Limits, Runtime

T = TypeVar("T")


def parse_retry_after(headers: Mapping[str, str], now: Callable[[], dt.datetime]) -> float | None:
    """Read how long a server asks to wait.

    Parameters
    ----------
    headers : mapping
        Response headers; ``Retry-After`` in seconds or as an HTTP date. A date counts
        from the server's own ``Date`` where it is given, so that a machine whose clock
        is wrong still waits long enough.
    now : callable
        The wall clock in UTC, for a date without a ``Date``.

    Returns
    -------
    float or None
        Seconds, not negative; None when nothing readable was said.
    """
    text = headers.get("Retry-After", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        until = _http_date(text)
        if until is None:
            return None
        seconds = (until - (_http_date(headers.get("Date", "")) or now())).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _http_date(text: str) -> dt.datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)


def pause_before_retry(error: TradingViewError, failures: int, limits: Limits, runtime: Runtime) -> float | None:
    """Return how long to wait after the `failures`-th failure in a row.

    Exponential back-off with jitter on top; a pause the server asked for is a
    lower bound that jitter never shortens.

    Parameters
    ----------
    error : TradingViewError
        The failure; its ``retry_after`` is honoured where it has one.
    failures : int
        1 for the first.
    limits, runtime
        The back-off's figures and its dice.

    Returns
    -------
    float or None
        Seconds; None when the server asks for longer than the client is willing to wait.
    """
    told = getattr(error, "retry_after", None)
    if told is not None and told > limits.retry_after_cap:
        return None
    delay = float(min(limits.backoff_cap, limits.backoff_base * 2.0 ** min(failures - 1, 60)))
    return max(delay, told or 0.0) + 0.5 * delay * runtime.random()


async def with_retries(operation: Callable[[], Awaitable[T]], *, attempts: int, limits: Limits, runtime: Runtime) -> T:
    """Run an operation until it succeeds, fails for good, or has had all its attempts.

    Raises
    ------
    TradingViewError
        The last failure.
    """
    for failures in itertools.count(1):
        try:
            return await operation()
        except TradingViewError as error:
            pause = pause_before_retry(error, failures, limits, runtime) if error.retryable else None
            if pause is None or failures >= attempts:
                raise
        await runtime.sleep(pause)
    raise AssertionError("unreachable")
