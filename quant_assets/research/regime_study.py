"""What followed each regime of every market proxy that a sleeve declares."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from quant_assets import keys
from quant_assets.common import result, schema_metadata, the_date
from quant_assets.regime_rules import basket_rules
from quant_assets.sleeve_rules import sleeve_rules
from quant_lib.contracts import REGIME_STUDY
from quant_resources.artifacts import ArtifactsResource
from quant_resources.config import Project
from quant_resources.lakehouse.resource import LakehouseResource

if TYPE_CHECKING:
    import pandas as pd

    from quant_lib.contracts.verdicts import Verdict
    from quant_lib.decision import SleeveRules
    from quant_lib.regime import ProxyRules
    from quant_resources.lakehouse import Lake

KEY = keys.REGIME_STUDY
SESSIONS = 1095
"""Newest sessions that are classified."""
BASKET = 10
"""Symbols of a basket."""


def regime_study_asset(project: Project, partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Forward returns by regime and quadrant, one study per proxy: sleeves that share one share its study."""

    @dg.asset(
        key=KEY,
        deps=[dg.AssetKey("instruments"), dg.AssetKey("ohlcv")],
        description=REGIME_STUDY.description,
        metadata=schema_metadata(REGIME_STUDY),
        partitions_def=partitions,
        group_name=keys.RESEARCH_GROUP,
        owners=list(project.platform.owners),
        kinds={"deltalake", "numba"},
        tags={"flow": "alpha"},
        code_version="2",
    )
    def regime_study(
        context: dg.AssetExecutionContext, lakehouse: LakehouseResource, artifacts: ArtifactsResource
    ) -> dg.MaterializeResult[Any]:
        import pandas as pd

        from quant_lib.report.study import study_page

        date, lake = the_date(context), lakehouse.lake
        pins = lake.pin(("instruments", "ohlcv"))
        rows, left_out = everyone_studied(lake, project, date, pins)
        rows = rows.assign(date=pd.Timestamp(date), **{f"{name}_version": number for name, number in pins.items()})
        rows = rows.astype(REGIME_STUDY.pandas_types())[list(REGIME_STUDY.column_names)]
        receipt = lake.replace(REGIME_STUDY, rows, date=date)
        pages = study_page(rows, date, left_out)
        written = [artifacts.write("regime_study", date, name, text.encode()) for name, text in pages.items()]
        path = dg.MetadataValue.path(str(written[0].path))
        shown = {"proxies": rows["proxy"].nunique(), "baskets": rows["basket"].nunique(), "left_out": left_out}
        return result([receipt], path=path, **shown, **pins)

    return regime_study


@dataclass(frozen=True)
class Subject:
    """A market proxy, by a sleeve that declares it, and what is held beside it."""

    rules: "SleeveRules"
    baskets: "tuple[ProxyRules, ...]"


def subjects(project: Project) -> list[Subject]:
    """One for every proxy, with the most traded symbols of each universe its sleeves choose from."""
    from quant_lib.decision import market_proxy

    found: dict[ProxyRules, tuple[SleeveRules, dict[ProxyRules, None]]] = {}
    for sleeve in project.sleeves.values():
        rules = sleeve_rules(project, sleeve)
        found.setdefault(market_proxy(rules), (rules, {}))[1][basket_rules(project, sleeve, BASKET)] = None
    return [Subject(rules, tuple(baskets)) for rules, baskets in found.values()]


def everyone_studied(
    lake: "Lake", project: Project, date: dt.date, pins: Mapping[str, int]
) -> "tuple[pd.DataFrame, list[str]]":
    """Rows of every proxy, and why a proxy or a basket has none; nothing at all is an error."""
    import pandas as pd

    from quant_lib.errors import MissingDataError

    parts, left_out, first = [], [], None
    for subject in subjects(project):
        try:
            rows, without = studied(lake, subject, date, pins)
        except MissingDataError as error:
            first, without = first or error, [str(error)]
        else:
            parts.append(rows)
        left_out += without
    if first and not parts:
        raise first
    return pd.concat(parts, ignore_index=True), left_out


def studied(lake: "Lake", subject: Subject, date: dt.date, pins: Mapping[str, int]) -> "tuple[pd.DataFrame, list[str]]":
    """Rows of one proxy, from the pinned bars up to the date, and why a basket has none."""
    import pandas as pd

    from quant_lib.decision import market_proxy
    from quant_lib.errors import MissingDataError
    from quant_lib.regime import regimes_over, study_regimes

    rules, proxy = subject.rules, market_proxy(subject.rules)
    market = returns_of(lake, proxy, rules, date, pins)
    readings = regimes_over(market, rules.regime, last=SESSIONS)
    known = {day: one.regime for day, one in readings.items() if one.regime.known}
    states = pd.DataFrame(
        {"regime": [str(r.label) for r in known.values()], "quadrant": [str(r.quadrant) for r in known.values()]},
        index=pd.DatetimeIndex(list(known), dtype="datetime64[us]"),
    )
    parts, without = [study_regimes(market, states).assign(basket=proxy.label)], []
    for basket in subject.baskets:
        try:
            held = returns_of(lake, basket, rules, date, pins)
        except MissingDataError as error:
            without.append(str(error))
        else:
            parts.append(study_regimes(held, states).assign(basket=basket.label))
    span = {"first_session": states.index.min(), "last_session": states.index.max()}
    return pd.concat(parts, ignore_index=True).assign(proxy=proxy.label, **span), without


def returns_of(
    lake: "Lake", basket: "ProxyRules", rules: "SleeveRules", date: dt.date, pins: Mapping[str, int]
) -> "pd.Series[float]":
    """Daily returns of a proxy or basket; cash is in no basket."""
    from quant_lib.calendars import get_calendar
    from quant_lib.health import quarantine_bars, segment_bars
    from quant_lib.regime import proxy_members, proxy_returns
    from quant_lib.symbols import STABLE_BASES
    from quant_resources.calendars import calendar_book

    catalogue = lake.read("instruments", version=pins["instruments"], date=date)
    members = proxy_members(catalogue[~catalogue["base"].isin(STABLE_BASES)], basket)
    columns = ["symbol", "date", "open", "high", "low", "close", "volume"]
    bars = lake.read("ohlcv", version=pins["ohlcv"], columns=columns, until=date, symbols=members)
    calendars = calendar_book(lake, date, version=pins["instruments"])
    bars = bars.sort_values(["symbol", "date"], kind="stable", ignore_index=True)
    bars = bars.assign(segment=segment_bars(bars, rules.health, calendars))
    bad = quarantine_bars(bars, rules.health, calendars)
    return proxy_returns(bars, bad, date, basket, calendars, get_calendar(rules.calendar))


def judge_study(lake: "Lake", date: dt.date) -> "Verdict":
    """Judge the schema, that the days of the states add up to all days, and that intervals are in order."""
    from quant_lib.contracts.verdicts import all_of, judge_schema, require

    rows = lake.read(REGIME_STUDY.name, date=date)
    keys = ["proxy", "basket", "horizon", "classification"]
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
