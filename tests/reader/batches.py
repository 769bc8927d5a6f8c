"""What a workbook's reader gives, as rows that a test can spell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.reader.cell_columns import spread_kinds
from importer.reader.sheet_values import EMPTY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from importer.reader.book import Batch, Row


def as_rows(batches: Iterable[Batch]) -> list[Row]:
    """Return number, cells up to the last one that is not empty, and currencies of each row."""
    found: list[Row] = []
    for batch in batches:
        columns = [spread_kinds(column) for column in batch.columns]
        for at, row in enumerate(batch.rows):
            cells = [(texts[at] or None, kinds[at]) for texts, kinds in columns]
            while cells and cells[-1] == EMPTY:
                cells.pop()
            shown = {column: each[at] for column, each in batch.currencies.items()}
            found.append((row, cells, {k: v for k, v in shown.items() if v is not None}))
    return found
