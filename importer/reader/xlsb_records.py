"""The bytes of a part of an .xlsb file → its records, and the texts in them. Pure.

Source: [MS-XLSB] 2.1.4 (records) and 2.5.168 (texts).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from importer.reader.binary_damage import CutShortError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NO_TEXT: Final = 0xFFFFFFFF


def read_text(body: bytes, at: int) -> tuple[str, int]:
    """Return a text and where it ends; one that is absent is empty."""
    (count,) = struct.unpack_from("<I", body, at)
    if count == _NO_TEXT:
        return "", at + 4
    end = at + 4 + 2 * count
    if end > len(body):
        raise CutShortError("a text is cut short")
    return body[at + 4 : end].decode("utf-16-le"), end


def read_records(blocks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield kind and content of each record. Both its numbers have seven bits a byte."""
    rest = b""
    at = 0
    for block in blocks:
        rest, at = rest[at:] + block, 0
        while (record := _cut_record(rest, at)) is not None:
            kind, begin, end = record
            yield kind, rest[begin:end]
            at = end
    if at != len(rest):
        raise CutShortError


def _cut_record(content: bytes, at: int) -> tuple[int, int, int] | None:
    """Return kind, begin and end of the record at a place, None where it is not whole yet."""
    numbers = []
    for longest in (2, 4):
        number = 0
        for place in range(longest):
            if at >= len(content):
                return None
            byte = content[at]
            at += 1
            number |= (byte & 0x7F) << 7 * place
            if byte < 0x80:  # noqa: PLR2004 - the eighth bit says that more follows
                break
        numbers.append(number)
    kind, size = numbers
    return (kind, at, at + size) if at + size <= len(content) else None
