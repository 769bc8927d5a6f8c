"""What people should know of a reading, with the cells that prove it or without them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from importer.reader.faults import show

if TYPE_CHECKING:
    import polars as pl

Example: TypeAlias = tuple[int, str]
"""The row and the text of a cell."""


@dataclass(frozen=True, slots=True)
class Note:
    """One sentence. Cell values belong on a person's own screen only, never into cron's mail."""

    shown: str
    """With example cells."""
    told: str
    """Without any cell's text."""


def note(sentence: str, *examples: Example) -> Note:
    """Return a note; each `{}` in `sentence` is one of the examples."""
    return Note(
        sentence.format(*map(_quote, examples)),
        sentence.format(*(f"row {row}" for row, _ in examples)),
    )


def first_cell(cells: pl.DataFrame) -> Example | None:
    """Return the first of some cells (`row`, `text`), None where there is none."""
    return next(cells.select("row", "text").head(1).iter_rows(), None)


def _quote(example: Example) -> str:
    """Return a cell as a note quotes it: `row 7: 1.234,50`."""
    row, text = example
    return f"row {row}: {show(text)}"
