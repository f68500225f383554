"""Two small tables and a lake of them."""

import numpy as np
import pandas as pd
import pytest

from quant_lib.contracts import Column, Ownership, TableSpec
from quant_resources.lakehouse import Lake

FACTS = TableSpec(
    "facts", "Shared rows.", "", Ownership.SHARED, ("date", "symbol"),
    (
        Column("date", "date", "day"),
        Column("symbol", "string", "symbol"),
        Column("value", "float64", "value", nullable=True),
        Column("stamp", "timestamp", "instant"),
    ),
)  # fmt: skip
CHOICES = TableSpec(
    "choices", "Decision rows.", "", Ownership.DECISION, ("profile", "date", "symbol"),
    (
        Column("profile", "string", "sleeve"),
        Column("date", "date", "day"),
        Column("symbol", "string", "symbol"),
        Column("weight", "float64", "weight"),
    ),
)  # fmt: skip


def facts(dates, symbols=("X:A", "X:B"), value=1.0):
    index = pd.MultiIndex.from_product([pd.to_datetime(list(dates)), symbols], names=["date", "symbol"])
    frame = index.to_frame(index=False)
    frame["value"] = float(value) + np.arange(len(frame))
    frame["stamp"] = frame["date"].dt.tz_localize("UTC") + pd.Timedelta(days=1)
    return frame.astype(FACTS.pandas_types())


def choices(profile, date, weights):
    frame = pd.DataFrame({"symbol": list(weights), "weight": list(weights.values())})
    frame["profile"], frame["date"] = profile, pd.Timestamp(date)
    return frame.astype(CHOICES.pandas_types())[list(CHOICES.column_names)]


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake", [FACTS, CHOICES])


class Toy:
    """Specs and frame makers, for tests that need them by name."""

    FACTS, CHOICES = FACTS, CHOICES
    facts, choices = staticmethod(facts), staticmethod(choices)


@pytest.fixture
def kit():
    return Toy


@pytest.fixture(scope="session")
def toy():
    """The same, for fixtures and properties that outlive a test."""
    return Toy
