"""Files a person opens: reports and pictures, written whole or not at all."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from quant_lib.keys import validate_profile, validate_run_id


@dataclass(frozen=True)
class Artifact:
    """One written file."""

    name: str
    path: Path
    sha256: str
    size: int


class ArtifactsResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Folder of reports.

    Attributes
    ----------
    root : str
        Folder; files lie in ``reports/<profile>/<date>/``.
    """

    root: str

    def folder(self, profile: str, date: dt.date) -> Path:
        """Return the folder of one report."""
        return Path(self.root) / "reports" / validate_profile(profile) / date.isoformat()

    def write_evidence(self, kind: str, date: dt.date, run_id: str, name: str, content: bytes) -> Artifact:
        """Write one evidence file of a run atomically, below ``evidence/<kind>/<date>/<run_id>``."""
        folder = Path(self.root) / "evidence" / validate_profile(kind) / date.isoformat() / validate_run_id(run_id)
        return _write(folder, name, content)

    def write(self, profile: str, date: dt.date, name: str, content: bytes) -> Artifact:
        """Write one file atomically."""
        return _write(self.folder(profile, date), name, content)


def _write(folder: Path, name: str, content: bytes) -> Artifact:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    temporary = folder / f".{name}.tmp"
    temporary.write_bytes(content)
    temporary.replace(path)
    return Artifact(name, path, hashlib.sha256(content).hexdigest(), len(content))
