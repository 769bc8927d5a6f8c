"""A path and what writes a file → that file, whole or not at all. Touches the file's folder."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
import time
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from importer.filesystem import sync_folder
from importer.lock import acquire, release

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_STARTED: Final = time.time()


def write_atomically(
    path: Path,
    write: Callable[[Path], None],
    *,
    replace: Callable[[Path, Path], None] = os.replace,
) -> Path:
    """Let `write` fill a temporary file beside `path`, sync it, rename it; return where it went.

    Whenever the process or the power dies, `path` holds the old file or the new one, whole. That
    is elsewhere, `<stem>.2.<ext>` say, only where the old file cannot be replaced: Windows
    refuses that while Excel has it open. A symbolic link stays one; its target is replaced.
    Raises OSError, and whatever `write` raises, with the temporary file removed; one that a killed
    process left is removed by the next one that writes `path`.
    """
    target = Path(os.path.realpath(path))
    _remove_leftovers(target)
    temporary = target.with_name(f"{_beginning(target)}{secrets.token_hex(8)}.tmp")
    try:
        _create_like(target, temporary)
        with _held(temporary):
            write(temporary)
            _sync_file(temporary)
            written = _rename(temporary, target, replace)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(target.parent)
    return path if written == target else written


def first_free(candidates: Iterable[Path]) -> Path:
    """Return the first of `candidates` that does not exist, not even as a broken link."""
    return next(path for path in candidates if not os.path.lexists(path))


def _beginning(target: Path) -> str:
    """Return how the names of the temporary files begin that are written for `target` alone."""
    # Names end at 255 bytes; forty characters leave room for the rest in any script.
    whole = hashlib.sha256(os.fsencode(target.name)).hexdigest()
    return f".{target.name[:40]}.{whole[:8]}-"


def _remove_leftovers(target: Path) -> None:
    """Remove temporary files of `target` whose writers are dead.

    Whoever lives holds the kernel's lock on its file; a file's age keeps this off one that has
    just been created and is about to be locked.
    """
    own = re.compile(re.escape(_beginning(target)) + r"[0-9a-f]{16}\.tmp")
    with suppress(OSError), os.scandir(target.parent) as found:
        for each in found:
            if own.fullmatch(each.name) and each.is_file(follow_symlinks=False):
                with suppress(OSError):
                    if each.stat(follow_symlinks=False).st_mtime < _STARTED:
                        _remove_unheld(Path(each.path))


def _remove_unheld(path: Path) -> None:
    if os.name == "nt":  # which removes no file that somebody has open
        path.unlink()
    elif (lock := acquire(path)) is not None:
        try:
            path.unlink()
        finally:
            release(lock)


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold the kernel's lock on `path`, where there is such a lock, while the block runs."""
    lock = None
    if os.name != "nt":  # there a lock would keep off the one who writes
        with suppress(OSError):
            lock = acquire(path)
    try:
        yield
    finally:
        if lock is not None:
            release(lock)


def _create_like(target: Path, temporary: Path) -> None:
    """Create `temporary`, readable by no more people than the file that it will replace."""
    temporary.touch(exist_ok=False)
    if target.exists():
        temporary.chmod(stat.S_IMODE(target.stat().st_mode) | stat.S_IWUSR)


def _sync_file(path: Path) -> None:
    with path.open("r+b") as file:  # Windows syncs only what is open for writing
        os.fsync(file.fileno())


def _rename(temporary: Path, target: Path, replace: Callable[[Path, Path], None]) -> Path:
    try:
        replace(temporary, target)
    except PermissionError:
        if not target.exists():
            raise
        target = first_free(target.with_stem(f"{target.stem}.{n}") for n in count(2))
        replace(temporary, target)
    return target
