"""A cell of an .ods file, its attributes and paragraphs → text and kind. Pure.

Attributes: OpenDocument 1.3 part 3, 19.385 (value types); blanks: 6.1.2 and 6.1.3.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import TYPE_CHECKING, Final

from importer.reader.sheet_values import (
    EMPTY,
    is_nought,
    spell_duration,
    spell_moment,
    spell_number,
    spell_percentage,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from importer.reader.sheet_values import Cell

OFFICE: Final = "urn:oasis:names:tc:opendocument:xmlns:office:1.0 "
TABLE: Final = "urn:oasis:names:tc:opendocument:xmlns:table:1.0 "
FORMULA: Final = TABLE + "formula"
CALC: Final = "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0 "
HARD_BLANK, HARD_TAB, HARD_BREAK = "\0", "\1", "\2"
"""What elements of their own stand for in a text; XML itself cannot hold these characters."""
_HARD: Final = str.maketrans({HARD_BLANK: " ", HARD_TAB: "\t", HARD_BREAK: "\n"})
_WRAPPED: Final = re.compile(r" *[\t\r\n][ \t\r\n]*")
"""Where the XML was wrapped. Blanks that stand side by side are kept, other than OpenDocument has
it: LibreOffice Calc writes them so, and shows them."""
_ERROR: Final = re.compile(
    r"#(?:N/A|DIV/0!|REF!|NAME\?|VALUE!|NUM!|NULL!|SPILL!|CALC!|GETTING_DATA)|Err:[0-9]+"
)
_ERROR_NUMBER: Final = re.compile(rf"{_ERROR.pattern}|#[^\W\d]\S*|[^\W\d]+:[0-9]{{3}}")
"""What stands for an error where it has the value 0, in any language: `#WERT!`, `Fehler:502`."""
_NUMBER: Final = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,9})?")
_NO_NUMBERS: Final = frozenset({"NaN", "INF", "-INF"})
_DATE: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:T([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?)?"
)
_DURATION: Final = re.compile(
    r"(-?)P(?:([0-9]+)D)?T?(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)(?:[.,]([0-9]+))?S)?"
)
_DAY_SECONDS: Final = 86_400
_LONGEST_DURATION: Final = 9
"""Digits of one of its numbers."""
_LONGEST_SECONDS: Final = dt.timedelta.max.days * _DAY_SECONDS


class UnclearCellError(Exception):
    """A cell says two things, or one that nobody can read; the message says which."""


def join_paragraph(pieces: list[str]) -> str:
    """Return the text of one paragraph."""
    text = "".join(pieces)
    lines = _WRAPPED.split(text)
    if len(lines) > 1:
        text = " ".join(line for line in lines if line)
    return text.translate(_HARD)


def is_computed(attributes: Mapping[str, str]) -> bool:
    """Whether the value of a formula's cell shows that somebody computed it.

    Libraries that write formulas without computing them leave 0 or nothing in every one of them.
    """
    kind = attributes.get(OFFICE + "value-type", "string")
    return bool(attributes.get(OFFICE + _VALUES.get(kind, "string-value"))) and not _is_nought(
        attributes
    )


def read_cell(
    attributes: Mapping[str, str], paragraphs: list[str], *, is_percentage: bool, computed: bool
) -> Cell:
    """Return the text and kind of a cell; `paragraphs` are what it shows.

    `is_percentage` where its style shows a percentage, `computed` where any formula of the sheet
    was: without it a formula's 0 is not believed. Raises UnclearCellError.
    """
    shown = "\n".join(paragraphs)
    formula = attributes.get(FORMULA)
    kind = attributes.get(OFFICE + "value-type")
    if attributes.get(CALC + "value-type") == "error" or (
        formula is not None and _shows_error(shown.strip(), kind)
    ):
        return shown.strip() or "#VALUE!", "error"
    if formula is not None and (kind is None or (_is_nought(attributes) and not computed)):
        if kind is None and paragraphs and not shown:
            return EMPTY  # so LibreOffice writes a result of no letters
        return f"={formula.partition(':=')[2] or formula.removeprefix('=')}", "formula"
    if kind is None or kind == "string":
        return _read_text(attributes, shown)
    value = attributes.get(OFFICE + _VALUES.get(kind, ""))
    if value is None:
        raise UnclearCellError(f"has the kind {kind!r} and no value")
    if kind in _NUMBERS:
        cell = _read_number(value, is_percentage=is_percentage or kind == "percentage")
        # LibreOffice 7.4 writes the truths of formulas as numbers.
        is_truth = formula is not None and value in _TRUTHS and shown.isalpha()
        return (_TRUTHS[value], "boolean") if is_truth else cell
    return _READERS[kind](value)


_VALUES: Final = {
    "float": "value",
    "currency": "value",
    "percentage": "value",
    "date": "date-value",
    "time": "time-value",
    "boolean": "boolean-value",
}
"""The kind of a cell → the attribute that has its value."""
_NUMBERS: Final = frozenset({"float", "currency", "percentage"})
_TRUTHS: Final = {"0": "FALSE", "1": "TRUE"}


def _is_nought(attributes: Mapping[str, str]) -> bool:
    kind = attributes.get(OFFICE + "value-type")
    return kind in _NUMBERS and is_nought(attributes.get(OFFICE + "value", ""))


def _shows_error(shown: str, kind: str | None) -> bool:
    """Whether a formula's text stands for an error, as older programs tell it."""
    return bool((_ERROR_NUMBER if kind in _NUMBERS else _ERROR).fullmatch(shown))


