"""A workbook → a Table, or a refusal that names the cells. Reads the file, in a child process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import polars as pl

from importer.errors import SourceError, UsageError
from importer.reader.book_sheets import is_results_book
from importer.reader.header_row import SEARCHED_ROWS, find_header_row, tell_above
from importer.reader.headers import name_columns
from importer.reader.results_book import MORE_SHEETS, has_results_header, merge_sheets
from importer.reader.table import Table
from importer.reader.workbook_process import read_cells

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_SHOWN: Final = 10
"""How many rows or cells a message names."""


class _Book(NamedTuple):
    """A file that a child process reads once for each sheet."""

    path: Path
    name: str
    kind: str


def read_workbook(
    path: Path,
    name: str,
    *,
    kind: str = "xlsx",
    sheet: str | None,
    header_row: int | None,
    hidden_rows: Literal["include", "skip"] | None,
    is_header: Callable[[Sequence[str | None]], bool] | None = None,
) -> Table:
    """Return the data rows of one sheet of the workbook at `path`; `name` is what messages call it.

    `kind` is its format: `xlsx`, `xlsb`, `xls` or `ods`. `is_header` says whether a row names the
    columns; see header_row.py.

    A results workbook of this program gives the rows of `Results` with what was edited on its other
    sheets, unless `sheet` names one.

    Raises SourceError where the file is damaged or unsafe, where several sheets could be meant,
    where hidden rows have content and `hidden_rows` does not say what to do with them, and where
    merged cells touch the data; UsageError where `sheet` or `header_row` is not there.
    """
    book = _Book(path, name, kind)
    table, others = _read_sheet(book, sheet, header_row, hidden_rows, is_header=is_header)
    if sheet is not None or not is_results_book([str(table.sheet), *others]):
        return table
    if not has_results_header(table.headers):
        raise _several_sheets(name, [str(table.sheet), *others])
    more: dict[str, Table] = {
        other: _read_sheet(book, other, None, "include")[0]
        for other in MORE_SHEETS
        if other in others
    }
    return merge_sheets(table, more)


def _several_sheets(name: str, sheets: Sequence[str]) -> SourceError:
    names = ", ".join(f"“{sheet}”" for sheet in sheets)
    return SourceError(
        f"{name} has {len(sheets)} sheets with content: {names}.",
        "Say which one to import: --sheet NAME.",
        code="several-sheets",
    )


def _read_sheet(
    book: _Book,
    sheet: str | None,
    header_row: int | None,
    hidden_rows: Literal["include", "skip"] | None,
    *,
    is_header: Callable[[Sequence[str | None]], bool] | None = None,
) -> tuple[Table, list[str]]:
    """Return one sheet, and the names of the others."""
    name = book.name
    found, cells = read_cells(book.path, name, book.kind, sheet)
    title = found["sheet"]
    place = f"Sheet “{title}” of {name}"
    sought = header_row or _find_header_row(place, cells, is_header)
    header_at, header, data = _split_header(cells, place, sought)
    notes: tuple[str, ...] = ()
    if sought is not None and header_at > 1:
        notes += (tell_above(header_at, f"“{title}”"),)
    data, noted = _judge_hidden(data, found, name, hidden_rows)
    headers, positions, take_named = name_columns(name, header, [data])
    data = take_named(data)
    _judge_merged(data["row"], positions or range(len(headers)), found, name)
    table = Table(
        name=name,
        format=book.kind,
        headers=headers,
        cells=data,
        header_row=header_at,
        sheet=title,
        notes=notes + noted,
        positions=positions,
    )
    return table, found["others"]


def _find_header_row(
    place: str, cells: pl.DataFrame, is_header: Callable[[Sequence[str | None]], bool] | None
) -> int | None:
    """Return the row of the header where title lines stand above it, else None."""
    if is_header is None or cells.is_empty():
        return None
    texts = cells.head(SEARCHED_ROWS).select("row", pl.col(r"^cell_\d+$"))
    found = find_header_row(place, ((row[0], row[1:]) for row in texts.iter_rows()), is_header)
    return None if found == texts["row"][0] else found


def _split_header(
    cells: pl.DataFrame, place: str, header_row: int | None
) -> tuple[int, list[str | None], pl.DataFrame]:
    if cells.is_empty():
        raise SourceError(f"{place} has no content.", "Export it again.", code="empty-file")
    header_at = header_row or cells["row"][0]
    header = cells.filter(pl.col("row") == header_at)
    if header.is_empty():
        raise UsageError(
            f"{place} has no header in row {header_at}: that row is blank, or it ends before.",
            "Say --header-row with the number of the row that names the columns.",
        )
    texts = header.select(pl.col(r"^cell_\d+$")).row(0)
    return header_at, list(texts), cells.filter(pl.col("row") > header_at)


def _judge_hidden(
    data: pl.DataFrame,
    found: dict[str, Any],
    name: str,
    hidden_rows: Literal["include", "skip"] | None,
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return the data with or without the hidden rows, as asked, and a note; refuse unasked."""
    hidden = set(found["hidden"])
    rows = [row for row in data["row"] if row in hidden] if hidden else []
    if not rows:
        return data, ()
    one = len(rows) == 1
    place = f"of sheet “{found['sheet']}” in {name}"
    hidden_by = "hidden by a filter" if found["filtered"] else "hidden"
    what = (
        f"Row {rows[0]} {place} is {hidden_by} and has content"
        if one
        else f"{len(rows)} rows {place} are {hidden_by} and have content ({_list_rows(rows)})"
    )
    they = "it is" if one else "they are"
    if hidden_rows == "include":
        return data, (f"{what}; {they} imported too.",)
    if hidden_rows == "skip":
        kept = data.filter(~pl.col("row").is_in(rows))
        return kept, (f"{what}; {they} left out.",)
    show = "clear the filter" if found["filtered"] else "unhide the rows"
    raise SourceError(
        f"{what}: nobody can tell whether {they} meant to be imported.",
        "Run again with --include-hidden-rows to import what is hidden, or with "
        f"--skip-hidden-rows to leave it out; to look at it first, {show} in the spreadsheet.",
        code="hidden-rows",
    )


def _judge_merged(
    rows: pl.Series, positions: Sequence[int], found: dict[str, Any], name: str
) -> None:
    """Refuse merged cells in the data: only their first cell has the value that all of them show.

    `positions` are the columns in use, from 0 in the sheet.
    """
    touching = [
        reference
        for reference, first_row, last_row, first_column, last_column in found["merged"]
        if rows.is_between(first_row, last_row).any()
        and any(first_column <= at <= last_column for at in positions)
    ]
    if touching:
        raise SourceError(
            f"In sheet “{found['sheet']}” of {name} the cells {_list(touching)} are merged: only "
            "the first cell of each holds what all of them show.",
            "Unmerge them and fill every cell.",
            code="merged-cells",
        )


def _list_rows(rows: Sequence[int]) -> str:
    return f"rows {_list([str(row) for row in rows])}"


def _list(names: Sequence[str]) -> str:
    """Return the first names and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
