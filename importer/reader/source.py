"""A path → a private copy of the file → its text cells. Reads and copies files."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Literal

from importer.errors import SourceError, UsageError
from importer.reader.delimited import read_delimited
from importer.reader.signature import recognise
from importer.reader.workbook import read_workbook

if TYPE_CHECKING:
    from importer.reader.table import Table

FORMATS: Final[dict[str, Literal["csv", "xlsx"]]] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
}
_BLOCK_BYTES: Final = 1 << 20
_WORKBOOK: Final = "an Excel workbook (.xlsx)"


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
    format: Literal["csv", "xlsx"]


def take_source(path: Path, folder: Path) -> Source:
    """Copy the file at `path` into `folder` (mode 0600) and return what it is.

    A copy, because a file that is edited or replaced during a run would mix two versions.
    Raises UsageError where there is no readable file, SourceError where it is empty, changes
    while it is copied, or is no spreadsheet that this program reads.
    """
    kind = FORMATS.get(path.suffix.lower())
    _require_file(path)
    if kind is None:
        raise SourceError(
            f"{path.name} is no spreadsheet that can be read here: its name ends in "
            f"“{path.suffix}”."
            if path.suffix
            else f"{path.name} has no ending that says what it is.",
            f"Save it as CSV or as an Excel workbook ({', '.join(FORMATS)}).",
            code="unknown-format",
        )
    descriptor, copy_name = tempfile.mkstemp(prefix="input-", suffix=path.suffix, dir=folder)
    copy = Path(copy_name)
    try:
        with os.fdopen(descriptor, "wb") as target:
            digest, size = _copy(path, target)
        _judge_content(path.name, copy, kind, size)
    except BaseException:
        copy.unlink(missing_ok=True)
        raise
    return Source(name=path.name, path=copy, sha256=digest, size=size, format=kind)


def read_table(
    source: Source,
    *,
    sheet: str | None = None,
    header_row: int | None = None,
    hidden_rows: Literal["include", "skip"] | None = None,
) -> Table:
    """Return the source's data rows as text cells with the row numbers that Excel shows.

    `header_row` counts from 1; without it the first row that is not blank is the header.
    Raises SourceError where the file cannot be trusted, UsageError where `sheet` or `header_row`
    names something that is not there.
    """
    if header_row is not None and header_row < 1:
        raise UsageError(f"--header-row {header_row} is no row.", "Rows are counted from 1.")
    if source.format == "xlsx":
        return read_workbook(
            source.path, source.name, sheet=sheet, header_row=header_row, hidden_rows=hidden_rows
        )
    if sheet is not None:
        raise UsageError(
            f"{source.name} is a CSV file and has no sheet “{sheet}”.", "Leave --sheet out."
        )
    return read_delimited(source.path, source.name, header_row=header_row)


def _require_file(path: Path) -> None:
    if path.is_file():
        return
    if path.is_dir():
        raise UsageError(f"{path} is a folder.", "Name the file in it that is to be imported.")
    if path.exists():
        raise UsageError(f"{path} is no regular file.", "Save its content as a file first.")
    raise UsageError(f"There is no file {path}.", "Check the name and the folder.")


def _copy(path: Path, target: BinaryIO) -> tuple[str, int]:
    digest = hashlib.sha256()
    size = 0
    try:
        with path.open("rb") as origin:
            before = os.fstat(origin.fileno())
            while block := origin.read(_BLOCK_BYTES):
                digest.update(block)
                size += len(block)
                target.write(block)
            after = os.fstat(origin.fileno())
    except PermissionError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}.",
            "Close it in other programs, or ask for the right to read it.",
        ) from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise SourceError(
            f"{path.name} changed while it was being read.",
            "Run again when the program that writes it has finished.",
            code="file-changed",
        )
    return digest.hexdigest(), size


def _judge_content(name: str, copy: Path, kind: str, size: int) -> None:
    """Refuse an ending that lies: the wrong reader would find 0 rows, or rows of rubbish."""
    if size == 0:
        raise SourceError(
            f"{name} is empty (0 bytes).", "Save or export it again.", code="empty-file"
        )
    content = recognise(copy)
    if content == (_WORKBOOK if kind == "xlsx" else None):
        return
    raise SourceError(
        f"{name} is not what its name says: its content is {content or 'text'}.",
        "Open it in the program it comes from and save it as CSV or as an Excel workbook (.xlsx)."
        if content not in {None, _WORKBOOK}
        else f"Give it the ending {'.csv' if content is None else '.xlsx'}.",
        code="not-what-it-says",
    )
