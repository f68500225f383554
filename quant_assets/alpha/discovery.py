"""Candidates of a day, and the gate that pins what the chain will read."""

from typing import Any

import dagster as dg

from quant_assets import keys
from quant_assets.alpha.context import SleeveContext
from quant_assets.common import NETWORK_RETRY, no_retry_where_hopeless, result, schema_metadata, the_date
from quant_assets.loading import signed
from quant_assets.sleeve_rules import sleeve_calendar, sleeve_rules
from quant_lib.contracts import (
    CANDIDATE_DROPS,
    CANDIDATE_FUNNEL,
    CANDIDATE_MEMBERSHIP,
    CANDIDATE_SCANNERS,
    CANDIDATE_SIGNALS,
    CANDIDATES,
    FOUNDATION,
)
from quant_resources.binance.resource import BinanceResource
from quant_resources.lakehouse.resource import LakehouseResource
from quant_resources.tradingview.resource import TradingViewResource

_BESIDE = (CANDIDATE_FUNNEL, CANDIDATE_DROPS, CANDIDATE_SCANNERS, CANDIDATE_SIGNALS, CANDIDATE_MEMBERSHIP)
"""What is written beside the candidates."""
_FACTS = ("instruments", "features", "ohlcv_health")
"""Shared facts of the date: a decision without them would be one on an empty universe."""


def candidates_asset(chain: SleeveContext) -> dg.AssetsDefinition:
    """Canonical candidates with their funnel."""

    @dg.asset(
        deps=list(keys.SHARED_KEYS),
        description=f"{CANDIDATES.description} {chain.sleeve.description}",
        metadata=schema_metadata(CANDIDATES),
        pool="tradingview",
        retry_policy=NETWORK_RETRY,
        **chain.options("candidates", kinds={"tradingview", "deltalake"}, flow="dataops"),
    )
    @signed
    def candidates(
        context: dg.AssetExecutionContext,
        lakehouse: LakehouseResource,
        tradingview: TradingViewResource,
        binance: BinanceResource,
    ) -> dg.MaterializeResult[Any]:
        from quant_assets.alpha.scanning import listed_now
        from quant_lib.calendars import require_session
        from quant_lib.decision import discover, survivorship_of, universe_on

        lake, date, profile = lakehouse.lake, the_date(context), chain.sleeve.name
        with no_retry_where_hopeless():
            require_session(sleeve_calendar(chain.project, chain.sleeve), date, f"sleeve {profile}")
            instruments, features, health = (lake.facts(table, date) for table in _FACTS)
        mode = str(instruments["mode"].iloc[0])
        listing = None
        if mode == "scanned":
            with no_retry_where_hopeless():
                listing = listed_now(tradingview, binance, chain.project, chain.sleeve)
        universe = universe_on(features, instruments, None if listing is None else listing.ratings.index)
        if listing is not None:
            universe["tv_recommend_all"] = universe["symbol"].map(listing.ratings)
        rules = sleeve_rules(chain.project, chain.sleeve)
        tables = discover(universe, rules, date, mode, health, failed=listing.failed if listing else {})
        specs = (CANDIDATES, *_BESIDE)
        receipts = [lake.replace(spec, tables[spec.name], date=date, profile=profile) for spec in specs]
        funnel = tables[CANDIDATE_FUNNEL.name][["step", "rows_in", "rows_out"]]
        return result(
            receipts,
            mode=mode,
            candidates=receipts[0].rows_added,
            survivorship=survivorship_of(tables[CANDIDATE_MEMBERSHIP.name]),
            funnel=dg.MetadataValue.md(_as_markdown(funnel)),
        )

    return candidates


def _as_markdown(funnel: Any) -> str:
    rows = [f"| {r.step} | {r.rows_in} | {r.rows_out} |" for r in funnel.itertuples()]
    return "\n".join(["| step | in | out |", "| --- | --- | --- |", *rows])


def foundation_asset(chain: SleeveContext) -> dg.AssetsDefinition:
    """Pins of the shared tables."""

    @dg.asset(
        deps=[*keys.SHARED_KEYS, *chain.upstream("candidates")],
        description=FOUNDATION.description,
        metadata=schema_metadata(FOUNDATION),
        **chain.options("foundation", kinds={"deltalake"}),
    )
    @signed
    def foundation(context: dg.AssetExecutionContext, lakehouse: LakehouseResource) -> dg.MaterializeResult[Any]:
        from quant_assets.alpha.pinning import pin_rows

        lake, date = lakehouse.lake, the_date(context)
        rows = pin_rows(lake, chain.sleeve.name, date)
        receipt = lake.replace(FOUNDATION, rows, date=date, profile=chain.sleeve.name)
        versions = {f"pinned/{r.table_name}": int(r.version) for r in rows.itertuples()}
        return result([receipt], **versions)

    return foundation
