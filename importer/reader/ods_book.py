"""An .ods file (OpenDocument) → its sheets and their rows. Reads the file.

All sheets stand one after the other in one part, so it is read once to list them and once for the
rows of the one that is meant.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from importer.reader.book import Sheet, batch_rows, damaged, encrypted
from importer.reader.ods_cells import FORMULA, OFFICE, TABLE, is_computed
from importer.reader.ods_styles import StyleParser
from importer.reader.ods_table import TableParser
from importer.reader.workbook_package import (
    open_package,
    read_blocks,
    read_elements,
    refuse_encodings,
)

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from importer.reader.book import Row, SheetContent

_CONTENT: Final = "content.xml"
_STYLES: Final = "styles.xml"
_MANIFEST: Final = "META-INF/manifest.xml"
_SPREADSHEET: Final = OFFICE + "spreadsheet"
_TABLE: Final = TABLE + "table"


def open_ods(path: Path, name: str) -> OdsBook:
    """Return the workbook at `path`, proven whole; raises SourceError where it is not."""
    with open_package(path, name) as archive:
        if read_elements(archive, _MANIFEST, "encryption-data"):
            raise encrypted(name)
        if _CONTENT not in archive.namelist():
            raise damaged(name, "it has no content.")
        return OdsBook(path, name, archive)


class OdsBook:
    """A workbook whose archive is whole."""

    def __init__(self, path: Path, name: str, archive: zipfile.ZipFile) -> None:
        """Read the styles and the list of sheets; raises SourceError."""
        self._path = path
        self._name = name
        self._styles = StyleParser()
        if _STYLES in archive.namelist():
            parser = _create_parser(name)
            parser.StartElementHandler = self._styles.start
            parser.EndElementHandler = self._styles.end
            parser.CharacterDataHandler = self._styles.text.append
            parser.Parse(archive.read(_STYLES), True)
        scan = _Content(name, self._styles, wanted=None)
        for _ in self._parse(scan):
            pass
        if not scan.is_spreadsheet:
            raise damaged(name, "it is no spreadsheet.")
        self.sheets = [
            Sheet(title, str(number), visible, worksheet=True)
            for number, (title, visible) in enumerate(scan.sheets)
        ]
        self._filled = scan.filled
        self._computed = scan.computed

    def has_cells(self, sheet: Sheet) -> bool:
        """Whether any cell of the sheet is filled."""
        return int(sheet.part) in self._filled

    def read(self, sheet: Sheet) -> SheetContent:
        """Return what the sheet holds."""
        computed = int(sheet.part) in self._computed
        table = TableParser(self._name, sheet.name, self._styles, computed=computed)
        scan = _Content(self._name, self._styles, wanted=(int(sheet.part), table))
        content = table.content
        content.batches = batch_rows(chain.from_iterable(self._parse(scan, table)))
        return content

    def _parse(self, scan: _Content, table: TableParser | None = None) -> Iterator[list[Row]]:
        """Yield the rows that each block of the content completes."""
        parser = _create_parser(self._name)
        scan.attach(parser)
        try:
            for block in chain(read_blocks(self._path, _CONTENT), [b""]):
                parser.Parse(block, not block)
                if table is not None:
                    rows, table.rows = table.rows, []
                    yield rows
        except expat.ExpatError as error:
            raise damaged(self._name, f"its content cannot be read ({error}).") from error


class _Content:
    """Takes the elements of content.xml and hands those of a sheet to its parser."""

    def __init__(
        self, name: str, styles: StyleParser, *, wanted: tuple[int, TableParser] | None
    ) -> None:
        """Without `wanted` every sheet is looked at until its first filled cell."""
        self.sheets: list[tuple[str, bool]] = []
        """Name of each sheet, and whether it is shown."""
        self.filled: set[int] = set()
        self.computed: set[int] = set()
        """Sheets of which a formula was computed."""
        self.is_spreadsheet = False
        self._name = name
        self._styles = styles
        self._wanted = wanted
        self._depth = 0
        """How many elements are open inside the spreadsheet."""
        self._table: TableParser | None = None

    def attach(self, parser: expat.XMLParserType) -> None:
        """Have `parser` give its elements to this."""
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        if not self.is_spreadsheet:
            if name == _SPREADSHEET:
                self.is_spreadsheet = True
            else:
                self._styles.start(name, attributes)
            return
        self._depth += 1
        if self._wanted is None and FORMULA in attributes and is_computed(attributes):
            self.computed.add(len(self.sheets) - 1)
        if self._table is not None:
            self._table.start(name, attributes)
        if self._depth == 1 and name == _TABLE:
            self._open_table(attributes)
        elif self._depth == 2 and name == TABLE + "scenario" and self.sheets:  # noqa: PLR2004 - right inside its table
            # A scenario lies over the sheet before it; nobody sees it as a sheet of its own.
            self.sheets[-1] = (self.sheets[-1][0], False)

    def _open_table(self, attributes: Mapping[str, str]) -> None:
        number = len(self.sheets)
        title = attributes.get(TABLE + "name", "")
        visible = attributes.get(TABLE + "style-name") not in self._styles.hidden_tables
        self.sheets.append((title, visible))
        if self._wanted is None:
            self._table = TableParser(self._name, title, self._styles, computed=False)
        elif self._wanted[0] == number:
            self._table = self._wanted[1]

    def _text(self, text: str) -> None:
        if self._table is not None:
            self._table.text(text)
        elif not self.is_spreadsheet:
            self._styles.text.append(text)

    def _end(self, name: str) -> None:
        if not self.is_spreadsheet:
            self._styles.end(name)
            return
        self._depth -= 1
        if self._table is None:
            return
        if self._depth == 0:
            self._table = None
            return
        self._table.end(name)
        if self._wanted is None and self._table.filled:
            self.filled.add(len(self.sheets) - 1)
            self._table = None


def _create_parser(name: str) -> expat.XMLParserType:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    refuse_encodings(parser, name, "its content")
    return parser
