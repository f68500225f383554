"""The instrument catalogue: what the screener lists for the universes the platform follows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import pandas as pd

from quant_lib.calendars import get_calendar, venue_hours
from quant_lib.contracts import INSTRUMENTS
from quant_lib.instruments import (
    DARK_DAYS,
    SOURCED_VALUES,
    apply_defaults,
    carry_forward,
    decimals_of,
    supply,
    unknown,
)
from quant_lib.symbols import STABLE_BASES, parse_symbols

if TYPE_CHECKING:
    from quant_resources.config import UniverseConfig
    from quant_resources.tradingview import Filter, TradingViewClient

COLUMNS = (
    "name",
    "exchange",
    "type",
    "currency",
    "description",
    "sector",
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
_PROFILES = {
    "spot": "CRYPTO",
    "perp": "CRYPTO",
    "equity": "EQUITY",
    "etf": "EQUITY",
    "index": "EQUITY",
    "futures": "FUTURES",
    "forex": "FOREX",
}


def universe_filters(universe: UniverseConfig, named: Collection[str] | None = None) -> tuple[Filter, ...]:
    """Ask the server of a universe: venue and type, and the tickers where it names its members."""
    from quant_resources.tradingview import Filter

    filters = (
        Filter("exchange", "in_range", list(universe.exchanges)),
        Filter("type", "in_range", [_VENDOR_TYPE[kind] for kind in universe.asset_types]),
    )
    if named is None:
        return filters
    return (*filters, Filter("name", "in_range", sorted({symbol.partition(":")[2] for symbol in named})))


def fetch_listings(
    client: TradingViewClient, universe: UniverseConfig, named: Collection[str] | None = None
) -> pd.DataFrame:
    """Ask the screener for every listing of a universe's venues and types, delisted ones included.

    Parameters
    ----------
    client : TradingViewClient
        Open client.
    universe : UniverseConfig
        Market, exchanges and asset types to list.
    named : collection of str, optional
        Only these symbols, where the universe names its members.

    Returns
    -------
    DataFrame
        Column symbol and `COLUMNS`, as the vendor gives them.
    """
    from quant_resources.tradingview import ScanRequest

    request = ScanRequest(
        market=universe.market,
        columns=COLUMNS,
        filters=universe_filters(universe, named),
        sort_by="name",
        sort_order="asc",
    )
    found = client.scan(request).frame
    return found if named is None else found[found["symbol"].isin(named)]


def build_instruments(
    listings: pd.DataFrame,
    on: dt.date,
    *,
    scanned_today: bool,
    exchange: pd.DataFrame | None = None,
    last_known: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Turn listings into catalogue rows as known on a date.

    Parameters
    ----------
    listings : DataFrame
        From `fetch_listings`.
    on : datetime.date
        Date of the catalogue.
    scanned_today : bool
        Whether ``on`` is the market's last closed day. For an earlier day, what
        was listed is reconstructed from first and last bar.
    exchange : DataFrame, optional
        What the exchange itself says (`quant_resources.binance`); its figures beat the vendor's.
    last_known : DataFrame, optional
        Last catalogue row of every symbol ever seen, so that none is lost.

    Returns
    -------
    DataFrame
        Rows of the ``instruments`` table. A value nobody told is filled by the default
        of its kind and marked ``default``, which never counts as coverage, or null
        with source ``missing``.
    """
    listings = listings.drop_duplicates("symbol")
    if exchange is not None:
        listings = _with_exchange_only(listings, exchange)
    frame = listings.sort_values("symbol", kind="stable").reset_index(drop=True)
    made = _described(frame, on, scanned_today=scanned_today)
    frame = frame.loc[made.index]
    made[_FIGURES] = _figures(frame, made, exchange)[_FIGURES]
    if exchange is not None:
        made = _confirmed(made, exchange, scanned_today=scanned_today)
    made["delisted_on"] = made["last_traded_on"].where(~made["active"])
    made["listing"] = made["active"].map({True: "listed", False: "delisted"})
    rows = made.astype(INSTRUMENTS.pandas_types())[list(INSTRUMENTS.column_names)].reset_index(drop=True)
    if last_known is None:
        return rows
    return carry_forward(rows, last_known, on, scanned=scanned_today, listed=frame["symbol"])


_FIGURES = [column for name in SOURCED_VALUES for column in (name, f"{name}_source")]


