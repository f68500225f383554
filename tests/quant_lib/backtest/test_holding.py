"""Holding returns: through gaps, never across series."""

import numpy as np
import pandas as pd
import pytest

from quant_lib.backtest import holding_returns


def bars(rows):
    made = pd.DataFrame(rows, columns=["symbol", "date", "close", "segment", "quarantined"])
    made["date"] = pd.to_datetime(made["date"]).astype("datetime64[us]")
    return made


SESSIONS = pd.date_range("2022-01-01", "2022-01-06", unit="us")


def test_a_gap_books_the_whole_move_on_the_next_bar():
    got, breaks = holding_returns(
        bars(
            [
                ("X:A", "2022-01-01", 100.0, 0, False),
                ("X:A", "2022-01-02", 110.0, 0, False),
                ("X:A", "2022-01-05", 55.0, 0, False),
            ]
        ),
        SESSIONS,
    )
    assert got["X:A"].tolist() == pytest.approx([np.nan, 0.1, np.nan, np.nan, -0.5, np.nan], nan_ok=True)
    assert not breaks.any().any()


def test_a_quarantined_bar_is_held_at_the_last_good_price():
    got, _ = holding_returns(
        bars(
            [
                ("X:A", "2022-01-01", 100.0, 0, False),
                ("X:A", "2022-01-02", 2000.0, 0, True),
                ("X:A", "2022-01-03", 101.0, 0, False),
            ]
        ),
        SESSIONS,
    )
    assert got["X:A"].tolist() == pytest.approx([np.nan, np.nan, 0.01, np.nan, np.nan, np.nan], nan_ok=True)


def test_no_return_crosses_a_segment_or_a_symbol():
    got, breaks = holding_returns(
        bars(
            [
                ("X:A", "2022-01-01", 100.0, 0, False),
                ("X:A", "2022-01-02", 0.1, 0, False),
                ("X:A", "2022-01-05", 80.0, 1, False),
                ("X:A", "2022-01-06", 88.0, 1, False),
                ("X:B", "2022-01-01", 5.0, 0, False),
            ]
        ),
        SESSIONS,
    )
    assert np.isnan(got.loc["2022-01-05", "X:A"])
    assert got.loc["2022-01-06", "X:A"] == pytest.approx(0.1)
    assert breaks["X:A"].tolist() == [False] * 4 + [True, False]
    assert got["X:B"].isna().all()
    assert not breaks["X:B"].any()
