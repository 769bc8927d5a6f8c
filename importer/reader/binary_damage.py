"""What reading the records of a damaged workbook raises → a sentence for a person. Pure."""

from __future__ import annotations

import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from importer.reader.book import damaged

if TYPE_CHECKING:
    from collections.abc import Iterator


class CutShortError(Exception):
    """A record, or what it tells of, is not whole; the message says why."""

    def __init__(self, why: str = "it is cut short") -> None:
        super().__init__(why)


_DAMAGE: Final = (struct.error, CutShortError, UnicodeDecodeError, IndexError)
"""What records raise that are shorter than they should be, or that name what is not there."""


@contextmanager
def translate_damage(name: str, place: str) -> Iterator[None]:
    """Raise SourceError where the records of `place` in the file `name` turn out to be damaged."""
    try:
        yield
    except _DAMAGE as error:
        raise damaged(name, f"{place} cannot be read ({_explain(error)}).") from error


def _explain(error: Exception) -> str:
    if isinstance(error, CutShortError):
        return str(error)
    if isinstance(error, UnicodeDecodeError):
        return "a text has half a letter in it, such as half an emoji"
    return "a record is cut short" if isinstance(error, struct.error) else "something is missing"
