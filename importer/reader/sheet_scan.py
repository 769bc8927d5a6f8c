"""A sheet's part of the archive → everything about its cells that calamine does not tell. Reads it.

calamine aborts the process on a cell at XFD1048576, keeps one of two cells in the same place,
returns errors and unsaved formulas as empty cells, and knows nothing of hidden rows. So the XML is
read once before it, by another parser, and the counts of the two are compared afterwards.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING
from xml.parsers import expat

from importer.reader.book import damaged
from importer.reader.plain_sheet import scan_plainly
from importer.reader.sheet_xml import FoundCellError, SheetParser
from importer.reader.workbook_package import read_blocks, refuse_encodings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from importer.reader.book import Sheet
    from importer.reader.number_formats import NumberFormat
    from importer.reader.sheet_facts import SheetScan


def scan_sheet(
    path: Path, name: str, sheet: Sheet, styles: Sequence[NumberFormat], *, uncomputed: bool
) -> SheetScan:
    """Return what the sheet's XML says; `styles` and `uncomputed` are those of SheetParser.

    Raises SourceError where it is damaged, where two cells claim one place, and where a stray
    cell stands so far out that the sheet would not fit into memory.
    """
    parser = SheetParser(name, sheet.name, styles=styles, uncomputed=uncomputed)
    with closing(read_blocks(path, sheet.part)) as blocks:
        plain = scan_plainly(blocks, styles, uncomputed=uncomputed)
    if plain is None:
        _parse(read_blocks(path, sheet.part), name, sheet, parser)
    else:
        parser.scan, before, behind = plain
        _parse([before, behind], name, sheet, parser)
    return parser.scan


def has_cells(path: Path, name: str, sheet: Sheet) -> bool:
    """Whether any cell of the sheet is filled; reads no further than the first one."""
    try:
        parser = SheetParser(name, sheet.name, only_look=True)
        _parse(read_blocks(path, sheet.part), name, sheet, parser)
    except FoundCellError:
        return True
    return False


def _parse(blocks: Iterable[bytes], name: str, sheet: Sheet, handlers: SheetParser) -> None:
    parser = expat.ParserCreate()
    parser.ordered_attributes = True
    parser.buffer_text = True
    parser.StartElementHandler = handlers.start
    parser.CharacterDataHandler = handlers.text.append
    parser.StartCdataSectionHandler = handlers.refuse_cdata
    refuse_encodings(parser, name, f"sheet “{sheet.name}”")
    try:
        for block in blocks:
            parser.Parse(block, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise damaged(name, f"sheet “{sheet.name}” cannot be read ({error}).") from error
    handlers.finish()
