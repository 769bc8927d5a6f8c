"""The lines below a CSV's header → their cells at full speed, where each line proves itself.

A line that matches the pattern of a record as a whole, with as many cells as the header, is that
record and no other: no quotation mark is open at its end. If every line of the file does, polars
may read it; otherwise this says so, and `records.py` reads and judges the file record by record.
So it does with bytes that the encoding cannot read, and with NUL. A property test holds the two to
the same rows. Reads the file.
"""

from __future__ import annotations

import codecs
import csv
import io
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Final

import polars as pl

from importer.reader.ahead import work_ahead
from importer.reader.table import cell_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from importer.reader.pieces import Spool

_BLOCK_BYTES: Final = 16 << 20
"""One piece of the table: smaller ones cost time, larger ones memory."""
_BLANK: Final = "^[\\s\x1c-\x1f]*$"
"""What `str.isspace` calls blank; Rust's `\\s` lacks the four separators of ASCII."""


def read_plain_lines(
    path: Path,
    encoding: str,
    delimiter: str,
    width: int,
    spool: Spool,
    *,
    above: str,
    row: int,
) -> bool:
    """Add the rows below the text `above` to `spool` as `Table.cells` has them.

    `above` is all that stands before them (with the header, without a byte order mark), `row` the
    number of the first of them, `width` the number of cells of the header. False: some line does
    not prove itself, and what is in the spool is not to be used.
    """
    if "\r" in above.replace("\r\n", "") or "\0" in above:
        return False
    read_block = partial(_read_block, delimiter=delimiter, width=width)
    with suppress(UnicodeDecodeError):
        for read in work_ahead(read_block, _blocks(path, encoding, len(above.encode()))):
            if read is None:
                return False
            lines, cells = read
            spool.add(cells.with_columns(pl.col("row") + row))
            row += lines
        return True
    return False


def _blocks(path: Path, encoding: str, skipped: int) -> Iterator[bytes]:
    """Yield the file as UTF-8 without its first `skipped` bytes, each block of whole lines.

    Bytes that are UTF-8 already are proven so when they are read. Raises UnicodeDecodeError.
    """
    with path.open("rb") as stream:
        if encoding in {"utf-8", "utf-8-sig"}:
            mark = len(codecs.BOM_UTF8) if encoding == "utf-8-sig" else 0
            yield from _whole_lines(stream, mark + skipped)
        else:
            yield from _decoded(stream, encoding, skipped)


def _whole_lines(stream: BinaryIO, at: int) -> Iterator[bytes]:
    size = _BLOCK_BYTES
    while True:
        stream.seek(at)
        block = stream.read(size)
        end = block.rfind(b"\n") + 1 if len(block) == size else len(block)
        if not block:
            return
        if end:
            yield block[:end]
            at, size = at + end, _BLOCK_BYTES
        else:
            size *= 2


def _decoded(stream: BinaryIO, encoding: str, skipped: int) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    tail = b""
    while True:
        read = stream.read(_BLOCK_BYTES)
        block = decoder.decode(read, final=not read).encode()
        dropped, skipped = block[skipped:], max(0, skipped - len(block))
        whole, newline, rest = (tail + dropped).rpartition(b"\n")
        if newline:
            yield whole + newline
        tail = rest
        if not read:
            break
    if tail:
        yield tail


def _read_block(block: bytes, delimiter: str, width: int) -> tuple[int, pl.DataFrame] | None:
    """Return the number of lines and their cells, `row` counting from 0; None where one is unsafe.

    What polars read is weighed against the block: no byte may be lost or come twice.
    """
    if b"\0" in block:
        return None
    try:
        # A line ends at LF, and loses one CR before it.
        lines = pl.read_lines(io.BytesIO(block)).to_series()
        found = _prove_lines(lines, delimiter, width)
        if found is None:
            return None
        rows, shown = found
        if len(shown) < len(lines):
            block = "\n".join(shown.to_list()).encode()
        cells = _split(block, shown, delimiter, width)
    except pl.exceptions.PolarsError:
        return None
    if cells is None:
        return None
    return len(lines), _without_blank_rows(cells.insert_column(0, rows))


def _prove_lines(
    lines: pl.Series, delimiter: str, width: int
) -> tuple[pl.Series, pl.Series] | None:
    """Return the numbers and the lines that are not blank; None where one does not prove itself."""
    plain = rf'"(?:[^"\r\n]|"")*"|[^"\r\n{delimiter}]*'
    record = rf"^(?:{plain})(?:[{delimiter}](?:{plain})){{{width - 1}}}$"
    longest = lines.str.len_bytes().max()
    if not isinstance(longest, int) or longest > csv.field_size_limit():
        return None
    proven = lines.str.contains(record)
    if proven.all() and width > 1 and delimiter != "\t":  # so no line consists of blanks alone
        return pl.int_range(len(lines), dtype=pl.UInt32, eager=True).alias("row"), lines
    filled = ~lines.str.contains(r"^[ \t]*$")
    if not (proven | ~filled).all():
        return None
    return filled.arg_true().alias("row"), lines.filter(filled)


def _split(block: bytes, lines: pl.Series, delimiter: str, width: int) -> pl.DataFrame | None:
    """Return the cells of proven lines, once it is certain that no byte was lost or came twice.

    `lines` are those of the block.
    """
    columns = {cell_name(index): pl.String for index in range(width)}
    if lines.is_empty():
        return pl.DataFrame(schema=columns)
    cells = pl.read_csv(
        block,
        has_header=False,
        separator=delimiter,
        schema=columns,
        infer_schema=False,
    )
    texts = pl.col(pl.String)
    sizes = texts.str.len_bytes().cast(pl.Int64).sum()
    quotes = int(lines.str.count_matches('"', literal=True).sum())
    if quotes:
        sizes -= texts.str.count_matches('"', literal=True).cast(pl.Int64).sum()
    found = cells.select(sizes).sum_horizontal().item()
    given = int(lines.str.len_bytes().cast(pl.Int64).sum()) - quotes - len(lines) * (width - 1)
    if cells.height != len(lines) or found != given:
        return None
    if cells.select(pl.any_horizontal((texts == "").any())).item():  # quoted ones
        return cells.with_columns(pl.when(texts != "").then(texts))
    return cells


def _without_blank_rows(cells: pl.DataFrame) -> pl.DataFrame:
    """Leave out the rows in which no cell shows anything."""
    texts, first = pl.col(pl.String), pl.col(cell_name(0))
    # Beyond ASCII there are blanks too.
    suspect = cells.filter(~first.is_between(pl.lit("!"), pl.lit("~")).fill_null(value=False))
    if suspect.is_empty():
        return cells
    blank = suspect.filter(pl.all_horizontal(texts.is_null() | texts.str.contains(_BLANK)))["row"]
    return cells.filter(~pl.col("row").is_in(blank.implode())) if len(blank) else cells
