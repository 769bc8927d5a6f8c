"""A table and its columns' meanings → how the file was understood, a sentence each. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from importer.model import PurchaseField
from importer.reader.notes import Note, first_cell, note
from importer.reader.places import column_letters
from importer.reader.table import cell_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from importer.reader.columns import ColumnMap
    from importer.reader.notes import Example
    from importer.reader.pieces import Pieces
    from importer.reader.table import Table

_DELIMITERS: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}
_ENCODINGS: Final = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16"}


def describe(pieces: Pieces, columns: ColumnMap, constants: Mapping[str, str]) -> Iterator[Note]:
    """Yield where the header stands, which column became which field, and what is not sent."""
    table = pieces.about
    examples = _first_cells(pieces, {*columns.fields.values()})
    yield note(braced(f"{_file(table)}, header in row {table.header_row}."))
    for field in PurchaseField:
        if field in columns.fields:
            index = columns.fields[field]
            first = examples.get(index)
            said = braced(f"{field} is the column {name_column(table, index)}")
            yield (
                note(f"{said}, empty.")
                if first is None
                else note(f"{said}, for example {{}}.", first)
            )
        elif field in constants:
            said = f"{field} is the same in every row, as [columns.constants] says"
            yield Note(f"{said}: {constants[field]}.", f"{said}.")
    for name in constants:
        if PurchaseField(name) in columns.fields:
            yield note(f"The constant for {name} is not used: the file has a column for it.")
    if columns.identity:
        yield _list(table, "Rows are told apart by", columns.identity.values())
    if columns.ignored:
        yield _list(table, "Kept in the results, not sent:", columns.ignored)


def _first_cells(pieces: Pieces, indices: AbstractSet[int]) -> dict[int, Example]:
    """Return column → its first cell that is not empty, where it has one."""
    found: dict[int, Example] = {}
    for piece in pieces:
        for index in indices - found.keys():
            cells = piece.cells.lazy().select("row", pl.col(cell_name(index)).alias("text"))
            first = first_cell(cells.drop_nulls("text").head(1).collect())
            if first is not None:
                found[index] = first
        if len(found) == len(indices):
            break
    return found


def _file(table: Table) -> str:
    if table.sheet is not None:
        return f"Read from sheet “{table.sheet}”"
    encoding = _ENCODINGS.get(table.encoding or "", table.encoding)
    return f"Read as {encoding} with {_DELIMITERS[table.delimiter or ',']} between the cells"


def name_column(table: Table, index: int) -> str:
    """Return how sentences call a column: `“Price” (C)`."""
    position = table.positions[index] if table.positions else index
    return f"“{table.headers[index].strip()}” ({column_letters(position)})"


def _list(table: Table, said: str, indices: Iterable[int]) -> Note:
    return note(braced(f"{said} {', '.join(name_column(table, index) for index in indices)}."))


def braced(text: str) -> str:
    """Return the text with braces that `note` takes for braces."""
    return text.replace("{", "{{").replace("}", "}}")
