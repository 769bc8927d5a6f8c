"""A table and the results of its rows → one results file, whole or not at all.

Touches the file and its folder. `results_workbook.py` writes the Excel kind.
"""

from __future__ import annotations

import csv
import io
from itertools import chain
from typing import TYPE_CHECKING, Final, Protocol

import polars as pl

from importer.errors import ResultsError
from importer.model import RESULT_COLUMNS, result_column
from importer.neutral import neutralise, neutralise_column
from importer.reader.table import cell_name, kind_name
from importer.reconciler.atomic import write_atomically
from importer.reconciler.results_path import results_format
from importer.reconciler.results_typing import retype

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from importer.reader.pieces import Pieces
    from importer.reader.table import Table
    from importer.reconciler.background import Background

UTF8_BOM: Final = b"\xef\xbb\xbf"  # without it Excel reads UTF-8 as the local code page
LINE_END: Final = "\r\n"  # RFC 4180
PART_ROWS: Final = 20_000
"""Rows whose texts are in memory at once, unless they go into a workbook."""


class Results(Protocol):
    """One result for each row of a table, in the same order: a frame, or made when asked for.

    `row` UInt32, `status`, `purchase_id`, `error_code`, `error` String, `http_status` Int32,
    `attempts` UInt32, `idempotency_key` String, `sent_at` Datetime("us", "UTC"), `resolution`
    String.
    """

    @property
    def height(self) -> int:
        """How many rows there are."""

    def slice(self, begin: int, length: int, /) -> pl.DataFrame:
        """Return the results of so many rows from that place on."""


def write_results(
    path: Path, table: Pieces, results: Results, background: Background | None = None
) -> Path:
    """Write the input's own columns and the ten `keen_*` ones; return the file really written.

    The ending of `path` chooses the format; the values of the input's own columns are its texts.
    CSV: the input's delimiter (a comma for a workbook), UTF-8 with BOM, CRLF, formulas made
    harmless as `importer.neutral` says. XLSX: see `write_workbook`; with a `background` it has
    the sheets for people, and amounts and dates of a CSV file are retyped. JSONL: one object a
    row, own columns as text or null under their headers, which the reader has proven to differ.
    `keen_sent_at` is text in UTC, to the second.

    Raises ResultsError where the rows do not match or the file cannot be written (code
    `results-unwritten`; the file that was there is untouched then).
    """
    own = [i for i, header in enumerate(table.about.headers) if result_column(header) is None]
    headers = [table.about.headers[i] for i in own]
    file_format = results_format(path)

    def write(temporary: Path) -> None:
        frames = _pair(table, results, own)
        if file_format == "csv":
            _write_csv(temporary, headers, frames, table.about.delimiter or ",")
        elif file_format == "jsonl":
            _write_jsonl(temporary, [*headers, *RESULT_COLUMNS], frames)
        else:
            # openpyxl takes a tenth of a second, which a job of CSV files need not spend.
            from importer.reconciler.results_workbook import write_workbook  # noqa: PLC0415

            typed, kinds = _typed(table.whole(), pl.concat(frames), own, background)
            write_workbook(temporary, [*headers, *RESULT_COLUMNS], typed, kinds, background)

    try:
        return write_atomically(path, write)
    except OSError as error:
        raise ResultsError(
            f"The results could not be written to {path}: {error.strerror or error}.",
            "Nothing is lost: the ledger knows every row. Make room or choose another place.",
            code="results-unwritten",
        ) from error


def _pair(table: Pieces, results: Results, own: list[int]) -> Iterator[pl.DataFrame]:
    """Yield the own columns and the `keen_*` ones, a part at a time; at least the columns."""
    begin = 0
    parts = (part for piece in table for part in piece.cells.iter_slices(PART_ROWS))
    for cells in chain([table.about.cells], parts):
        part = results.slice(begin, cells.height)
        begin += cells.height
        if not part["row"].equals(cells["row"]):
            raise _mismatch(table, results)
        yield cells.select([cell_name(i) for i in own]).hstack(_keen_columns(part))
    if begin != results.height:
        raise _mismatch(table, results)


def _mismatch(table: Pieces, results: Results) -> ResultsError:
    return ResultsError(
        f"The results of {results.height:,} rows do not match the {table.height:,} rows "
        f"of {table.about.name}.",
        "This is a bug: the ledger is whole, please report it.",
        code="results-mismatch",
    )


def _typed(
    table: Table, frame: pl.DataFrame, own: list[int], background: Background | None
) -> tuple[pl.DataFrame, dict[str, pl.Series]]:
    """Return the frame, and the kinds of those of its columns that are not mere text."""
    if table.has_kinds:
        return frame, {cell_name(i): table.cells[kind_name(i)] for i in own}
    if background is None:
        return frame, {}
    return retype(frame, background.rows, background.fields, background.timezone)


def _keen_columns(results: pl.DataFrame) -> pl.DataFrame:
    sent_at = pl.col("sent_at").dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    columns = results.with_columns(sent_at)
    return columns.select(pl.col(name.removeprefix("keen_")).alias(name) for name in RESULT_COLUMNS)


def _write_csv(
    path: Path, headers: list[str], frames: Iterable[pl.DataFrame], delimiter: str
) -> None:
    """Write the header by hand: a frame's columns need other names than people give theirs."""
    line = io.StringIO()
    names = [neutralise(header) for header in headers]
    csv.writer(line, delimiter=delimiter, lineterminator=LINE_END).writerow(
        [*names, *RESULT_COLUMNS]
    )
    with path.open("wb") as file:
        file.write(UTF8_BOM + line.getvalue().encode())
        for frame in frames:
            frame.with_columns(neutralise_column(pl.col(pl.String))).write_csv(
                file, include_header=False, separator=delimiter, line_terminator=LINE_END
            )


def _write_jsonl(path: Path, names: list[str], frames: Iterable[pl.DataFrame]) -> None:
    with path.open("wb") as file:
        for frame in frames:
            frame.rename(dict(zip(frame.columns, names, strict=True))).write_ndjson(file)
