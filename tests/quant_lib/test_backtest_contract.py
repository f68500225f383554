"""The contract of a walk-forward: sessions of the sleeve's own calendar, accounting, windows in order."""

import numpy as np
import pandas as pd
import pytest

from quant_lib.calendars import CRYPTO, get_calendar
from quant_lib.contracts._sleeve_contracts import accounting_adds_up

WINDOWS = [("2017-11-20", "2017-11-21", "2017-12-04"), ("2017-12-04", "2017-12-05", "2017-12-18")]
"""Decided on, first and last session tested: Thanksgiving and weekends lie between."""


def windows():
    return pd.DataFrame(WINDOWS, columns=["decided_on", "test_start", "test_end"]).astype("datetime64[us]")


def returns(calendar):
    days = calendar.sessions(pd.Timestamp("2017-11-21").date(), pd.Timestamp("2017-12-18").date())
    gross = 0.01 * np.sin(np.arange(len(days)))
    cost = np.full(len(days), 1e-4)
    rows = pd.DataFrame({"bar_date": days, "gross_ret": gross, "cost": cost, "ret": gross - cost})
    return rows.assign(nav=np.cumprod(1.0 + rows["ret"]), engine="custom", risk_profile="hrp", simulator="reference")


@pytest.mark.parametrize(("calendar", "sessions"), [(get_calendar("XNYS"), 19), (CRYPTO, 28)])
def test_sessions_are_those_of_the_calendar(calendar, sessions):
    verdict = accounting_adds_up(windows(), returns(calendar), calendar)
    assert verdict.passed, verdict.message
    assert verdict.figures == {"windows": 2, "sessions": sessions}


def test_every_day_of_a_stock_sleeve_would_be_too_many():
    assert not accounting_adds_up(windows(), returns(CRYPTO), get_calendar("XNYS")).passed


def missing(rows):
    return rows.drop(index=3)


def twice(rows):
    return rows.assign(bar_date=rows["bar_date"].where(rows.index != 3, rows["bar_date"].iloc[2]))


def wrong_nav(rows):
    return rows.assign(nav=rows["nav"].where(rows.index != 5, rows["nav"] + 1e-5))


def free_of_cost(rows):
    return rows.assign(cost=0.0)


@pytest.mark.parametrize("spoil", [missing, twice, wrong_nav, free_of_cost])
def test_a_series_that_does_not_add_up_is_named(spoil):
    calendar = get_calendar("XNYS")
    verdict = accounting_adds_up(windows(), spoil(returns(calendar)), calendar)
    assert not verdict.passed
    assert verdict.failing["series"].tolist() == ["custom/hrp/reference"]


@pytest.mark.parametrize(("column", "row", "value"), [("test_start", 1, "2017-12-04"), ("decided_on", 1, "2017-12-05")])
def test_windows_that_overlap_or_decide_late_are_refused(column, row, value):
    calendar, spoilt = get_calendar("XNYS"), windows()
    spoilt.loc[row, column] = pd.Timestamp(value)
    days = calendar.session_number(spoilt[["test_start", "test_end"]].to_numpy().ravel()).reshape(-1, 2)
    rows = returns(calendar)
    if (days[:, 1] - days[:, 0] + 1).sum() != len(rows):  # a session more: the overlap alone must be the cause
        rows = pd.concat([rows, rows.tail(1)], ignore_index=True)
        rows["bar_date"] = calendar.sessions(pd.Timestamp("2017-11-20").date(), pd.Timestamp("2017-12-18").date())
        rows["nav"] = np.cumprod(1.0 + rows["ret"])
    verdict = accounting_adds_up(spoilt, rows, calendar)
    assert not verdict.passed
    assert verdict.failing.empty
