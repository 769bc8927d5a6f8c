"""A header row and the cells below it → named columns, or a refusal. Pure."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from importer.errors import SourceError
from importer.reader.places import column_letters
from importer.reader.table import cell_name, currency_name, kind_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


def name_columns(
    name: str, header: Sequence[str | None], pieces: Iterable[pl.DataFrame]
) -> tuple[tuple[str, ...], tuple[int, ...], Callable[[pl.DataFrame], pl.DataFrame]]:
    """Return the headers, their columns' positions in the file, and what takes these of a piece.

    `pieces` are the cells as in Table, with one column for each of `header`. A column without a
    header is left out where it is empty and refused where it is not, as are two columns of one
    name: SourceError. Positions are empty where nothing was left out.
    """
    _refuse_repeated(name, header)
    kept = [index for index, text in enumerate(header) if text is not None and text.strip()]
    named = {*kept}
    _refuse_content(name, [at for at in range(len(header)) if at not in named], pieces)
    headers = tuple(header[index] or "" for index in kept)
    if len(kept) == len(header):
        return headers, (), lambda cells: cells
    return headers, tuple(kept), partial(_take, kept=kept)


def _take(cells: pl.DataFrame, kept: Sequence[int]) -> pl.DataFrame:
    renamed = [pl.col("row")]
    columns = {*cells.columns}
    for to, index in enumerate(kept):
        renamed.append(pl.col(cell_name(index)).alias(cell_name(to)))
        renamed.extend(
            pl.col(beside(index)).alias(beside(to))
            for beside in (kind_name, currency_name)
            if beside(index) in columns
        )
    return cells.select(renamed)


def _refuse_repeated(name: str, header: Sequence[str | None]) -> None:
    first: dict[str, int] = {}
    for index, text in enumerate(header):
        label = (text or "").strip()
        if label and first.setdefault(label, index) != index:
            raise SourceError(
                f"{name} has two columns named “{label}” ({column_letters(first[label])} and "
                f"{column_letters(index)}), so nobody can tell which one is meant.",
                "Rename or delete one of them.",
                code="repeated-header",
            )


def _refuse_content(name: str, unnamed: Sequence[int], pieces: Iterable[pl.DataFrame]) -> None:
    """Raise SourceError where a column without a name has content.

    Every piece is read once: stray formats make Excel save thousands of such columns.
    """
    filled: dict[int, list[int]] = {}
    for cells in pieces if unnamed else ():
        for index in unnamed:
            texts = cells[cell_name(index)]
            if texts.null_count() < len(texts):
                content = (texts.str.strip_chars() != "").fill_null(value=False)
                filled.setdefault(index, []).extend(cells["row"].filter(content))
    index, rows = min(((at, found) for at, found in filled.items() if found), default=(0, []))
    if rows:
        raise SourceError(
            f"{name} has content in column {column_letters(index)} (row {rows[0]}"
            f"{f' and {len(rows) - 1} more' if len(rows) > 1 else ''}), "
            "which has no name in the header row.",
            "Give the column a name, or empty it. Where the header stands in another row, "
            "say --header-row N.",
            code="unnamed-column",
        )
