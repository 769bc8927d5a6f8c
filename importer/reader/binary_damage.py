"""What reading the records of a damaged workbook raises → what is wrong, for a person. Pure."""

from __future__ import annotations

import struct
from typing import Final


class CutShortError(Exception):
    """A record, or what it tells of, is not whole; the message says why."""

    def __init__(self, why: str = "it is cut short") -> None:
        super().__init__(why)


DAMAGE: Final = (struct.error, CutShortError, UnicodeDecodeError, IndexError)
"""What records raise that are shorter than they should be, or that name what is not there."""


def explain_damage(error: BaseException) -> str:
    """Return what is wrong, for the brackets behind `cannot be read`."""
    if isinstance(error, CutShortError):
        return str(error)
    if isinstance(error, UnicodeDecodeError):
        return "a text has half a letter in it, such as half an emoji"
    return "a record is cut short" if isinstance(error, struct.error) else "something is missing"
