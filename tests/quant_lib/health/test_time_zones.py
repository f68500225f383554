"""N8: the machine's time zone changes nothing, daylight-saving days included."""

import datetime as dt
import time

import numpy as np
import pandas as pd
import pytest

from quant_lib.health import assess_health, quarantine_bars, segment_bars, split_closed, stamp_bars, vet_bars
from quant_lib.returns import eligible_returns, simple_returns

ZONES = ("UTC", "Asia/Kolkata", "America/New_York")


@pytest.fixture
def local_zone(monkeypatch):
    def switch(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield switch
    monkeypatch.undo()
    time.tzset()


def everything(served):
    """From served bars to the returns matrix, at a clock on a day when clocks change in New York."""
    clock = dt.datetime(2021, 3, 14, 6, 30, tzinfo=dt.UTC)
    closed, forming = split_closed(served, clock)
    stamped = stamp_bars(closed, source="fixture", ingested_at=clock)
    good, rejects = vet_bars(stamped)
    on = dt.date(2021, 3, 13)
    report = assess_health(good, on)
    wide = simple_returns(good.assign(segment=segment_bars(good)), quarantine_bars(good))
    result = eligible_returns(wide, on, 50, min_days=50)
    return [forming, stamped, rejects, report.health, report.findings, wide, result.matrix, result.drops]


def test_same_answers_in_every_time_zone(make_bars, wobble, local_zone):
    parts = []
    for i in range(3):
        prices = wobble(80) * (1.0 + 0.001 * i * np.cos(np.arange(80)))
        prices[40 + i] *= 20.0
        parts.append(make_bars(prices, symbol=f"BINANCE:S{i}USDT", gaps={60: i}))
    served = pd.concat(parts, ignore_index=True)
    served = served.assign(open_time=served["date"].dt.tz_localize("UTC")).drop(columns="date")
    answers = []
    for zone in ZONES:
        local_zone(zone)
        answers.append(everything(served))
    assert len(answers[0][6]) > 0
    forming = answers[0][0]["open_time"]
    assert forming.min() == pd.Timestamp("2021-03-14", tz="UTC")
    for other in answers[1:]:
        for one, two in zip(answers[0], other, strict=True):
            pd.testing.assert_frame_equal(one, two, check_exact=True)
