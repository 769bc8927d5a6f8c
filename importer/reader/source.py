"""A path → a private copy of the file → its text cells. Reads and copies files."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Literal

from importer.config import FormatSection
from importer.errors import SourceError, UsageError
from importer.reader.compressed import ENDINGS, unpack
from importer.reader.delimited import read_delimited
from importer.reader.signature import recognise
from importer.reader.workbook import read_workbook

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from importer.reader.table import Table

FORMATS: Final[dict[str, Literal["csv", "xlsx"]]] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
}
STANDARD_INPUT: Final = Path("-")
STANDARD_INPUT_NAME: Final = "stdin"
"""What messages, results and the ledger call a file that came through a pipe."""
_OTHER_SPREADSHEETS: Final = {
    ".xls": "an old Excel workbook",
    ".xlsb": "a binary Excel workbook",
    ".ods": "an OpenDocument spreadsheet",
    ".numbers": "an Apple Numbers document",
}
"""What cannot be proven to hold what it shows: its hidden rows, merged cells, spreadsheet errors
and formulas without a value do not come through the libraries that read it."""
_BLOCK_BYTES: Final = 1 << 20
_WORKBOOK: Final = "an Excel workbook (.xlsx)"
PACKED: Final = {ending: f"a {called} archive" for ending, called in ENDINGS.items()}
_PACKINGS: Final = {called: ending for ending, called in PACKED.items()}


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
    """Copy the file at `path` into `folder` (mode 0600), unpacked, and return what it is.

    A copy, because a file that is edited or replaced during a run would mix two versions. `-` is
    standard input, whose content says what it is. Raises UsageError where there is no readable
    file, SourceError where it is empty, changes while it is copied, or is no spreadsheet that this
    program reads.
    """
    piped = path == STANDARD_INPUT
    name = STANDARD_INPUT_NAME if piped else path.name
    if not piped:
        _require_file(path)
    kind, packing = (None, None) if piped else _judge_name(path)
    with ExitStack() as spoilt:
        copy = _draft(folder, spoilt)
        with copy.open("wb") as target:
            digest, size = _drain(target) if piped else _copy(path, target)
        if size == 0:
            raise SourceError(
                f"{name} is empty (0 bytes).", "Save or export it again.", code="empty-file"
            )
        content = recognise(copy)
        packing = _PACKINGS.get(content or "") if piped else packing
        if packing is not None:
            _judge_content(name, content, PACKED[packing])
            packed, copy = copy, _draft(folder, spoilt)
            with copy.open("wb") as target:
                unpack(packed, target, name, packing)
            packed.unlink()
            content = recognise(copy)
        if kind is None:
            kind = "xlsx" if content == _WORKBOOK and packing is None else "csv"
        _judge_content(name, content, _WORKBOOK if kind == "xlsx" else None)
        if kind == "xlsx":
            copy = copy.rename(copy.with_suffix(".xlsx"))  # calamine looks at the ending first
        spoilt.pop_all()
    return Source(name=name, path=copy, sha256=digest, size=size, format=kind)


def read_table(
    source: Source,
    *,
    sheet: str | None = None,
    header_row: int | None = None,
    hidden_rows: Literal["include", "skip"] | None = None,
    layout: FormatSection | None = None,
    is_header: Callable[[Sequence[str | None]], bool] | None = None,
) -> Table:
    """Return the source's data rows as text cells with the row numbers that Excel shows.

    `header_row` counts from 1; without it the header is the first row that is not blank, or the
    only one below it of which `is_header` says that it names the columns. `layout` says how a CSV
    is written. Raises SourceError where the file cannot be trusted, UsageError where `sheet` or
    `header_row` names something that is not there.
    """
    if header_row is not None and header_row < 1:
        raise UsageError(f"--header-row {header_row} is no row.", "Rows are counted from 1.")
    if source.format == "xlsx":
        return read_workbook(
            source.path,
            source.name,
            sheet=sheet,
            header_row=header_row,
            hidden_rows=hidden_rows,
            is_header=is_header,
        )
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


def _require_file(path: Path) -> None:
    if path.is_file():
        return
    if path.is_dir():
        raise UsageError(f"{path} is a folder.", "Name the file in it that is to be imported.")
    if path.exists():
        raise UsageError(f"{path} is no regular file.", "Save its content as a file first.")
    raise UsageError(f"There is no file {path}.", "Check the name and the folder.")


def _judge_name(path: Path) -> tuple[Literal["csv", "xlsx"], str | None]:
    """Return what a file's endings say: its kind, and which of compressed.ENDINGS it has."""
    ending = path.suffix.lower()
    packing = ending if ending in ENDINGS else None
    inner = Path(path.stem).suffix.lower() if packing else ending
    kind = FORMATS.get(inner)
    if kind is not None and (packing is None or kind == "csv"):
        return kind, packing
    if ending in _OTHER_SPREADSHEETS:
        raise SourceError(
            f"{path.name} is {_OTHER_SPREADSHEETS[ending]} ({ending}). What is hidden, merged, "
            "filtered or never computed in it cannot be seen from here, so it is not read.",
            "Open it in your spreadsheet program, save it as .xlsx, and run again.",
            code="unsupported-workbook",
        )
    known = f"CSV or an Excel workbook ({', '.join(FORMATS)}; CSV also as .csv.gz or .csv.zst)"
    raise SourceError(
        f"{path.name} is no spreadsheet that can be read here: its name ends in “{ending}”."
        if ending
        else f"{path.name} has no ending that says what it is.",
        f"Save it as {known}.",
        code="unknown-format",
    )


def _draft(folder: Path, spoilt: ExitStack) -> Path:
    """Return a new empty file (mode 0600), which goes when `spoilt` closes."""
    descriptor, name = tempfile.mkstemp(prefix="input-", dir=folder)
    os.close(descriptor)
    spoilt.callback(Path(name).unlink, missing_ok=True)
    return Path(name)


def _drain(target: BinaryIO) -> tuple[str, int]:
    """Write standard input to `target`; return its SHA-256 and its size."""
    if sys.stdin.isatty():
        raise UsageError(
            "The file is to come from standard input, which is the keyboard.",
            "Pipe a file into the command, or name one instead of `-`.",
        )
    digest = hashlib.sha256()
    size = 0
    while block := sys.stdin.buffer.read(_BLOCK_BYTES):
        digest.update(block)
        size += len(block)
        target.write(block)
    return digest.hexdigest(), size


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


def _judge_content(name: str, content: str | None, expected: str | None) -> None:
    """Refuse an ending that lies: the wrong reader would find 0 rows, or rows of rubbish."""
    if content == expected:
        return
    endings = {None: ".csv", _WORKBOOK: ".xlsx"} | {PACKED[e]: f".csv{e}" for e in PACKED}
    raise SourceError(
        f"{name} is not what its name says: its content is {content or 'text'}.",
        f"Give it the ending {endings[content]}."
        if content in endings
        else "Open it in the program it comes from and save it as CSV or as an Excel workbook "
        "(.xlsx).",
        code="not-what-it-says",
    )
