"""What the XML of a sheet says of its cells, beside what calamine tells. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from importer.reader.book import Box

if TYPE_CHECKING:
    from importer.reader.places import CellRange
    from importer.reader.sheet_values import Cell


@dataclass(slots=True)
class SheetScan:
    """What the XML of one sheet says of its cells. Rows from 1, columns from 0."""

    overrides: dict[int, dict[int, Cell]] = field(default_factory=dict)
    """Row → column → the cells that calamine gives as empty, errors and unsaved formulas, and
    percentages, which it gives as a hundredth of what they show."""
    hidden: list[int] = field(default_factory=list)
    """Rows that are not shown."""
    filtered: bool = False
    """Whether the sheet has a filter, which hides rows."""
    merged: list[CellRange] = field(default_factory=list)
    numbers: int = 0
    """How many cells have a value that is neither text, nor an error, nor among `dates`."""
    dates: int = 0
    """How many are dates in ISO 8601, which calamine gives as dates where it can read them."""
    currencies: dict[int, dict[int, str]] = field(default_factory=dict)
    """Column → row → the currency that the number format of a number shows."""
    box: Box = field(default_factory=Box)
    """Where the filled cells stand."""
