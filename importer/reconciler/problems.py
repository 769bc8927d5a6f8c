"""A file's faulty rows → a file of these rows alone, to be corrected and imported in their place.

Touches that file and its folder. What a person may have corrected already is never overwritten.
"""

from __future__ import annotations

import os
import zipfile
from dataclasses import replace
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import polars as pl

from importer.errors import ResultsError
from importer.model import PurchaseField
from importer.reader.faults import FaultCode
from importer.reader.pieces import Pieces
from importer.reader.refused_currencies import spell_out
from importer.reader.table import CELL_KIND, cell_name, kind_name
from importer.reconciler.reconciler import invalid_results
from importer.reconciler.results import write_results

if TYPE_CHECKING:
    from importer.config import FormatSection
    from importer.reader.reader import Reading
    from importer.reader.table import Table

_AMBIGUOUS: Final = (FaultCode.AMBIGUOUS_AMOUNT, FaultCode.AMBIGUOUS_DATE)


def keep_problems(beside: Path, reading: Reading, layout: FormatSection) -> str | None:
    """Write the faulty rows beside the input, and return what to tell people of it.

    None where no row is invalid. A folder that cannot be written to is no reason to stop.
    """
    try:
        written = write_problems(beside, reading, layout)
    except (OSError, ResultsError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or error
        return f"The rows with faults could not be written beside {beside.name}: {why}"
    if written is None:
        return None
    return (
        f"The rows with faults are in {written.name}, each with what is wrong. Correct them there "
        "and import that file too, or correct them in the original."
    )


def write_problems(beside: Path, reading: Reading, layout: FormatSection) -> Path | None:
    """Write `<stem>.problems.csv` (.xlsx for a workbook) beside the input; return where it is.

    It has the invalid rows with the input's columns, and the `keen_*` ones that say what is wrong.
    None where no row is invalid. A file of that name with other content stays, and the next free
    name is taken. Raises OSError or ResultsError where it cannot be written.
    """
    results = invalid_results(reading.rows, reading.faults).with_columns(
        pl.lit(None, dtype=pl.String).alias("resolution")
    )
    if results.is_empty():
        return None
    table = _spell_out(_faulty_rows(reading), reading, layout)
    ending = ".xlsx" if table.has_kinds else ".csv"
    first = beside.with_name(f"{beside.stem}.problems{ending}")
    names = chain([first], (first.with_stem(f"{first.stem}-{n}") for n in count(2)))
    with TemporaryDirectory(prefix=".problems-", dir=beside.parent) as folder:
        draft = write_results(Path(folder) / first.name, Pieces.of(table), results)
        for path in names:
            if not os.path.lexists(path):
                break
            if path.is_file() and _content(path) == _content(draft):
                return path
        return draft.rename(path)


def _faulty_rows(reading: Reading) -> Table:
    """Return the table with nothing but its invalid rows."""
    invalid = reading.rows.filter(~pl.col("valid"))["row"].implode()
    kept = [piece.cells.filter(pl.col("row").is_in(invalid)) for piece in reading.table]
    return replace(reading.table.about, cells=pl.concat(kept))


def _spell_out(table: Table, reading: Reading, layout: FormatSection) -> Table:
    """Return the table of the invalid rows, sound amounts and dates spelt to speak for themselves.

    `03/04/2026` may have been proven by rows that are not in the new file. What could not be read
    in one way shows its two readings there, and is refused until a person takes one of them away:
    beside an amount that was spelt out, or without the cell that made it doubtful, it would pass.
    """
    cells, rows = table.cells, reading.rows.filter(~pl.col("valid"))
    spelt = {
        PurchaseField.PURCHASE_AMOUNT: spell_out(pl.col("purchase_amount"), layout.decimal),
        PurchaseField.DATE: pl.col("date").dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ"),
    }
    for field, text in spelt.items():
        index = reading.columns.fields.get(field)
        if index is None:
            continue
        name, kind = cell_name(index), kind_name(index)
        texts = rows.select(text.alias(name))[name]
        if table.has_kinds:  # numbers and dates of a workbook are certain as they are
            texts = texts.zip_with(cells[kind] == "text", pl.Series([None], dtype=pl.String))
        cells = cells.with_columns(pl.coalesce(texts, name).alias(name))
        both = _readings(cells["row"], reading.faults, index)
        cells = cells.with_columns(pl.coalesce(both, name).alias(name))
        if table.has_kinds:
            told = pl.when(both.is_not_null()).then(pl.lit("text", CELL_KIND)).otherwise(kind)
            cells = cells.with_columns(told.alias(kind))
    return replace(table, cells=cells)


def _readings(rows: pl.Series, faults: pl.DataFrame, index: int) -> pl.Series:
    """Return both readings of each ambiguous cell of a column, null of the others."""
    ambiguous = faults.filter(pl.col("code").is_in(_AMBIGUOUS), pl.col("index") == index)
    return rows.replace_strict(
        ambiguous["row"], ambiguous["detail"], default=None, return_dtype=pl.String
    ).alias(cell_name(index))


def _content(path: Path) -> object:
    """Return what of a file counts; a workbook also says when it was saved."""
    if path.suffix != ".xlsx" or not zipfile.is_zipfile(path):
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        return {
            name: archive.read(name)
            for name in archive.namelist()
            if not name.startswith("docProps/")
        }
