"""The live scan of a sleeve's scanners: who is listed now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from quant_lib.errors import MissingDataError

if TYPE_CHECKING:
    from quant_resources.binance.resource import BinanceResource
    from quant_resources.config import Project, ScannerConfig, SleeveConfig
    from quant_resources.tradingview.client import TradingViewClient
    from quant_resources.tradingview.resource import TradingViewResource

_VENDOR_TYPE = {
    "spot": "spot",
    "perp": "swap",
    "equity": "stock",
    "etf": "fund",
    "futures": "futures",
    "forex": "forex",
    "index": "index",
}


def vendor_ratings(
    tradingview: TradingViewResource, binance: BinanceResource, project: Project, sleeve: SleeveConfig
) -> pd.Series:
    """Ask each scanner's source which symbols are listed now.

    Only membership is asked: venue, type, and that the symbol trades. Figures are
    judged on our own closed bars, so that a live day and its later reconstruction
    decide alike.

    Returns
    -------
    Series
        Vendor's ``Recommend.All`` by symbol; NaN where an exchange was asked, which rates nothing.

    Raises
    ------
    MissingDataError
        A scanner asks Binance and its address is not set.
    """
    found: dict[str, float] = {}
    scanners = [project.scanners[name] for name in sleeve.scanners]
    with tradingview.client() as client:
        for scanner in scanners:
            if scanner.source == "binance":
                found = {**_listed_by_binance(binance, project, scanner), **found}
            else:
                found.update(_listed_by_vendor(client, project, scanner))
    return pd.Series(found, dtype="float64")


def _listed_by_vendor(client: TradingViewClient, project: Project, scanner: ScannerConfig) -> dict[str, float]:
    from quant_resources.tradingview import Filter, ScanRequest

    universe = project.universes[scanner.universe]
    request = ScanRequest(
        market=universe.market,
        columns=("name", "Recommend.All"),
        filters=(
            Filter("exchange", "in_range", list(universe.exchanges)),
            Filter("type", "in_range", [_VENDOR_TYPE[kind] for kind in universe.asset_types]),
            Filter("active_symbol", "equal", True),
        ),
        sort_by="name",
        sort_order="asc",
    )
    rows = client.scan(request).frame
    return dict(zip(rows["symbol"], pd.to_numeric(rows["Recommend.All"], errors="coerce"), strict=True))


def _listed_by_binance(binance: BinanceResource, project: Project, scanner: ScannerConfig) -> dict[str, float]:
    if not binance.enabled:
        raise MissingDataError(
            f"the list of scanner {scanner.name}",
            "its source is binance, and QUANT_BINANCE_URL is not set",
            "set QUANT_BINANCE_URL=live, or the scanner's source to tradingview",
        )
    client, universe = binance.client(), project.universes[scanner.universe]
    parts = [client.discover(kind, universe.quotes).frame for kind in universe.asset_types]
    return {symbol: float("nan") for part in parts for symbol in part["symbol"]}
