"""A path and what writes a file → that file, whole or not at all. Touches the file's folder."""

from __future__ import annotations

import os
import secrets
import stat
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from importer.filesystem import sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


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
    Raises OSError, and whatever `write` raises, with the temporary file removed.
    """
    target = Path(os.path.realpath(path))
    # Names end at 255 bytes; forty characters leave room for the rest in any script.
    temporary = target.with_name(f".{target.name[:40]}.{secrets.token_hex(8)}.tmp")
    try:
        _create_like(target, temporary)
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
