"""A folder's path → whether a ledger is safe there, and its names made durable.

Reads the kernel's table of mounts; syncs folders.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

NETWORK: Final = {
    *(
        "nfs",
        "nfs4",
        "cifs",
        "smb",
        "smb2",
        "smb3",
        "smbfs",
        "9p",
        "afs",
        "ncpfs",
        "ceph",
        "lustre",
    ),
    *("glusterfs", "beegfs", "davfs", "vboxsf", "fuse.sshfs", "fuse.rclone", "fuse.s3fs"),
    *("fuse.glusterfs", "fuse.ceph", "fuse.gcsfuse", "fuse.davfs2", "fuse.smbnetfs"),
}
"""Types in which another machine (or the host of a virtual one) keeps the files."""

SYNCED: Final = {
    "dropbox": "Dropbox",
    "onedrive": "OneDrive",
    "google drive": "Google Drive",
    "googledrive": "Google Drive",
    "icloud drive": "iCloud",
    "iclouddrive": "iCloud",
    "mobile documents": "iCloud",
    "com~apple~clouddocs": "iCloud",
    "cloudstorage": "a cloud storage",
    "nextcloud": "Nextcloud",
}
"""How the folders of synchronising services begin, in lower case."""


def network_type(path: Path, mounts: str | None = None) -> str | None:
    """Return the type of the network file system that `path` is on, or None.

    `mounts` is the text of /proc/mounts (default: this machine's; None elsewhere than on Linux).
    """
    if mounts is None:
        try:
            mounts = Path("/proc/mounts").read_text("utf-8", "surrogateescape")
        except OSError:
            return None
    target = path.resolve()
    longest, found = -1, ""
    for line in mounts.splitlines():
        _, place, kind, *_ = (*map(_unescape, line.split(" ")), "", "", "")
        # A later mount on the same place hides the earlier one.
        if place and target.is_relative_to(place) and len(place) >= longest:
            longest, found = len(place), kind
    return found if found in NETWORK else None


def synced_by(path: Path) -> str | None:
    """Return the service that synchronises `path`, by the names of its folders, or None."""
    for part in path.parts:
        for beginning, service in SYNCED.items():
            if part.lower().startswith(beginning):
                return service
    return None


def _unescape(field: str) -> str:
    """Return a field of /proc/mounts, in which a blank is spelt as its octal code."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable; Windows does so by itself and cannot be asked."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
