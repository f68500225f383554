"""Store a snapshot of technicals with its evidence."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from quant_lib.contracts import TECHNICALS, TECHNICALS_COVERAGE, TECHNICALS_FETCHES, TableSpec
from quant_lib.errors import MissingDataError
from quant_resources.artifacts import ArtifactsResource
from quant_resources.config import Project
from quant_resources.lakehouse import Lake, Receipt
from quant_resources.technicals import COVERAGE_FILE, CoverageArtifact, SnapshotRules, TechnicalsSnapshot

PROFILE = "dataops"


def snapshot_rules(project: Project) -> SnapshotRules:
    """Rules from ``technicals:`` of the platform."""
    wanted = project.platform.technicals
    return SnapshotRules(attempts=wanted.attempts, workers=wanted.workers, batch=wanted.batch)


@dataclass(frozen=True)
class Stored:
    """What was stored of a snapshot."""

    receipt: Receipt
    coverage: CoverageArtifact
    path: str
    sha256: str
    statuses: dict[str, int]

    def metadata(self) -> dict[str, Any]:
        """Figures for Dagster."""
        return {
            "requested": self.coverage.requested,
            "coverage": self.coverage.coverage,
            "attempts": len(self.coverage.attempts),
            "failed": ", ".join(self.coverage.failed_symbols[:20]),
            "coverage_artifact": self.path,
            "coverage_sha256": self.sha256,
            **{f"symbols_{status}": n for status, n in self.statuses.items()},
        }


def store_snapshot(
    lake: Lake, artifacts: ArtifactsResource, snapshot: TechnicalsSnapshot, date: dt.date, run_id: str
) -> Stored:
    """Write rows, outcomes, evidence file and coverage record of a date.

    Raises
    ------
    MissingDataError
        Symbols were asked for and none answered; the outcomes and the evidence are stored, and rows that were
        there before stay.
    """
    coverage = snapshot.coverage(run_id, PROFILE)
    artifact = artifacts.write_evidence("technicals", date, run_id, COVERAGE_FILE, coverage.to_bytes())
    path = str(artifact.path.relative_to(Path(artifacts.root)))
    lake.replace(TECHNICALS_FETCHES, snapshot.fetches, date=date)
    lake.replace(TECHNICALS_COVERAGE, _record(coverage, date, path, artifact.sha256), date=date)
    if coverage.requested and not coverage.fetched:
        first = snapshot.fetches.iloc[0]
        raise MissingDataError(
            f"every one of {coverage.requested} technicals of {date}",
            f"{first['symbol']}: {first['message']}",
            "see the messages in technicals_fetches, and run again when the market answers",
        )
    receipt = lake.replace(TECHNICALS, snapshot.rows, date=date)
    counts = snapshot.fetches["status"].value_counts().sort_index()
    return Stored(receipt, coverage, path, artifact.sha256, {str(name): int(n) for name, n in counts.items()})


def _record(coverage: CoverageArtifact, date: dt.date, path: str, sha256: str) -> pd.DataFrame:
    row = {
        "date": pd.Timestamp(date),
        "status": "partial" if coverage.failed_symbols else "complete",
        "run_id": coverage.run_id,
        "requested": coverage.requested,
        "fetched": coverage.fetched,
        "coverage": coverage.coverage,
        "attempts": len(coverage.attempts),
        "workers": coverage.workers,
        "failed_symbols": ",".join(coverage.failed_symbols),
        "started_at": coverage.started_at,
        "duration_s": coverage.duration_s,
        "artifact": path,
        "sha256": sha256,
    }
    return pd.DataFrame([row]).astype(TECHNICALS_COVERAGE.pandas_types())


def vouched_rows(lake: Lake, artifacts: ArtifactsResource, date: dt.date) -> pd.DataFrame:
    """Rows earlier runs of the day brought, where their evidence still fits: they stay and are not asked for again."""
    rows, record = _stored(lake, TECHNICALS, date), _stored(lake, TECHNICALS_COVERAGE, date)
    for told in record.itertuples():
        path = Path(artifacts.root) / str(told.artifact)
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == told.sha256:
            return rows
    return rows.iloc[:0]


def record_past(lake: Lake, date: dt.date) -> Receipt:
    """Record that a past date cannot be snapshotted; what was taken on its own day stays as it is."""
    if len(_stored(lake, TECHNICALS_COVERAGE, date)):
        return keep(lake, date)
    for spec in (TECHNICALS, TECHNICALS_FETCHES):
        lake.replace(spec, _stored(lake, spec, date), date=date)
    row = {
        "date": pd.Timestamp(date),
        "status": "past",
        "requested": 0,
        "fetched": 0,
        "attempts": 0,
        "workers": 0,
        "failed_symbols": "",
    }
    blank = pd.DataFrame([row], columns=list(TECHNICALS_COVERAGE.column_names))
    return lake.replace(TECHNICALS_COVERAGE, blank.astype(TECHNICALS_COVERAGE.pandas_types()), date=date)


def keep(lake: Lake, date: dt.date) -> Receipt:
    """Leave a date as it stands, with its evidence."""
    return lake.replace(TECHNICALS_COVERAGE, _stored(lake, TECHNICALS_COVERAGE, date), date=date)


def _stored(lake: Lake, spec: TableSpec, date: dt.date) -> pd.DataFrame:
    if lake.exists(spec.name):
        return lake.read(spec.name, date=date)
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in spec.pandas_types().items()})
