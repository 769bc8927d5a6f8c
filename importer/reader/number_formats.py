"""A number format of Excel → what it makes of a number: date, duration, percentage, money. Pure.

Which formats make dates is calamine's rule, so that the same sheet has the same cells whatever it
is saved as; a test compares the two. Numbers and codes: ECMA-376 part 1, 18.8.30 and 18.8.31.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, Literal

from importer.reader.currencies import name_currency

if TYPE_CHECKING:
    from collections.abc import Sequence

_DATES: Final = frozenset({*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)})
_DURATION: Final = 46
_PERCENTAGES: Final = frozenset({9, 10})
_SHOWN_AS_IT_STANDS: Final = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]', re.DOTALL)
_UNITS: Final = re.compile(r'[\\_*].?|"(?:[\\_*].|[^"])*+"?|.', re.DOTALL)
"""Letters one by one, and what stands as it is in one piece."""
_DATE_LETTERS: Final = frozenset("dmhysDMHYS")
_NOON_LETTERS: Final = frozenset("pmPM/")
_DURATION_LETTERS: Final = frozenset("hmsHMS")
_PLACEHOLDERS: Final = frozenset("0#?,;@%")
_WORDS: Final = re.compile(r"[^\s()+*:0-9-]+")
_PIECES: Final = re.compile(
    r'"(?P<quoted>[^"]*)"|\[\$(?P<named>[^\]-]*)[^\]]*\]|\[[^\]]*\]|[_*].|\\?(?P<plain>.)',
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """What a cell's number format makes of its number."""

    shows: Literal["number", "percentage", "date", "duration"] = "number"
    currency: str | None = None
    """An ISO 4217 code, or a sign that several currencies share."""


@cache
def read_format(number: int, code: str | None) -> NumberFormat:
    """Return the format of this number; `code` is what the file says of it, None for Excel's own.

    Excel's own money formats (5 to 8, 41 to 44) take the sign of whoever looks at them: they name
    no currency.
    """
    if code is None:
        if number in _DATES:
            return NumberFormat("date")
        if number == _DURATION:
            return NumberFormat("duration")
        return NumberFormat("percentage" if number in _PERCENTAGES else "number")
    moment = _find_moment(code)
    if moment is not None:
        return NumberFormat(moment)
    currency = _find_currency(code)
    if "%" in _SHOWN_AS_IT_STANDS.sub("", code):
        return NumberFormat("percentage", currency)
    return NumberFormat("number", currency)


def _find_moment(code: str) -> Literal["date", "duration"] | None:
    """Return what the first section of a code makes of a number, None where it is no moment."""
    noon = duration = False
    brackets = 0
    before = " "
    for letter in _UNITS.findall(code):
        if letter == ";":
            return None
        if letter == "[":
            brackets += 1
        elif letter == "]":
            if brackets == 1 and duration:
                return "duration"
            brackets = max(brackets - 1, 0)
        elif brackets == 0 and letter in "aA" and not noon:
            noon = True
        elif brackets == 0 and letter in (_NOON_LETTERS if noon else _DATE_LETTERS):
            return "date"
        elif not (duration and letter.lower() == before.lower()):
            duration = before == "[" and letter in _DURATION_LETTERS
        before = letter
    return None


def _find_currency(code: str) -> str | None:
    """Return the first currency that any section of a code shows."""
    literal = ""
    for piece in _PIECES.finditer(code):
        if named := piece["named"]:
            return name_currency(named.strip()) or named.strip()
        plain = piece["plain"]
        # A placeholder ends what may be one word.
        literal += piece["quoted"] or (" " if plain is None or plain in _PLACEHOLDERS else plain)
    return find_currency(literal)


def find_currency(text: str) -> str | None:
    """Return the first currency among the words and signs of a text."""
    return next(filter(None, map(name_currency, _WORDS.findall(text))), None)


def by_style(styles: Sequence[NumberFormat]) -> tuple[frozenset[str], dict[str, str]]:
    """Return the styles under which 0.5 shows as 50%, and the currencies that styles show."""
    numbered = [(str(at), style) for at, style in enumerate(styles)]
    return (
        frozenset(at for at, style in numbered if style.shows == "percentage"),
        {at: style.currency for at, style in numbered if style.currency is not None},
    )
