"""Bars from the provider into the lake: a resumable worklist, repair of holes, explicit refreshes (decision 0011)."""

from __future__ import annotations

from quant_resources.ingestion._adjusted import adjusted_bars
from quant_resources.ingestion._days import DayNotOverError, require_days_over
from quant_resources.ingestion._ingest import CHECKPOINT_BARS, IngestReport, ingest
from quant_resources.ingestion._plan import OVERLAP_BARS, Stored, Want, last_expected, plan_wants
from quant_resources.ingestion._refresh import RefreshReport, refresh
from quant_resources.ingestion._registry import audit_date
from quant_resources.ingestion._repair import RepairReport, newest_holes, repair

__all__ = [
    "CHECKPOINT_BARS",
    "OVERLAP_BARS",
    "DayNotOverError",
    "IngestReport",
    "RefreshReport",
    "RepairReport",
    "Stored",
    "Want",
    "adjusted_bars",
    "audit_date",
    "ingest",
    "last_expected",
    "newest_holes",
    "plan_wants",
    "refresh",
    "repair",
    "require_days_over",
]
