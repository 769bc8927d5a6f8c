"""An .xlsb file → its sheets and their rows. Reads the file.

calamine reads it too, but passes over the short cell records that some programs write, and tells
nothing of hidden rows, so the records are read here. Whatever stands among the cells must be known,
or the sheet is refused. Source: [MS-XLSB].
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from importer.reader.binary_cells import (
    FoundCell,
    Layout,
    assemble_rows,
    is_computed,
    read_error,
    read_rk,
)
from importer.reader.binary_damage import CutShortError, translate_damage
from importer.reader.book import SheetContent, batch_rows
from importer.reader.number_formats import read_format
from importer.reader.places import cell_range
from importer.reader.workbook_package import (
    find_book,
    find_part,
    find_sheet,
    open_package,
    read_blocks,
    relations,
)
from importer.reader.xlsb_records import read_records, read_text

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from importer.reader.binary_cells import CellError
    from importer.reader.book import Sheet

_BOOK_SETTINGS, _BUNDLED_SHEET = 153, 156
_SHARED_TEXT, _FORMAT, _STYLES_BEGIN, _STYLES_END, _STYLE = 19, 44, 617, 618, 47
_ROW, _ROWS_BEGIN, _ROWS_END = 0, 145, 146
_MERGED, _FILTERED_COLUMN = 176, 163
_SHORT: Final = range(12, 19)
"""Cells that stand right behind the one before; a full record (1 to 7) that lacks its column."""
_BLANK: Final = 1
_FORMULAS: Final = range(8, 12)
_RICH_TEXT: Final = 62
_BESIDE_CELLS: Final = frozenset({35, 36, 37, 38, 49, 50, 426, 427, 428})
"""Formulas that cells share, their metadata, and what newer programs add."""
_FIRST_NEWER: Final = 1024
_ROW_HIDDEN: Final = 0x10


def open_xlsb(path: Path, name: str) -> XlsbBook:
    """Return the workbook at `path`, proven whole; raises SourceError where it is not."""
    with open_package(path, name) as archive, translate_damage(name, "its list of sheets"):
        return XlsbBook(path, name, archive)


class XlsbBook:
    """A workbook whose archive is whole."""

    def __init__(self, path: Path, name: str, archive: zipfile.ZipFile) -> None:
        """Read the list of sheets, the styles and the shared texts."""
        self._path = path
        self._name = name
        book = find_book(archive, name)
        targets = relations(archive, book)
        self.sheets: list[Sheet] = []
        is_1904 = False
        for kind, body in read_records([archive.read(book)]):
            if kind == _BOOK_SETTINGS:
                is_1904 = bool(body[0] & 1)
            elif kind == _BUNDLED_SHEET:
                (state,) = struct.unpack_from("<I", body)
                relation, at = read_text(body, 8)
                title, _ = read_text(body, at)
                sheet = find_sheet(name, title, targets, relation, visible=state == 0)
                self.sheets.append(sheet)
        texts = find_part(archive, book, "sharedStrings")
        self._texts = [] if texts is None else list(_read_texts(archive.read(texts)))
        styles = find_part(archive, book, "styles")
        formats = [] if styles is None else list(_read_styles(archive.read(styles)))
        self._layout = Layout([read_format(number, code) for number, code in formats], is_1904)

    def has_cells(self, sheet: Sheet) -> bool:
        """Whether any cell of the sheet is filled; reads no further than the first one."""
        with translate_damage(self._name, f"sheet “{sheet.name}”"):
            return any(cell.value != "" for cell in self._cells(sheet, SheetContent()))

    def read(self, sheet: Sheet) -> SheetContent:
        """Return what the sheet holds."""
        content = SheetContent()
        computed = False
        with translate_damage(self._name, f"sheet “{sheet.name}”"):
            for cell in self._cells(sheet, content):
                computed = computed or is_computed(cell)
        rows = assemble_rows(
            self._cells(sheet, SheetContent()),
            self._layout,
            self._name,
            sheet.name,
            computed=computed,
        )
        content.batches = batch_rows(rows)
        return content

    def _cells(self, sheet: Sheet, content: SheetContent) -> Iterator[FoundCell]:
        """Yield the filled cells; `content` takes what is hidden and merged."""
        row = column = 0
        for kind, body in self._table(sheet, content):
            if kind == _ROW:
                row, column = _read_row(body, row, content), -1
            elif kind <= _SHORT[-1] or kind == _RICH_TEXT:
                column, style, value = self._read_cell(kind, body, column)
                if value is not None:
                    yield FoundCell(row, column, style, value, kind in _FORMULAS)
            elif kind not in _BESIDE_CELLS and kind < _FIRST_NEWER:
                raise CutShortError(f"a record {kind} stands among the cells")

    def _table(self, sheet: Sheet, content: SheetContent) -> Iterator[tuple[int, bytes]]:
        """Yield the records of the rows; `content` takes what stands around them."""
        tables = 0
        inside = False
        for kind, body in read_records(read_blocks(self._path, sheet.part)):
            if kind == _ROWS_BEGIN:
                inside, tables = True, tables + 1
            elif kind == _ROWS_END:
                inside = False
            elif inside:
                yield kind, body
            elif kind == _MERGED:
                content.merged.append(cell_range(*struct.unpack_from("<4I", body)))
            elif kind == _FILTERED_COLUMN:
                content.filtered = True
        if inside or tables != 1:
            raise CutShortError

    def _read_cell(
        self, kind: int, body: bytes, column: int
    ) -> tuple[int, int, float | str | bool | CellError | None]:
        """Return a cell's column, style and value, None where it holds a style alone."""
        if kind in _SHORT:
            column, at, kind = column + 1, 0, kind - _SHORT[0] + _BLANK
        else:
            (column,) = struct.unpack_from("<I", body)
            at = 4
        style = int.from_bytes(body[at : at + 3], "little")
        if kind == _BLANK:
            return column, style, None
        if kind in _INDEXED:
            return column, style, self._texts[struct.unpack_from("<I", body, at + 4)[0]]
        return column, style, _VALUES[kind](body, at + 4)


