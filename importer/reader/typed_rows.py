"""The pieces of a table → what has to be known of all rows at once, and all columns of some again.

Of millions of rows only what tells them apart and what is added up stays in memory: amounts, dates,
contents and what an earlier run said. Everything else is judged again where it is asked for: a
second time takes less than to write it down. Where one piece is all, it stays as it was judged.
Reads what the pieces read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from importer.reader.ahead import work_ahead
from importer.reader.identity import add_contents
from importer.reader.oddities import Oddities, find_oddities
from importer.reader.pieces import join_frames
from importer.reader.table import cell_name
from importer.reader.validation import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from importer.config import Config
    from importer.reader.columns import ColumnMap
    from importer.reader.fields import Styles
    from importer.reader.notes import Note
    from importer.reader.pieces import Pieces
    from importer.reader.table import Table

KEPT: Final = (
    *("row", "purchase_amount", "date", "valid", "carried_key", "carried_status"),
    *("carried_code", "carried_attempts", "resolution", "found_id"),
)
"""What is kept of each row; `has_triggers` is beside."""
_CONTENTS: Final = ("content", "identity_key")
_CARRIED: Final = {
    "resolution": "keen_resolution",
    "found_id": "keen_purchase_id",
    "carried_code": "keen_error_code",
    "carried_attempts": "keen_attempts",
}


@dataclass(frozen=True, slots=True)
class TypedRows:
    """All columns of a file's rows, a piece at a time."""

    firsts: Sequence[int]
    """The number of the first row of each piece."""
    loads: Sequence[Callable[[], pl.DataFrame]]
    """The pieces: validation's rows, in order, and the _CONTENTS of those that are valid."""

    def beside(self, rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """Yield `rows` (any of the file's, in its order, told by `row`) with all columns.

        What is known of a row and what its cells say must belong together: a key that goes out
        with another purchase pays twice. So every column that both have is compared.
        """
        begin = 0
        for number, load in enumerate(self.loads):
            last = number + 1 == len(self.loads)
            end = rows.height if last else rows["row"].search_sorted(self.firsts[number + 1])
            part = rows.slice(begin, end - begin)
            begin = end
            if part.is_empty():
                continue
            typed = load()
            if typed.height > part.height:
                typed = typed.filter(pl.col("row").is_in(part["row"].implode()))
            shared = [name for name in typed.columns if name in part.columns]
            if not typed.select(shared).equals(part.select(shared)):
                raise RuntimeError(f"The rows from {part['row'][0]} on were judged otherwise.")
            yield part.hstack(typed.drop(shared))


@dataclass(frozen=True, slots=True)
class Rows:
    """What the cells of a whole file say."""

    kept: pl.DataFrame
    """KEPT and `has_triggers` of each row, in order."""
    contents: pl.DataFrame
    """`content` and `identity_key` of each valid row, in order, as identity.add_contents has
    them."""
    faults: pl.DataFrame
    """Validation's."""
    notes: tuple[Note, ...]
    oddities: Oddities
    typed: TypedRows


def read_rows(
    pieces: Pieces,
    columns: ColumnMap,
    config: Config,
    styles: Styles,
    *,
    batch: str,
) -> Rows:
    """Return what the cells of `pieces`, whose columns are written in `styles`, say."""
    scope = config.api.scope
    only: list[pl.DataFrame] = []

    def contents_of(rows: pl.DataFrame) -> pl.DataFrame:
        valid = rows if rows["valid"].all() else rows.filter("valid")
        return add_contents(valid, scope=scope, batch=batch).select("row", *_CONTENTS)

    def read(
        piece: Table,
    ) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, tuple[Note, ...], Oddities]:
        judged = judge(piece, columns, config, styles)
        rows = judged.rows.with_columns(
            *(_carried_text(piece, columns, *names) for names in _CARRIED.items()),
            has_triggers=pl.col("trigger_ids").is_not_null(),
        )
        contents = contents_of(rows)
        if len(pieces.loads) == 1:
            only.append(_all_columns(judged.rows, contents))
        kept, odd = rows.select(*KEPT, "has_triggers"), find_oddities(piece, columns)
        return kept, contents.drop("row"), judged.faults, judged.notes, odd

    def type_again(load: Callable[[], Table]) -> pl.DataFrame:
        if only:
            return only[0]
        rows = judge(load(), columns, config, styles).rows
        return _all_columns(rows, contents_of(rows))

    found = [*work_ahead(lambda load: read(load()), pieces.filled())]
    firsts = [piece[0]["row"][0] for piece in found] if pieces.loads else []
    kept, contents, faults, notes, oddities = zip(*found, strict=True)
    loads = [lambda load=load: type_again(load) for load in pieces.loads]
    return Rows(
        kept=join_frames(kept),
        contents=join_frames(contents),
        faults=pl.concat(faults),
        notes=notes[0],
        oddities=sum(oddities, Oddities()),
        typed=TypedRows(firsts, loads),
    )


def _all_columns(rows: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
    return rows.join(contents, on="row", how="left", maintain_order="left")


def _carried_text(piece: Table, columns: ColumnMap, name: str, carried: str) -> pl.Series:
    index = columns.carried.get(carried)
    if index is None:
        return pl.repeat(None, piece.cells.height, dtype=pl.String, eager=True).alias(name)
    text = piece.cells[cell_name(index)].str.strip_chars()
    return text.set(text == "", None).alias(name)
