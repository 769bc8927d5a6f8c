"""A path → a private copy of the file → its text cells. Reads and copies files."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Literal

from importer.config import FormatSection
from importer.errors import SourceError, UsageError
from importer.reader.compressed import ENDINGS, unpack
from importer.reader.delimited import read_delimited
from importer.reader.file_kind import (
    CONTENTS,
    NAMED,
    PACKED,
    PACKINGS,
    Kind,
    judge_content,
    judge_name,
)
from importer.reader.pieces import spool_table
from importer.reader.private_copy import copy_file, draft, drain, refuse_folder, require_file
from importer.reader.signature import recognise
from importer.reader.workbook import read_workbook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from importer.reader.pieces import Pieces

STANDARD_INPUT: Final = Path("-")
STANDARD_INPUT_NAME: Final = "stdin"
"""What messages, results and the ledger call a file that came through a pipe."""


@dataclass(frozen=True, slots=True)
class Source:
    """An input file as it was when the run began."""

    name: str
    """The file's name without its folder."""
    path: Path
    """The private copy; whoever gave the folder removes it."""
    sha256: str
    """Hexadecimal, of the whole content."""
    size: int
    """Bytes."""
    format: Kind


def take_source(path: Path, folder: Path) -> Source:
    """Copy the file at `path` into `folder` (mode 0600), unpacked, and return what it is.

    A copy, because a file that is edited or replaced during a run would mix two versions. `-` is
    standard input, whose content says what it is. Raises UsageError where there is no readable
    file, SourceError where it is empty, changes while it is copied, or is no spreadsheet that this
    program reads, ConfigError where there is no room for the copy.
    """
    piped = path == STANDARD_INPUT
    name = STANDARD_INPUT_NAME if piped else path.name
    if not piped:
        require_file(path)
    kind, packing = (None, None) if piped else judge_name(path)
    with ExitStack() as spoilt:
        copy = draft(folder, spoilt)
        with _writing(copy) as target:
            digest, size = drain(target) if piped else copy_file(path, target)
        if size == 0:
            raise SourceError(
                f"{name} is empty (0 bytes).", "Save or export it again.", code="empty-file"
            )
        content = recognise(copy)
        packing = PACKINGS.get(content or "") if piped else packing
        if packing is not None:
            judge_content(name, content, PACKED[packing])
            packed, copy = copy, draft(folder, spoilt)
            with _writing(copy) as target:
                unpack(packed, target, name, packing)
            packed.unlink()
            content = recognise(copy)
        if kind is None:
            kind = CONTENTS.get(content or "", "csv") if packing is None else "csv"
        judge_content(name, content, NAMED.get(kind))
        if kind != "csv":
            copy = copy.rename(copy.with_suffix(f".{kind}"))  # calamine looks at the ending first
        spoilt.pop_all()
    return Source(name=name, path=copy, sha256=digest, size=size, format=kind)


@contextmanager
def _writing(copy: Path) -> Iterator[BinaryIO]:
    try:
        with copy.open("wb") as target:
            yield target
    except OSError as error:
        raise refuse_folder(copy.parent, error) from error


def read_table(
    source: Source,
    *,
    sheet: str | None = None,
    header_row: int | None = None,
    hidden_rows: Literal["include", "skip"] | None = None,
    layout: FormatSection | None = None,
    is_header: Callable[[Sequence[str | None]], bool] | None = None,
) -> Pieces:
    """Return the source's data rows as text cells with the row numbers that Excel shows.

    They wait in files beside the source. `header_row` counts from 1; without it the header is the
    first row that is not blank, or the only one below it of which `is_header` says that it names
    the columns. `layout` says how a CSV is written. Raises SourceError where the file cannot be
    trusted, UsageError where `sheet` or `header_row` names something that is not there, and
    ConfigError where there is no room.
    """
    if header_row is not None and header_row < 1:
        raise UsageError(f"--header-row {header_row} is no row.", "Rows are counted from 1.")
    if source.format != "csv":
        table = read_workbook(
            source.path,
            source.name,
            kind=source.format,
            sheet=sheet,
            header_row=header_row,
            hidden_rows=hidden_rows,
            is_header=is_header,
        )
        return spool_table(table, source.path.parent)
    if sheet is not None:
        raise UsageError(
            f"{source.name} is a CSV file and has no sheet “{sheet}”.", "Leave --sheet out."
        )
    layout = layout or FormatSection()
    return read_delimited(
        source.path,
        source.name,
        header_row=header_row,
        fallback=layout.encoding,
        delimiter=layout.delimiter,
        is_header=is_header,
    )


def named_path(path: Path) -> Path:
    """Return the path whose name and ending files beside the input are called after.

    `orders.csv.gz` is called after `orders.csv`, standard input `stdin.csv` in the current folder.
    """
    if path == STANDARD_INPUT:
        return Path(f"{STANDARD_INPUT_NAME}.csv")
    return path.with_suffix("") if path.suffix.lower() in ENDINGS else path
