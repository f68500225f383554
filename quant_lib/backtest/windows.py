"""Walk-forward windows (semantics 9.1)."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from quant_lib.errors import QuantError


@dataclass(eq=False)
class WindowSizeError(QuantError):
    """Window sizes that make no walk-forward."""

    reason: str
    train: int
    test: int
    step: int

    def __str__(self) -> str:
        return (
            f"no walk-forward with train={self.train}, test={self.test}, step={self.step} sessions: {self.reason}; "
            "change backtest.* in the sleeve's file or ingest a longer history"
        )


@dataclass(frozen=True, slots=True)
class Window:
    """One train/test pair.

    Attributes
    ----------
    index : int
        Number of the window, from 0.
    train_start, decided_on : pandas.Timestamp
        First and last train session. The decision is taken at the close of ``decided_on``.
    test_start, test_end : pandas.Timestamp
        First and last session that earns; ``test_start`` is the session after ``decided_on``.
    """

    index: int
    train_start: pd.Timestamp
    decided_on: pd.Timestamp
    test_start: pd.Timestamp
    test_end: pd.Timestamp


def walk_forward_windows(
    sessions: pd.DatetimeIndex, *, train: int, test: int, step: int, partial_last: bool = True
) -> list[Window]:
    """Cut sessions into rolling train/test windows.

    Parameters
    ----------
    sessions : DatetimeIndex of shape (n_sessions,)
        Sessions of the return series, strictly increasing.
    train, test, step : int
        Lengths in sessions. ``step >= test``: test windows never overlap, so the
        stitched series holds every session at most once.
    partial_last : bool
        Keep a last window whose test part is shorter than ``test``.

    Returns
    -------
    list of Window
        In order; at least one.

    Raises
    ------
    WindowSizeError
        If sizes are not positive, ``step < test``, or the history is too short.
    """
    n = len(sessions)
    if min(train, test, step) < 1:
        raise WindowSizeError("sizes must be at least 1", train, test, step)
    if step < test:
        raise WindowSizeError("step must be at least test, or stitched sessions would overlap", train, test, step)
    if not sessions.is_monotonic_increasing or not sessions.is_unique:
        raise WindowSizeError("sessions must be strictly increasing", train, test, step)
    needed = train + (1 if partial_last else test)
    if n < needed:
        raise WindowSizeError(f"{needed} sessions are needed and {n} are there", train, test, step)
    windows: list[Window] = []
    for start in range(train, n, step):
        stop = min(start + test, n)
        if stop - start < test and not partial_last:
            break
        windows.append(
            Window(len(windows), sessions[start - train], sessions[start - 1], sessions[start], sessions[stop - 1])
        )
    return windows
