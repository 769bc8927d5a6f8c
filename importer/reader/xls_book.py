"""An .xls file of Excel 97 to 2003 (BIFF8) → its sheets and their rows. Reads the file.

calamine reads it too, but tells neither hidden rows nor formulas that were never computed from
others, so the records are read here. Whatever holds a cell is known; an unknown record that could
hold one is damage. Source: [MS-XLS].
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from importer.errors import SourceError
from importer.reader.biff_strings import TextReader, read_short_text
from importer.reader.binary_cells import FoundCell, Layout, assemble_rows, is_computed
from importer.reader.binary_damage import CutShortError, translate_damage
from importer.reader.book import (
    Sheet,
    SheetContent,
    batch_rows,
    damaged,
    encrypted,
)
from importer.reader.number_formats import NumberFormat, read_format
from importer.reader.ole_container import DamagedContainerError, read_streams
from importer.reader.places import cell_range
from importer.reader.xls_cells import CELLS, WAITS, read_formula

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BIFF8: Final = 0x0600
_WORKSHEET: Final = 0x0010
_BOF, _EOF, _CONTINUE = 0x0809, 0x000A, 0x003C
_ENCRYPTED, _BOUND_SHEET, _DATE_MODE = 0x002F, 0x0085, 0x0022
_FORMAT, _XF, _SST = 0x041E, 0x00E0, 0x00FC
_ROW, _DEFAULT_ROW, _MERGED = 0x0208, 0x0225, 0x00E5
_FILTERS: Final = frozenset({0x009B, 0x009E})
_FORMULA, _STRING = 0x0006, 0x0207
_OLDER_CELLS: Final = frozenset({0x0001, 0x0002, 0x0003, 0x0004, 0x0005, 0x0206, 0x0406})
"""Cells as Excel 2 to 4 wrote them, which no BIFF8 file holds."""
_ROW_HIDDEN: Final = 0x20

Record = tuple[int, bytes, list[bytes]]


def open_xls(path: Path, name: str) -> XlsBook:
    """Return the workbook at `path`; raises SourceError where it is damaged, encrypted or older."""
    try:
        container = read_streams(path)
        stream = container.read("Workbook")
        older = stream is None and container.read("Book") is not None
    except DamagedContainerError as error:
        raise damaged(name, f"{error}.") from error
    if older:
        raise _too_old(name)
    if stream is None:
        raise damaged(name, "it holds no stream “Workbook”.")
    with translate_damage(name, "its list of sheets"):
        return XlsBook(name, stream)


def _too_old(name: str) -> SourceError:
    return SourceError(
        f"{name} was saved in the format of Excel 95 or older, which is not read here.",
        "Open it in your spreadsheet program, save it as .xlsx, and run again.",
        code="unsupported-workbook",
    )


class XlsBook:
    """A workbook in memory."""

    def __init__(self, name: str, stream: bytes) -> None:
        """Read the list of sheets; raises SourceError, and what translate_damage knows."""
        self._name = name
        self._stream = stream
        self._texts: list[str] = []
        self.sheets: list[Sheet] = []
        formats: dict[int, str] = {}
        numbers: list[int] = []
        is_1904 = False
        for kind, body, more in self._records(0, None):
            if kind == _ENCRYPTED:
                raise encrypted(name)
            if kind == _BOUND_SHEET:
                self.sheets.append(_read_sheet(body))
            elif kind == _DATE_MODE:
                is_1904 = body[:1] == b"\1"
            elif kind == _FORMAT:
                formats[struct.unpack_from("<H", body)[0]] = TextReader([body], 2).read_text()
            elif kind == _XF:
                numbers.append(struct.unpack_from("<H", body, 2)[0])
            elif kind == _SST:
                self._texts = TextReader([body, *more]).read_table()
        styles = [read_format(number, formats.get(number)) for number in numbers]
        self._layout = Layout(styles or [NumberFormat()], is_1904, believes_nought=False)

    def has_cells(self, sheet: Sheet) -> bool:
        """Whether any cell of the sheet is filled."""
        with translate_damage(self._name, f"sheet “{sheet.name}”"):
            return any(cell.value != "" for cell in self._cells(sheet))

    def read(self, sheet: Sheet) -> SheetContent:
        """Return what the sheet holds."""
        content = SheetContent()
        shown_as_default = set()
        listed: set[int] = set()
        computed = default_hidden = False
        with translate_damage(self._name, f"sheet “{sheet.name}”"):
            for cell in self._cells(sheet):
                computed = computed or is_computed(cell)
                shown_as_default.add(cell.row)
            for kind, body, _ in self._records(int(sheet.part), _WORKSHEET):
                if kind == _ROW:
                    row, height, flags = struct.unpack_from("<H4xH4xB", body)
                    listed.add(row + 1)
                    if flags & _ROW_HIDDEN or height == 0:
                        content.hidden.append(row + 1)
                elif kind == _DEFAULT_ROW:
                    default_hidden = bool(body[0] & 2)
                elif kind == _MERGED:
                    (count,) = struct.unpack_from("<H", body)
                    for at in range(count):
                        content.merged.append(
                            cell_range(*struct.unpack_from("<4H", body, 2 + 8 * at))
                        )
                elif kind in _FILTERS:
                    content.filtered = True
        if default_hidden:
            content.hidden += shown_as_default - listed
        rows = assemble_rows(
            self._cells(sheet), self._layout, self._name, sheet.name, computed=computed
        )
        content.batches = batch_rows(rows)
        return content

    def _cells(self, sheet: Sheet) -> Iterator[FoundCell]:
        waiting: FoundCell | None = None
        for kind, body, more in self._records(int(sheet.part), _WORKSHEET):
            if kind == _FORMULA:
                if waiting is not None:
                    break
                waiting = read_formula(body)
                if waiting.value != WAITS:
                    yield waiting
                    waiting = None
            elif kind == _STRING and waiting is not None:
                text = TextReader([body, *more]).read_text()
                yield waiting._replace(value=text)
                waiting = None
            elif kind in CELLS:
                yield from CELLS[kind](body, more, self._texts)
            elif kind in _OLDER_CELLS:
                raise damaged(self._name, f"sheet “{sheet.name}” holds cells of an older format.")
        if waiting is not None:
            raise CutShortError("a formula has no text")

    def _records(self, at: int, wanted: int | None) -> Iterator[Record]:
        """Yield the records of one part of the stream, with those that continue them.

        Those of charts and the like that stand inside are left out.
        """
        depth = 0
        for kind, bodies in _join_records(self._stream, at):
            if depth == 0:
                self._judge_start(kind, bodies[0], wanted)
            if kind == _BOF:
                depth += 1
            elif kind == _EOF:
                depth -= 1
                if depth == 0:
                    return
            elif depth == 1:
                yield kind, bodies[0], bodies[1:]

    def _judge_start(self, record: int, body: bytes, wanted: int | None) -> None:
        if record != _BOF:
            raise CutShortError("it does not begin where it should")
        version, kind = struct.unpack_from("<HH", body)
        if version != _BIFF8:
            raise _too_old(self._name)
        if wanted is not None and kind != wanted:
            raise CutShortError("it is no worksheet")


def _join_records(stream: bytes, at: int) -> Iterator[tuple[int, list[bytes]]]:
    """Yield kind and contents of each record from a place on: its own, and those that continue it.

    Raises CutShortError where the stream ends before somebody stops taking records.
    """
    kind, bodies = _EOF, list[bytes]()
    while at < len(stream):
        following, size = struct.unpack_from("<HH", stream, at)
        body = stream[at + 4 : at + 4 + size]
        if len(body) != size:
            break
        at += 4 + size
        if following == _CONTINUE and bodies:
            bodies.append(body)
            continue
        if bodies:
            yield kind, bodies
        kind, bodies = following, [body]
    if kind == _EOF and bodies:
        yield kind, bodies
    raise CutShortError


def _read_sheet(body: bytes) -> Sheet:
    position, state, kind = struct.unpack_from("<IBB", body)
    return Sheet(read_short_text(body[6:]), str(position), state & 3 == 0, kind == 0)
