"""The sheets of a results workbook that a person may have edited → one table. Pure.

`Results` has all rows, and some of them stand on `To fix` and `In doubt` as well. A row that was
edited on one of the sheets counts as edited there; the hidden sheet `As written` tells which one
that is. What was edited differently in two places is refused: nobody can tell what is meant.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

import polars as pl

from importer.errors import SourceError
from importer.model import result_column
from importer.reader.book_sheets import SHEET_AS_WRITTEN, SHEET_DOUBT, SHEET_FIX, SHEET_RESULTS
from importer.reader.table import CELL_KIND, Table, cell_name, currency_name, kind_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MORE_SHEETS: Final = (SHEET_FIX, SHEET_DOUBT, SHEET_AS_WRITTEN)
"""Sheets that a results workbook has where there are such rows."""
PEOPLES_COLUMNS: Final = ("keen_resolution", "keen_purchase_id")
"""Result columns that people fill in, on whichever sheet."""

RowMark: TypeAlias = tuple[str | None, str | None]
"""keen_row and keen_idempotency_key: what tells a row, wherever it was sorted to."""
Cell: TypeAlias = tuple[str | None, str | None, str | None]
"""Text, kind, and the currency that its number format shows."""
Cells: TypeAlias = tuple[Cell, ...]
"""In the order of the own columns of `Results`."""


def has_results_header(headers: Sequence[str]) -> bool:
    """Whether these are the headers of a sheet `Results`."""
    found = {result_column(header) for header in headers}
    return {"keen_row", "keen_status", "keen_idempotency_key"} <= found


def merge_sheets(results: Table, others: Mapping[str, Table]) -> Table:
    """Return `Results` with what a person wrote on the sheets of `others` (a part of MORE_SHEETS).

    Raises SourceError where a sheet lacks its columns, where an edited row stands nowhere or twice
    in `Results`, where two sheets were edited differently, and where a word on `In doubt` stands
    beside another purchase than `Results` has there.
    """
    places = _Places.of(results)
    table = results
    if SHEET_FIX in others:
        table = _take_edits(table, places, others[SHEET_FIX], others.get(SHEET_AS_WRITTEN))
    if SHEET_DOUBT in others:
        _refuse_other_purchases(table, places, others[SHEET_DOUBT])
    for name in (SHEET_FIX, SHEET_DOUBT):
        if name in others:
            table = _take_words(table, places, others[name])
    return table


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the rows of `Results` stand in its frame."""

    name: str
    by_mark: dict[RowMark, list[int]]

    @classmethod
    def of(cls, results: Table) -> _Places:
        by_mark: dict[RowMark, list[int]] = {}
        for place, mark in enumerate(_marks(results)):
            by_mark.setdefault(mark, []).append(place)
        return cls(results.name, by_mark)

    def find(self, mark: RowMark, sheet: str, row: int) -> int:
        """Return the one place of a row of another sheet."""
        found = self.by_mark.get(mark, [])
        if len(found) == 1:
            return found[0]
        where = "in no row" if not found else f"in {len(found)} rows"
        raise SourceError(
            f"Row {row} of sheet “{sheet}” of {self.name} was edited, but its keen_row and "
            f"keen_idempotency_key stand {where} of “{SHEET_RESULTS}”.",
            f"Edit that row on “{SHEET_RESULTS}”, and undo the change on “{sheet}”.",
            code="sheets-disagree",
        )


def _take_edits(table: Table, places: _Places, fix: Table, written: Table | None) -> Table:
    """Return the table with the rows that were edited on `To fix`."""
    own = [header for header in table.headers if result_column(header) is None]
    was = {} if written is None else dict(zip(_marks(written), _cells(written, own), strict=True))
    now = _cells(table, own)
    edits: dict[int, Cells] = {}
    for row, mark, cells in zip(fix.cells["row"], _marks(fix), _cells(fix, own), strict=True):
        if cells == was.get(mark):
            continue
        place = places.find(mark, SHEET_FIX, row)
        if cells == now[place] or not any(text for text, _, _ in cells):
            continue
        if now[place] != was.get(mark):
            raise _edited_twice(fix, row, table, place, _differing(own, cells, now[place]))
        edits[place] = cells
    if not edits:
        return table
    for number, header in enumerate(own):
        changes = {place: cells[number] for place, cells in edits.items()}
        table = _with_changes(table, table.headers.index(header), changes)
    count = f"{len(edits)} row{'' if len(edits) == 1 else 's'}"
    note = f"{count} edited on sheet “{SHEET_FIX}” {'is' if len(edits) == 1 else 'are'} taken."
    return replace(table, notes=(*table.notes, note))


