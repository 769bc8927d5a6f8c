"""Excel's letters for a column ↔ its index. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def column_letters(index: int) -> str:
    """Return Excel's letters for the column `index` (from 0): A, …, Z, AA, …"""
    return "".join(reversed(list(_letters(index))))


def column_index(letters: str) -> int:
    """Return the index (from 0) of a column's letters, in capitals: A → 0, …, AA → 26."""
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - ord("A") + 1
    return index - 1


def _letters(index: int) -> Iterator[str]:
    index += 1
    while index:
        index, remainder = divmod(index - 1, 26)
        yield chr(ord("A") + remainder)
