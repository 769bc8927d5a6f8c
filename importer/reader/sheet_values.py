"""A cell's value as calamine gives it → its text and kind. Pure."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

CellValue: TypeAlias = str | float | int | bool | dt.datetime | dt.date | dt.time | dt.timedelta
Cell: TypeAlias = tuple[str | None, str | None]
"""Text and kind, as in CELL_KIND; both None where the cell is empty."""

EMPTY: Final[Cell] = (None, None)
_EXACT_LENGTH: Final = 16
"""A spelling of so many characters has 15 digits at most, a point among them."""


def read_value(value: CellValue) -> Cell:
    """Return the text and kind of one cell, in the spelling that `Table` promises."""
    if isinstance(value, str):
        return (value, "text") if value else EMPTY
    if isinstance(value, float):
        # Excel has no such number, but a file can say so.
        return (spell_number(value), "number") if math.isfinite(value) else ("#NUM!", "error")
    spell, kind = SPELLINGS[type(value)]
    return spell(value), kind


def spell_number(value: float) -> str:
    """Return a finite number's decimal digits, without exponent and without binary noise.

    Excel computes with 15 digits, and `0.1 + 0.2` stands in the file as 0.30000000000000004. The
    15-digit spelling is taken where it saves two digits or more, for then the rest is noise; what
    it would merely round (12345678901234.56) stays as the file has it. Whole numbers keep all
    the digits that a double has.
    """
    exact = repr(value)
    if value.is_integer():
        return str(int(value)) if "e" not in exact else f"{Decimal(exact):f}"
    if len(exact) <= _EXACT_LENGTH and "e" not in exact:
        return exact
    rounded = f"{value:.15g}"
    text = rounded if _digits(exact) - _digits(rounded) > 1 else exact
    return f"{Decimal(text):f}"


def is_nought(text: str) -> bool:
    """Whether a text spells the number 0."""
    try:
        return float(text) == 0
    except ValueError:
        return False


def spell_percentage(text: str) -> str:
    """Return what a number shows under a percent format, all its digits kept: `0.5` → `50%`."""
    try:
        hundredfold = Decimal(spell_number(float(text))).scaleb(2)
    except (ValueError, InvalidOperation):
        return f"{text} as %"
    whole = hundredfold == hundredfold.to_integral_value()
    return f"{hundredfold.to_integral_value() if whole else hundredfold.normalize():f}%"


def spell_moment(value: dt.datetime) -> str:
    """Return ISO 8601; at midnight the date alone, and no fraction where there is none."""
    if value.time() == dt.time.min:
        return value.date().isoformat()
    return value.isoformat()


def spell_duration(value: dt.timedelta) -> str:
    """Return hours, minutes and seconds, as `[h]:mm:ss` shows them: `30:00:00`."""
    seconds = round(abs(value).total_seconds())
    sign = "-" if value < dt.timedelta(0) else ""
    return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _digits(text: str) -> int:
    return len(Decimal(text).as_tuple().digits)


SPELLINGS: Final[dict[type, tuple[Callable[[Any], str], str]]] = {
    bool: (lambda value: "TRUE" if value else "FALSE", "boolean"),
    int: (str, "number"),
    float: (spell_number, "number"),
    dt.datetime: (spell_moment, "date"),
    dt.date: (dt.date.isoformat, "date"),
    dt.time: (dt.time.isoformat, "time"),
    dt.timedelta: (spell_duration, "time"),
}
"""Type of a value that is no text → what spells it, and its kind. Floats have to be finite."""
