"""What a workbook of any kind gives of itself: its sheets, and the rows of one of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice, zip_longest
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from importer.errors import SourceError
from importer.reader.places import CellRange, column_letters
from importer.reader.sheet_values import EMPTY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from importer.reader.sheet_values import Cell

MAX_ROW: Final = 1_048_576
MAX_COLUMNS: Final = 1_000
MAX_BOX: Final = 50_000_000
"""Cells between the first and the last one that are filled: calamine takes 32 bytes for each."""

Row: TypeAlias = "tuple[int, list[Cell], Mapping[int, str]]"
"""Number (from 1), cells from the first column on, and the currencies that the number formats of
its numbers show, by column (from 0)."""
Column: TypeAlias = "tuple[list[str], list[str | None] | str]"
"""Texts, "" where a cell is empty, and kinds: one word where all that are filled have the same."""
SEPARATOR: Final = "\x1f"
"""What the child process puts between the texts of a column; one that holds it goes otherwise."""
BATCH_ROWS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows that are not blank, column by column from the first one on."""

    rows: Sequence[int]
    """Their numbers, from 1."""
    columns: Sequence[Column]
    currencies: Mapping[int, list[str | None]]
    """By column (from 0): the currency that the number format of each cell shows."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of a workbook, as its tab says."""

    name: str
    part: str
    """Where its content is: an archive member, a position in a stream, a number."""
    visible: bool
    worksheet: bool
    """False for charts and dialogues, which have no cells."""


@dataclass(slots=True)
class SheetContent:
    """The rows of one sheet that are not blank, and what is true of the sheet as a whole.

    All but `batches` is complete only when these have been taken to their end.
    """

    batches: Iterator[Batch] = field(default_factory=lambda: iter(()))
    hidden: list[int] = field(default_factory=list)
    """Rows that are not shown."""
    filtered: bool = False
    """Whether a filter may be what hides them."""
    merged: list[CellRange] = field(default_factory=list)


class Book(Protocol):
    """A workbook that was proven whole. Every method may raise SourceError."""

    @property
    def sheets(self) -> Sequence[Sheet]:
        """Return the sheets in the order of their tabs."""

    def has_cells(self, sheet: Sheet) -> bool:
        """Whether any cell of the sheet is filled."""

    def read(self, sheet: Sheet) -> SheetContent:
        """Return what the sheet holds."""


def damaged(name: str, what: str) -> SourceError:
    """Return the error for a workbook that is not whole; `what` is a full sentence."""
    return SourceError(
        f"{name} is a damaged workbook: {what}",
        "Open it in your spreadsheet program, save it again as .xlsx, and run again.",
        code="damaged-workbook",
    )


def encrypted(name: str) -> SourceError:
    """Return the error for a workbook that only a password opens."""
    return SourceError(
        f"{name} is protected by a password.",
        "Save a copy without a password.",
        code="encrypted-workbook",
    )


def too_large(name: str, sheet: str, row: int, column: int) -> SourceError:
    """Return the error for a sheet whose last filled cell stands far outside."""
    letters = column_letters(column)
    return SourceError(
        f"The cells of sheet “{sheet}” in {name} reach to column {letters} and row {row} (cell "
        f"{letters}{row}), far more than a list of purchases has; most likely a stray cell stands "
        "there.",
        "Delete the columns and rows beyond the list, save, and run again.",
        code="stray-cell",
    )


def batch_rows(rows: Iterator[Row]) -> Iterator[Batch]:
    """Yield rows in batches; those of one batch need not be equally long."""
    while batch := list(islice(rows, BATCH_ROWS)):
        lines = zip_longest(*(cells for _, cells, _ in batch), fillvalue=EMPTY)
        columns: list[Column] = [
            ([text or "" for text, _ in line], [kind for _, kind in line]) for line in lines
        ]
        yield Batch([row for row, _, _ in batch], columns, _turn([shown for _, _, shown in batch]))


def _turn(currencies: Sequence[Mapping[int, str]]) -> dict[int, list[str | None]]:
    """Return by column what each row has by column."""
    shown = sorted({column for row in currencies for column in row})
    return {column: [row.get(column) for row in currencies] for column in shown}


def is_filled(cells: Sequence[Cell]) -> bool:
    """Whether any of the cells shows something."""
    return any(text and not text.isspace() for text, _ in cells)


@dataclass(slots=True)
class Box:
    """The smallest rectangle that has all filled cells of a sheet. Rows from 1, columns from 0."""

    first_row: int = 0
    last_row: int = 0
    """0 where no cell is filled."""
    first_column: int = MAX_COLUMNS
    last_column: int = -1
    """-1 where no cell is filled."""

    def take(self, row: int, first_column: int, last_column: int) -> None:
        """Take in cells of a row that is not above those before it."""
        self.first_row = self.first_row or row
        self.last_row = row
        self.first_column = min(self.first_column, first_column)
        self.last_column = max(self.last_column, last_column)

    def judge(self, name: str, sheet: str) -> None:
        """Raise SourceError where a cell stands too far out."""
        size = (self.last_row - self.first_row + 1) * (self.last_column - self.first_column + 1)
        if self.last_row > MAX_ROW or self.last_column >= MAX_COLUMNS or size > MAX_BOX:
            raise too_large(name, sheet, self.last_row, self.last_column)
