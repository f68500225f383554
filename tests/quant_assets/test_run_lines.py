"""What a run says of its steps: on a terminal a bar, in a log a line a step, and of a failure what went wrong."""

from __future__ import annotations

import datetime as dt
import io
from types import SimpleNamespace

import pytest
from dagster import DagsterEventType
from rich.console import Console
from rich.progress import Progress

from quant_assets.cli.execution import Outcome, _Listener


def error(cls_name: str, message: str, cause=None) -> SimpleNamespace:
    return SimpleNamespace(cls_name=cls_name, message=f"{cls_name}: {message}", cause=cause)


def event(kind: DagsterEventType, at: float, **data) -> SimpleNamespace:
    return SimpleNamespace(timestamp=at, dagster_event=SimpleNamespace(event_type=kind, step_key="p__features", **data))


def heard(events: list[SimpleNamespace], *, terminal: bool = False, quiet: bool = False) -> tuple[Outcome, str]:
    words = io.StringIO()
    outcome = Outcome(dt.date(2022, 6, 30), "run")
    progress = Progress(console=Console(file=words, force_terminal=terminal), disable=quiet)
    listener = _Listener(outcome, progress, total=3)
    for one in events:
        listener(one)
    return outcome, words.getvalue()


def finished() -> list[SimpleNamespace]:
    done = SimpleNamespace(duration_ms=1500.0)
    return [
        event(DagsterEventType.STEP_START, 10.0),
        event(DagsterEventType.STEP_SUCCESS, 11.5, step_success_data=done),
    ]


def test_a_log_gets_a_line_as_each_step_ends() -> None:
    outcome, words = heard(finished())
    assert words == "[1/3] p/features done in 1.5 s\n"
    assert outcome.steps["p/features"].seconds == 1.5


@pytest.mark.parametrize("how", [{"terminal": True}, {"quiet": True}])
def test_a_terminal_has_the_bar_and_a_quiet_run_nothing(how) -> None:
    assert "done in" not in heard(finished(), **how)[1]


def test_a_failed_step_says_how_long_it_took_and_what_really_went_wrong() -> None:
    printed = error("_RemoteTraceback", '\n"""\nTraceback ...\n"""')
    missing = error("quant_lib.errors.MissingDataError", "no bar of BINANCE:BTCUSDT", cause=printed)
    wrapped = error("DagsterExecutionStepExecutionError", "Error occurred while executing op", cause=missing)
    failure = SimpleNamespace(error=wrapped)
    outcome, words = heard(
        [
            event(DagsterEventType.STEP_START, 10.0),
            event(DagsterEventType.STEP_FAILURE, 14.0, step_failure_data=failure),
        ]
    )
    step = outcome.steps["p/features"]
    assert (step.status, step.seconds) == ("failed", 4.0)
    assert step.message == "quant_lib.errors.MissingDataError: no bar of BINANCE:BTCUSDT"
    assert words == "[1/3] p/features failed in 4.0 s\n"
