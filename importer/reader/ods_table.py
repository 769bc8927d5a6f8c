"""A sheet of an .ods file, element by element → its rows. Pure.

Text of comments, drawings and notes stands inside the cells as well and is passed over; what may
be content and is not known is refused. Elements: OpenDocument 1.3 part 3, chapters 5, 6 and 9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from importer.errors import SourceError
from importer.reader.book import (
    MAX_COLUMNS,
    MAX_ROW,
    Box,
    SheetContent,
    damaged,
    is_filled,
    too_large,
)
from importer.reader.currencies import name_currency
from importer.reader.number_formats import find_currency
from importer.reader.ods_cells import (
    HARD_BLANK,
    HARD_BREAK,
    HARD_TAB,
    OFFICE,
    TABLE,
    UnclearCellError,
    join_paragraph,
    read_cell,
)
from importer.reader.places import cell_range, column_letters
from importer.reader.sheet_values import EMPTY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from importer.reader.book import Row
    from importer.reader.ods_styles import StyleParser
    from importer.reader.sheet_values import Cell

TEXT: Final = "urn:oasis:names:tc:opendocument:xmlns:text:1.0 "
MAX_CHARACTERS: Final = 1_500 * 1024**2
"""Of all cells together, repeated ones counted as often as they stand there."""
_LONGEST_BLANK: Final = 32_767
_GROUP: Final = TABLE + "table-row-group"
_ROW_GROUPS: Final = frozenset({_GROUP, TABLE + "table-header-rows", TABLE + "table-rows"})
_COLUMN_GROUPS: Final = frozenset(
    TABLE + name for name in ("table-column-group", "table-header-columns", "table-columns")
)
_ROW: Final = TABLE + "table-row"
_COLUMN: Final = TABLE + "table-column"
_CELLS: Final = frozenset({TABLE + "table-cell", TABLE + "covered-table-cell"})
_PARAGRAPHS: Final = frozenset({TEXT + "p", TEXT + "h"})
_PASSED_OVER: Final = frozenset(TEXT + name for name in ("note", "ruby-text", "script"))


class TableParser:
    """Takes the elements inside one `table:table`."""

    def __init__(self, name: str, sheet: str, styles: StyleParser, *, computed: bool) -> None:
        """`name` is the file's, `sheet` the sheet's; `computed` is that of read_cell."""
        self.content = SheetContent()
        self.rows: list[Row] = []
        """What was read and not yet taken."""
        self.filled = False
        """Whether any cell is filled."""
        self._name = name
        self._sheet = sheet
        self._styles = styles
        self._computed = computed
        self._box = Box()
        self._skipped = 0
        """How many elements are open that are passed over."""
        self._groups: list[bool] = []
        """Whether each of the open groups of rows is hidden."""
        self._column_styles: list[tuple[int, str | None]] = []
        """Where the columns of one style end, and the style."""
        self._row = 0
        self._row_attributes: Mapping[str, str] = {}
        self._column = 0
        self._line: list[Cell] = []
        self._currencies: dict[int, str] = {}
        self._cell: Mapping[str, str] | None = None
        self._paragraphs: list[str] = []
        self._pieces: list[str] | None = None
        self._characters = 0

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Take an element that opens."""
        if self._skipped:
            self._skipped += 1
        elif self._pieces is not None:
            self._open_in_paragraph(name, attributes)
        elif self._cell is not None:
            self._open_in_cell(name)
        elif name in _CELLS:
            self._cell = attributes
            self._paragraphs = []
        elif name == _ROW:
            self._row_attributes = attributes
            self._column = 0
            self._line = []
            self._currencies = {}
        elif name == _COLUMN:
            end = self._column_styles[-1][0] if self._column_styles else 0
            end += self._count(attributes, "number-columns-repeated")
            style = attributes.get(TABLE + "default-cell-style-name")
            self._column_styles.append((end, style))
        elif name in _ROW_GROUPS:
            self._groups.append(name == _GROUP and attributes.get(TABLE + "display") == "false")
        elif name not in _COLUMN_GROUPS:
            self._skipped = 1

    def text(self, text: str) -> None:
        """Take text."""
        if self._pieces is not None and not self._skipped:
            self._pieces.append(text)

    def end(self, name: str) -> None:
        """Take an element that closes."""
        if self._skipped:
            self._skipped -= 1
        elif name in _PARAGRAPHS and self._pieces is not None:
            self._paragraphs.append(join_paragraph(self._pieces))
            self._pieces = None
        elif name in _CELLS and self._pieces is None:
            self._close_cell()
        elif name == _ROW:
            self._close_row()
        elif name in _ROW_GROUPS:
            self._groups.pop()

    def _open_in_paragraph(self, name: str, attributes: Mapping[str, str]) -> None:
        if name in _PARAGRAPHS:
            raise self._unclear("has a paragraph within a paragraph")
        if name == TEXT + "s":
            count = self._count(attributes, "c", TEXT)
            if count > _LONGEST_BLANK:
                raise self._unclear(f"has {count} blanks")
            self._pieces_now().append(HARD_BLANK * count)
        elif name == TEXT + "tab":
            self._pieces_now().append(HARD_TAB)
        elif name == TEXT + "line-break":
            self._pieces_now().append(HARD_BREAK)
        elif name in _PASSED_OVER or not name.startswith(TEXT):
            self._skipped = 1

    def _pieces_now(self) -> list[str]:
        return self._pieces if self._pieces is not None else []

    def _open_in_cell(self, name: str) -> None:
        if name in _PARAGRAPHS:
            self._pieces = []
        elif name.startswith(TEXT) or name == TABLE + "table":
            raise self._unclear(f"holds a {name.rpartition(' ')[2]}")
        else:
            self._skipped = 1

    def _close_cell(self) -> None:
        attributes, self._cell = self._cell or {}, None
        column = self._column
        repeated = self._count(attributes, "number-columns-repeated")
        self._column += repeated
        self._note_merged(attributes, column)
        style = self._style(attributes, column)
        is_percentage = self._styles.is_percentage(style, "".join(self._paragraphs))
        try:
            cell = read_cell(
                attributes, self._paragraphs, is_percentage=is_percentage, computed=self._computed
            )
        except UnclearCellError as error:
            raise self._unclear(str(error), column) from error
        if cell == EMPTY:
            return
        if self._column > MAX_COLUMNS:
            raise too_large(self._name, self._sheet, self._row + 1, self._column - 1)
        self._line += [EMPTY] * (column - len(self._line)) + [cell] * repeated
        currency = self._currency(attributes, style) if cell[1] == "number" else None
        if currency is not None:
            self._currencies |= dict.fromkeys(range(column, self._column), currency)

    def _currency(self, attributes: Mapping[str, str], style: str | None) -> str | None:
        """Return the currency of a number."""
        named = attributes.get(OFFICE + "currency")
        if named:
            return name_currency(named) or named
        # A style may have several, and LibreOffice leaves out the sign of its own country.
        return find_currency(" ".join(self._paragraphs)) or self._styles.currency(style)

    def _close_row(self) -> None:
        first = self._row + 1
        repeated = self._count(self._row_attributes, "number-rows-repeated")
        self._row += repeated
        if not self._line:
            return
        self.filled = True
        last = min(self._row, MAX_ROW + 1)
        self._box.take(first, 0, len(self._line) - 1)
        self._box.take(last, 0, len(self._line) - 1)
        self._box.judge(self._name, self._sheet)
        self._characters += repeated * sum(len(text or "") for text, _ in self._line)
        if self._characters > MAX_CHARACTERS:
            raise SourceError(
                f"Sheet “{self._sheet}” of {self._name} repeats its cells out of all proportion.",
                "Copy the rows into a new workbook, or save the sheet as CSV.",
                code="oversized-workbook",
            )
        if not is_filled(self._line):
            return
        rows = range(first, last + 1)
        visibility = self._row_attributes.get(TABLE + "visibility", "visible")
        style = self._row_attributes.get(TABLE + "style-name")
        if visibility != "visible" or any(self._groups) or style in self._styles.hidden_rows:
            self.content.hidden += rows
            self.content.filtered = self.content.filtered or visibility == "filter"
        self.rows += [(row, self._line, self._currencies) for row in rows]

    def _note_merged(self, attributes: Mapping[str, str], column: int) -> None:
        columns = self._count(attributes, "number-columns-spanned")
        rows = self._count(attributes, "number-rows-spanned")
        if columns > 1 or rows > 1:
            rows += self._count(self._row_attributes, "number-rows-repeated") - 1
            self.content.merged.append(
                cell_range(self._row, self._row + rows - 1, column, self._column + columns - 2)
            )

    def _style(self, attributes: Mapping[str, str], column: int) -> str | None:
        style = attributes.get(TABLE + "style-name")
        if style is None:
            style = self._row_attributes.get(TABLE + "default-cell-style-name")
        if style is None:
            style = next((style for end, style in self._column_styles if column < end), None)
        return style

    def _count(self, attributes: Mapping[str, str], attribute: str, space: str = TABLE) -> int:
        text = attributes.get(space + attribute)
        if text is None:
            return 1
        if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text)):  # noqa: PLR2004 - more than any sheet has
            raise self._unclear(f"says {attribute} {text!r}")
        return int(text)

    def _unclear(self, what: str, column: int | None = None) -> SourceError:
        at = self._column if column is None else column
        place = f"{self._sheet}!{column_letters(at)}{self._row + 1}"
        return damaged(self._name, f"{place} {what}.")
