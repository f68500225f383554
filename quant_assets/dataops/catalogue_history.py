"""What the lakehouse remembers of the catalogue."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from quant_lib.contracts import INSTRUMENT_VERSIONS
from quant_lib.instruments import rewind, valid_on, versions_of
from quant_resources.binance.resource import BinanceResource
from quant_resources.config import UniverseConfig
from quant_resources.lakehouse import Lake, Receipt

VERSIONS = INSTRUMENT_VERSIONS.name


def exchange_listings(binance: BinanceResource, universes: Iterable[UniverseConfig]) -> pd.DataFrame | None:
    """Ask the exchange for its listings of the kinds some universe follows there; None where it is off."""
    kinds = {kind for universe in universes if "BINANCE" in universe.exchanges for kind in universe.asset_types}
    if not binance.enabled or not kinds & {"spot", "perp"}:
        return None
    return binance.client().listings(kinds).frame


def all_symbols(listings: pd.DataFrame, exchange: pd.DataFrame | None) -> pd.Series:
    """Name every symbol that some source lists now."""
    parts = [listings["symbol"], *([] if exchange is None else [exchange["symbol"]])]
    return pd.concat(parts, ignore_index=True)


def last_known_rows(lake: Lake, listed: pd.Series, universes: Iterable[UniverseConfig]) -> pd.DataFrame | None:
    """Last catalogue row of each symbol that was ever seen and is not listed now.

    Only venues that are still asked count: what nobody asks for has not vanished.

    Parameters
    ----------
    lake : Lake
        Where the catalogue is.
    listed : Series of str
        Symbols the sources list now.
    universes : iterable of UniverseConfig
        What the sources were asked for.

    Returns
    -------
    DataFrame or None
        None where there is no catalogue yet.
    """
    if not lake.exists(VERSIONS):
        return None
    seen = asked_rows(lake.read(VERSIONS, columns=["symbol", "exchange", "asset_type"]), universes)
    gone = sorted(set(seen["symbol"]) - set(listed))
    rows = lake.read("instruments", symbols=gone)
    return rows.sort_values("date", kind="stable").drop_duplicates("symbol", keep="last")


def asked_rows(rows: pd.DataFrame, universes: Iterable[UniverseConfig]) -> pd.DataFrame:
    """Rows whose venue and kind some universe asks for."""
    asked = {(venue, kind) for universe in universes for venue in universe.exchanges for kind in universe.asset_types}
    return rows[[pair in asked for pair in zip(rows["exchange"], rows["asset_type"], strict=True)]]


def update_versions(lake: Lake, dates: Sequence[dt.date]) -> Receipt:
    """Bring the history of the catalogue up to date after some dates were catalogued, in any order."""
    first = min(dates)
    old = lake.read(VERSIONS) if lake.exists(VERSIONS) else None
    before = None if old is None else rewind(old, first)
    versions = versions_of(lake.read("instruments", since=first), before)
    touched = {stamp.date() for frame in (versions, old) if frame is not None for stamp in frame["date"].unique()}
    return lake.replace_dates(INSTRUMENT_VERSIONS, versions, dates=touched or {first})


def instruments_on(lake: Lake, on: dt.date) -> pd.DataFrame:
    """Look the catalogue of any date up: values that held on it, one row per symbol known by then."""
    return valid_on(lake.read(VERSIONS, until=on), on)


def catalogue_figures(lake: Lake, rows: pd.DataFrame, on: dt.date) -> dict[str, Any]:
    """Figures worth plotting: symbols by kind and listing, and what changed on the date."""
    versions = lake.read(VERSIONS, date=on)
    counts = rows["asset_type"].value_counts().sort_index()
    listing = rows["listing"].value_counts().sort_index()
    changed = versions.loc[versions["changed"].ne(""), ["symbol", "changed"]]
    return {
        "active": int(rows["active"].sum()),
        **{str(kind): int(n) for kind, n in counts.items()},
        **{f"listing_{word}": int(n) for word, n in listing.items()},
        "new_symbols": int(versions["changed"].eq("").sum()),
        "changed_symbols": len(changed),
        "changes": ", ".join(f"{r.symbol} ({r.changed})" for r in changed.head(20).itertuples()),
    }
