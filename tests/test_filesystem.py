from __future__ import annotations

from pathlib import Path

import pytest

from importer.filesystem import network_type, synced_by

MOUNTS = """\
proc /proc proc rw 0 0
/dev/sda1 / ext4 rw,relatime 0 0
server:/home /srv/home nfs4 rw,vers=4.2 0 0
//office/share /srv/with\\040blank cifs rw 0 0
/dev/sdb1 /srv/home/local xfs rw 0 0
me@host:/ /srv/ssh fuse.sshfs rw 0 0
server:/old /srv/twice nfs rw 0 0
tmpfs /srv/twice tmpfs rw 0 0
C:\\134 /srv/c 9p rw 0 0

odd
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv", None),
        ("/srv/home", "nfs4"),
        ("/srv/home/me/ledger", "nfs4"),
        ("/srv/homework", None),
        ("/srv/home/local/ledger", None),
        ("/srv/with blank/x", "cifs"),
        ("/srv/ssh/x", "fuse.sshfs"),
        ("/srv/twice/x", None),
        ("/srv/c/x", "9p"),
        ("/srv/x/../home", "nfs4"),
    ],
)
def test_the_innermost_and_latest_mount_decides(path: str, kind: str | None) -> None:
    assert network_type(Path(path), MOUNTS) == kind


def test_a_link_is_followed_to_the_file_system_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/srv/home")
    assert network_type(tmp_path / "link" / "new", MOUNTS) == "nfs4"


def test_this_machines_own_mounts_are_read(tmp_path: Path) -> None:
    assert network_type(tmp_path) is None


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/home/me/Dropbox/keen", "Dropbox"),
        ("/home/me/Dropbox (Firm)/keen", "Dropbox"),
        ("/mnt/c/Users/me/OneDrive - Firm/keen", "OneDrive"),
        ("/Users/me/Library/Mobile Documents/com~apple~CloudDocs/keen", "iCloud"),
        ("/Users/me/Library/CloudStorage/Box-Box/keen", "a cloud storage"),
        ("/home/me/Google Drive/keen", "Google Drive"),
        ("/home/me/keen", None),
        ("/home/me/my dropbox notes/keen", None),
    ],
)
def test_a_synchronised_folder_is_known_by_its_name(path: str, service: str | None) -> None:
    assert synced_by(Path(path)) == service
