"""A frame of rows, their names and kinds → one sheet that people can read. Writes into a workbook.

Colours come from conditional formats, not from the cells: they follow a row that a person sorts,
and a hundred thousand rows cost nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import polars as pl
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.comments import Comment
from openpyxl.formatting.rule import FormulaRule
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.properties import PageSetupProperties

from importer.model import RowStatus
from importer.reconciler.results_cells import text_cell, text_cells, typed_cells

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from openpyxl import Workbook
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

STATUS_COLOURS: Final = {
    RowStatus.CREATED: "C6EFCE",
    RowStatus.ALREADY_CREATED: "E2F0E6",
    RowStatus.IN_DOUBT: "E4D3F2",
    RowStatus.REJECTED: "F8CBAD",
    RowStatus.INVALID: "FFC7CE",
    RowStatus.DUPLICATE: "FFEB9C",
    RowStatus.CONFLICT: "FFEB9C",
    RowStatus.UNSENT: "DDEBF7",
}
"""The fill of the cell in keen_status; its text is black on all of them."""

MAX_COMMENTS: Final = 2_000
"""Beyond it faulty cells are coloured only, and keen_error says why: comments make Excel slow."""
PAGE_ROWS: Final = 5_000
_AMOUNT_FORMAT: Final = "#,##0.00######"
_FAULTY: Final = PatternFill("solid", fgColor="FFC7CE")
_HEADER: Final = PatternFill("solid", fgColor="1F2A37")
FONT: Final = "Calibri"
_HEADER_FONT: Final = Font(name=FONT, bold=True, color="FFFFFF")
_LINE_HEIGHT: Final = 15.0
_FILLED: Final = 0.95
"""The share of a line that is full before the next word no longer fits."""
_NARROWEST, _WIDEST, _SAMPLE = 10.0, 44.0, 200
_WIDTHS: Final = {
    "keen_row": 10.0,
    "keen_status": 16.0,
    "keen_purchase_id": 38.0,
    "keen_error_code": 22.0,
    "keen_error": 70.0,
    "keen_http_status": 16.0,
    "keen_attempts": 14.0,
    "keen_idempotency_key": 38.0,
    "keen_sent_at": 22.0,
    "keen_resolution": 18.0,
    "look_for": 70.0,
}


@dataclass(frozen=True, slots=True)
class Grid:
    """The rows of one sheet."""

    frame: pl.DataFrame
    names: Mapping[str, str]
    """Column of `frame` → its header."""
    kinds: Mapping[str, pl.Series]
    """Column of `frame` → the CELL_KIND of each cell; other columns are text or numbers."""
    amount: str | None = None
    """The column whose numbers are amounts."""
    words: tuple[str, ...] = ()
    """What the drop-down of keen_resolution offers."""
    marks: Mapping[tuple[int, str], str] = field(default_factory=dict)
    """(keen_row, column) of a faulty cell → what is wrong with it."""
    wrapped: tuple[str, ...] = ()
    """Columns of sentences that are shown in full, on several lines."""
    inviting: tuple[str, ...] = ()
    """Columns that a person is to fill in: coloured while they are empty."""

    def part(
        self,
        kept: pl.Series,
        columns: tuple[str, ...],
        *,
        words: tuple[str, ...] = (),
        marks: Mapping[tuple[int, str], str] | None = None,
        wrapped: tuple[str, ...] = (),
        inviting: tuple[str, ...] = (),
    ) -> Grid:
        """Return the rows where `kept` is true, with these columns in this order."""
        return replace(
            self,
            frame=self.frame.filter(kept).select(columns),
            kinds={name: kinds.filter(kept) for name, kinds in self.kinds.items()},
            words=words,
            marks=marks or {},
            wrapped=wrapped,
            inviting=inviting,
        )

    def with_column(self, column: str, header: str, values: pl.Series) -> Grid:
        """Return the grid with one more column."""
        frame = self.frame.with_columns(values.alias(column))
        return replace(self, frame=frame, names={**self.names, column: header})


def write_grid(workbook: Workbook, title: str, grid: Grid, *, hidden: bool = False) -> None:
    """Write one sheet: a frozen header with a filter, then a line for each row."""
    sheet = workbook.create_sheet(title)
    columns = grid.frame.columns
    last = grid.frame.height + 1
    if hidden:
        sheet.sheet_state = "hidden"
    sheet.freeze_panes = "A2"
    sheet.print_title_rows = "1:1"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{last}"
    for position, name in enumerate(columns, 1):
        sheet.column_dimensions[get_column_letter(position)].width = _width(grid, name)
    if "keen_status" in columns and last > 1:
        _colour_statuses(sheet, get_column_letter(columns.index("keen_status") + 1), last)
    for name in grid.inviting:
        _invite(sheet, get_column_letter(columns.index(name) + 1), last)
    if grid.words and last > 1:
        _offer_words(sheet, get_column_letter(columns.index("keen_resolution") + 1), last, grid)
    for number, lines in enumerate(_line_counts(grid), 2):
        if lines > 1:
            sheet.row_dimensions[number].height = _LINE_HEIGHT * lines
    sheet.append([_header_cell(sheet, grid.names[name]) for name in columns])
    for line in _lines(sheet, grid):
        sheet.append(line)


def _width(grid: Grid, name: str) -> float:
    if name in _WIDTHS:
        return _WIDTHS[name]
    longest = grid.frame[name].head(_SAMPLE).cast(pl.String).str.len_chars().max()
    header = len(grid.names[name]) + 4  # room for the filter's arrow
    wanted = max(header, (longest if isinstance(longest, int) else 0) + 2)
    return float(min(max(wanted, _NARROWEST), _WIDEST))


def _line_counts(grid: Grid) -> list[int]:
    """Return the lines that each row's longest sentence takes; not every program finds out."""
    if not grid.wrapped:
        return []
    lines = [
        (pl.col(name).fill_null("").str.len_chars() / (_WIDTHS[name] * _FILLED)).ceil()
        for name in grid.wrapped
    ]
    return grid.frame.select(pl.max_horizontal(lines).cast(pl.Int32)).to_series().to_list()


