"""Snapshot of the vendor's technicals and its coverage evidence (semantics 3.1, 3.2)."""

from __future__ import annotations

from quant_resources.technicals.coverage import (
    COVERAGE_FILE,
    Attempt,
    CoverageArtifact,
    InvalidCoverageError,
    read_coverage,
)
from quant_resources.technicals.snapshot import SnapshotRules, TechnicalsSnapshot, resume_snapshot, take_snapshot

__all__ = [
    "COVERAGE_FILE",
    "Attempt",
    "CoverageArtifact",
    "InvalidCoverageError",
    "SnapshotRules",
    "TechnicalsSnapshot",
    "read_coverage",
    "resume_snapshot",
    "take_snapshot",
]
