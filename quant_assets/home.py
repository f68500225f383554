"""The platform's home folder, and Dagster's inside it, initialised once and alone.

Several processes opening a fresh SQLite home at once corrupt it for good
(dagster-io/dagster#27390), so the first one in creates it under a file lock.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from quant_resources.settings import Settings

_READY = ".initialised"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)


def _instance_settings() -> Path:
    """Return the ``dagster.yaml`` the project ships."""
    return Path(__file__).resolve().parent.parent / "dagster.yaml"


def prepare_home(settings: Settings) -> Path:
    """Create the home folders and point this process at Dagster's home; return the latter.

    Parameters
    ----------
    settings : Settings
        Where home is.

    Returns
    -------
    pathlib.Path
        ``DAGSTER_HOME``, initialised.

    Raises
    ------
    NetworkDiskError
        When home lies on a disk of another machine, where file locks do not hold.
    """
    from quant_resources.disks import require_local_disk

    require_local_disk(settings.home)
    dagster_home = settings.dagster_home
    dagster_home.mkdir(parents=True, exist_ok=True)
    for folder in (settings.lakehouse_dir, settings.artifacts_dir, settings.logs_dir):
        folder.mkdir(parents=True, exist_ok=True)
    os.environ["DAGSTER_HOME"] = str(dagster_home)
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    os.environ["QUANT_HOME"] = str(settings.home)
    if not (dagster_home / _READY).exists():
        with _locked(dagster_home / ".lock"):
            if not (dagster_home / _READY).exists():
                shutil.copyfile(_instance_settings(), dagster_home / "dagster.yaml")
                _create_storage()
                (dagster_home / _READY).touch()
    return dagster_home


def _create_storage() -> None:
    from dagster import DagsterInstance

    with DagsterInstance.get() as instance:
        # Reading through each storage is what makes SQLite create its schema.
        instance.get_runs_count()
        instance.all_asset_keys()
        instance.all_instigator_state()


@contextmanager
def dagster_instance(settings: Settings) -> Iterator[DagsterInstance]:
    """Open the initialised Dagster instance of the home."""
    prepare_home(settings)
    from dagster import DagsterInstance

    with DagsterInstance.get() as instance:
        yield instance
