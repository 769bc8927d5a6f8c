"""A sheet's XML → what it says of its cells at full speed, where every row is of the plainest kind.

Rows whose whole text matches one pattern hold nothing but numbers, booleans and texts, in the
places that their references name: no error, ISO date or formula without a value, nothing hidden.
Nearly all exports are made of them. One row of any other kind, and this gives None: `sheet_xml.py`
reads the sheet. What stands around the rows is its business in any case. Pure.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Final

from importer.reader.plain_rows import NotPlainError, PlainRows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from importer.reader.number_formats import NumberFormat
    from importer.reader.sheet_facts import SheetScan

_OPENS: Final = "<sheetData>"
_CLOSES: Final = "</sheetData>"
_LONGEST_ROW: Final = 16 << 20
_AROUND: Final = re.compile(
    r"<!|.<\?|<(?:row|c|f|v|is)[\s/>]|encoding=[\"'](?!utf-8[\"'])", re.IGNORECASE | re.DOTALL
)
"""What may make the XML around the rows something else than it looks like."""


def scan_plainly(
    blocks: Iterable[bytes], styles: Sequence[NumberFormat], *, uncomputed: bool
) -> tuple[SheetScan, bytes, bytes] | None:
    """Return what the rows hold and the XML before and behind them, or None.

    `blocks` are the sheet's part; `styles` and `uncomputed` are those of SheetParser.
    """
    rows = PlainRows(styles, uncomputed=uncomputed)
    try:
        return _scan(_decode(blocks), rows)
    except (NotPlainError, UnicodeDecodeError):
        return None


def _decode(blocks: Iterable[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    for block in blocks:
        yield decoder.decode(block)
    yield decoder.decode(b"", final=True)


def _scan(texts: Iterator[str], rows: PlainRows) -> tuple[SheetScan, bytes, bytes]:
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
                raise NotPlainError
            return rows.scan, head.encode(), (closing + tail).encode()
        end = rest.rfind("</row>") + len("</row>")
        if end >= len("</row>"):
            rows.take(rest[:end])
            rest = rest[end:]
        if len(rest) > _LONGEST_ROW:
            raise NotPlainError
    raise NotPlainError
