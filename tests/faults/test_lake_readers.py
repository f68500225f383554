"""R5: readers beside a writer and the janitor never fail, and only ever see what some version held."""

import datetime as dt
import threading
import time

import numpy as np
import pandas as pd
import pytest

from quant_lib.contracts import Column, Ownership, TableSpec
from quant_resources.lakehouse import Lake

FACTS = TableSpec(
    "facts", "Shared rows.", "", Ownership.SHARED, ("date", "symbol"),
    (Column("date", "date", "day"), Column("symbol", "string", "symbol"), Column("value", "float64", "value")),
)  # fmt: skip
DAYS = pd.date_range("2022-01-20", periods=20).astype("datetime64[us]")
READERS = 4
PATIENCE = 120.0
"""Seconds after which even a machine that gives no turn has had its time."""


def rows(value):
    index = pd.MultiIndex.from_product([DAYS, [f"X:S{k:02}" for k in range(20)]], names=["date", "symbol"])
    return index.to_frame(index=False).assign(value=float(value)).astype(FACTS.pandas_types())


def publish(lake, value):
    return lake.replace_dates(FACTS, rows(value), dates=[day.date() for day in DAYS])


def soak(root, seconds):
    """Write, sweep and read until the time is over and all did a little; return how much and what went wrong."""
    writer, over, errors, seen = Lake(root, [FACTS]), time.monotonic() + seconds, [], [[] for _ in range(READERS)]
    publish(writer, 0)
    counts, late = {"writes": 1, "swept": 0}, over + PATIENCE

    def enough():
        now = time.monotonic()
        some = counts["writes"] > 3 and counts["swept"] > 0 and all(len(mine) > 3 for mine in seen)
        return now >= late or (now >= over and some)

    def guarded(work):
        def loop():
            own = Lake(root, [FACTS])
            while not enough() and not errors:
                try:
                    work(own)
                except Exception as error:
                    errors.append(error)
                    return

        return threading.Thread(target=loop)

    def write(own):
        publish(own, counts["writes"])
        counts["writes"] += 1

    def sweep(own):
        own.sweep(older_than=0.0)
        counts["swept"] += 1

    def reading(mine):
        def read(own):
            version = own.version("facts")
            frame = own.read("facts", version=version)
            mine.append((version, own.content_hash("facts", version=version), frame["value"].unique(), len(frame)))

        return read

    threads = [guarded(write), guarded(sweep), *(guarded(reading(mine)) for mine in seen)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts, errors, seen


def check(root, seconds):
    counts, errors, seen = soak(root, seconds)
    lake = Lake(root, [FACTS])
    known = dict(lake.history("facts")[["version", "content_hash"]].itertuples(index=False))
    assert errors == []
    assert counts["writes"] > 3
    assert counts["swept"] > 0
    for mine in seen:
        assert len(mine) > 3
        for version, content, values, n in mine:
            assert known[version] == content
            assert (values.tolist(), n) == ([float(version)], len(DAYS) * 20)  # one version whole, never a mixture
        assert (np.diff([read[0] for read in mine]) >= 0).all()
    assert lake.verify() == []


def test_readers_beside_a_writer_and_the_janitor(tmp_path):
    check(tmp_path, 2.0)


@pytest.mark.slow
def test_readers_beside_a_writer_and_the_janitor_for_minutes(tmp_path):
    check(tmp_path, dt.timedelta(minutes=10).total_seconds())
