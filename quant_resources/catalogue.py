"""The instrument catalogue: what the screener lists for the universes the platform follows."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pandas as pd

from quant_lib.calendars import venue_hours
from quant_lib.contracts import INSTRUMENTS
from quant_lib.symbols import STABLE_BASES, parse_symbols

if TYPE_CHECKING:
    from quant_resources.config import UniverseConfig
    from quant_resources.tradingview import TradingViewClient

COLUMNS = (
    "name",
    "exchange",
    "type",
    "currency",
    "description",
    "pricescale",
    "minmov",
    "active_symbol",
    "first_bar_time",
    "time",
)

_TYPES = {
    "spot": "spot",
    "swap": "perp",
    "stock": "equity",
    "fund": "etf",
    "futures": "futures",
    "forex": "forex",
    "index": "index",
}
_VENDOR_TYPE = {ours: theirs for theirs, ours in _TYPES.items()}
_QUARANTINE_FREE_DAYS = 7
"""A symbol without a bar for longer than this counts as not trading when a past day is reconstructed."""


def fetch_listings(client: TradingViewClient, universe: UniverseConfig) -> pd.DataFrame:
    """Ask the screener for every listing of a universe's venues and types, delisted ones included.

    Parameters
    ----------
    client : TradingViewClient
        Open client.
    universe : UniverseConfig
        Market, exchanges and asset types to list.

    Returns
    -------
    DataFrame
        Column symbol and `COLUMNS`, as the vendor gives them.
    """
    from quant_resources.tradingview import Filter, ScanRequest

    filters = (
        Filter("exchange", "in_range", list(universe.exchanges)),
        Filter("type", "in_range", [_VENDOR_TYPE[kind] for kind in universe.asset_types]),
    )
    request = ScanRequest(market=universe.market, columns=COLUMNS, filters=filters, sort_by="name", sort_order="asc")
    return client.scan(request).frame


def build_instruments(
    listings: pd.DataFrame, on: dt.date, *, scanned_today: bool, fees: tuple[float, float]
) -> pd.DataFrame:
    """Turn vendor listings into catalogue rows as known on a date.

    Parameters
    ----------
    listings : DataFrame
        From `fetch_listings`.
    on : datetime.date
        Date of the catalogue.
    scanned_today : bool
        Whether ``on`` is the market's last closed day. For an earlier day, what
        was listed is reconstructed from first and last bar.
    fees : tuple of float
        Default maker and taker fee, marked as defaults.

    Returns
    -------
    DataFrame
        Rows of the ``instruments`` table. A value nobody told is null with source
        ``missing``; a default is marked ``default`` and never counts as coverage.
    """
    frame = listings.drop_duplicates("symbol").sort_values("symbol", kind="stable").reset_index(drop=True)
    listed_on = _day(frame["first_bar_time"])
    last = _day(frame["time"])
    day = pd.Timestamp(on)
    known = listed_on.isna() | (listed_on <= day)
    frame, listed_on, last = frame[known], listed_on[known], last[known]
    parsed = parse_symbols(frame["symbol"])
    if scanned_today:
        active = frame["active_symbol"].eq(True)
    else:
        active = last.ge(day - pd.Timedelta(days=_QUARANTINE_FREE_DAYS))
    tick = pd.to_numeric(frame["minmov"], errors="coerce") / pd.to_numeric(frame["pricescale"], errors="coerce")
    missing = pd.Series("missing", index=frame.index)
    kinds = frame["type"].map(_TYPES)
    hours = [venue_hours(exchange, kind) for exchange, kind in zip(parsed["exchange"], kinds, strict=True)]
    made = pd.DataFrame(
        {
            "date": day.as_unit("us"),
            "symbol": frame["symbol"],
            "exchange": parsed["exchange"],
            "asset_type": kinds,
            "base": parsed["base"],
            "quote": frame["currency"].fillna(parsed["quote"]),
            "description": frame["description"],
            "tick_size": tick,
            "tick_size_source": tick.notna().map({True: "vendor", False: "missing"}),
            "lot_size": float("nan"),
            "lot_size_source": missing,
            "min_notional": float("nan"),
            "min_notional_source": missing,
            "maker_fee": fees[0],
            "maker_fee_source": "default",
            "taker_fee": fees[1],
            "taker_fee_source": "default",
            "calendar": [one.calendar for one in hours],
            "timezone": [one.timezone for one in hours],
            "session": [one.session for one in hours],
            "listed_on": listed_on,
            "last_traded_on": last.where(last <= day, day),
            "active": active,
            "mode": "scanned" if scanned_today else "reconstructed",
            "source": "tradingview",
        }
    )
    return made.astype(INSTRUMENTS.pandas_types())[list(INSTRUMENTS.column_names)].reset_index(drop=True)


def _day(seconds: pd.Series) -> pd.Series:
    """Session label of a bar-open time in unix seconds; missing stays missing."""
    return pd.to_datetime(pd.to_numeric(seconds, errors="coerce"), unit="s").dt.floor("D").astype("datetime64[us]")


def followed_symbols(instruments: pd.DataFrame, universes: list[UniverseConfig], always: set[str]) -> list[str]:
    """Symbols whose bars are ingested: members of the base universes, and everything that must never be lost.

    Parameters
    ----------
    instruments : DataFrame
        Catalogue rows of the date.
    universes : list of UniverseConfig
        Broad membership: exchange, type, quote; no liquidity floor, delisted included.
    always : set of str
        Benchmarks, candidates ever seen, anything ever held.

    Returns
    -------
    list of str
        Sorted, unique.
    """
    member = pd.Series(False, index=instruments.index)
    for universe in universes:
        own = instruments["exchange"].isin(universe.exchanges) & instruments["asset_type"].isin(universe.asset_types)
        if universe.quotes:
            own &= instruments["quote"].isin(universe.quotes)
        if universe.exclude_stable_bases:
            own &= ~instruments["base"].isin(STABLE_BASES)
        member |= (own | instruments["symbol"].isin(universe.include_symbols)) & ~instruments["symbol"].isin(
            universe.exclude_symbols
        )
    return sorted(set(instruments.loc[member, "symbol"]) | always)