_INDEXED: Final = frozenset({7})
_VALUES: Final[dict[int, Callable[[bytes, int], float | str | bool | CellError]]] = {
    2: lambda body, at: read_rk(struct.unpack_from("<I", body, at)[0]),
    3: lambda body, at: read_error(body[at]),
    4: lambda body, at: bool(body[at]),
    5: lambda body, at: float(struct.unpack_from("<d", body, at)[0]),
    6: lambda body, at: read_text(body, at)[0],
    8: lambda body, at: read_text(body, at)[0],
    9: lambda body, at: float(struct.unpack_from("<d", body, at)[0]),
    10: lambda body, at: bool(body[at]),
    11: lambda body, at: read_error(body[at]),
    62: lambda body, at: read_text(body, at + 1)[0],
}
"""Kind of a cell's record → its value."""


def _read_row(body: bytes, before: int, content: SheetContent) -> int:
    """Return the number of a row; `before` is that of the row before it."""
    number, height, flags = struct.unpack_from("<I4xHxB", body)
    row = int(number) + 1
    if row <= before:
        raise CutShortError(f"row {row} stands after row {before}")
    if flags & _ROW_HIDDEN or height == 0:
        content.hidden.append(row)
    return row


def _read_texts(content: bytes) -> Iterator[str]:
    for kind, body in read_records([content]):
        if kind == _SHARED_TEXT:
            yield read_text(body, 1)[0]


def _read_styles(content: bytes) -> Iterator[tuple[int, str | None]]:
    """Yield number and code of the number format of each cell style."""
    codes: dict[int, str] = {}
    inside = False
    for kind, body in read_records([content]):
        if kind == _FORMAT:
            codes[struct.unpack_from("<H", body)[0]] = read_text(body, 2)[0]
        elif kind in {_STYLES_BEGIN, _STYLES_END}:
            inside = kind == _STYLES_BEGIN
        elif kind == _STYLE and inside:
            (number,) = struct.unpack_from("<H", body, 2)
            yield number, codes.get(number)
