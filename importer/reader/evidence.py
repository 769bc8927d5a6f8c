"""What the cells of a column, a piece at a time, prove of how all of them are written. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from importer.reader.notes import Example


@dataclass(frozen=True, slots=True)
class Evidence:
    """What some cells show. That of two pieces of a column is added in the column's order."""

    firsts: Mapping[str, Example] = field(default_factory=dict)
    """What is shown → the first cell that shows it."""
    ambiguous: int = 0
    """How many cells can be read in two ways."""
    currencies: frozenset[str] = frozenset()

    def __add__(self, later: Evidence) -> Evidence:
        """Return what these cells and those below them show."""
        return Evidence(
            {**later.firsts, **self.firsts},
            self.ambiguous + later.ambiguous,
            self.currencies | later.currencies,
        )


def earliest(found: Mapping[str, Example | None]) -> dict[str, Example]:
    """Return what was found at all."""
    return {what: cell for what, cell in found.items() if cell is not None}
