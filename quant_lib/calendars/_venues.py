"""Which calendar, zone and hours a venue has (semantics 2.10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from quant_lib.errors import QuantError


@dataclass(eq=False)
class UnknownVenueError(QuantError):
    """A venue of which nobody said when it trades. It is not taken for another one."""

    exchange: str
    asset_type: str

    def __str__(self) -> str:
        return f"when {self.exchange} trades {self.asset_type} is not known, so its bars cannot be judged"

    @property
    def fix(self) -> str:
        """Where to say it."""
        return f"add {self.exchange} to the venues of quant_lib/calendars/_venues.py"


@dataclass(frozen=True, slots=True)
class Hours:
    """When a venue trades.

    Parameters
    ----------
    calendar : str
        Name for `quant_lib.calendars.get_calendar`.
    timezone : str
        IANA zone of the exchange.
    session : str
        Session hours, vendor's notation.
    """

    calendar: str
    timezone: str
    session: str


ALWAYS: Final = Hours("24x7", "Etc/UTC", "24x7")
CURRENCIES: Final = Hours("24x5", "America/New_York", "1700-1700")

_US: Final = Hours("XNYS", "America/New_York", "0930-1600")
_CME: Final = Hours("CMES", "America/Chicago", "1700-1600")
_ICE: Final = Hours("IEPA", "America/New_York", "2000-1800")

_BY_VENUE: Final[dict[str, Hours]] = {
    **dict.fromkeys(("NASDAQ", "NYSE", "AMEX", "ARCA", "BATS", "CBOE", "OTC", "SP", "DJ", "RUSSELL", "INDEX"), _US),
    **dict.fromkeys(("CME", "CME_MINI", "CBOT", "CBOT_MINI", "COMEX", "NYMEX"), _CME),
    **dict.fromkeys(("ICE", "ICEUS"), _ICE),
    "EUREX": Hours("XEUR", "Europe/Berlin", "0000-2200"),
    "XETR": Hours("XETR", "Europe/Berlin", "0900-1735"),
    "FWB": Hours("XFRA", "Europe/Berlin", "0800-2200"),
    "LSE": Hours("XLON", "Europe/London", "0800-1630"),
    "EURONEXT": Hours("XPAR", "Europe/Paris", "0900-1730"),
    "SIX": Hours("XSWX", "Europe/Zurich", "0900-1730"),
    "TSE": Hours("XTKS", "Asia/Tokyo", "0900-1530"),
    "HKEX": Hours("XHKG", "Asia/Hong_Kong", "0930-1600"),
    "ASX": Hours("XASX", "Australia/Sydney", "1000-1600"),
    "TVC": CURRENCIES,
    "CRYPTOCAP": ALWAYS,
    "TSX": Hours("XTSE", "America/Toronto", "0930-1600"),
}
VENUE_CALENDARS: Final = frozenset(hours.calendar for hours in _BY_VENUE.values()) - {"24x7", "24x5"}
"""Calendars of `exchange_calendars` that our venues use."""

_ALWAYS_OPEN: Final = frozenset({"spot", "perp"})
_HOURS_OF_TYPE: Final = {"forex": CURRENCIES, "equity": _US, "etf": _US}


def venue_hours(exchange: str, asset_type: str) -> Hours:
    """Tell when a venue trades a kind of instrument.

    Parameters
    ----------
    exchange : str
        Venue prefix, such as ``BINANCE`` or ``NASDAQ``.
    asset_type : str
        Kind of instrument as in the catalogue: spot, perp, equity, etf, futures, forex, index.

    Returns
    -------
    Hours
        Coins trade always and currencies around the clock on weekdays, wherever they are listed; of
        everything else the venue decides. Shares of a venue we do not know are American, because
        the screener's market ``america`` is the only one that lists shares here.

    Raises
    ------
    UnknownVenueError
        Futures or an index of a venue we know nothing about.
    """
    if asset_type in _ALWAYS_OPEN:
        return ALWAYS
    if asset_type == "forex":
        return CURRENCIES
    hours = _BY_VENUE.get(exchange.upper()) or _HOURS_OF_TYPE.get(asset_type)
    if hours is None:
        raise UnknownVenueError(exchange, asset_type)
    return hours
