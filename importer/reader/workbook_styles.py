"""A workbook's styles → those that show a number as a percentage. Reads the archive.

calamine gives 0.5 for a cell that shows 50%, and a person who typed 50% may mean either.
Format numbers and codes: ECMA-376 part 1, 18.8.30 and 18.8.31.
"""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from importer.reader.workbook_package import damaged, find_part

if TYPE_CHECKING:
    from pathlib import Path

_BUILT_IN: Final = frozenset({"9", "10"})
_LITERAL: Final = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
"""What a format code shows as it stands."""


def read_percentages(path: Path, name: str) -> frozenset[str]:
    """Return the indices of the cell styles whose format shows a percentage, as cells name them."""
    with zipfile.ZipFile(path) as archive:
        part = find_part(archive, "styles")
        content = archive.read(part) if part else b""
    styles = _Styles()
    parser = expat.ParserCreate()
    parser.StartElementHandler = styles.start
    parser.EndElementHandler = styles.end
    try:
        if content:
            parser.Parse(content, True)
    except expat.ExpatError as error:
        raise damaged(name, f"its styles cannot be read ({error}).") from error
    percent = _BUILT_IN | {
        number for number, code in styles.codes.items() if "%" in _LITERAL.sub("", code)
    }
    return frozenset(str(at) for at, number in enumerate(styles.formats) if number in percent)


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
