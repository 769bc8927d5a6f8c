"""An input and what is wanted → where its results go, and nothing else lost by it.

Touches the folder of the results: looks, tries whether it can be written, renames.
"""

from __future__ import annotations

import re
import tempfile
import zipfile
import zlib
from datetime import UTC, datetime
from itertools import chain, count
from typing import IO, TYPE_CHECKING, Final, Literal

from importer.errors import ResultsError, UsageError
from importer.filesystem import sync_folder
from importer.reconciler.atomic import first_free

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FORMATS: Final = {".csv": "csv", ".xlsx": "xlsx", ".jsonl": "jsonl"}
"""The ending of a results file → its format."""

MAX_WORKBOOK_ROWS: Final = 1_048_576
"""Lines of an Excel sheet, the header's included."""

_RESULTS_STEM: Final = re.compile(r"(?P<stem>.+)\.results(?:-(?P<number>[0-9]{1,9}))?")
_KEY: Final = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_KEY_LENGTH: Final = 36
_CHUNK: Final = 1 << 20


def results_format(path: Path) -> str:
    """Return `csv`, `xlsx` or `jsonl` by the ending of `path`; raises UsageError for any other."""
    try:
        return FORMATS[path.suffix.lower()]
    except KeyError:
        raise UsageError(
            f"Results cannot be written as {path.name!r}.",
            "Use a name that ends in .csv, .xlsx or .jsonl.",
            code="results-ending",
        ) from None


def default_results_path(
    input_path: Path,
    results_format: Literal["same", "csv", "xlsx", "jsonl"] = "same",
    folder: Path | None = None,
) -> Path:
    """Return `<stem>.results.<ending>` in `folder`, or beside the input.

    `same` gives .xlsx for workbooks and .csv for everything else. Results that are fed back get
    the next number: `x.results.csv` → `x.results-2.csv` → `x.results-3.csv`. The name depends on
    the input's name alone, never on what the folder holds, so a re-run finds its own results.
    """
    if results_format == "same":
        workbook = input_path.suffix.lower() in {".xlsx", ".xlsm"}
        ending = ".xlsx" if workbook else ".csv"
    else:
        ending = f".{results_format}"
    stem = f"{input_path.stem}.results"
    if fed_back := _RESULTS_STEM.fullmatch(input_path.stem):
        stem = f"{fed_back['stem']}.results-{int(fed_back['number'] or 1) + 1}"
    return (folder or input_path.parent) / f"{stem}{ending}"


def check_results_path(path: Path, *, input_path: Path, rows: int) -> None:
    """Raise UsageError where `rows` results could not be written to `path` afterwards.

    It is asked before anything is sent: once the money has moved it is too late for a typing slip.
    """
    if results_format(path) == "xlsx" and rows >= MAX_WORKBOOK_ROWS:
        raise UsageError(
            f"The results of {rows:,} rows do not fit on one Excel sheet.",
            "Give --results a name that ends in .csv.",
            code="results-too-long",
        )
    try:
        if path.exists() and not path.is_file():
            raise UsageError(
                f"{path} is no file, so results cannot be written there.",
                "Give --results the name of a file.",
                code="results-no-file",
            )
        if path.exists() and input_path.exists() and path.samefile(input_path):
            raise UsageError(
                f"The results would overwrite the input, {input_path.name}.",
                "Give --results another name.",
                code="results-same-file",
            )
        path.stat()  # a name that is too long shows here
    except FileNotFoundError:
        pass  # the usual case: it is to be written
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".tmp"):
            pass
    except OSError as error:
        raise _unwritable(path, error) from error


def keep_other(path: Path, keys: Iterable[str]) -> Path | None:
    """Rename the file at `path` where it holds another import's results; return its new name.

    `keys` are this run's idempotency keys. One of them in the file proves that it is of the same
    import and may be replaced: None, as where there is no file. Anything else, be it no results
    at all, is kept as `<stem>.<when it was written, in UTC>.<ending>`, overwriting nothing.
    Raises ResultsError where it cannot be renamed.
    """
    try:
        if not path.exists() or _holds_any(path, keys):
            return None
        written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        stem = f"{path.stem}.{written:%Y%m%d-%H%M%S}"
        names = chain([stem], (f"{stem}-{n}" for n in count(2)))
        kept = first_free(path.with_stem(name) for name in names)
        path.rename(kept)
        sync_folder(path.parent)
    except OSError as error:
        raise ResultsError(
            f"The earlier file {path} could not be kept under another name: {_reason(error)}.",
            "Close it where it is open, or write the results elsewhere: importer results FILE "
            "--results OTHER.",
            code="results-not-kept",
        ) from error
    return kept


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"Results cannot be written to {path}: {_reason(error)}.",
        "Give --results a name in a folder that exists and can be written to.",
        code="results-unwritable",
    )


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _holds_any(path: Path, keys: Iterable[str]) -> bool:
    """Return whether any of `keys` stands in the file, whatever its format and delimiter.

    Keys are long enough to be looked for as bytes, so even results that were saved again by a
    spreadsheet, with columns moved, are known for what they are.
    """
    wanted = {key.encode() for key in keys}
    try:
        return any(not wanted.isdisjoint(found) for found in _uuids(path))
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError):
        return False  # a broken or encrypted workbook: no results of ours


def _uuids(path: Path) -> Iterator[set[bytes]]:
    """Yield the UUIDs of a file, or of every part of a workbook, a set for each chunk."""
    if path.suffix.lower() == ".xlsx":
        with zipfile.ZipFile(path) as parts:
            for name in parts.namelist():
                with parts.open(name) as part:
                    yield from _uuids_of(part)
    else:
        with path.open("rb") as file:
            yield from _uuids_of(file)


def _uuids_of(file: IO[bytes]) -> Iterator[set[bytes]]:
    tail = b""
    while chunk := file.read(_CHUNK):
        text = tail + chunk
        yield {found.lower() for found in _KEY.findall(text)}
        tail = text[1 - _KEY_LENGTH :]  # a key may lie across two chunks
