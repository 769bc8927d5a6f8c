"""The styles of an .ods file → what each makes of a number. Pure.

Element names: OpenDocument 1.3 part 3, 16.29 (styles of data) and 16.2 (styles of cells).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from importer.reader.number_formats import find_currency
from importer.reader.ods_cells import TABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

_NUMBER: Final = "urn:oasis:names:tc:opendocument:xmlns:datastyle:1.0 "
STYLE: Final = "urn:oasis:names:tc:opendocument:xmlns:style:1.0 "
_DATA_STYLES: Final = frozenset(
    _NUMBER + kind
    for kind in ("number-style", "percentage-style", "currency-style", "date-style", "time-style")
)
_STYLES: Final = frozenset({STYLE + "style", STYLE + "default-style"})
_SHOWN: Final = frozenset({_NUMBER + "text", _NUMBER + "currency-symbol"})
_NO_HEIGHT: Final = re.compile(r"0*(?:\.0*)?[a-z%]*")


class StyleParser:
    """Takes the elements of styles.xml, then those of content.xml; other elements pass by.

    content.xml may have a style of the same name as styles.xml: it means its own.
    """

    def __init__(self) -> None:
        self.text: list[str] = []
        self.hidden_tables: set[str] = set()
        """Styles of sheets that are not shown."""
        self.hidden_rows: set[str] = set()
        """Styles of rows that have no height."""
        self._shown: dict[str, str] = {}
        """Data style → the texts that it shows beside the number."""
        self._percentages: set[str] = set()
        self._cells: dict[str, tuple[str | None, str | None]] = {}
        """Cell style → its data style and its parent."""
        self._data = ""
        self._style = ""
        """The style that was opened last."""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Take an element that opens."""
        if name in _DATA_STYLES:
            self._data = attributes.get(STYLE + "name", "")
            self._shown[self._data] = ""
            self._percentages.discard(self._data)
            if name.endswith("percentage-style"):
                self._percentages.add(self._data)
        elif name in _SHOWN:
            self.text.clear()
        elif name == STYLE + "map" and self._data:
            # The conditional parts of a format are styles of their own.
            part = attributes.get(STYLE + "apply-style-name", "")
            self._shown[self._data] += f" {self._shown.get(part, '')}"
            if part in self._percentages:
                self._percentages.add(self._data)
        elif name in _STYLES:
            self._open_style(attributes)
        elif name == STYLE + "table-properties" and attributes.get(TABLE + "display") == "false":
            self.hidden_tables.add(self._style)
        elif name == STYLE + "table-row-properties":
            height = attributes.get(STYLE + "row-height")
            if height is not None and _NO_HEIGHT.fullmatch(height):
                self.hidden_rows.add(self._style)

    def end(self, name: str) -> None:
        """Take an element that closes."""
        if name in _SHOWN and self._data:
            self._shown[self._data] += f" {''.join(self.text)} "
        elif name in _DATA_STYLES:
            self._data = ""

    def _open_style(self, attributes: Mapping[str, str]) -> None:
        """Begin a style anew; the default one of a family has no name."""
        family, name = attributes.get(STYLE + "family", ""), attributes.get(STYLE + "name", "")
        self._style = name
        if family == "table-cell":
            data = attributes.get(STYLE + "data-style-name")
            self._cells[name] = (data, attributes.get(STYLE + "parent-style-name"))
        elif family == "table-row":
            self.hidden_rows.discard(name)
        elif family == "table":
            self.hidden_tables.discard(name)

    def currency(self, cell_style: str | None) -> str | None:
        """Return the currency that a cell style shows."""
        return find_currency(self._shown.get(self._data_style(cell_style), ""))

    def is_percentage(self, cell_style: str | None, shown: str) -> bool:
        """Whether a cell style shows 0.5 as 50%, or the sign in `shown` is not the style's own.

        SheetJS writes what a number shows, and no style.
        """
        data = self._data_style(cell_style)
        return data in self._percentages or ("%" in shown and "%" not in self._shown.get(data, ""))

    def _data_style(self, cell_style: str | None) -> str:
        """Return the data style of a cell style, "" where it has none."""
        seen: set[str] = set()
        while cell_style is not None and cell_style not in seen:
            seen.add(cell_style)
            data, cell_style = self._cells.get(cell_style, (None, None))
            if data is not None:
                return data
        return ""
