"""An input and what is wanted → where its results go, and nothing else lost by it.

Touches the folder of the results: looks, and tries whether it can be written.
"""

from __future__ import annotations

import re
import tempfile
from typing import TYPE_CHECKING, Final, Literal

from importer.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

FORMATS: Final = {".csv": "csv", ".xlsx": "xlsx", ".jsonl": "jsonl"}
"""The ending of a results file → its format."""

MAX_WORKBOOK_ROWS: Final = 1_048_576
"""Lines of an Excel sheet, the header's included."""

_RESULTS_STEM: Final = re.compile(r"(?P<stem>.+)\.results(?:-(?P<number>[0-9]{1,9}))?")


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
        workbook = input_path.suffix.lower() in {".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"}
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


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"Results cannot be written to {path}: {error.strerror or error}.",
        "Give --results a name in a folder that exists and can be written to.",
        code="results-unwritable",
    )
