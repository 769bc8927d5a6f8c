"""A ledger's path → whether its pages have to be checked before it is used, and when that was.

Touches a small file beside the ledger. SQLite's quick_check reads every page: seven seconds of a
million rows, too much for each start of a cron job, and nothing for a small ledger.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

SMALL: Final = 64 * 1024 * 1024
"""Bytes up to which a ledger is checked whenever it is opened."""
DAY: Final = 24 * 3600.0
"""Seconds after which a larger one is checked again, though it was closed in order."""


class Checkup:
    """Says of one ledger whether it is due, from before its opening until its closing."""

    def __init__(self, path: Path, *, small: int = SMALL, now: float | None = None) -> None:
        self._path = path
        self._note = path.with_name(f"{path.name}.checked")
        self._small = small
        self._now = time.time() if now is None else now
        self._checked_at: float | None = None

    def is_due(self) -> bool:
        """Return whether the ledger is small, or was not closed as it lies there, or a day is over.

        To be asked before SQLite opens it: a WAL left behind tells of a run that died.
        """
        size, changed = self._stamp()
        if size <= self._small or self._path.with_name(f"{self._path.name}-wal").exists():
            return True
        try:
            note = json.loads(self._note.read_text("utf-8"))
            stands = [size, changed] == [note["size"], note["changed"]]
            age = self._now - float(note["checked_at"])
        except (OSError, ValueError, TypeError, KeyError):
            return True
        if not stands or not 0 <= age < DAY:
            return True
        self._checked_at = float(note["checked_at"])
        return False

    def passed(self) -> None:
        """Remember that the pages were found sound."""
        self._checked_at = self._now

    def seal(self) -> None:
        """Note how the ledger lies there, closed in order. Without the note it is checked again."""
        with suppress(OSError):
            size, changed = self._stamp()
            if size > self._small and self._checked_at is not None:
                note = {"checked_at": self._checked_at, "size": size, "changed": changed}
                self._note.write_text(json.dumps(note), "utf-8")

    def _stamp(self) -> tuple[int, int]:
        stat = self._path.stat()
        return stat.st_size, stat.st_mtime_ns