def _colour_statuses(sheet: WriteOnlyWorksheet, letter: str, last: int) -> None:
    for status, colour in STATUS_COLOURS.items():
        rule = FormulaRule(
            [f'${letter}2="{status.value}"'],
            fill=PatternFill("solid", bgColor=colour),
            font=Font(color="000000"),
        )
        sheet.conditional_formatting.add(f"{letter}2:{letter}{last}", rule)


def _invite(sheet: WriteOnlyWorksheet, letter: str, last: int) -> None:
    rule = FormulaRule([f"LEN({letter}2)=0"], fill=PatternFill("solid", bgColor="FFF2CC"))
    sheet.conditional_formatting.add(f"{letter}2:{letter}{last}", rule)


def _offer_words(sheet: WriteOnlyWorksheet, letter: str, last: int, grid: Grid) -> None:
    choice = DataValidation(type="list", formula1=f'"{",".join(grid.words)}"', allow_blank=True)
    choice.errorTitle = "keen_resolution"
    choice.error = f"Choose {' or '.join(grid.words)}, or leave it empty."
    choice.add(f"{letter}2:{letter}{last}")
    sheet.data_validations.append(choice)


def _header_cell(sheet: WriteOnlyWorksheet, header: str) -> Cell:
    cell = text_cell(sheet, header)
    cell.font = _HEADER_FONT
    cell.fill = _HEADER
    cell.alignment = Alignment(vertical="top")
    return cell


def _lines(sheet: WriteOnlyWorksheet, grid: Grid) -> Iterator[list[object]]:
    """Yield the lines page by page: a million rows must not stand in memory as objects."""
    commented = 0
    for offset in range(0, grid.frame.height, PAGE_ROWS):
        page = grid.frame.slice(offset, PAGE_ROWS)
        columns = [_values(sheet, grid, values, offset) for values in page]
        if not grid.marks:
            yield from map(list, zip(*columns, strict=True))
            continue
        for row, *line in zip(page["keen_row"], *columns, strict=True):
            for place, name in enumerate(page.columns):
                message = grid.marks.get((row, name))
                if message is not None:
                    shown = message if commented < MAX_COMMENTS else None
                    line[place] = _marked(sheet, line[place], shown)
                    commented += 1
            yield line


def _values(sheet: WriteOnlyWorksheet, grid: Grid, values: pl.Series, offset: int) -> list[object]:
    if values.dtype != pl.String:
        return values.to_list()
    if values.name in grid.wrapped:
        return [text and _wrapped(sheet, text) for text in values]
    if values.name not in grid.kinds:
        return text_cells(sheet, values)
    kinds = grid.kinds[values.name].slice(offset, PAGE_ROWS)
    cells = typed_cells(sheet, values, kinds)
    if values.name == grid.amount:
        return [_amount(sheet, cell) for cell in cells]
    return cells


def _wrapped(sheet: WriteOnlyWorksheet, text: str) -> Cell:
    cell = text_cell(sheet, text)
    cell.alignment = Alignment(wrap_text=True)  # at the bottom, as the cells beside it
    return cell


def _amount(sheet: WriteOnlyWorksheet, value: object) -> object:
    if not isinstance(value, float):
        return value
    cell = WriteOnlyCell(sheet, value)
    cell.number_format = _AMOUNT_FORMAT
    return cell


def _marked(sheet: WriteOnlyWorksheet, value: object, message: str | None) -> Cell:
    """Return the cell coloured, with the message as a comment where there is one."""
    cell = value if isinstance(value, Cell) else WriteOnlyCell(sheet, value)
    cell.fill = _FAULTY
    if message is not None:
        comment = Comment(message, "importer")
        comment.width, comment.height = 360, 60 + 18 * (len(message) // 50)
        cell.comment = comment
    return cell
