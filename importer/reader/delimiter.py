"""The first lines of a CSV → its delimiter. Pure."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

CANDIDATES: Final = (",", ";", "\t", "|")
_DECLARATION: Final = re.compile(r'"?sep=([,;\t|])"?[\r\n]*', re.IGNORECASE)


def declared_delimiter(line: str) -> str | None:
    """Return the delimiter that a first line such as `sep=;` declares, or None.

    Excel obeys that line and does not show it: the next one is its row 1.
    """
    match = _DECLARATION.fullmatch(line)
    return match[1] if match else None


def sniff_delimiter(sample: Sequence[str], header_row: int | None) -> str:
    """Return the delimiter of a CSV from its first lines, which must be whole records.

    The candidate that gives one count of fields, more than one, for the header and every record
    below it; among several, or where none does, the one with the most columns. A file of one
    column has `,`. What is ragged under the delimiter is judged by the reader, not here.
    """
    ranks = {}
    for candidate in CANDIDATES:
        counts = _count_fields(sample, candidate, header_row)
        if counts and counts[0] > 1:
            ranks[candidate] = (len(set(counts)) == 1, counts[0])
    return max(ranks, key=ranks.__getitem__) if ranks else CANDIDATES[0]


def _count_fields(sample: Sequence[str], delimiter: str, header_row: int | None) -> list[int]:
    """Return the number of fields of the header and of each record below it, blank ones left out.

    Every candidate sees the quotes in the same places only if cells are quoted properly, so a
    reader's error ends the count rather than the candidate.
    """
    counts = []
    try:
        for row, record in enumerate(csv.reader(sample, delimiter=delimiter), 1):
            blank = not any(field.strip() for field in record)
            if not blank and row >= (header_row or 1):
                counts.append(len(record))
    except csv.Error:
        pass
    return counts