def _described(frame: pd.DataFrame, on: dt.date, *, scanned_today: bool) -> pd.DataFrame:
    """Describe each symbol, and when it trades, of those that had begun by the date."""
    day = pd.Timestamp(on)
    parsed = parse_symbols(frame["symbol"])
    kinds = frame["type"].map(_TYPES)
    hours = [venue_hours(venue, kind) for venue, kind in zip(parsed["exchange"], kinds, strict=True)]
    calendar = pd.Series([one.calendar for one in hours], index=frame.index)
    listed_on, last = (_session(frame[name], calendar) for name in ("first_bar_time", "time"))
    active = frame["active_symbol"].eq(True) if scanned_today else last.ge(day - pd.Timedelta(days=DARK_DAYS))
    made = pd.DataFrame(
        {
            "date": day.as_unit("us"),
            "symbol": frame["symbol"],
            "exchange": parsed["exchange"],
            "asset_type": kinds,
            "base": parsed["base"],
            "quote": frame["currency"].fillna(parsed["quote"]),
            "data_profile": kinds.map(_PROFILES),
            "description": frame["description"],
            "sector": frame["sector"],
            "calendar": calendar,
            "calendar_source": "default",
            "timezone": [one.timezone for one in hours],
            "timezone_source": "default",
            "session": [one.session for one in hours],
            "session_source": "default",
            "listed_on": listed_on,
            "last_traded_on": last.where(~(last > day), day),
            "active": active,
            "mode": "scanned" if scanned_today else "reconstructed",
            "source": frame.get("provider", "tradingview"),
        }
    )
    return made[listed_on.isna() | (listed_on <= day)]


def _figures(frame: pd.DataFrame, made: pd.DataFrame, exchange: pd.DataFrame | None) -> pd.DataFrame:
    """Figures with their sources: the exchange's, else the vendor's, else the default of the kind."""
    tick = pd.to_numeric(frame["minmov"], errors="coerce") / pd.to_numeric(frame["pricescale"], errors="coerce")
    vendor = pd.DataFrame({"tick_size": tick, "price_precision": decimals_of(tick)})
    known = supply(unknown(made.index), vendor, "vendor")
    if exchange is not None:
        told = exchange.set_index("symbol").reindex(made["symbol"]).set_axis(made.index)
        known = supply(known, told, "exchange")
    return apply_defaults(known, made["asset_type"], made["quote"])


def _with_exchange_only(listings: pd.DataFrame, exchange: pd.DataFrame) -> pd.DataFrame:
    """Add what the exchange lists and the vendor does not, and say who vouches for each row."""
    name = str(exchange["provider"].iloc[0]) if len(exchange) else ""
    told = listings["symbol"].isin(exchange["symbol"])
    listings = listings.assign(provider=told.map({True: f"{name}+tradingview", False: "tradingview"}))
    more = exchange[~exchange["symbol"].isin(listings["symbol"])]
    if more.empty:
        return listings
    rows = pd.DataFrame({"symbol": more["symbol"], "currency": more["quote"], "provider": name})
    rows["type"] = more["asset_type"].map(_VENDOR_TYPE)
    rows["active_symbol"] = more["active"]
    began = pd.to_datetime(more["listed_on"])
    rows["first_bar_time"] = (began - pd.Timestamp(0)) / pd.Timedelta(seconds=1)
    return pd.concat([listings, rows.reindex(columns=listings.columns)], ignore_index=True)


def _confirmed(made: pd.DataFrame, exchange: pd.DataFrame, *, scanned_today: bool) -> pd.DataFrame:
    """Let the exchange decide whether its own symbols trade now, and in which zone it counts time."""
    told = exchange.set_index("symbol").reindex(made["symbol"]).set_axis(made.index)
    asked = told["provider"].notna()
    made["timezone"] = made["timezone"].where(~asked, told["timezone"])
    made["timezone_source"] = made["timezone_source"].where(~asked, "exchange")
    if scanned_today:
        covered = made["exchange"].isin(exchange["exchange"]) & made["asset_type"].isin(exchange["asset_type"])
        made["active"] = made["active"].where(~covered, told["active"].eq(True))
    return made


def _session(seconds: pd.Series, calendar: pd.Series) -> pd.Series:
    """Label of the session that a bar opening at some unix second belongs to; missing stays missing."""
    opened = pd.to_datetime(pd.to_numeric(seconds, errors="coerce"), unit="s").astype("datetime64[us]")
    labels = pd.Series(pd.NaT, index=opened.index, dtype="datetime64[us]")
    for name, own in opened.dropna().groupby(calendar, sort=True):
        labels.loc[own.index] = get_calendar(str(name)).label(own.to_numpy())
    return labels


_NOBODY: Mapping[str, Collection[str]] = MappingProxyType({})


def followed_symbols(
    instruments: pd.DataFrame,
    universes: list[UniverseConfig],
    always: set[str],
    named: Mapping[str, Collection[str]] = _NOBODY,
) -> list[str]:
    """Symbols whose bars are ingested: members of the base universes, and everything that must never be lost.

    Parameters
    ----------
    instruments : DataFrame
        Catalogue rows of the date.
    universes : list of UniverseConfig
        Broad membership: exchange, type, quote; no liquidity floor, delisted included.
    always : set of str
        Benchmarks, candidates ever seen, anything ever held.
    named : mapping of str to collection of str
        Members by universe, of those universes that name theirs: nothing else of their venues is followed.

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
        if universe.name in named:
            own &= instruments["symbol"].isin(named[universe.name])
        if universe.exclude_stable_bases:
            own &= ~instruments["base"].isin(STABLE_BASES)
        member |= (own | instruments["symbol"].isin(universe.include_symbols)) & ~instruments["symbol"].isin(
            universe.exclude_symbols
        )
    return sorted(set(instruments.loc[member, "symbol"]) | always)
