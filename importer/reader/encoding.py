"""A text file's bytes → the encoding that reads all of them, or a refusal. Reads the file."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from importer.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FALLBACK: Final = "cp1252"
"""What Excel on a western Windows writes where nobody chose UTF-8."""
_BOMS: Final[tuple[tuple[bytes, str], ...]] = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BLOCK_BYTES: Final = 1 << 20
_RESAVE: Final = "Save it again as “CSV UTF-8”."


@dataclass(frozen=True, slots=True)
class _Fault:
    """The first byte that an encoding cannot read."""

    offset: int
    line: int
    truncated: bool
    """Whether the file ends in the middle of a character."""


def find_encoding(path: Path, name: str, fallback: str = FALLBACK) -> tuple[str, tuple[str, ...]]:
    """Return the codec that decodes every byte of the file, and what had to be assumed for it.

    A byte order mark decides, else strict UTF-8, else `fallback` with a note; never a statistical
    guess, which has read cp1252 as cp1250. Raises SourceError where bytes stay unreadable, where
    mostly valid UTF-8 is damaged (cp1252 would silently turn `ü` into `Ã¼`), and on NUL.
    """
    marked = mark_of(path)
    fault = _find_fault(path, name, marked or "utf-8")
    if fault is None:
        return marked or "utf-8", ()
    if marked or fault.truncated or _looks_like_utf8(path):
        raise SourceError(
            f"{name} holds a byte that is no text in {'UTF-16' if marked == 'utf-16' else 'UTF-8'}"
            f" (byte {fault.offset}, line {fault.line}), though the rest of it is; "
            "it may be damaged or cut short.",
            f"{_RESAVE} Copy or export the file again if that does not help.",
            code="damaged-encoding",
        )
    if fallback == "utf-8":
        raise SourceError(
            f"{name} is not UTF-8 (byte {fault.offset}, line {fault.line}).",
            f"{_RESAVE} Or name its encoding in format.encoding.",
            code="unknown-encoding",
        )
    beyond = _find_fault(path, name, fallback)
    if beyond is not None:
        raise SourceError(
            f"{name} is neither UTF-8 (byte {fault.offset}, line {fault.line}) nor {fallback} "
            f"(byte {beyond.offset}, line {beyond.line}).",
            f"{_RESAVE} Or name its encoding in format.encoding.",
            code="unknown-encoding",
        )
    note = (
        f"{name} is not UTF-8 (line {fault.line}), so it was read as {fallback}, as "
        "format.encoding says. Check a name with accents, or save the file as “CSV UTF-8”."
    )
    return fallback, (note,)


def mark_of(path: Path) -> str | None:
    """Return the codec that the file's byte order mark names, None without one."""
    with path.open("rb") as stream:
        head = stream.read(4)
    return next((codec for bom, codec in _BOMS if head.startswith(bom)), None)


def is_unicode(encoding: str) -> bool:
    """Return whether an encoding is one that needs no `fallback`."""
    return encoding.startswith("utf")


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            yield block
    yield b""


def _find_fault(path: Path, name: str, encoding: str) -> _Fault | None:
    """Decode the whole file; return the first byte that cannot be, raise SourceError on NUL."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    offset = 0
    line = 1
    for block in _blocks(path):
        pending = len(decoder.getstate()[0])
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            readable = bytes(error.object[: error.start])
            return _Fault(
                offset=offset - pending + error.start,
                line=line + readable.count(b"\n"),
                truncated=not block and is_unicode(encoding),
            )
        if "\0" in text:
            raise SourceError(
                f"{name} holds a NUL character in line "
                f"{line + text.count(chr(10), 0, text.index(chr(0)))}, which no text has: it may "
                "be UTF-16 without a byte order mark, or damaged.",
                _RESAVE,
                code="nul-character",
            )
        line += text.count("\n")
        offset += len(block)
    return None


def _looks_like_utf8(path: Path) -> bool:
    """Whether at least as many characters beyond ASCII are valid UTF-8 as are not."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    valid = invalid = 0
    for block in _blocks(path):
        text = decoder.decode(block, final=not block)
        unreadable = text.count("\ufffd")
        invalid += unreadable
        valid += len(text) - len(text.encode("ascii", "ignore")) - unreadable
    return valid >= invalid
