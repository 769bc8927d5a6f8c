"""The ledger's path → a ballast file beside it, and a refusal while its disk is nearly full.

Touches the ledger's folder. A full disk fails even updates, so outcomes already received could
not be stored: the ballast makes room for them, the refusal keeps new attempts from being made. What
is left of its room when the last outcome is stored is for whoever looks.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING, Final

from importer.errors import LedgerWriteError

if TYPE_CHECKING:
    from pathlib import Path

MINIMUM_FREE: Final = 50 * 1024 * 1024
_BLOCK: Final = 1024 * 1024
BALLAST: Final = 8 * _BLOCK
"""Room for 1,900 outcomes stored one by one (99 took 0.4 MiB), and for many more in groups."""


def reserve_path(ledger: Path) -> Path:
    """Return where the ballast of `ledger` stands."""
    return ledger.with_name(f"{ledger.name}.reserve")


class Reserve:
    """The disk space that one ledger keeps back."""

    def __init__(self, ledger: Path, *, minimum_free: int = MINIMUM_FREE) -> None:
        self._ledger = ledger
        self._ballast = reserve_path(ledger)
        self._minimum_free = minimum_free

    def fill(self) -> None:
        """Write the ballast unless it stands already or the disk has no room for it."""
        if self._ballast.exists() or self._free() < self._minimum_free + BALLAST:
            return
        fresh = self._ballast.with_suffix(".filling")
        # A reserve that cannot be made is no reason to refuse a ledger that can be written.
        with contextlib.suppress(OSError):
            try:
                with fresh.open("wb") as file:
                    # Zeros take no room on a disk that compresses; none looks further back.
                    file.write(os.urandom(_BLOCK) * (BALLAST // _BLOCK))
                    os.fsync(file.fileno())
                fresh.replace(self._ballast)
            finally:
                fresh.unlink(missing_ok=True)  # half of it is no reserve, and takes room

    def release(self) -> bool:
        """Delete the ballast; return whether that made room."""
        try:
            self._ballast.unlink()
        except OSError:
            return False
        return True

    def has_space(self) -> bool:
        """Return whether the ledger's disk surely has at least 50 MiB left."""
        with contextlib.suppress(OSError):  # the folder is gone, say: SQLite tells it better
            return self._free() >= self._minimum_free
        return False

    def require_space(self) -> None:
        """Raise LedgerWriteError while the ledger's disk has less than 50 MiB left."""
        free = self._free()
        if free < self._minimum_free:
            raise LedgerWriteError(
                f"The disk of the ledger {self._ledger} has only {free // 1024**2} MiB left.",
                "Make room there and run again; no further row was sent.",
                code="disk-full",
            )

    def _free(self) -> int:
        return shutil.disk_usage(self._ledger.parent).free
