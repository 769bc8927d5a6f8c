"""A file's path → the kernel's exclusive lock on it, freed when its holder dies. Opens the file.

flock, not lockf: a second holder in the same process must be refused, too, and closing some other
descriptor of the file must not free the lock.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_held: set[int] = set()

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _leave_to_parent() -> None:
        # A forked child shares the lock and would keep it beyond its parent's death; closing its
        # own descriptor frees nothing. (After an exec the descriptor is closed anyway, PEP 446.)
        for descriptor in _held:
            os.close(descriptor)
        _held.clear()

    os.register_at_fork(after_in_child=_leave_to_parent)


def acquire(path: Path) -> int | None:
    """Return the descriptor that holds the lock, or None where another one holds it.

    Creates the file, readable by its owner only. Raises OSError.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if _try_lock(descriptor):
            _held.add(descriptor)
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def release(descriptor: int) -> None:
    """Free the lock."""
    _held.discard(descriptor)
    os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether anybody holds the lock now. Takes and frees it for an instant. Raises OSError."""
    if not path.exists():
        return False
    descriptor = acquire(path)
    if descriptor is None:
        return True
    release(descriptor)
    return False
