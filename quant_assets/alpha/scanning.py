"""The live scan of a sleeve's scanners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from quant_resources.config import Project, SleeveConfig
    from quant_resources.tradingview.resource import TradingViewResource

_VENDOR_TYPE = {"spot": "spot", "perp": "swap", "equity": "stock", "etf": "fund"}


def vendor_ratings(tradingview: TradingViewResource, project: Project, sleeve: SleeveConfig) -> pd.Series:
    """Ask the screener which symbols its scanners would list now.

    Only membership is asked of the server: venue, type, and that the symbol
    trades. Figures are judged on our own closed bars, so that a live day and its
    later reconstruction decide alike.

    Returns
    -------
    Series
        Vendor's ``Recommend.All`` by symbol.
    """
    from quant_resources.tradingview import Filter, ScanRequest

    found: dict[str, float] = {}
    with tradingview.client() as client:
        for name in sleeve.scanners:
            universe = project.universes[project.scanners[name].universe]
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
            found.update(zip(rows["symbol"], pd.to_numeric(rows["Recommend.All"], errors="coerce"), strict=True))
    return pd.Series(found, dtype="float64")
