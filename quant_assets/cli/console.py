"""Where a command's words go, and the one boundary at which errors become messages."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any, NoReturn, ParamSpec, TypeVar

import typer
from rich.console import Console

from quant_lib.errors import QuantError

P = ParamSpec("P")
R = TypeVar("R")

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def emit_json(document: Any) -> None:
    """Write one machine-readable document to standard output."""
    typer.echo(json.dumps(document, indent=1, default=str))


def fail(message: str, *, code: int = 2) -> NoReturn:
    """Say one sentence on standard error and stop with a code other than 0."""
    err.print("error:", style="bold red", end=" ")
    err.print(message, markup=False)
    raise typer.Exit(code)


def command(function: Callable[P, R]) -> Callable[P, R]:
    """Turn errors raised on purpose into one clear message; anything else is a defect and keeps its traceback."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except QuantError as error:
            fail(str(error))
        except KeyboardInterrupt:
            fail("interrupted; what was committed stays, run the same command again to go on", code=130)

    return guarded
