"""A CSV file → a Table, or a refusal that names the rows. Reads the file.

`encoding` and `delimiter` say how its text is to be taken, `plain_lines` reads what proves itself
line by line, and `records` reads and judges all the rest.
"""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Final

import polars as pl

from importer.errors import SourceError, UsageError
from importer.reader.delimiter import declared_delimiter, sniff_delimiter, split_sample
from importer.reader.encoding import FALLBACK, find_encoding
from importer.reader.header_row import SEARCHED_ROWS, find_header_row
from importer.reader.headers import name_columns
from importer.reader.plain_lines import read_plain_lines
from importer.reader.records import Records
from importer.reader.table import Table, cell_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_SAMPLE_LINES: Final = 200
_BATCH_ROWS: Final = 50_000


def read_delimited(
    path: Path,
    name: str,
    *,
    header_row: int | None,
    fallback: str = FALLBACK,
    delimiter: str = "auto",
    is_header: Callable[[Sequence[str | None]], bool] | None = None,
) -> Table:
    """Return the data rows of the CSV at `path`; `name` is what messages call it.

    Row numbers are those of a spreadsheet: a record with line breaks in quotes is one row, a
    blank line is one too, and a first line `sep=;` is none. `fallback` is the encoding of what is
    not Unicode, `delimiter` is one of delimiter.CANDIDATES or `auto`; `is_header` says whether a
    row names the columns. Raises SourceError on every record whose cells cannot be told apart for
    certain, UsageError where `header_row` is not there.
    """
    encoding, notes = find_encoding(path, name, fallback)
    with path.open(encoding=encoding, newline="") as stream:
        sample = list(islice(stream, _SAMPLE_LINES))
        declared = declared_delimiter(sample[0]) if sample else None
        skipped = 1 if declared else 0
        lines = sample[skipped:]
        if delimiter == "auto":
            delimiter = declared or sniff_delimiter(lines, header_row, is_header)
        sought = header_row or _find_header_row(name, lines, delimiter, is_header)
        records = Records(chain(lines, stream), delimiter, skipped, name)
        header_at, header = _find_header(records, name, sought)
        cells = None
        if records.lines_read <= len(sample) and not records.has_faults:
            above = "".join(sample[: records.lines_read])
            cells = read_plain_lines(
                path, encoding, delimiter, len(header), above=above, row=header_at + 1
            )
        if cells is None:
            cells = _read_cells(records, len(header))
    headers, positions, cells = name_columns(name, header, cells)
    if sought is not None and header_at > 1:
        notes += (f"Rows 1 to {header_at - 1} of {name} stand above the header and are left out.",)
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


def _find_header_row(
    name: str,
    lines: Sequence[str],
    delimiter: str,
    is_header: Callable[[Sequence[str | None]], bool] | None,
) -> int | None:
    """Return the row of the header where title lines stand above it, else None."""
    if is_header is None:
        return None
    rows = islice(split_sample(lines, delimiter), SEARCHED_ROWS)
    found = find_header_row(name, rows, is_header)
    first = next((row for row, _ in split_sample(lines, delimiter)), None)
    return None if found == first else found


def _find_header(records: Records, name: str, header_row: int | None) -> tuple[int, list[str]]:
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


def _read_cells(records: Records, width: int) -> pl.DataFrame:
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
