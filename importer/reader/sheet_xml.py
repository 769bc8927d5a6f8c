"""A sheet's XML, element by element → what it says of its cells. Pure.

Every oddity that is refused here is one that calamine passes over in silence; each was tried.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from importer.reader.book import MAX_ROW, damaged
from importer.reader.number_formats import by_style
from importer.reader.places import column_index, column_letters, parse_range
from importer.reader.sheet_facts import SheetScan
from importer.reader.sheet_values import is_nought, spell_percentage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from importer.errors import SourceError
    from importer.reader.number_formats import NumberFormat
    from importer.reader.sheet_values import Cell

_COLUMN: Final = re.compile(r"[A-Za-z]{1,3}")
_TEXT_TYPES: Final = frozenset({"str", "inlineStr"})
"""Cell types whose value is text as it stands; what is none of the known types is a number."""


class FoundCellError(Exception):
    """A cell is filled: enough to know that the sheet is not blank."""


class SheetParser:
    """Takes the elements of one sheet's XML as they open.

    Their ends are not looked at: a cell is judged when the next element opens that cannot stand
    in it. That saves a third of the time, for a call for each element is what it costs.
    """

    def __init__(
        self,
        name: str,
        sheet: str,
        *,
        styles: Sequence[NumberFormat] = (),
        uncomputed: bool = False,
        only_look: bool = False,
    ) -> None:
        """`styles` are the number formats that cells name by their place.

        `uncomputed` where whoever wrote the workbook left it to Excel to compute the formulas.
        """
        self.scan = SheetScan()
        """What was found so far; rows that were read elsewhere may stand here before."""
        self.text: list[str] = []
        """The text since the cell, its formula or its value opened."""
        self._name = name
        self._sheet = sheet
        self._percentages, self._currencies = by_style(styles)
        self._uncomputed = uncomputed
        self._only_look = only_look
        self._prefix: str | None = None
        """The namespace prefix that all elements have; most often none."""
        self._columns: dict[str, int] = {}
        self._tables = 0
        self._row = 0
        self._row_text = "0"
        self._column = -1
        self._type = "n"
        self._style = ""
        self._formula: str | None = None
        self._content = ""
        """What the open cell is filled with: a value `v`, a formula `f`, inline text `is`."""
        self._opens: dict[str, Callable[[list[str]], None]] = {
            "f": self._open_formula,
            "is": self._open_inline,
            "row": self._open_row,
            "mergeCell": self._open_merged,
            "filterColumn": self._open_filter,
            "sheetData": self._open_table,
        }

    def start(self, name: str, attributes: list[str]) -> None:
        """Take an element that opens; attributes are names and values in turn."""
        if self._prefix is None:
            self._prefix = name.removesuffix("worksheet")
        if self._prefix:
            name = name.removeprefix(self._prefix)
        if name == "v":
            self._open_value(attributes)
        elif name == "c":
            self._open_cell(attributes)
        else:
            self._opens.get(name, self._open_other)(attributes)

    def finish(self) -> None:
        """Judge the last cell and the sheet as a whole."""
        if self._content:
            self._close_cell()
        if self._tables != 1:
            # calamine reads the first one only.
            raise self._damaged(f"has {self._tables} blocks of rows instead of one")
        self.scan.box.judge(self._name, self._sheet)

    def refuse_cdata(self) -> None:
        """Raise SourceError for a CDATA section."""
        # calamine drops a number that is written so.
        raise self._damaged(f"has a CDATA section (in or after row {self._row})")

    def _open_other(self, _attributes: list[str]) -> None:
        # Inline text goes on in elements of its own; after a value or a formula the cell is over.
        if self._content and self._content != "is":
            self._close_cell()

    def _open_table(self, attributes: list[str]) -> None:
        self._open_other(attributes)
        self._tables += 1

    def _open_filter(self, attributes: list[str]) -> None:
        self._open_other(attributes)
        self.scan.filtered = True

    def _open_inline(self, _attributes: list[str]) -> None:
        self._content = "is"

    def _open_row(self, attributes: list[str]) -> None:
        if self._content:
            self._close_cell()
        values = dict(zip(attributes[::2], attributes[1::2], strict=True))
        text = values.get("r", str(self._row + 1))
        row = int(text) if text.isascii() and text.isdigit() else 0
        if not self._row < row <= MAX_ROW:
            raise self._damaged(f"has a row {text!r} after row {self._row}")
        self._row, self._row_text, self._column = row, text, -1
        # Excel writes both for a row of no height; others write only one.
        if values.get("hidden") in {"1", "true"} or is_nought(values.get("ht", "")):
            self.scan.hidden.append(row)

    def _open_cell(self, attributes: list[str]) -> None:
        if self._content:
            self._close_cell()
        self._formula = None
        self._type = "n"
        self._style = ""
        self.text.clear()
        column = self._column + 1
        for at in range(0, len(attributes), 2):
            key = attributes[at]
            if key == "r":
                column = self._read_reference(attributes[at + 1])
            elif key == "t":
                self._type = attributes[at + 1]
            elif key == "s":
                self._style = attributes[at + 1]
        if column <= self._column:
            # calamine keeps the last of two cells in one place.
            raise self._damaged(f"has two cells {self._place(column)}, or its cells out of order")
        self._column = column

    def _read_reference(self, reference: str) -> int:
        letters = reference.removesuffix(self._row_text)
        column = self._columns.get(letters)
        if column is None:
            if not _COLUMN.fullmatch(letters):
                raise self._damaged(f"has a cell {reference!r} in row {self._row}")
            column = self._columns[letters] = column_index(letters.upper())
        return column

    def _open_formula(self, _attributes: list[str]) -> None:
        if self._content:
            # calamine loses a value that stands before its formula.
            raise self._damaged(f"has a formula after the value of {self._place(self._column)}")
        self._content = "f"
        self._formula = ""
        self.text.clear()

    def _open_value(self, _attributes: list[str]) -> None:
        if self._content in {"v", "is"} or self._type == "inlineStr":
            raise self._damaged(f"has two values in cell {self._place(self._column)}")
        if self._formula is not None:
            self._formula = "".join(self.text)
            self.text.clear()
        self._content = "v"

    def _close_cell(self) -> None:
        text = "".join(self.text).strip()
        if self._content == "f":
            self._formula, text = text, ""
        self._content = ""
        if self._type != "s" or not text.isdecimal():
            self._judge_value(self._type, text)
        if self._only_look and (text or self.scan.overrides):
            raise FoundCellError
        box = self.scan.box
        box.last_row = self._row
        if not box.first_column <= self._column <= box.last_column:
            box.take(self._row, self._column, self._column)
            box.judge(self._name, self._sheet)

    def _judge_value(self, kind: str, text: str) -> None:
        if not text:
            if self._formula is not None and kind != "str":
                self._override((f"={self._formula}", "formula"))
        elif kind == "e":
            self._override((text, "error"))
        elif kind == "d":
            self.scan.dates += 1
        elif kind == "s":
            # calamine takes the first string of all for a number below 0.
            raise self._damaged(f"has no text for {self._place(self._column)}")
        elif kind not in _TEXT_TYPES:
            self.scan.numbers += 1
            if self._formula is not None and self._uncomputed and is_nought(text):
                self._override((f"={self._formula}", "formula"))
            elif self._style in self._percentages:
                self._override((spell_percentage(text), "text"))
            if self._style in self._currencies:
                column = self.scan.currencies.setdefault(self._column, {})
                column[self._row] = self._currencies[self._style]

    def _override(self, cell: Cell) -> None:
        self.scan.overrides.setdefault(self._row, {})[self._column] = cell

    def _open_merged(self, attributes: list[str]) -> None:
        self._open_other(attributes)
        reference = dict(zip(attributes[::2], attributes[1::2], strict=True)).get("ref", "")
        merged = parse_range(reference)
        if merged is None:
            raise self._damaged(f"merges cells {reference!r}")
        self.scan.merged.append(merged)

    def _place(self, column: int) -> str:
        return f"{self._sheet}!{column_letters(column)}{self._row}"

    def _damaged(self, what: str) -> SourceError:
        return damaged(self._name, f"sheet “{self._sheet}” {what}.")
