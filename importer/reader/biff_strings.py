"""The records of an .xls file that hold texts → the texts. Pure.

A record has at most 8,224 bytes; what is longer goes on in CONTINUE records. Where the break falls
into the letters, the next record begins with a flag that says anew whether a letter has one byte
or two. Source: [MS-XLS] 2.5.293 and 2.5.294.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from importer.reader.binary_damage import CutShortError

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDE: Final = 0x01
_PHONETIC: Final = 0x04
_RICH: Final = 0x08


class TextReader:
    """Reads through a record and those that continue it."""

    def __init__(self, records: Sequence[bytes], at: int = 0) -> None:
        """`at` is where in the first record the reading begins."""
        self._records = records
        self._number = 0
        self._at = at

    def read_text(self) -> str:
        """Return a text that says its own length, flags, formatting runs and phonetics."""
        count, flags = struct.unpack("<HB", self._take(3))
        runs = struct.unpack("<H", self._take(2))[0] if flags & _RICH else 0
        phonetic = struct.unpack("<I", self._take(4))[0] if flags & _PHONETIC else 0
        text = self._take_letters(count, wide=bool(flags & _WIDE))
        self._take(runs * 4 + phonetic)
        return text

    def read_table(self) -> list[str]:
        """Return the shared texts of the workbook."""
        _, unique = struct.unpack("<II", self._take(8))
        return [self.read_text() for _ in range(unique)]

    def _take(self, count: int) -> bytes:
        taken = b""
        while len(taken) < count:
            record = self._current()
            part = record[self._at : self._at + count - len(taken)]
            taken += part
            self._at += len(part)
        return taken

    def _current(self) -> bytes:
        while self._number < len(self._records) and self._at >= len(self._records[self._number]):
            self._number += 1
            self._at = 0
        if self._number == len(self._records):
            raise CutShortError("a text goes on where no record does")
        return self._records[self._number]

    def _take_letters(self, count: int, *, wide: bool) -> str:
        letters = bytearray()
        while count:
            if self._at >= len(self._records[self._number]):
                wide = bool(self._current()[0] & _WIDE)
                self._at += 1
            record = self._current()
            size = 2 if wide else 1
            number = min(count, (len(record) - self._at) // size)
            if not number:
                raise CutShortError("a text goes on where no record does")
            part = record[self._at : self._at + number * size]
            letters += part if wide else part.decode("latin-1").encode("utf-16-le")
            self._at += len(part)
            count -= number
        return letters.decode("utf-16-le")


def read_short_text(content: bytes) -> str:
    """Return a text with a length of one byte, as the names of sheets are written."""
    if len(content) < 2:  # noqa: PLR2004 - length and flags
        raise CutShortError
    return TextReader([content[:1] + b"\0" + content[1:]]).read_text()
