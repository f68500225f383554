"""The live scan of a sleeve's scanners: who is listed now."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from quant_lib.errors import MissingDataError, QuantError

if TYPE_CHECKING:
    from quant_resources.binance.resource import BinanceResource
    from quant_resources.config import Project, ScannerConfig, SleeveConfig, UniverseConfig
    from quant_resources.tradingview import Filter
    from quant_resources.tradingview.client import TradingViewClient
    from quant_resources.tradingview.resource import TradingViewResource


@dataclass(frozen=True)
class Listing:
    """Who is listed now, by the scanners that could be asked.

    Attributes
    ----------
    ratings : Series
        Vendor's ``Recommend.All`` by symbol; NaN where an exchange was asked, which rates nothing.
    failed : dict of str to str
        Scanner whose source did not answer, and what it said.
    """

    ratings: pd.Series
    failed: dict[str, str]


def listed_now(
    tradingview: TradingViewResource, binance: BinanceResource, project: Project, sleeve: SleeveConfig
) -> Listing:
    """Ask each scanner's source which symbols are listed now.

    Only membership is asked: venue, type, and that the symbol trades. Figures are
    judged on our own closed bars, so that a live day and its later reconstruction
    decide alike. A source that fails stops no other scanner.

    Raises
    ------
    QuantError
        Of the first scanner, where none could be asked.
    """
    found: dict[str, float] = {}
    errors: dict[str, QuantError] = {}
    scanners = [project.scanners[name] for name in sleeve.scanners]
    with tradingview.client() as client:
        for scanner in scanners:
            try:
                if scanner.source == "binance":
                    found = {**dict.fromkeys(listed_by_binance(binance, project, scanner), float("nan")), **found}
                else:
                    found.update(_listed_by_vendor(client, project, scanner))
            except QuantError as error:
                errors[scanner.name] = error
    if len(errors) == len(scanners):
        raise errors[scanners[0].name]
    return Listing(pd.Series(found, dtype="float64"), {name: str(error) for name, error in errors.items()})


def membership_filters(project: Project, universe: UniverseConfig) -> tuple[Filter, ...]:
    """Ask the server of a universe: venue, type, its members where it names them, and that the symbol trades."""
    from quant_resources.catalogue import universe_filters
    from quant_resources.tradingview import Filter

    named = project.named_symbols(universe)
    return (*universe_filters(universe, named), Filter("active_symbol", "equal", True))


def _listed_by_vendor(client: TradingViewClient, project: Project, scanner: ScannerConfig) -> dict[str, float]:
    from quant_resources.tradingview import ScanRequest

    universe = project.universes[scanner.universe]
    request = ScanRequest(
        market=universe.market,
        columns=("name", "Recommend.All"),
        filters=membership_filters(project, universe),
        sort_by="name",
        sort_order="asc",
    )
    rows = client.scan(request).frame
    return dict(zip(rows["symbol"], pd.to_numeric(rows["Recommend.All"], errors="coerce"), strict=True))


def scanned_universe(
    client: TradingViewClient, project: Project, scanner: ScannerConfig, listed: Collection[str] | None = None
) -> pd.DataFrame:
    """Universe of a scanner as the vendor shows it now, with the vendor's own figures.

    For looking at a scanner before anything is stored: what a sleeve decides on is
    judged on closed bars of the lakehouse instead.

    Parameters
    ----------
    client : TradingViewClient
        Open client.
    project : Project
        Configuration.
    scanner : ScannerConfig
        One of its scanners.
    listed : collection of str, optional
        What the exchange itself lists, where that is the scanner's source: nothing else trades, and what the vendor
        does not show has no figures.
    """
    from quant_lib.selection import VENDOR_COLUMNS, universe_from_scan
    from quant_resources.config import live_only_fields
    from quant_resources.tradingview import ScanRequest

    universe = project.universes[scanner.universe]
    request = ScanRequest(
        market=universe.market,
        columns=(*VENDOR_COLUMNS, *live_only_fields(scanner)),
        filters=membership_filters(project, universe),
        sort_by="name",
        sort_order="asc",
    )
    # The vendor knows no median turnover: it is missing here, and value traded takes its place.
    shown = universe_from_scan(client.scan(request).frame).assign(turnover=float("nan"))
    return shown if listed is None else _as_listed(shown, listed)


def _as_listed(shown: pd.DataFrame, listed: Collection[str]) -> pd.DataFrame:
    """Let the exchange say who trades; who the vendor does not show is a row without figures."""
    from quant_lib.symbols import parse_symbols

    shown = shown.assign(active=shown["symbol"].isin(listed))
    symbols = pd.Series(sorted({*listed} - {*shown["symbol"]}), dtype="str")
    if symbols.empty:
        return shown
    parts = parse_symbols(symbols)
    kinds = parts["perp"].map({True: "perp", False: "spot"}).astype("str")
    more = pd.DataFrame(
        {"symbol": symbols, "asset_type": kinds, **parts[["exchange", "base", "quote"]], "active": True}
    )
    return pd.concat([shown, more.reindex(columns=shown.columns)], ignore_index=True)


def listed_by_binance(binance: BinanceResource, project: Project, scanner: ScannerConfig) -> tuple[str, ...]:
    """Ask Binance what it lists of a scanner's universe and trades now.

    Raises
    ------
    MissingDataError
        It is not configured.
    ExchangeError
        It does not answer.
    """
    if not binance.enabled:
        raise MissingDataError(
            f"the list of scanner {scanner.name}",
            "its source is binance, and QUANT_BINANCE_URL is not set",
            "set QUANT_BINANCE_URL=live, or the scanner's source to tradingview",
        )
    client, universe = binance.client(), project.universes[scanner.universe]
    parts = [client.discover(kind, universe.quotes).frame for kind in universe.asset_types]
    return tuple(symbol for part in parts for symbol in part["symbol"])
