"""The XML of whole rows of the plainest kind → where their cells stand, and how many are numbers.

Nothing here is done cell by cell. One pattern proves all rows of a block, and what they hold is
counted in what surrounds the values, which no value can imitate: it has neither `<` nor `>`. Pure.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from importer.reader.book import MAX_COLUMNS, MAX_ROW
from importer.reader.number_formats import by_style
from importer.reader.places import column_index
from importer.reader.sheet_facts import SheetScan
from importer.reader.sheet_values import is_nought

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from importer.reader.number_formats import NumberFormat

_MOST_COLUMNS: Final = 100
"""Each takes a millisecond, for its piece of the pattern has to be compiled."""

# What XML forbids, what has to be decoded and what a careless writer may mean by `]]>` is left out.
_NO_TEXT: Final = r"<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff"
_TEXT: Final = rf"[^{_NO_TEXT}]*+"
_UNKNOWN_ENTITY: Final = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)")
_STYLE: Final = ' s="[0-9]{1,6}"'
_FORMULA: Final = (
    '<f(?: aca="[a-z0-9]+")?(?: t="(?:shared|array|normal)")?(?: ref="[A-Z0-9:]+")?'
    rf'(?: ca="[a-z0-9]+")?(?: si="[0-9]+")?(?: ?/>|>{_TEXT}</f>)'
)
"""Excel and LibreOffice write the attributes in this order."""


def _typed(kind: str) -> str:
    """Return the pattern of a cell's type, its style before it, behind it or nowhere."""
    return rf'(?: t="{kind}"(?:{_STYLE})?+|{_STYLE} t="{kind}")'


_CELL: Final = (
    rf"(?>{_typed('inlineStr')}><is><t(?: xml:space=\"preserve\")?+>{_TEXT}</t></is></c>"
    rf"|(?:{_typed('[nb]')}|(?:{_STYLE})?+)(?: ?/>|>(?:{_FORMULA})?+<v>[-+0-9.eE]++</v></c>)"
    rf"|{_typed('s')}><v>[0-9]++</v></c>"
    rf"|{_typed('str')}>(?:{_FORMULA})?+<v>{_TEXT}</v></c>)"
)
"""What follows a cell's reference."""
_NAME: Final = "[A-Za-z_][A-Za-z0-9:._-]*"
_OPEN_ROW: Final = rf'<row r="([1-9][0-9]{{0,6}})"((?: {_NAME}="[^"&{_NO_TEXT}]*+")*+)'
_LETTERS: Final = re.compile(r'<c r="([A-Z]{1,3})[0-9]')
_ATTRIBUTE: Final = re.compile(rf' ({_NAME})="([^"]*)"')
_FILLED: Final = re.compile(r'<c r="[A-Z]+([0-9]+)"[^/>]*>')
_TEXT_VALUE: Final = re.compile(rf' t="s(?:tr)?"(?:{_STYLE})?>(?:{_FORMULA})?<v>')
_COMPUTED: Final = re.compile(rf"{_FORMULA}<v>([^<]*)</v>")


class NotPlainError(Exception):
    """The sheet has something that only the full scan can judge."""


