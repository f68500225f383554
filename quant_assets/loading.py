"""What makes loading quick: half a thousand steps are built from closures, each looked at many times by Dagster."""

from __future__ import annotations

import gc
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])


@contextmanager
def without_collection() -> Iterator[None]:
    """Let Python's collector rest while objects are made that stay: it would walk all of them again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def signed(function: _Function) -> _Function:
    """Keep a function's signature on it; Dagster asks `inspect.signature` about eighteen times per step.

    Stand it nearest to the function, below Dagster's decorator.
    """
    function.__signature__ = inspect.signature(function)
    return function
