"""A sheet's part of the archive → everything about its cells that calamine does not tell. Reads it.

calamine aborts the process on a cell at XFD1048576, keeps one of two cells in the same place,
returns errors and unsaved formulas as empty cells, and knows nothing of hidden rows. So the XML is
read once before it, by another parser, and the counts of the two are compared afterwards.
"""

from __future__ import annotations

import zipfile
from contextlib import closing
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from importer.reader.plain_sheet import scan_plainly
from importer.reader.sheet_xml import FoundCellError, SheetParser, SheetScan
from importer.reader.workbook_package import Sheet, damaged
from importer.reader.workbook_styles import read_percentages

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

_BLOCK_BYTES: Final = 1 << 20


def scan_sheet(path: Path, name: str, sheet: Sheet) -> SheetScan:
    """Return what the sheet's XML says.

    Raises SourceError where it is damaged, where two cells claim one place, and where a stray
    cell stands so far out that the sheet would not fit into memory.
    """
    percentages = read_percentages(path, name)
    parser = SheetParser(name, sheet.name, percentages=percentages)
    with closing(_blocks(path, sheet)) as blocks:
        plain = scan_plainly(blocks, percentages)
    if plain is None:
        _parse(_blocks(path, sheet), name, sheet, parser)
    else:
        extent, before, behind = plain
        parser.take(extent)
        _parse([before, behind], name, sheet, parser)
    return parser.scan


def has_cells(path: Path, name: str, sheet: Sheet) -> bool:
    """Whether any cell of the sheet is filled; reads no further than the first one."""
    try:
        parser = SheetParser(name, sheet.name, only_look=True)
        _parse(_blocks(path, sheet), name, sheet, parser)
    except FoundCellError:
        return True
    return False


def _blocks(path: Path, sheet: Sheet) -> Generator[bytes, None, None]:
    with zipfile.ZipFile(path) as archive, archive.open(sheet.part) as stream:
        while block := stream.read(_BLOCK_BYTES):
            yield block


def _parse(blocks: Iterable[bytes], name: str, sheet: Sheet, handlers: SheetParser) -> None:
    parser = expat.ParserCreate()
    parser.ordered_attributes = True
    parser.buffer_text = True
    parser.StartElementHandler = handlers.start
    parser.CharacterDataHandler = handlers.text.append
    parser.StartCdataSectionHandler = handlers.refuse_cdata
    parser.XmlDeclHandler = handlers.judge_declaration
    try:
        for block in blocks:
            parser.Parse(block, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise damaged(name, f"sheet “{sheet.name}” cannot be read ({error}).") from error
    handlers.finish()
