"""A path → all that the later stages need to know of the file. Copies it, then reads the copy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from importer.neutral import MARK, undo, undo_column
from importer.reader.columns import header_test, match_columns
from importer.reader.dates import note_far_dates
from importer.reader.fields import prove_styles
from importer.reader.notes import Note
from importer.reader.oddities import note_oddities
from importer.reader.refused_currencies import refuses_currencies, write_out_currencies
from importer.reader.source import read_table, take_source
from importer.reader.table import cell_name
from importer.reader.typed_rows import read_rows
from importer.reader.understanding import describe

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from importer.config import Config, Order
    from importer.reader.columns import ColumnMap
    from importer.reader.pieces import Pieces
    from importer.reader.source import Source
    from importer.reader.table import Table
    from importer.reader.typed_rows import TypedRows


@dataclass(frozen=True, slots=True)
class Reading:
    """One file as it was understood."""

    source: Source
    table: Pieces
    columns: ColumnMap
    rows: pl.DataFrame
    """What is kept in memory of each data row, in order: `row` UInt32; `purchase_amount` (canonical
    decimal) String, `date` Datetime UTC, `has_triggers`, `valid` Boolean; and what a results file
    says of it, String: `carried_key`, `carried_status`, `carried_code`, `carried_attempts`,
    `resolution` (keen_resolution), `found_id` (keen_purchase_id). Null = empty or faulty."""
    contents: pl.DataFrame
    """`content` and `identity_key` (Binary) of each valid row, in order, as identity.add_contents
    has them."""
    typed: TypedRows
    """All that validation makes of the rows, whenever it is asked for."""
    faults: pl.DataFrame
    """Validation's."""
    understood: tuple[Note, ...]
    """Where the header stands and what each column means."""
    notes: tuple[Note, ...]
    """What was assumed, how amounts and dates were read, and what proved it."""


def read_file(
    path: Path, folder: Path, config: Config, order: Order, *, now: datetime | None = None
) -> Reading:
    """Return the reading of `path`, whose private copy and cells go into `folder`.

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
        table = table.map(_undo_neutralising)
        columns = _match(table, config)
    styles = prove_styles(table, columns, config)
    read = read_rows(table, columns, config, styles, batch=order.batch)
    return Reading(
        source=source,
        table=_write_out_currencies(table, read.faults, config.format.decimal),
        columns=columns,
        rows=read.kept,
        contents=read.contents,
        typed=read.typed,
        faults=read.faults,
        understood=tuple(describe(table, columns, config.columns.constants)),
        notes=(
            *(Note(text, text) for text in table.about.notes),
            *read.notes,
            *note_oddities(read.oddities, table.about, columns, config.format.currency),
            *(note_far_dates(read.kept, now) if now is not None else ()),
        ),
    )


def _match(table: Pieces, config: Config) -> ColumnMap:
    return match_columns(
        table.about.headers, config.columns, config.rules.required, config.identity.columns
    )


def _undo_neutralising(piece: Table) -> Table:
    cells = piece.cells
    texts = [cell_name(index) for index in range(len(piece.headers))]
    marked = [text for text in texts if cells[text].str.starts_with(MARK).any()]
    return replace(
        piece,
        headers=tuple(undo(header) for header in piece.headers),
        cells=cells.with_columns(undo_column(pl.col(marked))) if marked else cells,
    )


def _write_out_currencies(table: Pieces, faults: pl.DataFrame, decimal: str) -> Pieces:
    if not refuses_currencies(faults):
        return table
    return table.map(lambda piece: write_out_currencies(piece, faults, decimal))
