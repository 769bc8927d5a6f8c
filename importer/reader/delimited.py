"""A CSV file → a Table, or a refusal that names the rows. Reads the file.

Structure is proven record by record with `csv.reader(strict=True)`: faster readers pad short rows
and shift long ones without a word, and a file cut at `…,Tea,1` would import an amount of 1.
"""

from __future__ import annotations

import csv
import re
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

import polars as pl

from importer.errors import SourceError, UsageError
from importer.reader.delimiter import declared_delimiter, sniff_delimiter
from importer.reader.encoding import find_encoding
from importer.reader.headers import name_columns
from importer.reader.table import Table, cell_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_SAMPLE_LINES: Final = 200
_BATCH_ROWS: Final = 50_000
_FAULTS_SHOWN: Final = 5


def read_delimited(path: Path, name: str, *, header_row: int | None) -> Table:
    """Return the data rows of the CSV at `path`; `name` is what messages call it.

    Row numbers are those of a spreadsheet: a record with line breaks in quotes is one row, a
    blank line is one too, and a first line `sep=;` is none. Raises SourceError on every record
    whose cells cannot be told apart for certain, UsageError where `header_row` is not there.
    """
    encoding, notes = find_encoding(path, name)
    with path.open(encoding=encoding, newline="") as stream:
        sample = list(islice(stream, _SAMPLE_LINES))
        delimiter = declared_delimiter(sample[0]) if sample else None
        skipped = 1 if delimiter else 0
        lines = sample[skipped:]
        delimiter = delimiter or sniff_delimiter(lines, header_row)
        records = _Records(chain(lines, stream), delimiter, skipped, name)
        header_at, header = _find_header(records, name, header_row)
        cells = _read_cells(records, len(header))
    headers, positions, cells = name_columns(name, header, cells)
    if header_row is not None and header_at > 1:
        notes += (f"Rows 1 to {header_at - 1} of {name} stand above the header and are left out.",)
    if not records.ends_with_newline:
        notes += (f"The last line of {name} has no line break: make sure that it is complete.",)
    return Table(
        name=name,
        format="csv",
        headers=headers,
        cells=cells,
        header_row=header_at,
        encoding=encoding,
        delimiter=delimiter,
        notes=notes,
        positions=positions,
    )


def _find_header(records: _Records, name: str, header_row: int | None) -> tuple[int, list[str]]:
    for row, fields in records.rows:
        if row == (header_row or row):
            return row, fields
        if row > (header_row or row):
            break
    records.refuse_faults()
    if header_row is not None:
        raise UsageError(
            f"{name} has no header in row {header_row}: "
            f"{'that row is blank' if records.row >= header_row else 'it ends before'}.",
            "Say --header-row with the number of the row that names the columns.",
        )
    raise SourceError(
        f"{name} holds nothing but blank lines.", "Export it again.", code="empty-file"
    )


def _read_cells(records: _Records, width: int) -> pl.DataFrame:
    """Read the rest of the records into a frame; raise SourceError where any of them is ragged."""
    frames = []
    rows: list[int] = []
    batch: list[list[str]] = []
    for row, fields in records.rows:
        if len(fields) != width:
            records.add_fault(
                f"has {len(fields)} cell{'s' * (len(fields) > 1)} where the header has {width}"
            )
            continue
        rows.append(row)
        batch.append(fields)
        if len(batch) == _BATCH_ROWS:
            frames.append(_frame(rows, batch, width))
            rows, batch = [], []
    frames.append(_frame(rows, batch, width))
    records.refuse_faults()
    return pl.concat(frames)


def _frame(rows: list[int], batch: list[list[str]], width: int) -> pl.DataFrame:
    columns = zip(*batch, strict=True) if batch else ((),) * width
    texts = [pl.Series(cell_name(i), texts, pl.String) for i, texts in enumerate(columns)]
    filled = [
        pl.when(pl.col(text.name) != "").then(pl.col(text.name)).alias(text.name) for text in texts
    ]
    return pl.DataFrame([pl.Series("row", rows, pl.UInt32), *texts]).with_columns(filled)


class _Records:
    """The records of a file that are not blank, one after the other, and their faults."""

    def __init__(self, lines: Iterable[str], delimiter: str, skipped: int, name: str) -> None:
        """Take the lines as they stand in the file, of which `skipped` came before these."""
        self.row = 0
        """The row of the record that was read last, blank ones counted."""
        self.ends_with_newline = True
        self._name = name
        self._faults: list[str] = []
        self._fault_count = 0
        self._delimiter = delimiter
        self._skipped = skipped
        self._raw: list[str] = []
        self._reader = csv.reader(self._remember(lines), delimiter=delimiter, strict=True)
        self.rows = self._read()

    def add_fault(self, fault: str) -> None:
        """Record what is wrong with the record that was read last."""
        self._fault_count += 1
        if len(self._faults) < _FAULTS_SHOWN:
            line = self._reader.line_num - len(self._raw) + 1 + self._skipped
            place = f"row {self.row}" + (f" (line {line} of the text)" if line != self.row else "")
            self._faults.append(f"{place} {fault}")

    def refuse_faults(self) -> None:
        """Raise SourceError where a record so far had a fault, naming the first few."""
        if not self._fault_count:
            return
        more = self._fault_count - len(self._faults)
        raise SourceError(
            f"The structure of {self._name} is broken: {'; '.join(self._faults)}"
            f"{f'; and {more} more' if more else ''}.",
            "Correct these rows and run again: every row needs as many cells as the header, and a "
            "cell with a delimiter, a line break or a quotation mark in it has to stand in "
            "quotation marks, those inside doubled.",
            code="broken-structure",
        )

    def _remember(self, lines: Iterable[str]) -> Iterator[str]:
        line = "\n"
        for line in lines:
            self._raw.append(line)
            yield line
        self.ends_with_newline = line.endswith(("\n", "\r"))

    def _read(self) -> Iterator[tuple[int, list[str]]]:
        plain = rf'"(?:[^"]|"")*+"|[^"\r\n{self._delimiter}]*+'
        proper = re.compile(rf"(?:{plain})(?:[{self._delimiter}](?:{plain}))*+[\r\n]*+")
        try:
            for fields in self._reader:
                self.row += 1
                text = "".join(fields)
                # `csv` takes `5" pipe` as it stands, so look at the line itself; a quotation mark
                # that a cell may not hold always shows in its text.
                if '"' in text and not proper.fullmatch("".join(self._raw)):
                    self.add_fault("has a quotation mark in a cell that does not begin with one")
                elif text and not text.isspace():
                    yield self.row, fields
                self._raw.clear()
        except csv.Error as error:
            self.row += 1
            self.add_fault(_translate(str(error)))


def _translate(error: str) -> str:
    """Say what a message of the csv module means; anything else stays as it is."""
    if "unexpected end of data" in error:
        return "opens a quotation mark that is never closed"
    if "field larger than field limit" in error:
        limit = csv.field_size_limit()
        return (
            f"has a cell of more than {limit:,} characters; most likely it opens a quotation mark "
            "that is never closed"
        )
    if "expected after" in error:
        return "goes on after a closing quotation mark where the next cell should begin"
    return f"cannot be read ({error})"
