"""Pin versions, verifying every byte first."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from quant_assets.alpha.reading import PINNED
from quant_lib.contracts import FOUNDATION
from quant_lib.decision.daily import stamp
from quant_resources.lakehouse import Lake


def pin_rows(lake: Lake, profile: str, date: dt.date) -> pd.DataFrame:
    """Rows of the ``foundation`` table: newest version of each shared table, verified."""
    rows = []
    for table, version in lake.pin(PINNED).items():
        dates = lake.read(table, version=version, columns=["date"], until=date)["date"]
        rows.append(
            {
                "table_name": table,
                "version": version,
                "rows": len(dates),
                "newest_date": dates.max(),
                "content_hash": lake.content_hash(table, version=version),
            }
        )
    return stamp(pd.DataFrame(rows), FOUNDATION, profile, date)
