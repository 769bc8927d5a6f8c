"""A file or standard input → a private copy of it, and its hash. Reads and writes files."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from importer.errors import ConfigError, SourceError, UsageError

if TYPE_CHECKING:
    from contextlib import ExitStack

_BLOCK_BYTES: Final = 1 << 20


def require_file(path: Path) -> None:
    """Raise UsageError where there is no readable file at `path`."""
    if path.is_file():
        return
    if path.is_dir():
        raise UsageError(f"{path} is a folder.", "Name the file in it that is to be imported.")
    if path.exists():
        raise UsageError(f"{path} is no regular file.", "Save its content as a file first.")
    raise UsageError(f"There is no file {path}.", "Check the name and the folder.")


def refuse_folder(folder: Path, error: OSError) -> ConfigError:
    """Return the error for a folder that takes no private copy of a file."""
    return ConfigError(
        f"No copy of the file can be kept in {folder} while it is worked on: "
        f"{error.strerror or error}.",
        "Make room there, about three times the size of the file, unpacked.",
        code="no-room",
    )


def draft(folder: Path, spoilt: ExitStack) -> Path:
    """Return a new empty file (mode 0600), which goes when `spoilt` closes."""
    descriptor, name = tempfile.mkstemp(prefix="input-", dir=folder)
    os.close(descriptor)
    spoilt.callback(Path(name).unlink, missing_ok=True)
    return Path(name)


def drain(target: BinaryIO) -> tuple[str, int]:
    """Write standard input to `target`; return its SHA-256 and its size.

    Raises UsageError where it is the keyboard.
    """
    if sys.stdin.isatty():
        raise UsageError(
            "The file is to come from standard input, which is the keyboard.",
            "Pipe a file into the command, or name one instead of `-`.",
        )
    digest = hashlib.sha256()
    size = 0
    while block := sys.stdin.buffer.read(_BLOCK_BYTES):
        digest.update(block)
        size += len(block)
        target.write(block)
    return digest.hexdigest(), size


def copy_file(path: Path, target: BinaryIO) -> tuple[str, int]:
    """Write the file to `target`; return its SHA-256 and its size.

    Raises UsageError where it cannot be read, SourceError where it changes meanwhile.
    """
    digest = hashlib.sha256()
    size = 0
    try:
        # Both release Python's lock, so one block is hashed while the next is read and written.
        with path.open("rb") as origin, ThreadPoolExecutor(1) as hashing:
            before = os.fstat(origin.fileno())
            hashed = hashing.submit(digest.update, b"")
            while block := origin.read(_BLOCK_BYTES):
                target.write(block)
                size += len(block)
                hashed.result()
                hashed = hashing.submit(digest.update, block)
            after = os.fstat(origin.fileno())
    except PermissionError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}.",
            "Close it in other programs, or ask for the right to read it.",
        ) from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise SourceError(
            f"{path.name} changed while it was being read.",
            "Run again when the program that writes it has finished.",
            code="file-changed",
        )
    return digest.hexdigest(), size
