"""What followed each regime of every market proxy that a sleeve declares."""

import datetime as dt
from typing import TYPE_CHECKING, Any

import dagster as dg

from quant_assets import keys
from quant_assets.common import result, schema_metadata, the_date
from quant_assets.sleeve_rules import sleeve_rules
from quant_lib.contracts import REGIME_STUDY
from quant_resources.artifacts import ArtifactsResource
from quant_resources.config import Project
from quant_resources.lakehouse.resource import LakehouseResource

if TYPE_CHECKING:
    import pandas as pd

    from quant_lib.contracts.verdicts import Verdict
    from quant_lib.decision import SleeveRules
    from quant_resources.lakehouse import Lake

KEY = keys.REGIME_STUDY
SESSIONS = 1095
"""Newest sessions that are classified."""


def regime_study_asset(project: Project, partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Forward returns by regime and quadrant, one study per proxy: sleeves that share one share its study."""

    @dg.asset(
        key=KEY,
        deps=[dg.AssetKey("instruments"), dg.AssetKey("ohlcv")],
        description=REGIME_STUDY.description,
        metadata=schema_metadata(REGIME_STUDY),
        partitions_def=partitions,
        group_name="research",
        owners=list(project.platform.owners),
        kinds={"deltalake", "numba"},
        tags={"flow": "alpha"},
        code_version="1",
    )
    def regime_study(
        context: dg.AssetExecutionContext, lakehouse: LakehouseResource, artifacts: ArtifactsResource
    ) -> dg.MaterializeResult[Any]:
        import pandas as pd

        from quant_lib.report.study import study_page

        date = the_date(context)
        by_proxy = {rules.proxy: rules for rules in (sleeve_rules(project, s) for s in project.sleeves.values())}
        parts = [studied(lakehouse.lake, rules, date) for rules in by_proxy.values()]
        rows = pd.concat(parts, ignore_index=True).astype(REGIME_STUDY.pandas_types())[list(REGIME_STUDY.column_names)]
        receipt = lakehouse.lake.replace(REGIME_STUDY, rows, date=date)
        pages = study_page(rows, date)
        written = [artifacts.write("regime_study", date, name, text.encode()) for name, text in pages.items()]
        return result([receipt], proxies=len(parts), path=dg.MetadataValue.path(str(written[0].path)))

    return regime_study


def studied(lake: "Lake", rules: "SleeveRules", date: dt.date) -> "pd.DataFrame":
    """Rows of one proxy, from bars up to the date."""
    import pandas as pd

    from quant_lib.calendars import get_calendar
    from quant_lib.decision import market_proxy
    from quant_lib.health import quarantine_bars, segment_bars
    from quant_lib.regime import proxy_members, proxy_returns, regimes_over, study_regimes
    from quant_resources.calendars import calendar_book

    proxy, calendars = market_proxy(rules), calendar_book(lake, date)
    columns = ["symbol", "date", "open", "high", "low", "close", "volume"]
    members = proxy_members(lake.read("instruments", date=date), proxy)
    bars = lake.read("ohlcv", columns=columns, until=date, symbols=members)
    bars = bars.sort_values(["symbol", "date"], kind="stable", ignore_index=True)
    bars = bars.assign(segment=segment_bars(bars, rules.health, calendars))
    bad = quarantine_bars(bars, rules.health, calendars)
    market = proxy_returns(bars, bad, date, proxy, calendars, get_calendar(rules.calendar))
    readings = regimes_over(market, rules.regime, last=SESSIONS)
    known = {day: one.regime for day, one in readings.items() if one.regime.known}
    states = pd.DataFrame(
        {"regime": [str(r.label) for r in known.values()], "quadrant": [str(r.quadrant) for r in known.values()]},
        index=pd.DatetimeIndex(list(known), dtype="datetime64[us]"),
    )
    rows = study_regimes(market, states)
    if rows.empty:
        return rows
    return rows.assign(
        date=pd.Timestamp(date), proxy=proxy.label, first_session=states.index.min(), last_session=states.index.max()
    )


def judge_study(lake: "Lake", date: dt.date) -> "Verdict":
    """Judge the schema, that the days of the states add up to all days, and that intervals are in order."""
    from quant_lib.contracts.verdicts import all_of, judge_schema, require

    rows = lake.read(REGIME_STUDY.name, date=date)
    keys = ["proxy", "horizon", "classification"]
    everyone = rows[rows["state"] == "ALL"].set_index(keys)["n"]
    parts = rows[rows["state"] != "ALL"].groupby(keys)["n"].sum().reindex(everyone.index, fill_value=0)
    crossed = rows[(rows["mean_low"] > rows["mean_high"]) | (rows["win_low"] > rows["win_high"])]
    off = int((everyone != parts).sum())
    return all_of(
        judge_schema(REGIME_STUDY, rows),
        require(
            off == 0 and crossed.empty,
            f"{len(rows)} rows, {off} groups do not add up, {len(crossed)} intervals upside down",
            {"rows": len(rows), "days": int(everyone.max()) if len(everyone) else 0},
            crossed,
        ),
    )
