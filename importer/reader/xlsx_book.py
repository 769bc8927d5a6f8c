"""An .xlsx or .xlsm file → its sheets and their rows. Reads the file.

calamine reads the cells, for it is fast; sheet_scan.py reads everything that it does not tell, and
the counts of the two are compared.
"""

from __future__ import annotations

from itertools import islice, repeat
from typing import TYPE_CHECKING

from python_calamine import CalamineError, CalamineWorkbook

from importer.reader.book import BATCH_ROWS, SheetContent, damaged
from importer.reader.cell_columns import (
    count_numbers,
    empty_column,
    keep_filled,
    read_column,
    spread_kinds,
)
from importer.reader.sheet_scan import has_cells, scan_sheet
from importer.reader.workbook_package import (
    find_book,
    find_sheet,
    open_package,
    read_elements,
    relations,
)
from importer.reader.workbook_styles import read_styles

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from python_calamine import CalamineSheet

    from importer.reader.book import Batch, Column, Sheet
    from importer.reader.sheet_facts import SheetScan
    from importer.reader.sheet_values import Cell


def open_xlsx(path: Path, name: str) -> XlsxBook:
    """Return the workbook at `path`, proven whole; raises SourceError where it is not."""
    with open_package(path, name) as archive:
        return XlsxBook(path, name, archive)


class XlsxBook:
    """A workbook whose archive is whole."""

    def __init__(self, path: Path, name: str, archive: zipfile.ZipFile) -> None:
        """Read the list of sheets and the styles; raises SourceError."""
        self._path = path
        self._name = name
        book = find_book(archive, name)
        targets = relations(archive, book)
        self.sheets = [
            find_sheet(
                name,
                sheet.get("name", ""),
                targets,
                next((value for key, value in sheet.items() if key.endswith(":id")), ""),
                visible=sheet.get("state", "visible") == "visible",
            )
            for sheet in read_elements(archive, book, "sheet")
        ]
        self._styles = read_styles(archive, book, name)
        self._uncomputed = any(
            each.get("fullCalcOnLoad") in {"1", "true"}
            for each in read_elements(archive, book, "calcPr")
        )

    def has_cells(self, sheet: Sheet) -> bool:
        """Whether any cell of the sheet is filled; reads no further than the first one."""
        return has_cells(self._path, self._name, sheet)

    def read(self, sheet: Sheet) -> SheetContent:
        """Return what the sheet holds."""
        scan = scan_sheet(self._path, self._name, sheet, self._styles, uncomputed=self._uncomputed)
        try:
            calamine = CalamineWorkbook.from_path(str(self._path)).get_sheet_by_name(sheet.name)
        except CalamineError as error:
            errors = [cell for row in scan.overrides.values() for cell in row.values()]
            seen = sorted({text for text, kind in errors if kind == "error" and text})
            also = f" It holds the errors {', '.join(seen)}." if seen else ""
            what = f"sheet “{sheet.name}” cannot be read ({error}).{also}"
            raise damaged(self._name, what) from error
        batches = _batches(calamine, scan, self._name)
        return SheetContent(batches, scan.hidden, scan.filtered, scan.merged)


def _batches(calamine: CalamineSheet, scan: SheetScan, name: str) -> Iterator[Batch]:
    """Yield the rows that are not blank.

    Raises SourceError at the end where calamine gave fewer or more numbers than the XML has.
    """
    start = calamine.start
    offset = start[1] if start else 0
    width = max(scan.box.last_column + 1, calamine.total_width)
    numbers = 0
    # calamine begins at row 1 but at the first filled column, and ends with its last value.
    values = calamine.iter_rows()
    for rows in _cut(max(scan.box.last_row, calamine.total_height)):
        try:
            lines = list(islice(values, len(rows)))
        except OverflowError as error:
            raise damaged(name, "it holds a time beyond all years.") from error
        filled = [read_column(column) for column in zip(*lines, strict=True)]
        numbers += sum(count_numbers(column) for column in filled)
        short = len(rows) - len(lines)
        for texts, kinds in filled:
            texts.extend(repeat("", short))
            if not isinstance(kinds, str):
                kinds.extend(repeat(None, short))
        empty = [empty_column(len(rows)) for _ in range(width - len(filled))]
        columns = [*empty[:offset], *filled, *empty[offset:]]
        _override(columns, rows, scan.overrides)
        yield keep_filled(rows, columns, scan.currencies)
    if not scan.numbers <= numbers <= scan.numbers + scan.dates:
        raise damaged(
            name, f"two readers disagree on how many numbers it holds ({numbers}, {scan.numbers})."
        )


def _cut(last: int) -> Iterator[range]:
    """Yield the numbers of all rows in pieces."""
    for first in range(1, last + 1, BATCH_ROWS):
        yield range(first, min(first + BATCH_ROWS, last + 1))


def _override(
    columns: list[Column], rows: range, overrides: Mapping[int, Mapping[int, Cell]]
) -> None:
    """Put the cells of the scan in the place of those that calamine gave."""
    for row, cells in overrides.items():
        if row in rows:
            for at, (text, kind) in cells.items():
                texts, kinds = columns[at] = spread_kinds(columns[at])
                texts[row - rows[0]], kinds[row - rows[0]] = text or "", kind
