"""The lines below a CSV's header → their cells at full speed, where each line proves itself.

A line that matches the pattern of a record as a whole, with as many cells as the header, is that
record and no other: no quotation mark is open at its end. If every line of the file does, polars
may read it; otherwise this gives None, and `records.py` reads and judges the file record by record.
A property test holds the two to the same rows. Reads the file.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import polars as pl

from importer.reader.table import cell_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK_BYTES: Final = 8 << 20
_THREADS: Final = 2
_BLANK: Final = "^[\\s\x1c-\x1f]*$"
"""What `str.isspace` calls blank; Rust's `\\s` lacks the four separators of ASCII."""


def read_plain_lines(
    path: Path, encoding: str, delimiter: str, width: int, *, above: str, row: int
) -> pl.DataFrame | None:
    """Return the rows below the text `above` as `Table.cells` has them, or None.

    `above` is all that stands before them (with the header, without a byte order mark), `row` the
    number of the first of them, `width` the number of cells of the header. None: some line does
    not prove itself.
    """
    if "\r" in above.replace("\r\n", ""):
        return None
    frames: list[pl.DataFrame] = []
    waiting: deque[Future[tuple[int, pl.DataFrame] | None]] = deque()

    def take() -> bool:
        nonlocal row
        read = waiting.popleft().result()
        if read is None:
            return False
        lines, cells = read
        frames.append(cells.with_columns(pl.col("row") + row))
        row += lines
        return True

    with ThreadPoolExecutor(_THREADS) as pool:
        for block in _blocks(path, encoding, len(above.encode())):
            waiting.append(pool.submit(_read_block, block, delimiter, width))
            if len(waiting) > _THREADS and not take():
                return None
        while waiting:
            if not take():
                return None
    if not frames:
        return _empty(width)
    return _without_blank_rows(pl.concat(frames, rechunk=False), width)


def _blocks(path: Path, encoding: str, skipped: int) -> Iterator[bytes]:
    """Yield the file as UTF-8 without its first `skipped` bytes, each block of whole lines."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    tail = b""
    with path.open("rb") as stream:
        while True:
            read = stream.read(_BLOCK_BYTES)
            # The encoding was proven before; UTF-8 needs no other work than to lose its BOM.
            block = read if encoding == "utf-8" else decoder.decode(read, final=not read).encode()
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
    lines = pl.read_lines(io.BytesIO(block)).to_series()  # ends at LF, and drops one CR before it
    filled = ~lines.str.contains(r"^[ \t]*$")
    shown = lines if filled.all() else lines.filter(filled)
    if shown.is_empty():
        return len(lines), _empty(width)
    plain = rf'"(?:[^"\r\n]|"")*"|[^"\r\n{delimiter}]*'
    record = rf"^(?:{plain})(?:[{delimiter}](?:{plain})){{{width - 1}}}$"
    longest = shown.str.len_bytes().max()
    if not isinstance(longest, int) or longest > csv.field_size_limit():
        return None
    if not shown.str.contains(record).all():
        return None
    if len(shown) < len(lines):
        block = "\n".join(shown.to_list()).encode()
    cells = _split(block, delimiter, width)
    if cells is None or cells.height != len(shown):
        return None
    texts = pl.col(pl.String)
    rows = filled.arg_true().alias("row")
    if cells.select(pl.any_horizontal((texts == "").any())).item():  # quoted ones
        cells = cells.with_columns(pl.when(texts != "").then(texts))
    return len(lines), cells.insert_column(0, rows)


def _split(block: bytes, delimiter: str, width: int) -> pl.DataFrame | None:
    """Return the cells of proven lines, once it is certain that no byte was lost or came twice."""
    try:
        cells = pl.read_csv(
            block,
            has_header=False,
            separator=delimiter,
            schema={cell_name(index): pl.String for index in range(width)},
            infer_schema=False,
        )
    except pl.exceptions.PolarsError:
        return None
    texts = pl.col(pl.String)
    sizes, quotes = texts.str.len_bytes(), texts.str.count_matches('"', literal=True)
    found = cells.select((sizes - quotes).cast(pl.Int64).sum()).sum_horizontal().item()
    line_ends = block.count(b"\n") + block.count(b"\r")
    delimiters = cells.height * (width - 1)
    given = len(block) - block.count(b'"') - line_ends - delimiters
    return cells if found == given else None


def _without_blank_rows(cells: pl.DataFrame, width: int) -> pl.DataFrame:
    """Leave out the rows in which no cell shows anything."""
    texts = [pl.col(cell_name(index)) for index in range(width)]
    suspect = cells.filter(texts[0].is_null() | texts[0].str.contains(_BLANK))
    blank = suspect.filter(
        pl.all_horizontal(text.is_null() | text.str.contains(_BLANK) for text in texts)
    )["row"]
    return cells.filter(~pl.col("row").is_in(blank.implode())) if len(blank) else cells


def _empty(width: int) -> pl.DataFrame:
    return pl.DataFrame(
        schema={"row": pl.UInt32} | {cell_name(index): pl.String for index in range(width)}
    )
