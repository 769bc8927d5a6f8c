"""A column's values as calamine gives them → texts and kinds. Pure.

Whole columns at once: most have values of one type, and a call for each cell is what costs time.
"""

from __future__ import annotations

import math
from itertools import compress
from typing import TYPE_CHECKING, Final

from importer.reader.book import Batch
from importer.reader.sheet_values import SPELLINGS, read_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from importer.reader.book import Column
    from importer.reader.sheet_values import CellValue

_TEXT: Final = "text"


def read_column(values: Sequence[CellValue]) -> Column:
    """Return the texts and kinds of cells, in the spelling that `Table` promises."""
    types = list(map(type, values))
    others = set(types) - {str}
    if not others:
        return list(values), _TEXT  # type: ignore[arg-type]
    gaps = values.count("")
    if len(others) == 1 and types.count(str) == gaps and _are_finite(values, others):
        spell, kind = SPELLINGS[others.pop()]
        if not gaps:
            return list(map(spell, values)), kind
        return ["" if value == "" else spell(value) for value in values], kind
    cells = [read_value(value) for value in values]
    return [text or "" for text, _ in cells], [kind for _, kind in cells]


def _are_finite(values: Sequence[CellValue], types: set[type]) -> bool:
    """Whether values of a single type, and gaps, are no numbers beyond all numbers."""
    return types != {float} or all(map(math.isfinite, filter(None, values)))  # type: ignore[arg-type]


def empty_column(count: int) -> Column:
    """Return a column of so many empty cells."""
    return [""] * count, _TEXT


def count_numbers(column: Column) -> int:
    """Return how many cells are neither empty nor text."""
    texts, kinds = column
    if isinstance(kinds, str):
        return 0 if kinds == _TEXT else len(texts) - texts.count("")
    return len(kinds) - kinds.count(_TEXT) - kinds.count(None)


def spread_kinds(column: Column) -> tuple[list[str], list[str | None]]:
    """Return the column with a kind for each cell."""
    texts, kinds = column
    if isinstance(kinds, str):
        return texts, [kinds if text else None for text in texts]
    return texts, kinds


def keep_filled(
    rows: Sequence[int], columns: Sequence[Column], currencies: Mapping[int, Mapping[int, str]]
) -> Batch:
    """Return the rows that are not blank; `currencies` are by column, then by row."""
    kept = [True] * len(rows)
    if not columns:
        return Batch((), (), {})
    if all(map(_has_gaps, columns)):
        lines = zip(*(texts for texts, _ in columns), strict=True)
        kept = [any(text and not text.isspace() for text in line) for line in lines]
    if not all(kept):
        rows = list(compress(rows, kept))
        columns = [
            (
                list(compress(texts, kept)),
                kinds if isinstance(kinds, str) else list(compress(kinds, kept)),
            )
            for texts, kinds in columns
        ]
    shown = {column: list(map(currencies[column].get, rows)) for column in sorted(currencies)}
    return Batch(rows, columns, {column: each for column, each in shown.items() if any(each)})


def _has_gaps(column: Column) -> bool:
    """Whether any cell may show nothing."""
    texts, _ = column
    return "" in texts or any(map(str.isspace, texts))
