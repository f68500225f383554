"""Contracts of the instrument catalogue: nothing is lost, and what is required is vouched for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING

from quant_lib.contracts import INSTRUMENT_VERSIONS, INSTRUMENTS
from quant_lib.contracts.verdicts import Verdict, all_of, judge_schema, require
from quant_resources.config import UniverseConfig

if TYPE_CHECKING:
    import pandas as pd

    from quant_resources.lakehouse import Lake


MIN_METADATA_COVERAGE = 0.95
REQUIRED = ("tick_size", "price_precision")
"""What nobody can trade or round without; the vendor tells it."""


def judge_catalogue(lake: Lake, date: dt.date, universes: Iterable[UniverseConfig]) -> Verdict:
    """Judge schema, continuity and history of a day's catalogue.

    Every symbol seen before, of a venue that is still asked, must be there: listed,
    delisted or vanished. The values that hold by the history must be the day's.
    """
    import pandas as pd

    from quant_assets.dataops.catalogue_history import VERSIONS, asked_rows, instruments_on

    rows = lake.read("instruments", date=date)
    versions = lake.read(VERSIONS, until=date)
    lost = sorted(set(asked_rows(versions, universes)["symbol"]) - set(rows["symbol"]))
    kept = require(
        not lost,
        f"{len(lost)} symbols seen before are not in the catalogue",
        {"symbols": len(rows), "lost": len(lost), "vanished": int(rows["listing"].eq("vanished").sum())},
        pd.DataFrame({"symbol": lost}),
    )
    schema = all_of(judge_schema(INSTRUMENTS, rows), judge_schema(INSTRUMENT_VERSIONS, versions))
    if not schema.passed:
        return schema
    held = instruments_on(lake, date)
    shared = [name for name in held.columns if name in rows.columns and name not in ("date", "symbol")]
    left = held.set_index("symbol")[shared].reindex(rows["symbol"])
    right = rows.set_index("symbol")[shared]
    apart = ~((left == right) | (left.isna() & right.isna())).fillna(False).astype(bool).all(axis=1)
    agrees = require(
        not apart.any(),
        f"{int(apart.sum())} symbols differ from their history",
        failing=pd.DataFrame({"symbol": apart.index[apart]}),
    )
    return all_of(schema, kept, agrees)


def judge_coverage(lake: Lake, date: dt.date) -> Verdict:
    """Judge how much of the active symbols' metadata somebody vouches for; a default never counts."""
    from quant_lib.instruments import metadata_coverage

    rows = lake.read("instruments", date=date)
    active = rows[rows["active"]].reset_index(drop=True)
    asked = _venues_that_answered(active)
    found = metadata_coverage(active, REQUIRED, {"lot_size": active["exchange"].isin(asked)})
    share = found.complete_share
    figures = {f"{name}_coverage": value for name, value in found.shares.items()}
    lots = "" if asked else "; no exchange was asked, so lot sizes are defaults"
    return require(
        share >= MIN_METADATA_COVERAGE,
        f"required metadata vouched for of {share:.1%} of {found.n} active symbols, "
        f"{MIN_METADATA_COVERAGE:.0%} needed{lots}",
        {"active": found.n, "coverage": share, "required": ", ".join(found.shares), **figures},
        found.failing,
    )


def _venues_that_answered(rows: pd.DataFrame) -> set[str]:
    """Venues of which some row names the exchange itself among its providers."""
    return set(rows.loc[rows["source"].ne("tradingview"), "exchange"])
