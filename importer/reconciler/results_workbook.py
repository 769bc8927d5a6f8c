"""Results, and what a person needs beside them → an Excel workbook. Touches the file it is given.

Sheets: `Results`; `To fix` and `In doubt` where there are such rows; `Summary`; and, hidden, the
rows of `To fix` as they were written, by which reader/results_book.py tells what a person edited.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl
from openpyxl import Workbook

from importer.errors import ResultsError
from importer.model import LANDS_WITHIN, RESULT_COLUMNS, PurchaseField
from importer.model import RowStatus as Status
from importer.reader.book_sheets import SHEET_AS_WRITTEN, SHEET_DOUBT, SHEET_FIX, SHEET_RESULTS
from importer.reader.table import cell_name
from importer.reconciler.next_steps import TO_FIX
from importer.reconciler.results_layout import Grid, write_grid
from importer.reconciler.results_path import MAX_WORKBOOK_ROWS
from importer.reconciler.results_summary import write_summary

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from importer.reconciler.background import Background

MAX_COLUMNS: Final = 16_384
_FIX_FIRST: Final = ("keen_row", "keen_status", "keen_error")
_FIX_LAST: Final = ("keen_resolution", "keen_error_code", "keen_idempotency_key")
_DOUBT_FIRST: Final = ("keen_row",)
_DOUBT_LAST: Final = (
    "keen_sent_at",
    "keen_error",
    "look_for",
    "keen_resolution",
    "keen_purchase_id",
    "keen_idempotency_key",
)
_DOUBT_FIELDS: Final = ("lead_id", "product_name", "purchase_amount", "date")
_WORDS: Final = {
    SHEET_RESULTS: ("created", "not created", "send"),
    SHEET_FIX: ("send",),
    SHEET_DOUBT: ("created", "not created"),
}


def write_workbook(
    path: Path,
    headers: list[str],
    frame: pl.DataFrame,
    kinds: Mapping[str, pl.Series],
    background: Background | None = None,
) -> None:
    """Write `Results` and, with a background, the other sheets.

    `frame` has the own columns (`cell_0`, …) and the ten of RESULT_COLUMNS, `headers` their names.
    `kinds` gives the CELL_KIND of each cell of a column: numbers, dates, times, booleans and
    errors are written as such. All other text is text, never a formula, also when a person edits
    it, and stays as it was but for the rare one that `importer.neutral.protect` has to keep from
    the reader's `undo`. Control characters are written as Excel's `_xHHHH_`. A text beyond Excel's
    32,767 characters is cut and ends in `… [cut: N characters]` with its true length; CSV and
    JSONL results hold it whole.

    Raises ResultsError where a sheet has too few rows or columns, OSError where it cannot write.
    """
    if frame.height >= MAX_WORKBOOK_ROWS or frame.width > MAX_COLUMNS:
        raise ResultsError(
            f"{frame.height:,} rows with {frame.width:,} columns do not fit on one Excel sheet.",
            "Nothing is lost: write the results under a name in .csv.",
            code="results-too-long",
        )
    workbook = Workbook(write_only=True)
    names = dict(zip(frame.columns, headers, strict=True))
    amount = _column(background, "purchase_amount")
    whole = Grid(frame, names, kinds, amount=amount, words=_WORDS[SHEET_RESULTS])
    write_grid(workbook, SHEET_RESULTS, whole)
    if background is not None:
        fix = _to_fix(whole, background)
        doubt = _in_doubt(whole, background)
        if fix.frame.height:
            write_grid(workbook, SHEET_FIX, fix)
        if doubt.frame.height:
            write_grid(workbook, SHEET_DOUBT, doubt)
        write_summary(workbook, background.summary)
        if fix.frame.height:
            write_grid(workbook, SHEET_AS_WRITTEN, _as_written(fix), hidden=True)
    workbook.save(path)


def _to_fix(whole: Grid, background: Background) -> Grid:
    """Return the rows that a person can put right, the faulty cells marked."""
    kept = whole.frame["keen_status"].is_in(TO_FIX)
    own = [name for name in whole.frame.columns if name not in RESULT_COLUMNS]
    marks = {
        (row, cell_name(index)): message
        for row, index, message in background.faults.select("row", "index", "message").iter_rows()
    }
    return whole.part(
        kept,
        (*_FIX_FIRST, *own, *_FIX_LAST),
        words=_WORDS[SHEET_FIX],
        marks=marks,
        wrapped=("keen_error",),
    )


def _as_written(fix: Grid) -> Grid:
    own = [name for name in fix.frame.columns if name not in RESULT_COLUMNS]
    columns = ("keen_row", *own, "keen_idempotency_key")
    return fix.part(pl.repeat(True, fix.frame.height, eager=True), columns)


def _in_doubt(whole: Grid, background: Background) -> Grid:
    """Return the rows that were sent and not proven, with what to look for in Keen."""
    kept = whole.frame["keen_status"] == Status.IN_DOUBT.value
    shown = [column for field in _DOUBT_FIELDS if (column := _column(background, field))]
    told = whole.with_column("look_for", "Look for in Keen", _look_for(whole.frame, background))
    columns = dict.fromkeys((*_DOUBT_FIRST, *shown, *_DOUBT_LAST))
    return told.part(
        kept,
        tuple(columns),
        words=_WORDS[SHEET_DOUBT],
        wrapped=("keen_error", "look_for"),
        inviting=("keen_resolution", "keen_purchase_id"),
    )


def _look_for(frame: pl.DataFrame, background: Background) -> pl.Series:
    """Return a sentence for each row: which purchase would be there if the request had landed."""
    parts = [
        (before, column)
        for before, field in (
            ("a purchase of lead ", "lead_id"),
            (", product ", "product_name"),
            (", amount ", "purchase_amount"),
            (", dated ", "date"),
        )
        if (column := _column(background, field))
    ]
    told = [
        pl.when(pl.col(column).is_null())
        .then(pl.lit(""))
        .otherwise(pl.lit(before) + pl.col(column))
        for before, column in parts
    ]
    later = pl.lit(f" and {LANDS_WITHIN.seconds} s later")
    sent = pl.lit("; made between ") + pl.col("keen_sent_at") + later
    return frame.select(pl.concat_str(*told, sent, ignore_nulls=True).alias("look_for"))["look_for"]


def _column(background: Background | None, field: str) -> str | None:
    if background is None:
        return None
    index = background.fields.get(PurchaseField(field))
    return None if index is None else cell_name(index)
