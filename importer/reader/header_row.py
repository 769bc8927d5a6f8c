"""The first rows of a file → the one that names the columns, where only one can. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from importer.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

SEARCHED_ROWS: Final = 50
"""How many rows that are not blank are looked at; no title is longer."""


def find_header_row(
    name: str,
    rows: Iterable[tuple[int, Sequence[str | None]]],
    is_header: Callable[[Sequence[str | None]], bool],
) -> int | None:
    """Return the number of the row that names the columns, None where no row does.

    `rows` are the first rows that are not blank, with their numbers. The first of them is the
    header where it names all that is needed; what stands below is data then. Otherwise title lines
    stand above the header, and it must be the only row that names all: SourceError.
    """
    found: list[int] = []
    for place, (row, cells) in enumerate(rows):
        if is_header(cells):
            found.append(row)
            if place == 0:
                break
    if len(found) > 1:
        raise SourceError(
            f"{name} has {len(found)} rows that name the columns (rows "
            f"{', '.join(str(row) for row in found)}), and the first row is none of them.",
            "Say which one is the header: --header-row N.",
            code="several-headers",
        )
    return found[0] if found else None


def tell_above(header_row: int, place: str) -> str:
    """Return the note on the rows above a header that is not in row 1 of `place`."""
    above = f"Rows 1 to {header_row - 1} of {place} stand"
    if header_row == 2:  # noqa: PLR2004 - only the first row stands above the second
        above = f"Row 1 of {place} stands"
    return f"{above} above the header: left out."
