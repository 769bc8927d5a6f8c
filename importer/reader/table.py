"""One sheet or CSV as text cells with their row numbers, before anybody judges them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from importer.reader.places import column_letters

CELL_KIND = pl.Enum(["text", "number", "date", "time", "boolean", "error", "formula"])
"""What a workbook says a cell is. CSV cells have no kind. `date` texts are ISO 8601
(`2026-03-04` or `2026-03-04T10:20:30`), `number` texts have a decimal point, no exponent and no
binary noise, `error` texts are Excel's (`#N/A`), `formula` is one whose value was never saved."""


def cell_name(index: int) -> str:
    """Return the frame's column for the texts of the file's column `index` (from 0)."""
    return f"cell_{index}"


def kind_name(index: int) -> str:
    """Return the frame's column for the kinds of the file's column `index` (from 0)."""
    return f"kind_{index}"


def currency_name(index: int) -> str:
    """Return the frame's column for the currencies of the file's column `index` (from 0)."""
    return f"currency_{index}"


@dataclass(frozen=True, slots=True)
class Table:
    """The data rows of one file. Blank rows are left out but counted in the row numbers.

    `cells` has `row` (UInt32, the number that Excel shows, header row = 1 where it stands first),
    then `cell_0`, `cell_1`, … (String; null = empty), and, from a workbook only, `kind_0`, … of
    CELL_KIND (null = empty). A column whose number formats show a currency has `currency_0`, …
    beside it (String; null where a cell shows none).
    """

    name: str
    """The file's name without its folder."""
    format: str
    """`csv`, `xlsx`, `xlsb`, `xls` or `ods`."""
    headers: tuple[str, ...]
    cells: pl.DataFrame
    header_row: int = 1
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    notes: tuple[str, ...] = field(default=())
    """What was assumed and the user should know, a sentence each."""
    positions: tuple[int, ...] = ()
    """Where each header's column stands in the file (from 0); empty where nothing was left out."""

    def shown(self, index: int) -> pl.Series:
        """Return the texts of one column, each with the currency that its number format shows."""
        text, currency = cell_name(index), currency_name(index)
        if currency not in self.cells.columns:
            return self.cells[text]
        both = pl.concat_str(text, currency, separator=" ", ignore_nulls=True)
        return self.cells.select(pl.when(pl.col(text).is_not_null()).then(both)).to_series()

    @property
    def has_kinds(self) -> bool:
        """Whether the cells came from a workbook, which knows numbers and dates from text."""
        return kind_name(0) in self.cells.columns

    def place(self, row: int, index: int) -> str:
        """Return how a person finds a cell: `Sheet1!D17`, or `row 17, column Amount`."""
        if self.sheet is not None:
            position = self.positions[index] if self.positions else index
            return f"{self.sheet}!{column_letters(position)}{row}"
        return f"row {row}, column {self.headers[index]}"
