"""A column's cells → a Reading, where most of them are kept as they stand. Pure.

A cell that matches the pattern of its field as a whole is its own value: there is nothing in it to
trim, to fold, to normalise or to refuse. One look proves that of a whole column, at a tenth of the
cost of doing to every cell what changes none. All other cells go to the field's reader; a property
test holds what comes out equal to what the reader makes of the whole column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from importer.reader.cells import MAX_DESCRIPTION, MAX_NAME, Reading, places

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.reader.notes import Note

_LOWER: Final = "[0-9a-f]"


@dataclass(frozen=True, slots=True)
class Plain:
    """Which cells of a field are kept as they stand."""

    pattern: str
    longest: int
    """Bytes."""
    listed: bool = False
    """Whether the value is a list with the cell as its one element."""


_UUID: Final = f"^{_LOWER}{{8}}-{_LOWER}{{4}}-{_LOWER}{{4}}-{_LOWER}{{4}}-{_LOWER}{{12}}$"
ONE_ID: Final = Plain(_UUID, 36)
LISTED_ID: Final = Plain(_UUID, 36, listed=True)
# Printable ASCII; a leading `#` may begin a spreadsheet error.
LINE: Final = Plain(r'^[!"$-~](?: ?[!-~])*$', MAX_NAME)
LINES: Final = Plain(r'^[!"$-~](?:[ -~\n\t]*[!-~])?$', MAX_DESCRIPTION)


def read_plain(
    cells: pl.DataFrame, plain: Plain, read: Callable[[pl.DataFrame], Reading]
) -> Reading:
    """Return what `read`, whose cells do not depend on each other, makes of `cells`."""
    others = _others(cells, plain)
    count = others.sum()
    if 2 * count >= cells.height:
        return read(cells)
    text = pl.col("text")
    if plain.listed:
        alone = text.reshape((-1, 1)).arr.to_list()
        text = pl.when(text.is_not_null()).then(alone) if cells["text"].has_nulls() else alone
    if not count:
        return faultless(cells.select(value=text))
    values = cells.select(value=text).to_series()
    return complete(values, others, read(cells.filter(others)))


def faultless(values: pl.DataFrame, notes: tuple[Note, ...] = ()) -> Reading:
    """Return the reading of a column of nothing but sound `values`."""
    # A column of nothing takes 16 bytes a row, unless it is one value that stands for all.
    nothing = pl.lit(None, dtype=pl.String)
    return Reading(values.with_columns(code=nothing, detail=nothing), notes)


def complete(values: pl.Series, others: pl.Series, rest: Reading) -> Reading:
    """Return the reading of a column whose plain cells have `values`, `rest` that of the others."""
    spread = rest.cells.select(pl.all().gather(places(others)))
    value = values.zip_with(~others, spread["value"]).alias("value")
    return Reading(spread.with_columns(value), rest.notes)


def _others(cells: pl.DataFrame, plain: Plain) -> pl.Series:
    """Return which cells have to be looked at; one without text or kind is empty."""
    texts, kinds = cells["text"], cells["kind"]
    kept = texts.str.contains(plain.pattern).fill_null(value=True)
    longest = texts.str.len_bytes().max()
    if isinstance(longest, int) and longest > plain.longest:
        kept &= (texts.str.len_bytes() <= plain.longest).fill_null(value=True)
    if kinds.null_count() < len(kinds):
        kept &= kinds.is_null() | kinds.eq_missing("text")
    return ~kept
