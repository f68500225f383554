"""Walk-forward windows never overlap, never look ahead, never skip a session."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_lib.backtest import WindowSizeError, walk_forward_windows


def sessions(n):
    return pd.date_range("2020-01-01", periods=n, unit="us")


@given(train=st.integers(1, 40), test=st.integers(1, 15), extra=st.integers(0, 10), n=st.integers(1, 200))
def test_partition_of_the_test_period(train, test, extra, n):
    axis = sessions(n)
    step = test + extra
    if n < train + 1:
        with pytest.raises(WindowSizeError):
            walk_forward_windows(axis, train=train, test=test, step=step)
        return
    windows = walk_forward_windows(axis, train=train, test=test, step=step)
    seen = [d for w in windows for d in axis[(axis >= w.test_start) & (axis <= w.test_end)]]
    assert len(seen) == len(set(seen))
    if extra == 0:
        assert seen == list(axis[train:])
    for window in windows:
        assert window.decided_on < window.test_start
        assert axis.get_loc(window.test_start) == axis.get_loc(window.decided_on) + 1
        assert axis.get_loc(window.decided_on) - axis.get_loc(window.train_start) + 1 == train


def test_the_last_window_may_be_partial_or_left_out():
    assert walk_forward_windows(sessions(25), train=10, test=10, step=10)[-1].test_end == sessions(25)[-1]
    assert (
        walk_forward_windows(sessions(25), train=10, test=10, step=10, partial_last=False)[-1].test_end
        == sessions(25)[19]
    )


@pytest.mark.parametrize(
    ("train", "test", "step", "reason"),
    [(10, 10, 5, "overlap"), (0, 1, 1, "at least 1"), (30, 1, 1, "31 sessions are needed")],
)
def test_impossible_sizes_say_why(train, test, step, reason):
    with pytest.raises(WindowSizeError, match=reason):
        walk_forward_windows(sessions(30), train=train, test=test, step=step)
