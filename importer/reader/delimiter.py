"""The first lines of a CSV → its delimiter. Pure."""

from __future__ import annotations

import csv
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

CANDIDATES: Final = (",", ";", "\t", "|")
_DECLARATION: Final = re.compile(r'"?sep=([,;\t|])"?[\r\n]*', re.IGNORECASE)


def declared_delimiter(line: str) -> str | None:
    """Return the delimiter that a first line such as `sep=;` declares, or None.

    Excel obeys that line and does not show it: the next one is its row 1.
    """
    match = _DECLARATION.fullmatch(line)
    return match[1] if match else None


def sniff_delimiter(
    sample: Sequence[str],
    header_row: int | None,
    is_header: Callable[[Sequence[str]], bool] | None = None,
) -> str:
    """Return the delimiter of a CSV from its first lines, which must be whole records.

    The only candidate under which a row names the columns, as `is_header` says. Otherwise the
    candidate that gives one count of fields, more than one, for the header and every record
    below it; among several, or where none does, the one with the most columns. A file of one
    column has `,`. What is ragged under the delimiter is judged by the reader, not here.
    """
    if is_header is not None:
        named = [
            candidate
            for candidate in CANDIDATES
            if any(is_header(record) for _, record in split_sample(sample, candidate))
        ]
        if len(named) == 1:
            return named[0]
    ranks = {}
    for candidate in CANDIDATES:
        records = split_sample(sample, candidate)
        counts = [len(record) for row, record in records if row >= (header_row or 1)]
        if counts and counts[0] > 1:
            ranks[candidate] = (len(set(counts)) == 1, counts[0])
    return max(ranks, key=ranks.__getitem__) if ranks else CANDIDATES[0]


def split_sample(sample: Sequence[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield number and fields of each record that is not blank.

    Every candidate sees the quotes in the same places only if cells are quoted properly, so a
    reader's error ends the records rather than the candidate.
    """
    with suppress(csv.Error):
        for row, record in enumerate(csv.reader(sample, delimiter=delimiter), 1):
            if any(field.strip() for field in record):
                yield row, record
