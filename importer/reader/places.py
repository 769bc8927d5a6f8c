"""Excel's names of columns and ranges ↔ their numbers. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_RANGE: Final = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6}):([A-Z]{1,3})([1-9][0-9]{0,6})")


@dataclass(frozen=True, slots=True)
class CellRange:
    """A rectangle of cells, ends included. Rows from 1, columns from 0."""

    reference: str
    first_row: int
    last_row: int
    first_column: int
    last_column: int


def parse_range(reference: str) -> CellRange | None:
    """Return the range that `A2:B3` names, or None where it is no such name."""
    match = _RANGE.fullmatch(reference)
    if match is None:
        return None
    first, first_row, last, last_row = match.groups()
    return CellRange(
        reference, int(first_row), int(last_row), column_index(first), column_index(last)
    )


def cell_range(first_row: int, last_row: int, first_column: int, last_column: int) -> CellRange:
    """Return the range of these rows and columns, all counted from 0, ends included."""
    first, last = column_letters(first_column), column_letters(last_column)
    return CellRange(
        f"{first}{first_row + 1}:{last}{last_row + 1}",
        first_row + 1,
        last_row + 1,
        first_column,
        last_column,
    )


def column_letters(index: int) -> str:
    """Return Excel's letters for the column `index` (from 0): 0 → A, 26 → AA."""
    return "".join(reversed(list(_letters(index))))


def column_index(letters: str) -> int:
    """Return the index (from 0) of a column's letters, in capitals: A → 0, AA → 26."""
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - ord("A") + 1
    return index - 1


def _letters(index: int) -> Iterator[str]:
    index += 1
    while index:
        index, remainder = divmod(index - 1, 26)
        yield chr(ord("A") + remainder)
