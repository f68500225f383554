"""The market regime of a sleeve's decision date."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from quant_assets.alpha.context import SleeveContext
from quant_assets.common import result, schema_metadata, the_date
from quant_assets.loading import signed
from quant_assets.sleeve_rules import sleeve_rules
from quant_lib.contracts import REGIME
from quant_resources.lakehouse.resource import LakehouseResource

if TYPE_CHECKING:
    import pandas as pd

    from quant_assets.alpha.reading import PinnedLake
    from quant_lib.decision import SleeveRules
    from quant_lib.regime import RegimeReading


def regime_asset(chain: SleeveContext) -> dg.AssetsDefinition:
    """Stress class, quadrant and volatility state of the market proxy."""

    @dg.asset(
        deps=chain.upstream("foundation"),
        description=REGIME.description,
        metadata=schema_metadata(REGIME),
        **chain.options("regime", kinds={"deltalake", "numba"}),
    )
    @signed
    def regime(context: dg.AssetExecutionContext, lakehouse: LakehouseResource) -> dg.MaterializeResult[Any]:
        import pandas as pd

        from quant_assets.alpha.reading import PinnedLake
        from quant_lib.decision import market_proxy
        from quant_lib.decision.daily import stamp
        from quant_lib.regime import regime_row

        lake, date, profile = lakehouse.lake, the_date(context), chain.sleeve.name
        rules = sleeve_rules(chain.project, chain.sleeve)
        reading = pinned_regime(PinnedLake(lake, profile, date), rules)
        rows = pd.DataFrame([regime_row(reading, market_proxy(rules).label)])
        receipt = lake.replace(REGIME, stamp(rows, REGIME, profile, date), date=date, profile=profile)
        shown = {"score": reading.regime.score, "hmm_probability": reading.regime.hmm_probability}
        return result(
            [receipt],
            regime=str(reading.regime.label),
            quadrant=str(reading.regime.quadrant),
            reason=reading.reason or "known",
            **{name: value for name, value in shown.items() if value is not None},
        )

    return regime


def pinned_regime(pinned: "PinnedLake", rules: "SleeveRules") -> "RegimeReading":
    """Measure the regime from the versions a chain pinned."""
    from quant_lib.decision import regime_from

    return regime_from(proxy_bars(pinned, rules), pinned.date, rules, pinned.calendars())


def proxy_bars(pinned: "PinnedLake", rules: "SleeveRules") -> "pd.DataFrame":
    """Read the bars of the market proxy's members, up to the decision date."""
    from quant_assets.alpha.reading import BAR_COLUMNS
    from quant_lib.decision import market_proxy
    from quant_lib.regime import proxy_members

    members = proxy_members(pinned.today("instruments"), market_proxy(rules))
    return pinned.past("ohlcv", columns=[*BAR_COLUMNS, "high", "low"], symbols=members)
