"""A home on a network disk is refused before anything is written to it."""

from pathlib import Path

import pytest

from quant_resources import disks
from quant_resources.disks import NetworkDiskError, filesystem_of, require_local_disk

MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:26 / /proc rw,nosuid - proc proc rw
41 22 0:40 / /srv/data rw,relatime shared:7 - nfs4 server:/export rw,vers=4.2
42 41 0:41 / /srv/data/local rw - xfs /dev/vdb rw
43 22 0:42 / /mnt/my\\040share rw shared:8 master:2 - cifs //server/share rw
44 22 0:43 / /mnt/twice rw - nfs server:/a rw
45 22 0:44 / /mnt/twice rw - ext4 /dev/vdc rw
a line that is none
"""


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("/home/me/.quant", ("ext4", "/")),
        ("/srv/data/.quant", ("nfs4", "/srv/data")),
        ("/srv/data", ("nfs4", "/srv/data")),
        ("/srv/database", ("ext4", "/")),
        ("/srv/data/local/x/y", ("xfs", "/srv/data/local")),
        ("/mnt/my share/quant", ("cifs", "/mnt/my share")),
        ("/mnt/twice/quant", ("ext4", "/mnt/twice")),
    ],
)
def test_the_innermost_and_newest_mount_decides(folder, expected):
    assert filesystem_of(Path(folder), MOUNTS) == expected


def test_start_up_refuses_a_network_disk_and_writes_nothing(tmp_path, monkeypatch):
    from quant_assets.home import prepare_home
    from quant_resources.settings import load_settings

    home = tmp_path / "share" / "home"
    monkeypatch.setenv("QUANT_HOME", str(home))
    listing = tmp_path / "mountinfo"
    listing.write_text(MOUNTS + f"50 22 0:50 / {tmp_path / 'share'} rw - nfs server:/x rw\n")
    monkeypatch.setattr(disks, "_MOUNTS", listing)
    with pytest.raises(NetworkDiskError, match=r"network disk \(nfs, mounted at .*set QUANT_HOME") as caught:
        prepare_home(load_settings())
    assert caught.value.folder == home
    assert not home.exists()


def test_the_disk_of_this_test_is_a_local_one(tmp_path):
    require_local_disk(tmp_path)
