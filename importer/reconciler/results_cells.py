"""Texts and the kinds of their cells → values that openpyxl writes as what they are. Pure.

After the money has moved nothing in a cell may stop the writing, so whatever Excel cannot hold as
what it was is written as text.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Final

import polars as pl
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ERROR_CODES

from importer.neutral import column_runs_as_formula, protect, runs_as_formula

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from openpyxl.cell import Cell
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

MAX_CHARACTERS: Final = 32_767
"""What a cell holds, counted as Excel does, in UTF-16 units."""

# XML has no such characters and turns a carriage return into a line feed; Excel spells them
# `_xHHHH_` (ECMA-376, ST_Xstring), so a text that looks so itself has its underscore spelt out.
_ESCAPED: Final = "[\x00-\x08\x0b-\x1f\ufffe\uffff]"
_LOOKS_ESCAPED: Final = "_x[0-9A-Fa-f]{4}_"
_BLANK: Final = r"^\s+$"  # openpyxl forgets to keep the blanks of a text that has no other
_ESCAPED_RE: Final = re.compile(f"{_ESCAPED}|_(?=x[0-9A-Fa-f]{{4}}_)")
_NUMBER_RE: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_EXACT_DIGITS: Final = 15  # openpyxl rounds a float to sixteen
_FIRST_DAY: Final = date(1900, 3, 1)  # Excel's calendar has a 29 February 1900


def text_cells(sheet: WriteOnlyWorksheet, texts: pl.Series) -> list[object]:
    """Return the texts as openpyxl takes them: most as they are, what it would change as cells."""
    text = pl.col(texts.name)
    special = texts.to_frame().select(
        column_runs_as_formula(text)
        | text.str.contains(f"^#|{_BLANK}|{_ESCAPED}|{_LOOKS_ESCAPED}")
        | (text.str.len_chars() > MAX_CHARACTERS // 2)
    )
    marks = special.to_series()
    if not marks.any():
        return texts.to_list()
    return [
        text_cell(sheet, text) if marked else text
        for text, marked in zip(texts, marks, strict=True)
    ]


def text_cell(sheet: WriteOnlyWorksheet, text: str) -> Cell:
    """Return a cell that holds `text` and nothing that could run."""
    cell = WriteOnlyCell(sheet, _fit(protect(text)))
    cell.data_type = "s"
    # Without this mark Excel would run the text as soon as a person has edited it.
    cell.quotePrefix = runs_as_formula(text)
    return cell


def _fit(text: str) -> str:
    """Return `text` escaped, and cut with a mark where a cell cannot hold it."""
    escaped = _escape(text)
    if _units(escaped) <= MAX_CHARACTERS:
        return escaped
    mark = f"… [cut: {len(text)} characters]"
    kept = text[: MAX_CHARACTERS - len(mark)]
    while excess := max(0, _units(_escape(kept)) + len(mark) - MAX_CHARACTERS):
        kept = kept[: -max(1, excess // 7)]  # a character takes up to seven
    return _escape(kept) + mark


def _escape(text: str) -> str:
    if text.isspace():  # calamine reads only the lower of the codes, so those beyond ASCII stay
        return "".join(_spell(blank) if blank.isascii() else blank for blank in text)
    return _ESCAPED_RE.sub(lambda found: _spell(found[0]), text)


def _spell(character: str) -> str:
    return f"_x{ord(character):04X}_"


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def typed_cells(sheet: WriteOnlyWorksheet, texts: pl.Series, kinds: pl.Series) -> list[object]:
    """Return the texts as what their CELL_KIND says they are; what cannot be that stays text."""
    cells = text_cells(sheet, texts)
    for place, (text, kind) in enumerate(zip(texts, kinds, strict=True)):
        typed = _TYPES.get(kind)
        if typed is not None and text is not None:
            value = typed(sheet, text)
            if value is not None:
                cells[place] = value
    return cells


def _number(sheet: WriteOnlyWorksheet, text: str) -> object:
    """Return the number, exact to the last digit of its text; None where it is none."""
    if not _NUMBER_RE.fullmatch(text):
        return None
    if len(text) <= _EXACT_DIGITS:
        return float(text)
    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "n"
    return cell


def _date(sheet: WriteOnlyWorksheet, text: str) -> object:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is not None or moment.date() < _FIRST_DAY:
        return None
    only_date = len(text) == len("2026-03-04")
    cell = WriteOnlyCell(sheet, moment.date() if only_date else moment)
    cell.number_format = "yyyy-mm-dd" if only_date else "yyyy-mm-dd hh:mm:ss"
    return cell


def _time(sheet: WriteOnlyWorksheet, text: str) -> object:
    try:
        cell = WriteOnlyCell(sheet, time.fromisoformat(text))
    except ValueError:
        return None
    cell.number_format = "hh:mm:ss"
    return cell


def _boolean(_sheet: WriteOnlyWorksheet, text: str) -> object:
    return {"true": True, "false": False}.get(text.lower())


def _error(_sheet: WriteOnlyWorksheet, text: str) -> object:
    return text if text in ERROR_CODES else None  # openpyxl types these by themselves


_TYPES: Final[Mapping[str, Callable[[WriteOnlyWorksheet, str], object]]] = {
    "number": _number,
    "date": _date,
    "time": _time,
    "boolean": _boolean,
    "error": _error,
}
