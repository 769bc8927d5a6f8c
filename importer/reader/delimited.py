"""A CSV file → a Table in pieces, or a refusal that names the rows. Reads and writes files.

`encoding` and `delimiter` say how its text is to be taken, `plain_lines` reads what proves itself
line by line, and `records` reads and judges all the rest.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

import polars as pl

from importer.errors import ImporterError, SourceError, UsageError
from importer.reader.delimiter import declared_delimiter, sniff_delimiter, split_sample
from importer.reader.encoding import FALLBACK, find_encoding, is_unicode, mark_of
from importer.reader.header_row import SEARCHED_ROWS, find_header_row, tell_above
from importer.reader.headers import name_columns
from importer.reader.pieces import PIECE_ROWS, Spool
from importer.reader.plain_lines import read_plain_lines
from importer.reader.records import Records
from importer.reader.table import Table, cell_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import TextIO

    from importer.reader.pieces import Pieces

_SAMPLE_LINES: Final = 200
_PIECE_CELLS: Final = 4_000_000
"""Excel saves a stray format in its last column as 16,384 cells of every row."""
_LONGEST_LINE: Final = 4 << 20
"""Characters. 150 MB of cells in one line took 3.4 GB and two minutes to be refused."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is known of a file before it is read."""

    path: Path
    name: str
    header_row: int | None
    delimiter: str
    is_header: Callable[[Sequence[str | None]], bool] | None


@dataclass(frozen=True, slots=True)
class _Rows:
    """How the rows of a file were read, before anybody looks at the names of their columns."""

    encoding: str
    delimiter: str
    header_at: int
    header: list[str]
    below_titles: bool


def read_delimited(
    path: Path,
    name: str,
    *,
    header_row: int | None,
    fallback: str = FALLBACK,
    delimiter: str = "auto",
    is_header: Callable[[Sequence[str | None]], bool] | None = None,
) -> Pieces:
    """Return the data rows of the CSV at `path`; `name` is what messages call it.

    Their cells wait in a folder beside it. Row numbers are those of a spreadsheet: a record with
    line breaks in quotes is one row, a blank line is one too, and a first line `sep=;` is none.
    `fallback` is the encoding of what is not Unicode, `delimiter` is one of delimiter.CANDIDATES
    or `auto`; `is_header` says whether a row names the columns. Raises SourceError on every record
    whose cells cannot be told apart for certain, UsageError where `header_row` is not there.
    """
    asked = _Asked(path, name, header_row, delimiter, is_header)
    spool = Spool(path.parent)
    notes: tuple[str, ...] = ()
    rows = _read_unseen(asked, spool)
    if rows is None:
        encoding, notes = find_encoding(path, name, fallback)
        if not is_unicode(encoding):  # else the lines have just proven that they are not plain
            rows = _read_rows(encoding, asked, spool, plainly=True)
        rows = rows or _read_rows(encoding, asked, spool, plainly=False)
        assert rows is not None  # noqa: S101 - record by record there are rows, or an error
    headers, positions, take_named = name_columns(name, rows.header, spool)
    at = rows.header_at
    if rows.below_titles and at > 1:
        notes += (tell_above(at, name),)
    columns = {cell_name(index): pl.String() for index in range(len(rows.header))}
    about = Table(
        name=name,
        format="csv",
        headers=headers,
        cells=pl.DataFrame(schema={"row": pl.UInt32(), **columns}),
        header_row=at,
        encoding=rows.encoding,
        delimiter=rows.delimiter,
        notes=notes,
        positions=positions,
    )
    return spool.pieces(about).map(lambda piece: replace(piece, cells=take_named(piece.cells)))


def _read_unseen(asked: _Asked, spool: Spool) -> _Rows | None:
    """Read a file of plain lines in UTF-8 before anybody has proven its encoding.

    The plain lines prove that on the way. Whatever is wrong is left to those who can say what.
    """
    with suppress(ImporterError, UnicodeDecodeError):
        return _read_rows(mark_of(asked.path) or "utf-8", asked, spool, plainly=True)
    return None


def _read_rows(encoding: str, asked: _Asked, spool: Spool, *, plainly: bool) -> _Rows | None:
    """Read what stands in the file into `spool`; None where that cannot be done `plainly`."""
    spool.clear()
    with asked.path.open(encoding=encoding, newline="") as stream:
        whole = _lines(stream, asked.name)
        sample = list(islice(whole, _SAMPLE_LINES))
        declared = declared_delimiter(sample[0]) if sample else None
        skipped = 1 if declared else 0
        lines = sample[skipped:]
        delimiter = asked.delimiter
        if delimiter == "auto":
            delimiter = declared or sniff_delimiter(lines, asked.header_row, asked.is_header)
        sought = asked.header_row or _find_header_row(asked, lines, delimiter)
        records = Records(chain(lines, whole), delimiter, skipped, asked.name)
        header_at, header = _find_header(records, asked.name, sought)
        width = len(header)
        if plainly:
            if records.lines_read > len(sample) or records.has_faults:
                return None
            above, row = "".join(sample[: records.lines_read]), header_at + 1
            if not read_plain_lines(
                asked.path, encoding, delimiter, width, spool, above=above, row=row
            ):
                return None
        else:
            _read_cells(records, width, spool)
    return _Rows(encoding, delimiter, header_at, header, sought is not None)


def _lines(stream: TextIO, name: str) -> Iterator[str]:
    """Yield the lines with their ends; raise SourceError where one is longer than any row."""
    number = 0
    while line := stream.readline(_LONGEST_LINE + 1):
        number += 1
        if len(line) > _LONGEST_LINE:
            raise SourceError(
                f"{name} has a line of more than {_LONGEST_LINE:,} characters (line {number} of "
                "the text), longer than any row of a spreadsheet.",
                "Export it again as CSV, with one line for each row.",
                code="broken-structure",
            )
        yield line


def _find_header_row(asked: _Asked, lines: Sequence[str], delimiter: str) -> int | None:
    """Return the row of the header where title lines stand above it, else None."""
    if asked.is_header is None:
        return None
    rows = islice(split_sample(lines, delimiter), SEARCHED_ROWS)
    found = find_header_row(asked.name, rows, asked.is_header)
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


def _read_cells(records: Records, width: int, spool: Spool) -> None:
    """Read the rest of the records into `spool`; raise SourceError where any of them is ragged."""
    most = max(1, min(PIECE_ROWS, _PIECE_CELLS // width))
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
        if len(batch) == most:
            spool.add(_frame(rows, batch, width))
            rows, batch = [], []
    spool.add(_frame(rows, batch, width))
    records.refuse_faults()


def _frame(rows: list[int], batch: list[list[str]], width: int) -> pl.DataFrame:
    columns = zip(*batch, strict=True) if batch else ((),) * width
    texts = [pl.Series(cell_name(i), texts, pl.String) for i, texts in enumerate(columns)]
    filled = [
        pl.when(pl.col(text.name) != "").then(pl.col(text.name)).alias(text.name) for text in texts
    ]
    return pl.DataFrame([pl.Series("row", rows, pl.UInt32), *texts]).with_columns(filled)