def _read_text(attributes: Mapping[str, str], shown: str) -> Cell:
    text = attributes.get(OFFICE + "string-value")
    if text is None:
        return (shown, "text") if shown else EMPTY
    if shown and _fold(text) != _fold(shown):
        raise UnclearCellError("shows another text than it holds")
    return (text, "text") if text else EMPTY


def _fold(text: str) -> str:
    return " ".join(text.split())


def _read_number(text: str, *, is_percentage: bool) -> Cell:
    if text not in _NO_NUMBERS and not _NUMBER.fullmatch(text):
        raise UnclearCellError(f"has the number {text!r}")
    value = float(text)
    if not math.isfinite(value):
        return "#NUM!", "error"
    return (spell_percentage(text), "text") if is_percentage else (spell_number(value), "number")


def _read_date(text: str) -> Cell:
    match = _DATE.fullmatch(text)
    if match is None:
        return text, "text"
    day, time, fraction = match.groups()
    try:
        moment = dt.datetime.fromisoformat(f"{day}T{time or '00:00:00'}")
        # A workbook's moments have milliseconds; what is finer is binary noise.
        moment += dt.timedelta(milliseconds=round(int((fraction or "0").ljust(9, "0")) / 10**6))
    except (ValueError, OverflowError):
        return text, "text"
    return spell_moment(moment), "date"


def _read_duration(text: str) -> Cell:
    match = _DURATION.fullmatch(text)
    if match is None or max(map(len, filter(None, match.groups())), default=0) > _LONGEST_DURATION:
        return text, "text"
    sign, *parts, fraction = match.groups()
    days, hours, minutes, seconds = (int(part or 0) for part in parts)
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if total >= _LONGEST_SECONDS:
        return text, "text"
    lasts = dt.timedelta(seconds=total, milliseconds=round(float(f"0.{fraction or 0}") * 1000))
    if sign or total >= _DAY_SECONDS:
        return spell_duration(-lasts if sign else lasts), "time"
    return f"{total // 3600:02}:{total // 60 % 60:02}:{total % 60:02}", "time"


def _read_truth(text: str) -> Cell:
    if text not in {"true", "false"}:
        raise UnclearCellError(f"has the truth value {text!r}")
    return text.upper(), "boolean"


_READERS: Final[dict[str, Callable[[str], Cell]]] = {
    "date": _read_date,
    "time": _read_duration,
    "boolean": _read_truth,
}
