"""A results file that is there already → kept under another name where something would be lost.

Touches the folder of the results, and a small file of the workspace that remembers what this
program wrote: by it a file that somebody has edited since is told from one that nobody has.
"""

from __future__ import annotations

import enum
import hashlib
import json
import re
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, count, islice
from typing import IO, TYPE_CHECKING, Any, Final

from importer.errors import ResultsError
from importer.filesystem import sync_folder
from importer.reconciler.atomic import first_free

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

REMEMBERED: Final = 1_000
"""Files that are remembered; a forgotten one counts as edited, so it is kept."""

_KEY: Final = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_KEY_LENGTH: Final = 36
_CHUNK: Final = 1 << 20
_FIRST: Final = 1_000


class Why(enum.StrEnum):
    """Why an earlier file was kept."""

    OTHER = "another import"
    EDITED = "edited"


@dataclass(frozen=True, slots=True)
class Kept:
    """An earlier results file under its new name."""

    path: Path
    why: Why


class WrittenFiles:
    """What this program wrote last: absolute path → SHA-256, and whether it holds any key.

    It promises nothing: where it cannot be read or written, files are kept that need not be.
    """

    def __init__(self, path: Path) -> None:
        """`path` is the file that remembers; its folder may be missing."""
        self._path = path

    def note(self, file: Path, *, keyed: bool) -> None:
        """Remember the file as it is now."""
        known = self._read()
        name = _name(file)
        known.pop(name, None)  # the latest stand last
        with suppress(OSError):
            known[name] = {"sha256": _digest(file), "keyed": keyed}
            draft = self._path.with_suffix(".new")
            draft.write_text(json.dumps(dict(list(known.items())[-REMEMBERED:])), "utf-8")
            draft.replace(self._path)

    def unchanged(self, file: Path) -> bool:
        """Whether the file is byte for byte what this program wrote there last."""
        known = self._read().get(_name(file))
        return known is not None and known.get("sha256") == _digest(file)

    def holds_keys(self, file: Path) -> bool:
        """Whether the file held a key when it was written; so too where nothing is known of it."""
        return bool(self._read().get(_name(file), {}).get("keyed", True))

    def _read(self) -> dict[str, Any]:
        try:
            known = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}


def _name(file: Path) -> str:
    """Return one name for the file, by whichever way it is reached."""
    return str(file.parent.resolve() / file.name)


def keep_earlier(path: Path, keys: Iterable[str], written: WrittenFiles) -> Kept | None:
    """Rename the file at `path` where replacing it would lose something; return its new name.

    It is replaced (None) only where nobody has touched it since this program wrote it, and it is
    of this import (one of `keys`, this run's idempotency keys, stands in it) or names no purchase
    at all. Anything else is kept as `<stem>.<when it was written, in UTC>.<ending>`, overwriting
    nothing: the words of a person in it may not have been settled yet.
    Raises ResultsError where it cannot be renamed.
    """
    try:
        if not path.exists():
            return None
        ours = _holds_any(path, keys)
        if written.unchanged(path) and (ours or not written.holds_keys(path)):
            return None
        kept = _rename(path)
    except OSError as error:
        raise ResultsError(
            f"The earlier file {path} could not be kept under another name: "
            f"{error.strerror or error}.",
            "Close it where it is open, or write the results elsewhere.",
            code="results-not-kept",
        ) from error
    return Kept(kept, Why.EDITED if ours else Why.OTHER)


def _rename(path: Path) -> Path:
    at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    stem = f"{path.stem}.{at:%Y%m%d-%H%M%S}"
    names = chain([stem], (f"{stem}-{n}" for n in count(2)))
    kept = first_free(path.with_stem(name) for name in names)
    path.rename(kept)
    sync_folder(path.parent)
    return kept


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _holds_any(path: Path, keys: Iterable[str]) -> bool:
    """Return whether any of `keys` stands in the file, whatever its format and delimiter.

    Keys are long enough to be looked for as bytes, so even results that were saved again by a
    spreadsheet, with columns moved, are known for what they are.
    """
    unread = (key.encode() for key in keys)
    # Nearly always the file begins like the one that replaces it: the others stay where they are.
    first = set(islice(unread, _FIRST))
    try:
        if any(not first.isdisjoint(found) for found in islice(_uuids(path), 1)):
            return True
        wanted = first.union(unread)
        return any(not wanted.isdisjoint(found) for found in _uuids(path))
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError):
        return False  # a broken or encrypted workbook: no results of ours


def _uuids(path: Path) -> Iterator[set[bytes]]:
    """Yield the UUIDs of a file, or of every part of a workbook, a set for each chunk."""
    if path.suffix.lower() == ".xlsx":
        with zipfile.ZipFile(path) as parts:
            for name in parts.namelist():
                with parts.open(name) as part:
                    yield from _uuids_of(part)
    else:
        with path.open("rb") as file:
            yield from _uuids_of(file)


def _uuids_of(file: IO[bytes]) -> Iterator[set[bytes]]:
    tail = b""
    while chunk := file.read(_CHUNK):
        text = tail + chunk
        yield {found.lower() for found in _KEY.findall(text)}
        tail = text[1 - _KEY_LENGTH :]  # a key may lie across two chunks
