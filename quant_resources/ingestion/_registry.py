"""Judge the stored bars of a date and append the verdict to the registry (semantics 2.9)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pandas as pd

from quant_lib.calendars import CalendarBook, label_of
from quant_lib.contracts import (
    HEALTH_REGISTRY,
    OHLCV_FETCHES,
    OHLCV_FINDINGS,
    OHLCV_HEALTH,
    OHLCV_REJECTS,
    OHLCV_REVISIONS,
    TableSpec,
)
from quant_lib.health import (
    Evidence,
    HealthReport,
    HealthRules,
    assess_health,
    explain_gaps,
    new_audits,
    registry_rows,
    still_open,
)
from quant_resources.ingestion._repair import newest_holes
from quant_resources.memory import return_freed_memory

if TYPE_CHECKING:
    from quant_resources.lakehouse import Lake, Receipt


def audit_date(
    lake: Lake, calendars: CalendarBook, on: dt.date, rules: HealthRules
) -> tuple[HealthReport, list[Receipt]]:
    """Judge every stored symbol as of a date and store verdict, findings and registry.

    Parameters
    ----------
    lake : Lake
        Bars, and what ingestion and repair wrote.
    calendars : CalendarBook
        Calendar of every stored symbol.
    on : datetime.date
        As of.
    rules : HealthRules
        Thresholds.

    Returns
    -------
    report : HealthReport
        The verdict, gaps explained by what repair found out.
    receipts : list of Receipt
        Commits of ohlcv_health, ohlcv_findings, health_registry.
    """
    report = assess_health(lake.read("ohlcv", until=on), on, rules, calendars)
    open_holes = still_open(newest_holes(lake, _gaps(report.findings)), report.findings)
    report = HealthReport(report.health, explain_gaps(report.findings, open_holes), report.quarantined)
    evidence = Evidence(
        _rows(lake, OHLCV_FETCHES, "date", on),
        _rows(lake, OHLCV_REJECTS, "rejected_on", on),
        _rows(lake, OHLCV_REVISIONS, "seen_on", on),
        open_holes,
    )
    verdicts = registry_rows(report, evidence, on)
    news = new_audits(_rows(lake, HEALTH_REGISTRY, "date", on), verdicts)
    receipts = [
        lake.replace(OHLCV_HEALTH, report.health, date=on),
        lake.replace(OHLCV_FINDINGS, report.findings, date=on),
        lake.add_missing(HEALTH_REGISTRY, news),
    ]
    return_freed_memory()
    return report, receipts


def _gaps(findings: pd.DataFrame) -> pd.DataFrame:
    return findings.loc[findings["rule"] == "gap"]


def _rows(lake: Lake, spec: TableSpec, column: str, on: dt.date) -> pd.DataFrame:
    """Rows of a table whose date column is a date; none where nothing was ever written."""
    if not lake.exists(spec.name):
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in spec.pandas_types().items()})
    if column == "date":
        return lake.read(spec.name, date=on)
    rows = lake.read(spec.name, until=on)
    return rows.loc[rows[column] == label_of(on)].reset_index(drop=True)
