"""Contracts of the shared facts."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from quant_assets import keys
from quant_assets.checks.catalogue import judge_catalogue, judge_coverage
from quant_assets.checks.factory import Contract
from quant_assets.sleeve_rules import feature_rules
from quant_lib.contracts import OHLCV, OHLCV_FETCHES, OHLCV_FINDINGS, OHLCV_HEALTH, OHLCV_HOLES
from quant_lib.contracts.verdicts import Verdict, all_of, judge_schema, require
from quant_resources.config import Project

if TYPE_CHECKING:
    import pandas as pd

    from quant_resources.lakehouse import Lake


def shared_contracts(project: Project, artifacts_root: str) -> list[Contract]:
    """Contracts of instruments, bars, health, features and technicals."""

    def fetched(lake: Lake, date: dt.date) -> Verdict:
        needed = 1.0 if project.platform.strict else project.platform.ingestion.success_ratio
        return judge_fetches(lake.read("ohlcv_fetches", date=date), needed)

    def healthy(lake: Lake, date: dt.date) -> Verdict:
        return judge_health(lake, date, strict=project.platform.strict)

    def catalogued(lake: Lake, date: dt.date) -> Verdict:
        return judge_catalogue(lake, date, [project.universes[name] for name in project.platform.follow])

    def look_ahead(lake: Lake, date: dt.date) -> Verdict:
        from quant_assets.checks.look_ahead import judge_look_ahead

        return judge_look_ahead(lake, date, feature_rules(project))

    def features(lake: Lake, date: dt.date) -> Verdict:
        from quant_assets.checks.features import judge_features

        return judge_features(lake, date)

    def quality(lake: Lake, date: dt.date) -> Verdict:
        from quant_assets.checks.features import judge_quality

        return judge_quality(lake, date, feature_rules(project))

    def parity(lake: Lake, date: dt.date) -> Verdict:
        from quant_assets.checks.vendor_parity import judge_vendor_parity

        return judge_vendor_parity(lake, date, feature_rules(project))

    def technicals(lake: Lake, date: dt.date) -> Verdict:
        from quant_assets.checks.technicals import judge_technicals

        return judge_technicals(lake, date, Path(artifacts_root), strict=project.platform.technicals.strict)

    return [
        Contract(
            keys.INSTRUMENTS, "contract", "Schema; every symbol seen before is there; history agrees.", catalogued
        ),
        Contract(
            keys.INSTRUMENTS,
            "coverage",
            "Tick size and price precision (and lot size, where an exchange was asked) vouched for, for 95 % of active "
            "symbols; defaults do not count.",
            judge_coverage,
        ),
        Contract(
            keys.OHLCV,
            "contract",
            "Schema of every bar of the month and of what was asked for; nothing from later, no open bar.",
            judge_bars,
        ),
        Contract(keys.OHLCV, "fetches", "Share of followed symbols that are current after all retries.", fetched),
        Contract(keys.OHLCV_HEALTH, "contract", "Schema; a verdict for every symbol with bars.", healthy),
        Contract(keys.OHLCV_REPAIR, "contract", "Schema; every hole is filled or has a cause.", judge_holes),
        Contract(
            keys.FEATURES, "contract", "Schema, bounds, order, knowledge time, coverage of the day's bars.", features
        ),
        Contract(
            keys.FEATURES,
            "quality",
            "Made from the bars as they are now; columns with holes, or that ended, are shown.",
            quality,
        ),
        Contract(keys.FEATURES, "look_ahead", "Features do not move when every later bar becomes noise.", look_ahead),
        Contract(
            keys.TECHNICALS,
            "parity",
            "Our features against the vendor's figures, on bars both have alike.",
            parity,
            blocking=False,
            after=(keys.FEATURES,),
        ),
        Contract(keys.TECHNICALS, "contract", "Schema, coverage, and the unchanged evidence behind it.", technicals),
    ]


def judge_bars(lake: Lake, date: dt.date) -> Verdict:
    """Require schema, order and closed bars, in the date's month and in every month its ingestion asked for.

    Older bars were judged on their own dates, and nothing has touched them since.
    """
    return _bars_are_sound(lake.read("ohlcv", since=_oldest_touched(lake, date), until=date), date)


def _bars_are_sound(rows: pd.DataFrame, date: dt.date) -> Verdict:
    import pandas as pd

    limit = pd.Timestamp(date, tz="UTC") + pd.Timedelta(days=1)
    late = rows[(rows["known_at"] > limit) | (rows["known_at"] < rows["close_time"])]
    crooked = rows[
        (rows["high"] < rows[["open", "close"]].max(axis=1)) | (rows["low"] > rows[["open", "close"]].min(axis=1))
    ]
    sound = require(
        late.empty and crooked.empty and len(rows) > 0,
        f"{len(rows)} bars, {len(late)} known after the date's close, {len(crooked)} with high or low inside the body",
        {"bars": len(rows), "symbols": int(rows["symbol"].nunique())},
        pd.concat([late, crooked])[["date", "symbol", "open", "high", "low", "close", "known_at"]],
    )
    return all_of(judge_schema(OHLCV, rows), sound)


def _oldest_touched(lake: Lake, date: dt.date) -> dt.date:
    """First day of the oldest month that the ingestion of a date may have written to."""
    asked = lake.read("ohlcv_fetches", date=date, columns=["asked_from"])["asked_from"].dropna()
    oldest = min([date, *(stamp.date() for stamp in asked)])
    return oldest.replace(day=1)


def judge_fetches(rows: pd.DataFrame, needed: float) -> Verdict:
    """Success ratio of an ingestion; below full success a person is warned."""
    ok = rows["status"].isin(["fetched", "already_current"])
    share = float(ok.mean()) if len(rows) else 0.0
    verdict = all_of(
        judge_schema(OHLCV_FETCHES, rows),
        require(
            share >= needed,
            f"{int(ok.sum())} of {len(rows)} followed symbols are current ({share:.1%}), {needed:.0%} needed",
            {"followed": len(rows), "failed": int((~ok).sum()), "success_ratio": share},
            rows.loc[~ok, ["symbol", "status", "attempts", "message"]],
        ),
    )
    return Verdict(verdict.passed, verdict.message, verdict.figures, verdict.failing, warning=bool((~ok).any()))


def judge_holes(lake: Lake, date: dt.date) -> Verdict:
    """Require that every missing session of a followed symbol was asked for or has its cause, and sound fillings."""
    import pandas as pd

    from quant_lib.health import find_holes
    from quant_resources.calendars import calendar_book
    from quant_resources.ingestion import newest_holes

    written = lake.read("ohlcv_holes", date=date)
    bars = lake.read("ohlcv", columns=["symbol", "date", "close"], until=date)
    holes = find_holes(bars, date, calendar_book(lake, date))
    holes = holes[holes["symbol"].isin(lake.read("ohlcv_fetches", date=date)["symbol"])]
    known = pd.MultiIndex.from_frame(newest_holes(lake, holes)[["symbol", "from_date"]])
    silent = holes[~pd.MultiIndex.from_frame(holes[["symbol", "from_date"]]).isin(known)]
    told = require(
        silent.empty,
        f"{len(holes)} holes are open, {len(silent)} of them without a cause",
        {"open": len(holes), "asked_now": len(written), "filled_now": int(written["state"].eq("filled").sum())},
        silent,
    )
    verdict = all_of(judge_schema(OHLCV_HOLES, written), *_filled_bars(lake, date, written), told)
    return Verdict(verdict.passed, verdict.message, verdict.figures, verdict.failing, warning=len(holes) > 0)


def _filled_bars(lake: Lake, date: dt.date, written: pd.DataFrame) -> list[Verdict]:
    filled = written[written["n_filled"] > 0]
    if filled.empty:
        return []
    since, until = filled["from_date"].min().date(), filled["to_date"].max().date()
    return [_bars_are_sound(lake.read("ohlcv", since=since, until=until, symbols=sorted(set(filled["symbol"]))), date)]


def judge_health(lake: Lake, date: dt.date, *, strict: bool = False) -> Verdict:
    """Require a verdict per symbol with bars; what is not healthy is shown, not failed: vetoes act on it.

    Strict also fails on every trading symbol that is stale, gappy or sparse (semantics 2.8).
    """
    rows, findings = lake.read("ohlcv_health", date=date), lake.read("ohlcv_findings", date=date)
    symbols = set(lake.read("ohlcv", columns=["symbol"], until=date)["symbol"])
    missing = sorted(symbols - set(rows["symbol"]))
    sick = rows[rows["status"] != "healthy"]
    trading = lake.read("instruments", date=date).query("active")["symbol"]
    spoilt = sick[sick["symbol"].isin(trading) & sick["reasons"].str.contains("stale|gap|sparse")]
    told = f", {len(spoilt)} trading ones are stale, gappy or sparse" if strict else ""
    covered = require(
        not missing and not (strict and len(spoilt)),
        f"{len(sick)} of {len(rows)} symbols are not healthy, {len(missing)} were not judged{told}",
        {"symbols": len(rows), "not_healthy": len(sick), "findings": len(findings), "degraded": len(spoilt)},
        (spoilt if strict and len(spoilt) else sick)[["symbol", "status", "reasons", "last_date", "longest_gap"]],
    )
    verdict = all_of(judge_schema(OHLCV_HEALTH, rows), judge_schema(OHLCV_FINDINGS, findings), covered)
    failing = covered.failing if verdict.passed else verdict.failing
    return Verdict(verdict.passed, verdict.message, verdict.figures, failing, warning=len(sick) > 0)
