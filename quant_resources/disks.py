"""Which kind of disk a folder is on: locks of SQLite and of the lake hold on a local one only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from quant_lib.errors import QuantError

_MOUNTS: Final = Path("/proc/self/mountinfo")
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")
NETWORK_FILESYSTEMS: Final = frozenset(
    {
        "afs", "beegfs", "ceph", "cifs", "coda", "fuse.ceph", "fuse.gcsfuse", "fuse.glusterfs", "fuse.goofys",
        "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "gfs2", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs",
        "smb3", "smbfs",
    }
)  # fmt: skip
"""Names the kernel gives to filesystems of other machines."""


@dataclass(eq=False)
class NetworkDiskError(QuantError):
    """The home lies on a disk of another machine.

    Attributes
    ----------
    folder : Path
        What was to be used.
    filesystem, mount : str
        What it is on, and where that is mounted.
    """

    folder: Path
    filesystem: str
    mount: str

    def __str__(self) -> str:
        return (
            f"{self.folder} lies on a network disk ({self.filesystem}, mounted at {self.mount}), where the locks of "
            f"SQLite and of the lakehouse do not hold; {self.fix}"
        )

    @property
    def fix(self) -> str:
        """Where to put it."""
        return "set QUANT_HOME to a folder on a disk of this machine"


def filesystem_of(folder: Path, mountinfo: str) -> tuple[str, str]:
    """Return filesystem and mount point of a folder.

    Parameters
    ----------
    folder : Path
        Absolute; need not exist.
    mountinfo : str
        Text of Linux's ``/proc/self/mountinfo``.

    Returns
    -------
    filesystem, mount : str
        Of the innermost mount that holds the folder, the newest where one covers another; empty where none does.
    """
    found, where, depth = "", "", -1
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) < 5 or not kind:
            continue
        mount = Path(_ESCAPE.sub(lambda match: chr(int(match[1], 8)), fields[4]))
        if (folder == mount or mount in folder.parents) and len(mount.parts) >= depth:
            found, where, depth = kind[0], str(mount), len(mount.parts)
    return found, where


def require_local_disk(folder: Path) -> None:
    """Refuse a folder on a network disk. Only Linux says what a disk is; elsewhere nothing is refused.

    Raises
    ------
    NetworkDiskError
        When the folder is on one.
    """
    if not _MOUNTS.exists():
        return
    filesystem, mount = filesystem_of(folder.resolve(), _MOUNTS.read_text(errors="replace"))
    if filesystem in NETWORK_FILESYSTEMS:
        raise NetworkDiskError(folder, filesystem, mount)
