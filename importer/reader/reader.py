"""A path → all that the later stages need to know of the file. Copies it, then reads the copy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from importer.neutral import MARK, undo, undo_column
from importer.reader.columns import header_test, match_columns
from importer.reader.dates import note_far_dates
from importer.reader.notes import Note
from importer.reader.refused_currencies import write_out_currencies
from importer.reader.source import read_table, take_source
from importer.reader.table import cell_name
from importer.reader.understanding import describe
from importer.reader.validation import judge

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from importer.config import Config, Order
    from importer.reader.columns import ColumnMap
    from importer.reader.source import Source
    from importer.reader.table import Table


@dataclass(frozen=True, slots=True)
class Reading:
    """One file as it was understood.

    `rows` and `faults` are validation's frames; `rows` has `resolution` and `found_id` beside: the
    texts of a results file's keen_resolution and keen_purchase_id (null where there is none).
    """

    source: Source
    table: Table
    columns: ColumnMap
    rows: pl.DataFrame
    faults: pl.DataFrame
    understood: tuple[Note, ...]
    """Where the header stands and what each column means."""
    notes: tuple[Note, ...]
    """What was assumed, how amounts and dates were read, and what proved it."""


def read_file(
    path: Path, folder: Path, config: Config, order: Order, *, now: datetime | None = None
) -> Reading:
    """Return the reading of `path`, whose private copy goes into `folder`.

    With `now` the notes name dates that are far from it. Raises UsageError (no such file or sheet)
    or SourceError (the file cannot be trusted).
    """
    source = take_source(path, folder)
    table = read_table(
        source,
        sheet=order.sheet,
        header_row=order.header_row,
        hidden_rows=order.hidden_rows,
        layout=config.format,
        is_header=header_test(config.columns, config.rules.required, config.identity.columns),
    )
    columns = _match(table, config)
    if columns.carried:
        # Only a file that this program wrote had its cells made harmless; it gets them back.
        table = _undo_neutralising(table)
        columns = _match(table, config)
    judged = judge(table, columns, config)
    table = write_out_currencies(table, judged.faults, config.format.decimal)
    return Reading(
        source=source,
        table=table,
        columns=columns,
        rows=judged.rows.with_columns(
            _carried_text(table, columns, "keen_resolution").alias("resolution"),
            _carried_text(table, columns, "keen_purchase_id").alias("found_id"),
            _carried_text(table, columns, "keen_error_code").alias("carried_code"),
            _carried_text(table, columns, "keen_attempts").alias("carried_attempts"),
        ),
        faults=judged.faults,
        understood=tuple(describe(table, columns, config.columns.constants)),
        notes=(
            *(Note(text, text) for text in table.notes),
            *judged.notes,
            *(note_far_dates(judged.rows, now) if now is not None else ()),
        ),
    )


def _match(table: Table, config: Config) -> ColumnMap:
    return match_columns(
        table.headers, config.columns, config.rules.required, config.identity.columns
    )


def _undo_neutralising(table: Table) -> Table:
    cells = table.cells
    texts = [cell_name(index) for index in range(len(table.headers))]
    marked = [text for text in texts if cells[text].str.starts_with(MARK).any()]
    return replace(
        table,
        headers=tuple(undo(header) for header in table.headers),
        cells=cells.with_columns(undo_column(pl.col(marked))) if marked else cells,
    )


def _carried_text(table: Table, columns: ColumnMap, name: str) -> pl.Series:
    index = columns.carried.get(name)
    if index is None:
        return pl.repeat(None, table.cells.height, dtype=pl.String, eager=True)
    text = table.cells[cell_name(index)].str.strip_chars()
    return text.set(text == "", None)