class PlainRows:
    """Takes the text of whole rows, top to bottom."""

    def __init__(self, styles: Sequence[NumberFormat], *, uncomputed: bool) -> None:
        """`styles` and `uncomputed` are those of SheetParser."""
        self._uncomputed = uncomputed
        self.scan = SheetScan()
        percentages, self._currencies = by_style(styles)
        self._percentage = _numbers_of(percentages)
        self._money = _numbers_of(self._currencies)
        self._row = 0
        self._columns: dict[str, int] = {}
        """Letters → index of the columns that were seen."""
        self._unfilled: set[str] = set()
        """Those of them that had no filled cell yet."""
        self._pattern = _compile([])

    def take(self, text: str) -> None:
        """Take some rows; raises NotPlainError where one is not as plain as it has to be."""
        if not text:
            return
        parts = self._split(text)
        self._judge_rows(list(map(int, parts[1::3])), set(parts[2::3]))
        if _UNKNOWN_ENTITY.search(text) or (self._percentage and self._percentage.search(text)):
            raise NotPlainError
        if self._uncomputed and any(map(is_nought, _COMPUTED.findall(text))):
            raise NotPlainError
        self._widen(text)
        self.scan.numbers += text.count("</v></c>") - len(_TEXT_VALUE.findall(text))
        if self._money:
            self._show(self._money.findall(text))

    def _split(self, text: str) -> list[str]:
        """Return, for each row, what stands before it (nothing), its number and its attributes."""
        parts = self._pattern.split(text)
        if any(parts[::3]):
            self._know({letters: column_index(letters) for letters in set(_LETTERS.findall(text))})
            parts = self._pattern.split(text)
            if any(parts[::3]):
                raise NotPlainError
        return parts

    def _know(self, columns: dict[str, int]) -> None:
        """Have the pattern for a row allow these columns as well, each once and in order."""
        self._unfilled |= columns.keys() - self._columns.keys()
        self._columns |= columns
        if len(self._columns) > _MOST_COLUMNS or any(at >= MAX_COLUMNS for at in columns.values()):
            raise NotPlainError
        self._pattern = _compile(sorted(self._columns, key=self._columns.__getitem__))

    def _judge_rows(self, rows: Sequence[int], attributes: Iterable[str]) -> None:
        if not self._row < rows[0] or any(below <= row for row, below in pairwise(rows)):
            raise NotPlainError
        self._row = rows[-1]
        if self._row > MAX_ROW or not all(map(_is_usual, attributes)):
            raise NotPlainError

    def _widen(self, text: str) -> None:
        """Take in where the filled cells stand."""
        first = _FILLED.search(text)
        if first is None:
            return
        # Only a filled cell has a closing tag.
        last = text.rfind("<row ", 0, text.rindex("</c>"))
        filled: set[str] = set()
        if self._unfilled:
            sought = "|".join(sorted(self._unfilled))
            filled = set(re.findall(rf'<c r="({sought})[0-9]+"[^/>]*>', text))
            self._unfilled -= filled
        box = self.scan.box
        columns = [self._columns[letters] for letters in filled]
        first_column = min(columns, default=box.first_column)
        last_column = max(columns, default=box.last_column)
        for row in (first[1], text[last + len('<row r="') :].partition('"')[0]):
            box.take(int(row), first_column, last_column)

    def _show(self, found: list[tuple[str, str, str]]) -> None:
        """Take the cells that show a currency: column, row and style of each."""
        columns = {letters: dict[int, str]() for letters in {letters for letters, _, _ in found}}
        for letters, row, style in found:
            columns[letters][int(row)] = self._currencies[style]
        for letters, shown in columns.items():
            self.scan.currencies.setdefault(self._columns[letters], {}).update(shown)


def _compile(columns: Iterable[str]) -> re.Pattern[str]:
    """Return the pattern of a row whose cells stand in some of these columns, in this order."""
    cells = "".join(rf'(?:<c r="{letters}\1"{_CELL})?+' for letters in columns)
    return re.compile(rf"{_OPEN_ROW}(?: ?/>|>{cells}</row>)")


def _is_usual(attributes: str) -> bool:
    """Whether what follows a row's number says nothing of it that matters."""
    written = _ATTRIBUTE.findall(attributes)
    values = dict(written)
    return (
        len(values) == len(written)
        and "r" not in values
        and values.get("hidden") in {None, "0", "false"}
        and not is_nought(values.get("ht", ""))
    )


def _numbers_of(styles: Iterable[str]) -> re.Pattern[str] | None:
    """Return the pattern of numbers that have one of the styles, None where there are none."""
    listed = "|".join(styles)
    if not listed:
        return None
    kind = '(?: t="[nb]")?'
    return re.compile(rf'<c r="([A-Z]+)([0-9]+)"{kind} s="({listed})"{kind}>(?:{_FORMULA})?<v>')
