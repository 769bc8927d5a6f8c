"""A workbook's styles → the number format of each cell style. Reads the archive."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.parsers import expat

from importer.reader.book import damaged
from importer.reader.number_formats import read_format
from importer.reader.workbook_package import find_part, parse

if TYPE_CHECKING:
    import zipfile

    from importer.reader.number_formats import NumberFormat


def read_styles(archive: zipfile.ZipFile, book: str, name: str) -> list[NumberFormat]:
    """Return the number formats of the cell styles, in the order by which cells name them."""
    part = find_part(archive, book, "styles")
    if part is None:
        return []
    styles = _Styles()
    parser = expat.ParserCreate()
    parser.StartElementHandler = styles.start
    parser.EndElementHandler = styles.end
    try:
        parse(parser, archive.read(part))
    except expat.ExpatError as error:
        raise damaged(name, f"its styles cannot be read ({error}).") from error
    return [
        read_format(int(number) if number.isdecimal() else 0, styles.codes.get(number))
        for number in styles.formats
    ]


class _Styles:
    """Takes the elements of the styles part."""

    def __init__(self) -> None:
        self.codes: dict[str, str] = {}
        """Format number → its code."""
        self.formats: list[str] = []
        """The format number of each cell style."""
        self._inside = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        element = name.rpartition(":")[2]
        if element == "cellXfs":
            self._inside = True
        elif element == "numFmt":
            self.codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif element == "xf" and self._inside:
            self.formats.append(attributes.get("numFmtId", "0"))

    def end(self, name: str) -> None:
        if name.rpartition(":")[2] == "cellXfs":
            self._inside = False
