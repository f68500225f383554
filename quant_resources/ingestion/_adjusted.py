"""Stored bars on the basis of a date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from quant_lib.contracts import OHLCV_REFRESHES, OHLCV_REVISIONS, TableSpec
from quant_lib.health import adjusted

if TYPE_CHECKING:
    from quant_resources.lakehouse import Lake


def adjusted_bars(lake: Lake, symbols: Sequence[str], as_of: dt.date) -> pd.DataFrame:
    """Read bars of some symbols as the provider's basis of a date had them; see `quant_lib.health.adjusted`.

    Parameters
    ----------
    lake : Lake
        Where bars and revisions are.
    symbols : sequence of str
        Symbols.
    as_of : datetime.date
        Last day whose knowledge is used.

    Returns
    -------
    DataFrame
        Rows of ``ohlcv`` until that day; the stored ones stay as they are.
    """

    def rows(spec: TableSpec) -> pd.DataFrame:
        if lake.exists(spec.name):
            return lake.read(spec.name, symbols=symbols)
        return pd.DataFrame(columns=list(spec.column_names)).astype(spec.pandas_types())

    bars = lake.read("ohlcv", symbols=symbols, until=as_of)
    return adjusted(bars, rows(OHLCV_REVISIONS), rows(OHLCV_REFRESHES), as_of)