def _refuse_other_purchases(table: Table, places: _Places, doubt: Table) -> None:
    """Refuse a word on `In doubt` where that row's cells are not those of `Results`.

    A person looks up what the sheet shows. Where some of its columns were sorted without the
    others, the word would settle a purchase that nobody looked at.
    """
    own = [name for name in table.headers if result_column(name) is None and name in doubt.headers]
    said = _index(doubt, PEOPLES_COLUMNS[0])
    if said is None or not own:
        return
    now, words = _cells(table, own), _texts(doubt, said)
    rows = zip(doubt.cells["row"], _marks(doubt), words, _cells(doubt, own), strict=True)
    for row, mark, word, cells in rows:
        if not word:
            continue
        place = places.find(mark, SHEET_DOUBT, row)
        if cells != now[place]:
            raise _other_purchase(row, table, place, _differing(own, cells, now[place]))


def _take_words(table: Table, places: _Places, sheet: Table) -> Table:
    """Return the table with what was written into the columns that people fill in."""
    for column in PEOPLES_COLUMNS:
        source, target = _index(sheet, column), _index(table, column)
        if source is None:
            continue
        if target is None:
            raise _lacks(table, SHEET_RESULTS, column)
        now = _texts(table, target)
        changes: dict[int, Cell] = {}
        for row, mark, text in zip(
            sheet.cells["row"], _marks(sheet), _texts(sheet, source), strict=True
        ):
            if not text:
                continue
            place = places.find(mark, str(sheet.sheet), row)
            if now[place] and now[place] != text:
                raise _edited_twice(sheet, row, table, place, [column])
            changes[place] = (text, "text", None)
        table = _with_changes(table, target, changes)
    return table


def _with_changes(table: Table, index: int, changes: Mapping[int, Cell]) -> Table:
    column = _column(table, index)
    for place, cell in changes.items():
        column[place] = cell
    shown = currency_name(index)
    changed = pl.DataFrame(
        column,
        schema={cell_name(index): pl.String, kind_name(index): CELL_KIND, shown: pl.String},
        orient="row",
    )
    if shown not in table.cells.columns and changed[shown].null_count() == changed.height:
        changed = changed.drop(shown)
    return replace(table, cells=table.cells.with_columns(changed.get_columns()))


def _column(table: Table, index: int) -> list[Cell]:
    shown = currency_name(index)
    currency = pl.col(shown) if shown in table.cells.columns else pl.lit(None, pl.String)
    return table.cells.select(cell_name(index), kind_name(index), currency.alias("shown")).rows()


def _marks(table: Table) -> list[RowMark]:
    found = []
    for column in ("keen_row", "keen_idempotency_key"):
        index = _index(table, column)
        if index is None:
            raise _lacks(table, str(table.sheet), column)
        found.append(_texts(table, index))
    return list(zip(*found, strict=True))


def _cells(table: Table, own: Sequence[str]) -> list[Cells]:
    columns = []
    for header in own:
        if header not in table.headers:
            raise _lacks(table, str(table.sheet), header)
        index = table.headers.index(header)
        columns.append([cell if cell[0] else (None, None, None) for cell in _column(table, index)])
    return list(zip(*columns, strict=True))


def _texts(table: Table, index: int) -> list[str | None]:
    texts: list[str | None] = table.cells[cell_name(index)].str.strip_chars().to_list()
    return [text or None for text in texts]


def _index(table: Table, column: str) -> int | None:
    return next((i for i, name in enumerate(table.headers) if result_column(name) == column), None)


def _lacks(table: Table, sheet: str, column: str) -> SourceError:
    return SourceError(
        f"Sheet “{sheet}” of {table.name} has no column “{column}” any more.",
        f"Put it back, or say which sheet alone is to be imported: --sheet {SHEET_RESULTS}.",
        code="sheets-disagree",
    )


def _differing(own: Sequence[str], here: Cells, there: Cells) -> list[str]:
    cells = zip(own, here, there, strict=True)
    return [header for header, one, other in cells if one != other]


def _other_purchase(row: int, results: Table, place: int, columns: Sequence[str]) -> SourceError:
    differing = ", ".join(f"“{column}”" for column in columns)
    return SourceError(
        f"Row {row} of sheet “{SHEET_DOUBT}” of {results.name} has the keen_row and "
        f"keen_idempotency_key of row {results.cells['row'][place]} of “{SHEET_RESULTS}”, but "
        f"other cells ({differing}), so its keen_resolution may be meant for another purchase.",
        "Were some columns sorted without the others? Write the results anew "
        "(`importer results FILE`) and fill those in.",
        code="sheets-disagree",
    )


def _edited_twice(
    sheet: Table, row: int, results: Table, place: int, columns: Sequence[str]
) -> SourceError:
    differing = ", ".join(f"“{column}”" for column in columns)
    return SourceError(
        f"Row {row} of sheet “{sheet.sheet}” of {results.name} and row "
        f"{results.cells['row'][place]} of “{SHEET_RESULTS}” are the same row; both were edited, "
        f"and differ in {differing}.",
        f'Make them equal, or say which sheet alone is to be imported: --sheet "{sheet.sheet}" or '
        f"--sheet {SHEET_RESULTS}.",
        code="sheets-disagree",
    )
