"""A sheet's XML → what it says of its cells at full speed, where every row is of the plainest kind.

Rows whose whole text matches one pattern hold nothing but numbers, booleans and texts, in the
places that their references name: no formula, error or ISO date, nothing hidden. Nearly all
exports are made of them. One row of any other kind, and this gives None: `sheet_xml.py` reads the
sheet. What stands around the rows is its business in any case. Pure.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from importer.reader.book import MAX_COLUMNS, MAX_ROW
from importer.reader.number_formats import by_style
from importer.reader.places import column_index
from importer.reader.sheet_facts import Extent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from importer.reader.number_formats import NumberFormat

_OPENS: Final = "<sheetData>"
_CLOSES: Final = "</sheetData>"
_LONGEST_ROW: Final = 16 << 20

# What XML forbids, what has to be decoded and what a careless writer may mean by `]]>` is left out.
_TEXT: Final = r"(?:[^<>&\r\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|&(?:amp|lt|gt|quot|apos);)*+"
_STYLE: Final = '(?: s="[0-9]{1,6}")?+'
_CELL: Final = (
    rf'<c r="[A-Z]{{1,3}}\1"{_STYLE}(?>/>'
    rf"|><v>[-+0-9.eE]++</v></c>"
    rf'| t="[nb]"{_STYLE}><v>[-+0-9.eE]++</v></c>'
    rf'| t="s"{_STYLE}><v>[0-9]++</v></c>'
    rf'| t="str"{_STYLE}><v>{_TEXT}</v></c>'
    rf'| t="inlineStr"{_STYLE}><is><t(?: xml:space="preserve")?+>{_TEXT}</t></is></c>)'
)
_ROW: Final = re.compile(
    r'<row r="([1-9][0-9]{0,6})"((?: [A-Za-z0-9:]+="[^"<>&]*")*+)'
    rf"(?:/>|>((?:{_CELL})*+)</row>)"
)
_PARTS: Final = re.compile(r'<c r="([A-Z]+)[0-9]+"([^>/]*)(/?)>')
_TYPE: Final = re.compile(r' t="([A-Za-z]+)"')
_NUMBER_STYLE: Final = re.compile(r' s="([0-9]+)"')
_UNUSUAL: Final = re.compile(r' hidden="(?!0"|false")| ht="0*\.?0*"| r=')
_AROUND: Final = re.compile(r"<!|.<\?|<row|encoding=[\"'](?!utf-8[\"'])", re.IGNORECASE | re.DOTALL)
"""What may make the XML around the rows something else than it looks like."""


class _NotPlainError(Exception):
    """The sheet has something that only the full scan can judge."""


def scan_plainly(
    blocks: Iterable[bytes], styles: Sequence[NumberFormat]
) -> tuple[Extent, bytes, bytes] | None:
    """Return the extent of the rows and the XML before and behind them, or None.

    `blocks` are the sheet's part, `styles` the number formats that its cells name by their place.
    """
    rows = _Rows(styles)
    try:
        return _scan(_decode(blocks), rows)
    except (_NotPlainError, UnicodeDecodeError):
        return None


def _decode(blocks: Iterable[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    for block in blocks:
        yield decoder.decode(block)
    yield decoder.decode(b"", final=True)


def _scan(texts: Iterator[str], rows: _Rows) -> tuple[Extent, bytes, bytes]:
    head = rest = ""
    inside = False
    for text in texts:
        rest += text
        if not inside:
            if _OPENS not in rest:
                continue
            before, opening, rest = rest.partition(_OPENS)
            head, inside = before + opening, True
        if _CLOSES in rest:
            content, closing, tail = rest.partition(_CLOSES)
            rows.take(content)
            tail += "".join(texts)
            if _OPENS in tail or _AROUND.search(head) or _AROUND.search(tail):
                raise _NotPlainError
            return rows.extent, head.encode(), (closing + tail).encode()
        end = rest.rfind("</row>") + len("</row>")
        if end >= len("</row>"):
            rows.take(rest[:end])
            rest = rest[end:]
        if len(rest) > _LONGEST_ROW:
            raise _NotPlainError
    raise _NotPlainError


class _RowShape(NamedTuple):
    """What rows of the same columns, types and styles have in common."""

    numbers: int
    first: int
    last: int
    currencies: dict[int, str]


class _Rows:
    """Takes the text of whole rows."""

    def __init__(self, styles: Sequence[NumberFormat]) -> None:
        self.extent = Extent()
        self._percentages, self._currencies = by_style(styles)
        self._row = 0
        self._known: dict[tuple[tuple[str, str, str], ...], _RowShape] = {}
        """Columns, types and styles of a row → what they come to."""

    def take(self, text: str) -> None:
        at = 0
        while at < len(text):
            match = _ROW.match(text, at)
            if match is None:
                raise _NotPlainError
            at = match.end()
            number, attributes, cells = match.groups()
            row = int(number)
            if not self._row < row <= MAX_ROW or _UNUSUAL.search(attributes):
                raise _NotPlainError
            self._row = row
            if cells:
                self._count(row, tuple(_PARTS.findall(cells)))

    def _count(self, row: int, parts: tuple[tuple[str, str, str], ...]) -> None:
        known = self._known.get(parts)
        if known is None:
            known = self._known[parts] = self._judge(parts)
        if known.last >= 0:
            self.extent.widen(row, known.first, known.last)
            self.extent.numbers += known.numbers
            if known.currencies:
                self.extent.currencies[row] = known.currencies

    def _judge(self, parts: tuple[tuple[str, str, str], ...]) -> _RowShape:
        numbers, before = 0, -1
        currencies = {}
        filled = []
        for letters, attributes, closed in parts:
            column = column_index(letters)
            if not before < column < MAX_COLUMNS:
                raise _NotPlainError
            before = column
            if closed:
                continue
            filled.append(column)
            kind = _TYPE.search(attributes)
            if kind is None or kind[1] in {"n", "b"}:
                named = _NUMBER_STYLE.search(attributes)
                style = "" if named is None else named[1]
                if style in self._percentages:
                    raise _NotPlainError
                if style in self._currencies:
                    currencies[column] = self._currencies[style]
                numbers += 1
        first, last = (filled[0], filled[-1]) if filled else (0, -1)
        return _RowShape(numbers, first, last, currencies)
