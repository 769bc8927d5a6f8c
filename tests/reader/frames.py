"""Frames of cells for the readers' tests, and what a reading says of them in plain Python."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from importer.reader.pieces import Pieces
from importer.reader.table import CELL_KIND, Table, cell_name, kind_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from importer.reader.cells import Reading
    from importer.reader.notes import Note
    from importer.reader.pieces import Spool
    from importer.reader.reader import Reading as FileReading


def cells(*texts: str | None, kind: str | None = None) -> pl.DataFrame:
    """Return one column, its first cell in row 2; `kind` is that of every cell, None as in CSV."""
    return pl.DataFrame(
        [
            pl.Series("row", range(2, len(texts) + 2), dtype=pl.UInt32),
            pl.Series("text", texts, dtype=pl.String),
            pl.Series("kind", [kind] * len(texts), dtype=CELL_KIND),
        ]
    )


def mixed_cells(column: Iterable[tuple[str | None, str | None]]) -> pl.DataFrame:
    """Return one column of cells, each given as its text and its kind."""
    texts, kinds = zip(*column, strict=True) if (column := list(column)) else ((), ())
    return cells(*texts).with_columns(pl.Series("kind", kinds, dtype=CELL_KIND))


def values(reading: Reading) -> list[object]:
    """Return each cell's value, or its fault's code where it has one."""
    return [
        code if code is not None else value
        for value, code in reading.cells.select("value", "code").iter_rows()
    ]


def shown(notes: Iterable[Note]) -> tuple[str, ...]:
    """Return notes as a person's own screen shows them."""
    return tuple(note.shown for note in notes)


def in_pieces(table: Table, rows: int = 2) -> Pieces:
    """Return the table in pieces of so many rows."""
    parts = [replace(table, cells=cells) for cells in table.cells.iter_slices(rows)]
    about = replace(table, cells=table.cells.clear())
    heights = tuple(part.cells.height for part in parts)
    return Pieces(about, heights, tuple(lambda part=part: part for part in parts))  # type: ignore[misc]


def typed_rows(reading: FileReading) -> pl.DataFrame:
    """Return all rows of a file with all columns."""
    return pl.concat([*reading.typed.beside(reading.rows)])


def spooled(spool: Spool) -> pl.DataFrame:
    """Return all rows that wait in a spool."""
    frames = list(spool)
    return pl.concat(frames) if frames else pl.DataFrame()


def table(
    columns: Mapping[str, Sequence[str | None]],
    kinds: Mapping[str, Sequence[str | None]] | None = None,
    sheet: str | None = None,
) -> Table:
    """Return a table with these columns, from a CSV unless there are `kinds`."""
    height = len(next(iter(columns.values())))
    frame = {"row": pl.Series(range(2, height + 2), dtype=pl.UInt32)}
    for index, (header, texts) in enumerate(columns.items()):
        frame[cell_name(index)] = pl.Series(texts, dtype=pl.String)
        if kinds is not None:
            kind = kinds.get(header, [None if text is None else "text" for text in texts])
            frame[kind_name(index)] = pl.Series(kind, dtype=CELL_KIND)
    return Table(
        name="purchases.csv" if kinds is None else "purchases.xlsx",
        format="csv" if kinds is None else "xlsx",
        headers=tuple(columns),
        cells=pl.DataFrame(frame),
        sheet=sheet,
    )
