"""Catalogues of made-up symbols."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from quant_lib.contracts import INSTRUMENTS
from quant_lib.instruments import apply_defaults, unknown

FIRST = dt.date(2024, 1, 1)


def make_rows(on: dt.date, symbols: dict[str, dict[str, object]]) -> pd.DataFrame:
    """Catalogue rows of a date: by symbol, what differs from a plain spot pair."""
    names = sorted(symbols)
    frame = pd.DataFrame({"symbol": names})
    frame = frame.join(
        apply_defaults(unknown(frame.index), pd.Series("spot", frame.index), pd.Series("USDT", frame.index))
    )
    plain = {
        "date": pd.Timestamp(on),
        "exchange": "BINANCE",
        "asset_type": "spot",
        "base": "X",
        "quote": "USDT",
        "data_profile": "CRYPTO",
        "description": "a coin",
        "sector": None,
        "calendar": "24x7",
        "timezone": "Etc/UTC",
        "session": "24x7",
        "calendar_source": "default",
        "timezone_source": "default",
        "session_source": "default",
        "listed_on": pd.Timestamp(FIRST),
        "delisted_on": pd.NaT,
        "last_traded_on": pd.Timestamp(on),
        "active": True,
        "listing": "listed",
        "mode": "scanned",
        "source": "tradingview",
    }
    frame = frame.assign(**plain)
    for name, changes in symbols.items():
        for column, value in changes.items():
            frame.loc[frame["symbol"] == name, column] = value
    return frame.astype(INSTRUMENTS.pandas_types())[list(INSTRUMENTS.column_names)]


@pytest.fixture
def catalogue():
    return make_rows
