"""The cells of a binary workbook (.xls, .xlsb) as found → rows of text and kind. Pure.

Both formats hold numbers as doubles or in Excel's 30-bit spelling, and name their number formats.
Sources: [MS-XLS] and [MS-XLSB].
"""

from __future__ import annotations

import datetime as dt
import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from importer.reader.book import Box, damaged, is_filled
from importer.reader.number_formats import NumberFormat
from importer.reader.places import column_letters
from importer.reader.sheet_values import (
    EMPTY,
    spell_duration,
    spell_moment,
    spell_number,
    spell_percentage,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from importer.reader.book import Row
    from importer.reader.sheet_values import Cell

NEVER_COMPUTED: Final[Cell] = ("=…", "formula")
_ERRORS: Final = {
    0x00: "#NULL!",
    0x07: "#DIV/0!",
    0x0F: "#VALUE!",
    0x17: "#REF!",
    0x1D: "#NAME?",
    0x24: "#NUM!",
    0x2A: "#N/A",
    0x2B: "#GETTING_DATA",
}
_DAY_MILLISECONDS: Final = 86_400_000
_EPOCH: Final = dt.datetime(1899, 12, 30)  # noqa: DTZ001 - a workbook's dates have no zone
_LEAP_SERIAL: Final = 60
"""Excel counts a 29 February 1900: what stands before it is a day later than it seems."""
_YEARS_1904: Final = 1462
"""Days by which the dates of a 1904 workbook are later."""


class CellError(NamedTuple):
    """A cell that holds an error."""

    text: str


class FoundCell(NamedTuple):
    """A filled cell as the file has it."""

    row: int
    """From 1."""
    column: int
    """From 0."""
    style: int
    value: float | str | bool | CellError
    is_formula: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """What the whole workbook says of its numbers."""

    styles: Sequence[NumberFormat]
    """The number format of each cell style."""
    is_1904: bool
    believes_nought: bool = True
    """Whether a formula's 0 was computed where another formula's value was. Not in .xls:
    LibreOffice 7.4 saves the texts of formulas as 0 there, numbers beside them as they are."""

    def style(self, number: int) -> NumberFormat:
        """Return the format of a cell style; one that the workbook lacks shows the bare number."""
        return self.styles[number] if number < len(self.styles) else NumberFormat()


def read_error(code: int) -> CellError:
    """Return the error of this code."""
    return CellError(_ERRORS.get(code, f"#ERROR {code}"))


def read_rk(bits: int) -> float:
    """Return the number that Excel spells in 30 bits, and divides by 100 where bit 0 says so."""
    if bits & 2:
        number = float((bits >> 2) - (1 << 30 if bits & 1 << 31 else 0))
    else:
        (number,) = struct.unpack("<d", struct.pack("<Q", (bits & 0xFFFFFFFC) << 32))
    return number / 100 if bits & 1 else number


def is_computed(cell: FoundCell) -> bool:
    """Whether a formula's value shows that somebody computed it: it is neither 0 nor empty.

    Libraries that write formulas without computing them leave 0 or nothing in every one of them.
    """
    return cell.is_formula and not _is_nothing(cell.value)


def _is_nothing(value: float | str | bool | CellError) -> bool:
    return not isinstance(value, bool) and value in {0.0, ""}


def assemble_rows(
    cells: Iterable[FoundCell], layout: Layout, name: str, sheet: str, *, computed: bool
) -> Iterator[Row]:
    """Yield the rows that are not blank. Without `computed`, formulas of value 0 are not believed.

    Raises SourceError where two cells claim one place or stand too far out.
    """
    row = 0
    box = Box()
    line: list[Cell] = []
    currencies: dict[int, str] = {}
    for cell in cells:
        if cell.row != row:
            if is_filled(line):
                yield row, line, currencies
            line, currencies = [], {}
        if cell.row < row or cell.column < len(line):
            where = f"{sheet}!{column_letters(cell.column)}{cell.row}"
            raise damaged(
                name, f"sheet “{sheet}” has two cells {where}, or its cells out of order."
            )
        row = cell.row
        box.take(row, cell.column, cell.column)
        box.judge(name, sheet)
        line += [EMPTY] * (cell.column - len(line))
        shown, currency = _read_cell(cell, layout, computed=computed)
        line.append(shown)
        if currency is not None:
            currencies[cell.column] = currency
    if is_filled(line):
        yield row, line, currencies


def _read_cell(cell: FoundCell, layout: Layout, *, computed: bool) -> tuple[Cell, str | None]:
    """Return what a cell shows, and the currency that its number format shows."""
    value = cell.value
    if cell.is_formula and _is_nothing(value):
        believed = computed and (value == "" or layout.believes_nought)
        if not believed:
            return NEVER_COMPUTED, None
    if isinstance(value, CellError):
        return (value.text, "error"), None
    if isinstance(value, str):
        return ((value, "text") if value else EMPTY), None
    if isinstance(value, bool):
        return ("TRUE" if value else "FALSE", "boolean"), None
    style = layout.style(cell.style)
    return _read_number(value, style, is_1904=layout.is_1904), style.currency


def _read_number(value: float, style: NumberFormat, *, is_1904: bool) -> Cell:
    if not math.isfinite(value):
        return "#NUM!", "error"
    if style.shows == "percentage":
        return spell_percentage(repr(value)), "text"
    if style.shows == "number":
        return spell_number(value), "number"
    return spell_serial(value, is_1904=is_1904, lasts=style.shows == "duration")


def spell_serial(value: float, *, is_1904: bool, lasts: bool) -> Cell:
    """Return the moment that Excel shows for a number, to the millisecond, as calamine does.

    `lasts` where it shows a duration. What is beyond the year 9999 stays a number.
    """
    if lasts:
        if abs(value) >= dt.timedelta.max.days:
            return spell_number(value), "number"
        return spell_duration(_span(value)), "time"
    if value < 1:
        time_of_day = (_EPOCH + _span(value % 1)).time()
        return time_of_day.isoformat(), "time"
    serial = value + (_YEARS_1904 if is_1904 else 1 if value < _LEAP_SERIAL else 0)
    try:
        return spell_moment(_EPOCH + _span(serial)), "date"
    except OverflowError:
        return spell_number(value), "number"


def _span(days: float) -> dt.timedelta:
    return dt.timedelta(milliseconds=math.floor(days * _DAY_MILLISECONDS + 0.5))
