"""What people should know of a reading, with the cells that prove it or without them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from importer.reader.faults import show

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Note:
    """One sentence. Cell values belong on a person's own screen only, never into cron's mail."""

    shown: str
    """With example cells."""
    told: str
    """Without any cell's text."""


def note(sentence: str, *examples: pl.DataFrame) -> Note:
    """Return a note; each `{}` in `sentence` is the first of some cells (`row`, `text`)."""
    return Note(
        sentence.format(*map(quote, examples)),
        sentence.format(*(f"row {cells['row'][0]}" for cells in examples)),
    )


def quote(cells: pl.DataFrame) -> str:
    """Return the first of some cells as a note quotes it: `row 7: 1.234,50`."""
    row, text = cells.select("row", "text").row(0)
    return f"row {row}: {show(text)}"
